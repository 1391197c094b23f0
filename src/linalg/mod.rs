//! Linear algebra that other rooms share: matrices, products, eigenvectors, exact neighbours, seeded draws.
//!
//! Numbers in, numbers out: no file, no progress, no setting of a run. Every function returns the same bits whatever the
//! number of threads: a sum never crosses threads, and work is divided into pieces of a fixed size.
//!
//! [`gemm`] does the multiplication. Eigenvectors, the Cholesky factor and Gram-Schmidt are written here and not taken from
//! `faer`; [`eigen`] gives the reason.

pub mod cells;
pub mod distance;
pub mod eigen;
mod error;
pub mod factor;
pub mod gemm;
pub mod knn;
mod matrix;
pub mod pca;
pub mod points;
pub mod rng;
pub mod simd;
pub mod solve;

pub use error::MatrixError;
pub use matrix::Matrix;
