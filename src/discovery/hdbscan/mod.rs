//! HDBSCAN (Campello, Moulavi, Sander 2013), exact, with ties decided as the reference implementation's
//! `prims_kdtree` with a stable sort decides them: Prim from row 0, strict comparison in row order.

mod condense;
mod labels;
mod prim;
mod select;

use super::matrix::Matrix;

pub use condense::CondensedRow;

/// Parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HdbscanSettings {
    /// The least size of a cluster.
    pub min_cluster_size: usize,
    /// A point's density is taken at its `min_samples`-th neighbour, the point itself not counted.
    pub min_samples: usize,
}

/// A clustering.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustering {
    /// Cluster of each row, from 0; -1 is noise.
    pub labels: Vec<i32>,
    /// Membership probability of each row: λ of the point over the largest λ of its cluster; 0 for noise.
    pub probabilities: Vec<f64>,
    /// The condensed tree.
    pub tree: Vec<CondensedRow>,
    /// Number of clusters.
    pub clusters: usize,
}

/// Clusters the rows of `points`: excess of mass, the root is never a cluster.
pub fn cluster(points: &Matrix, settings: &HdbscanSettings) -> Clustering {
    let n = points.rows();
    if n < 2 {
        let (labels, probabilities) = (vec![-1; n], vec![0.0; n]);
        return Clustering { labels, probabilities, tree: Vec::new(), clusters: 0 };
    }
    let core = prim::core_distances(points, settings.min_samples);
    let edges = prim::spanning_tree(points, &core);
    let merges = condense::single_linkage(n, &edges);
    let tree = condense::condense(n, &merges, settings.min_cluster_size.max(2));
    let chosen = select::excess_of_mass(n, &tree);
    let labels = labels::labels(n, &tree, &chosen);
    let probabilities = labels::probabilities(&tree, &chosen, &labels);
    Clustering { labels, probabilities, tree, clusters: chosen.len() }
}
