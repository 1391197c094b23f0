//! What a discovery run goes by: its settings, and what an algorithm declares.

use serde::{Deserialize, Serialize};

use super::choice::Choice;
use super::hnsw::HnswSettings;
use super::{Discovery, DiscoveryError, Embedded, Matrix, NeighborSearch, SHOWN};
use crate::linalg::pca;

/// How the cores of a class are chosen: one of [`Algorithm::ALL`].
///
/// Each is declared in a file of its own below `algorithms/`. Settings, help and errors take names from there.
#[derive(Clone, Copy)]
pub struct Algorithm(pub(super) &'static AlgorithmInfo);

/// What an algorithm declares about itself.
pub(crate) struct AlgorithmInfo {
    /// The name in settings and logs.
    pub name: &'static str,
    /// What it does, in one sentence, for the reference of settings.
    pub summary: &'static str,
    /// The settings that it reads and not every algorithm does.
    pub reads: &'static [&'static str],
    /// The arithmetic.
    pub method: Method,
}

/// Chooses cores: features, which rows are known to be sparse, settings.
type ChooseDense = fn(&Matrix, Option<&[bool]>, &Settings) -> Result<Choice, DiscoveryError>;

/// How an algorithm comes to cores.
pub(crate) enum Method {
    /// Chooses `ipc` of the rows (1 ≤ ipc ≤ rows) as they are: features, IPC, seed.
    Rows(fn(&Matrix, usize, u64) -> Choice),
    /// Chooses among the rows of the class's dense part.
    Dense(ChooseDense),
    /// Embeds the features first, and chooses in the embedding.
    Embedding {
        /// Features to an embedding of `components` columns.
        embed: fn(&Matrix, &Settings) -> Result<Embedded, DiscoveryError>,
        /// The embedding to cores.
        choose: fn(Matrix, &Settings) -> Result<Discovery, DiscoveryError>,
    },
}

/// Everything a discovery run goes by. [`Default`] has a pipeline's defaults: `[discover]` takes them from here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Cores wanted (images per class).
    pub ipc: usize,
    /// How they are chosen; the published program's way is [`Algorithm::CODA`].
    pub algorithm: Algorithm,
    /// UMAP's neighbours (McInnes, Healy, Melville 2018), the row itself included: at least 2, at most the rows.
    pub n_neighbors: usize,
    /// HDBSCAN's least cluster size in rows (Campello, Moulavi, Sander 2013): at least 2.
    pub min_cluster_size: usize,
    /// HDBSCAN's `min_samples`: the rank of the neighbour whose distance is a row's core distance, at least 1.
    pub min_samples: usize,
    /// Columns of UMAP's embedding, at least 1.
    pub components: usize,
    /// Principal components that the features are reduced to first (`coda`: after standardising,
    /// before UMAP); 0 leaves them as they are.
    pub pca: usize,
    /// How neighbours are found: exactly, or through an index.
    pub neighbors: NeighborSearch,
    /// The index's parameters, where one is built.
    pub hnsw: HnswSettings,
    /// Seed of every random draw: the same seed gives the same cores.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ipc: 10,
            algorithm: Algorithm::DENSITY,
            n_neighbors: 85,
            min_cluster_size: 55,
            min_samples: 3,
            components: 50,
            pca: 0,
            neighbors: NeighborSearch::Auto,
            hnsw: HnswSettings::default(),
            seed: 42,
        }
    }
}

impl Settings {
    /// Checks every number's range.
    ///
    /// # Errors
    /// [`DiscoveryError::Setting`] naming the first one outside.
    pub fn check(&self) -> Result<(), DiscoveryError> {
        let numbers = [
            ("ipc", self.ipc, 1, "at least 1"),
            ("n_neighbors", self.n_neighbors, 2, "at least 2"),
            ("min_cluster_size", self.min_cluster_size, 2, "at least 2"),
            ("min_samples", self.min_samples, 1, "at least 1"),
            ("components", self.components, 1, "at least 1"),
        ];
        for (name, value, least, rule) in numbers {
            if value < least {
                return Err(DiscoveryError::Setting { name, value: value.to_string(), rule });
            }
        }
        self.hnsw.check()
    }

    /// The features' principal components where `pca` asks for some, else the features.
    pub(super) fn reduce(&self, features: Matrix) -> Matrix {
        match self.pca {
            0 => features,
            components => pca::reduce(&features, components, self.seed),
        }
    }

    /// UMAP's neighbours among so many rows: as the reference, one fewer than the rows at most, but no fewer than two
    /// while there are two.
    pub(super) fn neighbors_of(&self, rows: usize) -> usize {
        self.n_neighbors.min(rows.saturating_sub(1)).max(2).min(rows)
    }

    /// Columns of [`Discovery::embedding`] for features of `cols` columns.
    pub(crate) fn embedding_cols(&self, cols: usize) -> usize {
        match self.algorithm.0.method {
            Method::Rows(_) | Method::Dense(_) => cols.min(SHOWN),
            Method::Embedding { .. } => self.components,
        }
    }
}

/// Checks that `rows` rows can give `ipc` distinct cores.
pub(super) fn check_ipc(ipc: usize, rows: usize) -> Result<(), DiscoveryError> {
    if ipc == 0 {
        let rule = "at least 1";
        return Err(DiscoveryError::Setting { name: "ipc", value: "0".into(), rule });
    }
    if rows < ipc {
        return Err(DiscoveryError::TooFewRows { rows, ipc });
    }
    Ok(())
}
