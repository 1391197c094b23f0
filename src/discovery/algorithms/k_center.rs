//! Greedy k-center (Gonzalez 1985).

use super::{Algorithm, AlgorithmInfo, Method};
use crate::discovery::Matrix;
use crate::discovery::choice::{Choice, sample};
use crate::discovery::nearest::farthest_first;

impl Algorithm {
    /// Greedy k-center: each the row farthest from those before (Gonzalez 1985).
    pub const K_CENTER: Self = Self(&AlgorithmInfo {
        name: "k-center",
        summary: "each the image farthest from those before it, the first at random",
        reads: &[],
        method: Method::Rows(|features, ipc, seed| {
            Choice::of_rows(features, &k_center(features, ipc, seed), "k_center")
        }),
    });
}

/// Starts at a random row and adds the farthest.
fn k_center(features: &Matrix, ipc: usize, seed: u64) -> Vec<usize> {
    let mut chosen = sample(features.rows(), 1, seed);
    farthest_first(features, &mut chosen, ipc);
    chosen
}
