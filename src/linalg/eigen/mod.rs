//! Eigenvalues and eigenvectors of symmetric matrices.
//!
//! These are written here and not taken from a crate, for two reasons. Workers on different CPUs share a run, and an embedding
//! is to have the same bits on all: `faer` takes vector instructions by the machine and fuses products with sums where it can;
//! what is here does neither. And builds would wait: on top of `gemm` and `pulp`, which are there already, `faer` 0.24 (`std`, `linalg`)
//! adds 161 seconds of CPU time to a development build, `nalgebra` 0.35 adds 35, without a pivoted Cholesky factor and on
//! one thread.

mod basis;
mod jacobi;
mod subspace;
mod values;

pub use basis::{PANEL, dot, orthonormalize};
pub use jacobi::symmetric_eigen;
pub use subspace::{Entry, Operator, leading};
pub use values::eigenvalues;
