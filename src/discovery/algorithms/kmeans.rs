//! k-means: as many clusters as cores, of each the row nearest to its centre.

use super::{Algorithm, AlgorithmInfo, Method};
use crate::discovery::Matrix;
use crate::discovery::choice::Choice;
use crate::discovery::cores::{Core, Origin};
use crate::discovery::kmeans::{KMeansSettings, kmeans};
use crate::discovery::nearest::nearest_free;

impl Algorithm {
    /// The rows nearest to the centres of k-means with k = IPC on the features.
    pub const KMEANS: Self = Self(&AlgorithmInfo {
        name: "kmeans",
        summary: "as many clusters as cores, of each the image nearest to its centre",
        reads: &[],
        method: Method::Rows(choose),
    });
}

/// The member nearest to each k-means centre, largest cluster first.
pub(super) fn choose(features: &Matrix, ipc: usize, seed: u64) -> Choice {
    let found = kmeans(features, ipc, &KMeansSettings { seed, ..KMeansSettings::default() });
    let members = found.members();
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&cluster| std::cmp::Reverse(members[cluster].len()));
    let mut rank = vec![0i32; members.len()];
    let mut taken = vec![false; features.rows()];
    let mut cores = Vec::with_capacity(ipc);
    for (position, &cluster) in (0i32..).zip(&order) {
        rank[cluster] = position;
        let centre = found.centres.row(cluster);
        let own = nearest_free(features, members[cluster].iter().copied(), centre, &taken);
        // An empty cluster takes any row that is left; there are as many rows as clusters.
        let any = || nearest_free(features, 0..features.rows(), centre, &taken);
        let Some(row) = own.or_else(any) else { continue };
        taken[row] = true;
        let size = members[cluster].len();
        cores.push(Core { row, origin: Origin::Algorithm("kmeans"), size, probability: 1.0 });
    }
    let labels = found.labels.iter().map(|&label| rank[label as usize]).collect();
    Choice { cores, labels, log: Vec::new() }
}
