//! HDBSCAN (Campello, Moulavi, Sander 2013; McInnes, Healy, Astels 2017), exact and deterministic.
//!
//! Ties between mutual reachability distances are common and decide much, so the order is fixed: the
//! spanning tree is Prim's from row 0 ([`prim`]) with strict comparison in row order, its edges are
//! sorted stably by weight ([`linkage`]); the tree is condensed ([`condense`]), clusters are chosen
//! ([`select`]) and points scored ([`scores`]). Equals Python's `hdbscan` with
//! `algorithm="prims_kdtree"` and a stable sort.

pub mod condense;
pub mod edge;
mod frontier;
pub mod graph;
pub mod linkage;
pub mod prim;
pub mod scores;
pub mod select;

pub use condense::CondensedTree;
pub use select::Selection;

use super::Matrix;

/// What decides the clustering. A single all-embracing cluster is never reported.
#[derive(Clone, Debug, PartialEq)]
pub struct HdbscanSettings {
    /// The least members of a cluster (at least 2 are needed for one to exist).
    pub min_cluster_size: usize,
    /// A point's core distance is that to its `min_samples`-th nearest other point.
    pub min_samples: usize,
    /// How clusters are chosen from the condensed tree.
    pub selection: Selection,
}

/// A clustering of the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Clustering {
    /// Each row's cluster, 0…clusters − 1, or −1 for noise.
    pub labels: Vec<i32>,
    /// Each row's membership probability λ_point / λ_max of its cluster; 0 for noise.
    pub probabilities: Vec<f64>,
    /// Each row's GLOSH outlier score in [0, 1].
    pub outlier_scores: Vec<f64>,
    /// Each cluster's persistence in [0, 1].
    pub persistence: Vec<f64>,
    /// The tree the clusters were chosen from.
    pub tree: CondensedTree,
}

impl Clustering {
    /// Number of clusters.
    pub fn clusters(&self) -> usize {
        self.persistence.len()
    }

    /// The rows of one cluster, ascending.
    pub fn members(&self, cluster: usize) -> Vec<usize> {
        (0..self.labels.len()).filter(|&row| self.labels[row] == cluster as i32).collect()
    }

    /// Number of rows in no cluster.
    pub fn noise(&self) -> usize {
        self.labels.iter().filter(|&&label| label < 0).count()
    }
}

/// How the spanning tree of the mutual reachability graph is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanningTree {
    /// From all pairs ([`prim`]). Time is quadratic in the rows.
    Exact,
    /// From near neighbours ([`graph`]).
    Near,
}

/// Rows up to which the tree is exact.
const EXACT_ROWS: usize = 50_000;

/// Clusters the rows of `data` (finite values) by Euclidean distance, exactly up to 50,000 rows.
/// Memory is linear in the rows.
pub fn cluster(data: &Matrix, settings: &HdbscanSettings) -> Clustering {
    let tree = if data.rows() > EXACT_ROWS { SpanningTree::Near } else { SpanningTree::Exact };
    cluster_by(data, settings, tree)
}

/// As [`cluster`], by a spanning tree of one's choice.
pub fn cluster_by(data: &Matrix, settings: &HdbscanSettings, tree: SpanningTree) -> Clustering {
    let mut edges = match tree {
        SpanningTree::Exact => prim::spanning_tree(data, settings.min_samples),
        SpanningTree::Near => graph::near_spanning_tree(data, settings.min_samples),
    };
    edges.sort_by(|a, b| a.weight.total_cmp(&b.weight));
    let hierarchy = linkage::single_linkage(data.rows(), &edges);
    let tree = CondensedTree::new(&hierarchy, settings.min_cluster_size.max(2));
    let chosen = select::choose(&tree, settings.selection);
    let labels = scores::labels(&tree, &chosen);
    let probabilities = scores::probabilities(&tree, &chosen, &labels);
    let outlier_scores = scores::outlier_scores(&tree);
    let persistence = scores::persistence(&tree, &chosen, &labels);
    Clustering { labels, probabilities, outlier_scores, persistence, tree }
}
