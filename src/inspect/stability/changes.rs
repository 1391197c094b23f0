//! What was found, as its files have it.

use crate::quality::{Agreement, Spread};
use serde::{Deserialize, Serialize};

/// `stability/stability.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// A digest of the run's results that were looked at.
    pub state: String,
    /// Seeds tried, the run's own first.
    pub seeds: usize,
    /// Class by class.
    pub classes: Vec<ClassStability>,
    /// Means over the classes.
    pub mean: Changes,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassStability {
    /// The class key.
    pub class: String,
    /// Its images.
    pub images: usize,
    /// How far its searches agree.
    #[serde(flatten)]
    pub changes: Changes,
}

/// How far searches agree that differ in one thing: `cores` is the Jaccard index of the cores, `clusters` the adjusted
/// Rand index of the clusters, `distance` how far a core's nearest is in the other search, as a share of that between
/// random choices. By seed: the mean over all pairs of seeds; by a setting: of the run's own search with that at 80 %
/// and that at 120 %, or with one of them where a class leaves no room for the other. Settings of `coda` are absent for other algorithms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "documented above, for all nine")]
pub struct Changes {
    pub cores_by_seed: Option<f64>,
    pub clusters_by_seed: Option<f64>,
    pub distance_by_seed: Option<f64>,
    pub cores_by_n_neighbors: Option<f64>,
    pub clusters_by_n_neighbors: Option<f64>,
    pub distance_by_n_neighbors: Option<f64>,
    pub cores_by_min_cluster_size: Option<f64>,
    pub clusters_by_min_cluster_size: Option<f64>,
    pub distance_by_min_cluster_size: Option<f64>,
}

impl Changes {
    pub(crate) fn note_seed(&mut self, found: Option<Agreement>) {
        self.cores_by_seed = found.map(|f| f.cores);
        self.clusters_by_seed = found.map(|f| f.clusters);
        self.distance_by_seed = found.map(|f| f.distance);
    }

    pub(crate) fn note_neighbors(&mut self, found: Option<Agreement>) {
        self.cores_by_n_neighbors = found.map(|f| f.cores);
        self.clusters_by_n_neighbors = found.map(|f| f.clusters);
        self.distance_by_n_neighbors = found.map(|f| f.distance);
    }

    pub(crate) fn note_size(&mut self, found: Option<Agreement>) {
        self.cores_by_min_cluster_size = found.map(|f| f.cores);
        self.clusters_by_min_cluster_size = found.map(|f| f.clusters);
        self.distance_by_min_cluster_size = found.map(|f| f.distance);
    }

    /// The means of `classes`, each over those that have it.
    pub(crate) fn mean(classes: &[ClassStability]) -> Self {
        let mean = |of: fn(&Changes) -> Option<f64>| {
            let values: Vec<f64> = classes.iter().filter_map(|class| of(&class.changes)).collect();
            Spread::of(&values).map(|spread| spread.mean)
        };
        Self {
            cores_by_seed: mean(|c| c.cores_by_seed),
            clusters_by_seed: mean(|c| c.clusters_by_seed),
            distance_by_seed: mean(|c| c.distance_by_seed),
            cores_by_n_neighbors: mean(|c| c.cores_by_n_neighbors),
            clusters_by_n_neighbors: mean(|c| c.clusters_by_n_neighbors),
            distance_by_n_neighbors: mean(|c| c.distance_by_n_neighbors),
            cores_by_min_cluster_size: mean(|c| c.cores_by_min_cluster_size),
            clusters_by_min_cluster_size: mean(|c| c.clusters_by_min_cluster_size),
            distance_by_min_cluster_size: mean(|c| c.distance_by_min_cluster_size),
        }
    }
}
