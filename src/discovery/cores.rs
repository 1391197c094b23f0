//! An image chosen to stand for a part of its class.

use serde::{Serialize, Serializer};

/// How a core came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// The surest member of a cluster that HDBSCAN found.
    HdbscanInitial,
    /// Nearest to the centre of one half of a split cluster.
    HdbscanKmeansSplit,
    /// Nearest to the centre of a group of noise points.
    KmeansOutliers,
    /// As [`Origin::KmeansOutliers`], after splitting by force ran dry.
    KmeansRest,
    /// The row farthest from all other cores, when nothing else was left.
    FarthestPoint,
    /// Chosen by an algorithm without a cascade: its name, with `_` for `-`.
    Algorithm(&'static str),
}

impl Origin {
    /// The name in tables and logs; the first three are the published program's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HdbscanInitial => "hdbscan_initial",
            Self::HdbscanKmeansSplit => "hdbscan_kmeans_split",
            Self::KmeansOutliers => "kmeans_outliers",
            Self::KmeansRest => "kmeans_rest",
            Self::FarthestPoint => "farthest_point",
            Self::Algorithm(name) => name,
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

/// One image chosen to stand for a part of its class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Core {
    /// Its row in the features.
    pub row: usize,
    /// How it was found.
    pub origin: Origin,
    /// Rows of the cluster it stands for (0 for a group that came out empty).
    pub size: usize,
    /// Its membership probability in the first clustering; 0 if it was noise there.
    pub probability: f64,
}
