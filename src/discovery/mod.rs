//! Core discovery: features of one class in, cores out. Numbers only: no files, no progress, no async.

mod cascade;
mod error;
pub mod hdbscan;
mod hnsw;
pub mod kmeans;
mod matrix;
mod neighbors;
mod rng;
mod standardize;
pub mod umap;

pub use cascade::{Core, Origin};
pub use error::DiscoveryError;
pub use hnsw::{HnswSettings, Index};
pub use matrix::Matrix;
pub use neighbors::Neighbors;
pub use standardize::standardize;

use hdbscan::HdbscanSettings;
use umap::UmapSettings;

/// How neighbours are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NeighborSearch {
    /// By a matrix product: every neighbour.
    Exact,
    /// Through an HNSW index.
    Hnsw,
    /// HNSW for many rows of few columns, else exact.
    #[default]
    Auto,
}

/// Parameters of discovery; the defaults are the published program's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Cores wanted.
    pub ipc: usize,
    /// Neighbours that UMAP looks at, the point itself counted.
    pub n_neighbors: usize,
    /// The least size of a cluster.
    pub min_cluster_size: usize,
    /// HDBSCAN's `min_samples`.
    pub min_samples: usize,
    /// Dimensions of the embedding.
    pub components: usize,
    /// How neighbours are found.
    pub neighbors: NeighborSearch,
    /// Parameters of the index.
    pub hnsw: HnswSettings,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ipc: 10,
            n_neighbors: 85,
            min_cluster_size: 55,
            min_samples: 3,
            components: 50,
            neighbors: NeighborSearch::Auto,
            hnsw: HnswSettings::default(),
            seed: 42,
        }
    }
}

/// What was found in one class.
pub struct Discovery {
    /// Every row's place in the embedding.
    pub embedding: Matrix,
    /// Cluster of each row; -1 is noise.
    pub labels: Vec<i32>,
    /// Membership probability of each row.
    pub probabilities: Vec<f64>,
    /// The cores by rank.
    pub cores: Vec<Core>,
    /// What was done, one line a step.
    pub log: Vec<String>,
    /// The neighbour index, if one was built.
    pub index: Option<Index>,
}

/// From this many rows on, and up to this many columns, `Auto` takes the index: below, the product is faster.
const AUTO_ROWS: usize = 20_000;
const AUTO_COLUMNS: usize = 2048;

/// Standardise, neighbours, UMAP, HDBSCAN, selection (method: paper section 3, published program's parameters).
///
/// # Errors
/// If there are fewer rows than cores wanted.
pub fn discover(features: &Matrix, settings: &Settings) -> Result<Discovery, DiscoveryError> {
    refuse_few(features, settings)?;
    let mut points = features.clone();
    standardize(&mut points);
    let (n, d) = (points.rows(), points.cols());
    let by_index = match settings.neighbors {
        NeighborSearch::Exact => false,
        NeighborSearch::Hnsw => true,
        NeighborSearch::Auto => n >= AUTO_ROWS && d <= AUTO_COLUMNS,
    };
    let (index, found, mut log) = if by_index {
        let (index, found, recall) = hnsw::search(&points, settings.n_neighbors, &settings.hnsw);
        (Some(index), found, vec![format!("HNSW index, recall {recall:.4}")])
    } else {
        (None, neighbors::exact(&points, settings.n_neighbors), Vec::new())
    };
    let umap = UmapSettings { components: settings.components, seed: settings.seed };
    let embedding = umap::embed(&found, n, &umap);
    let mut discovery = discover_embedded(embedding, settings)?;
    log.append(&mut discovery.log);
    Ok(Discovery { index, log, ..discovery })
}

/// HDBSCAN and selection on rows that are the embedding already.
///
/// # Errors
/// As [`discover`].
pub fn discover_embedded(
    embedding: Matrix,
    settings: &Settings,
) -> Result<Discovery, DiscoveryError> {
    refuse_few(&embedding, settings)?;
    let parameters = HdbscanSettings {
        min_cluster_size: settings.min_cluster_size,
        min_samples: settings.min_samples,
    };
    let clustering = hdbscan::cluster(&embedding, &parameters);
    let (cores, log) =
        cascade::select(&embedding, &clustering, parameters, settings.ipc, settings.seed);
    let (labels, probabilities) = (clustering.labels, clustering.probabilities);
    Ok(Discovery { embedding, labels, probabilities, cores, log, index: None })
}

fn refuse_few(points: &Matrix, settings: &Settings) -> Result<(), DiscoveryError> {
    if points.rows() < settings.ipc {
        return Err(DiscoveryError::TooFew { samples: points.rows(), ipc: settings.ipc });
    }
    Ok(())
}
