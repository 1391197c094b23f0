//! Eigenvalues and eigenvectors of symmetric matrices.
//!
//! FAER

mod basis;
mod jacobi;
mod subspace;
mod values;

pub use basis::{PANEL, dot, orthonormalize};
pub use jacobi::symmetric_eigen;
pub use subspace::{Entry, Operator, leading};
pub use values::eigenvalues;
