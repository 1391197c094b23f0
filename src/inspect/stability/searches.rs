//! The searches of one class.

use super::changes::Changes;
use crate::discovery;
use crate::discovery::{Discovery, Matrix, NeighborSearch, Settings};
use crate::engine::Cancel;
use crate::pipeline::error::StageError;
use crate::quality::{Agreement, Choice, Points, between_random, draw, fifths};

/// The searches of one class.
pub(crate) struct Searches<'a> {
    pub(crate) class: &'a str,
    pub(crate) features: &'a Matrix,
    /// Whether each row is sparse in the class, where that is known.
    pub(crate) sparse: Option<&'a [bool]>,
    pub(crate) settings: Settings,
    pub(crate) cancel: Cancel,
}

impl Searches<'_> {
    /// Searches with `seeds` seeds, the run's own first, and, where an embedding is clustered, with
    /// both settings changed.
    pub(crate) fn all(&self, seeds: usize) -> Result<Changes, StageError> {
        let own = &self.settings;
        let first = self.search(own)?;
        let mut by_seed = vec![self.choice(&first)];
        for more in 1..seeds as u64 {
            let other = Settings { seed: own.seed.wrapping_add(more), ..own.clone() };
            by_seed.push(self.choice(&self.search(&other)?));
        }
        let random: Vec<Points> = (0..seeds as u64)
            .map(|seed| self.points(&draw(own.ipc, self.features.rows(), seed, 0)))
            .collect();
        let chance = between_random(&random);
        let mut changes = Changes::default();
        changes.note_seed(Agreement::among(&by_seed, chance));
        if own.algorithm.embeds() {
            let (mut neighbors, mut sizes) = (Vec::new(), Vec::new());
            // A row has no more neighbours than there are others.
            let most = self.features.rows().saturating_sub(1).max(2);
            for n_neighbors in fifths(own.n_neighbors, most) {
                let other = Settings { n_neighbors, ..own.clone() };
                neighbors.push(self.choice(&self.search(&other)?));
            }
            for size in fifths(own.min_cluster_size, usize::MAX) {
                sizes.push(self.choice(&self.clustered(&first.embedding, size)?));
            }
            changes.note_neighbors(Agreement::with(&by_seed[0], &neighbors, chance));
            changes.note_size(Agreement::with(&by_seed[0], &sizes, chance));
        }
        Ok(changes)
    }

    fn search(&self, settings: &Settings) -> Result<Discovery, StageError> {
        self.cancel.check()?;
        let found = discovery::discover_known(self.features, self.sparse, settings);
        found.map_err(|source| self.named(source))
    }

    /// With another least size of a cluster the embedding is the same.
    fn clustered(
        &self,
        embedding: &Matrix,
        min_cluster_size: usize,
    ) -> Result<Discovery, StageError> {
        self.cancel.check()?;
        let neighbors = NeighborSearch::Exact;
        let settings = Settings { min_cluster_size, neighbors, ..self.settings.clone() };
        discovery::discover_embedded(embedding, &settings).map_err(|source| self.named(source))
    }

    fn choice(&self, found: &Discovery) -> Choice {
        let rows: Vec<usize> = found.cores.iter().map(|core| core.row).collect();
        Choice { cores: self.points(&rows), rows, labels: found.labels.clone() }
    }

    fn points(&self, rows: &[usize]) -> Points {
        Points::from_f32(self.features.cols(), self.features.select(rows).as_slice())
    }

    fn named(&self, source: discovery::DiscoveryError) -> StageError {
        StageError::Discovery { class: self.class.to_owned(), source }
    }
}
