//! Which of the two ways to find nearest neighbours is taken.

use serde::{Deserialize, Serialize};

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
