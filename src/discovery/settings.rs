//! What a discovery run goes by.

use serde::{Deserialize, Serialize};

use super::DiscoveryError;
use super::hnsw::HnswSettings;

/// How the cores of a class are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// The published method: standardise, UMAP, HDBSCAN, cascade.
    #[default]
    Coda,
    /// The rows nearest to the centres of k-means with k = IPC on the features.
    #[serde(rename = "kmeans")]
    KMeans,
    /// Rows whose running mean stays nearest to the class mean (Welling 2009; iCaRL).
    Herding,
    /// Greedy k-center: each the row farthest from those before (Gonzalez 1985).
    KCenter,
    /// A random sample.
    Random,
}

impl Algorithm {
    /// The name in settings and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coda => "coda",
            Self::KMeans => "kmeans",
            Self::Herding => "herding",
            Self::KCenter => "k-center",
            Self::Random => "random",
        }
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

impl std::str::FromStr for Algorithm {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::Coda, Self::KMeans, Self::Herding, Self::KCenter, Self::Random];
        let found = all.into_iter().find(|algorithm| algorithm.as_str() == name);
        found.ok_or_else(|| format!("one of {}", all.map(Self::as_str).join(", ")))
    }
}

/// How nearest neighbours are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NeighborSearch {
    /// Exact up to 100,000 rows, and wherever rows are wider than 4,096 values; the index otherwise.
    /// Building a graph takes 10 to 20 times as long as comparing everything at 10,000 to 20,000
    /// rows, and as long at some hundred thousand.
    #[default]
    Auto,
    /// Every row with every row, by blocked matrix products.
    Exact,
    /// An HNSW graph, which the run returns for writing to disk.
    Hnsw,
}

/// Rows up to which `Auto` compares everything.
const EXACT_ROWS: usize = 100_000;
/// Columns beyond which `Auto` does so whatever the rows.
const EXACT_COLS: usize = 4_096;

impl std::fmt::Display for NeighborSearch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Auto => "auto",
            Self::Exact => "exact",
            Self::Hnsw => "hnsw",
        })
    }
}

impl std::str::FromStr for NeighborSearch {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "exact" => Ok(Self::Exact),
            "hnsw" => Ok(Self::Hnsw),
            _ => Err("one of auto, exact, hnsw".into()),
        }
    }
}

impl NeighborSearch {
    /// Whether a matrix of this shape goes through the index.
    pub fn uses_index(self, rows: usize, cols: usize) -> bool {
        match self {
            Self::Auto => rows > EXACT_ROWS && cols <= EXACT_COLS,
            Self::Exact => false,
            Self::Hnsw => true,
        }
    }
}

/// Everything a discovery run goes by. [`Default`] has a pipeline's defaults: `[discover]` takes them from here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Cores wanted (images per class).
    pub ipc: usize,
    /// How they are chosen.
    pub algorithm: Algorithm,
    /// UMAP's neighbours, the row itself included; clamped to the rows.
    pub n_neighbors: usize,
    /// HDBSCAN's least cluster size.
    pub min_cluster_size: usize,
    /// HDBSCAN's `min_samples`.
    pub min_samples: usize,
    /// Columns of the embedding.
    pub components: usize,
    /// Principal components that the features are reduced to first (`coda`: after standardising,
    /// before UMAP); 0 leaves them as they are.
    pub pca: usize,
    /// How neighbours are found.
    pub neighbors: NeighborSearch,
    /// The index's parameters.
    pub hnsw: HnswSettings,
    /// Seed of every random draw.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ipc: 10,
            algorithm: Algorithm::KMeans,
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
