//! A random sample.

use super::{Algorithm, AlgorithmInfo, Method};
use crate::discovery::choice::{Choice, sample};

impl Algorithm {
    /// A random sample.
    pub const RANDOM: Self = Self(&AlgorithmInfo {
        name: "random",
        summary: "images drawn at random",
        reads: &[],
        method: Method::Rows(|features, ipc, seed| {
            Choice::of_rows(features, &sample(features.rows(), ipc, seed), "random")
        }),
    });
}
