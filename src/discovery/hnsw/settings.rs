//! How the graph is built and searched.

use crate::discovery::DiscoveryError;
use serde::{Deserialize, Serialize};

/// The largest `ef` taken; beyond it comparing everything is faster.
pub(super) const MOST_CANDIDATES: usize = 100_000;
/// How the graph is built and searched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HnswSettings {
    /// Links a node keeps per layer (M), 2 to 255.
    pub m: usize,
    /// Candidates kept while a row is inserted.
    pub ef_construction: usize,
    /// Candidates kept while a row is searched; never fewer than the neighbours asked for.
    pub ef_search: usize,
    /// The least recall accepted: below it both `ef` are doubled and the graph is built again.
    pub recall_floor: f64,
    /// How often that is tried before the exact search takes over.
    pub rebuilds: usize,
}

impl Default for HnswSettings {
    fn default() -> Self {
        Self { m: 24, ef_construction: 200, ef_search: 200, recall_floor: 0.95, rebuilds: 2 }
    }
}

impl HnswSettings {
    /// Checks every number's range.
    ///
    /// # Errors
    /// [`DiscoveryError::Setting`] naming the first one outside.
    pub fn check(&self) -> Result<(), DiscoveryError> {
        let refuse = |name, value: String, rule| Err(DiscoveryError::Setting { name, value, rule });
        if !(2..=255).contains(&self.m) {
            return refuse("hnsw.m", self.m.to_string(), "between 2 and 255");
        }
        for (name, ef) in
            [("hnsw.ef_construction", self.ef_construction), ("hnsw.ef_search", self.ef_search)]
        {
            // The library sets aside room for so many candidates at once.
            if !(1..=MOST_CANDIDATES).contains(&ef) {
                return refuse(name, ef.to_string(), "between 1 and 100,000");
            }
        }
        if !(0.0..=1.0).contains(&self.recall_floor) {
            return refuse("hnsw.recall_floor", self.recall_floor.to_string(), "between 0 and 1");
        }
        Ok(())
    }
}
