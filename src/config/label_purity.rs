//! When a label counts as wrong.

use super::sections::Discover;
use super::value::Value;
use crate::discovery::NeighborSearch;
use serde::{Serialize, Serializer};
use std::path::Path;

/// How the labels of images are checked against those of their neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelPurity {
    /// At least this share of the neighbours must carry the same label; 0 checks nothing.
    Least(f64),
    /// By what the neighbours of all images say about wrong labels.
    Auto,
}

impl Serialize for LabelPurity {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Least(share) => out.serialize_f64(*share),
            Self::Auto => out.serialize_str("auto"),
        }
    }
}

impl Value for LabelPurity {
    const KIND: &'static str = "a share between 0.0 and 1.0, or \"auto\"";

    fn take(value: &toml::Value, base: &Path) -> Option<Self> {
        match value {
            toml::Value::String(name) => (name == "auto").then_some(Self::Auto),
            number => {
                let share = f64::take(number, base)?;
                (0.0..=1.0).contains(&share).then_some(Self::Least(share))
            }
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Least(share) => share.show(),
            Self::Auto => "\"auto\"".into(),
        }
    }
}

impl Discover {
    /// How labels are checked: as set, else as the algorithm wants.
    pub fn label_check(&self) -> LabelPurity {
        let by_density = self.algorithm.wants_density();
        let default = if by_density { LabelPurity::Auto } else { LabelPurity::Least(0.0) };
        self.min_label_purity.unwrap_or(default)
    }

    /// Whether images are compared over all classes before any is chosen.
    pub fn compares_classes(&self) -> bool {
        self.algorithm.wants_density() || self.label_check() != LabelPurity::Least(0.0)
    }

    /// How neighbours over all classes are found: density goes through the index unless the search is to be exact.
    pub fn search_of_classes(&self) -> NeighborSearch {
        match self.neighbors {
            NeighborSearch::Auto if self.algorithm.wants_density() => NeighborSearch::Hnsw,
            search => search,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::Algorithm;

    #[test]
    fn the_check_follows_the_algorithm_unless_set() {
        let of = |algorithm, min_label_purity| Discover {
            algorithm,
            min_label_purity,
            ..Discover::default()
        };
        let (off, half) = (LabelPurity::Least(0.0), LabelPurity::Least(0.5));
        for (algorithm, set, check, on) in [
            (Algorithm::KMEANS, None, off, false),
            (Algorithm::KMEANS, Some(half), half, true),
            (Algorithm::KMEANS, Some(LabelPurity::Auto), LabelPurity::Auto, true),
            (Algorithm::DENSITY, None, LabelPurity::Auto, true),
            (Algorithm::DENSITY, Some(off), off, true),
        ] {
            let discover = of(algorithm, set);
            assert_eq!((discover.label_check(), discover.compares_classes()), (check, on));
        }
    }

    #[test]
    fn a_share_or_auto_is_read_and_shown() {
        let take = |value: toml::Value| LabelPurity::take(&value, Path::new(""));
        assert_eq!(take(0.5.into()), Some(LabelPurity::Least(0.5)));
        assert_eq!(take(1.into()), Some(LabelPurity::Least(1.0)));
        assert_eq!(take("auto".into()), Some(LabelPurity::Auto));
        assert_eq!([take(1.5.into()), take("half".into()), take((-1).into())], [None; 3]);
        assert_eq!(serde_json::json!(LabelPurity::Auto), "auto");
        assert_eq!(serde_json::json!(LabelPurity::Least(0.5)), 0.5);
    }
}
