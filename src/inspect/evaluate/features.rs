//! Features of images as the stages left them, class by class.

use crate::config::{ClassList, Features};
use crate::pipeline::context::Context;
use crate::pipeline::encoded::{open_class_major, open_parts};
use crate::pipeline::error::StageError;
use crate::pipeline::latents::reduced;
use crate::quality::Points;
use crate::store::Receipt;
use crate::store::tables::{LatentTable, Numbers};
use serde_json::Value;
use std::collections::BTreeMap;

/// Cells a side that a latent is averaged over at most: classifiers learn nothing from its 65,536 values that they
/// could keep apart from a few images.
const CELLS: usize = 16;

/// The features of some shards' images.
pub struct FeatureTable {
    table: LatentTable,
    from: Numbers,
    how: Features,
    counts: BTreeMap<String, usize>,
    digests: Vec<String>,
}

impl FeatureTable {
    /// Opens the parts of `receipts`. With `alone` they hold features and nothing else; else what a run keeps, of which
    /// that is taken which its search looks at.
    pub(crate) fn open(
        context: &Context,
        receipts: &[Receipt],
        alone: bool,
    ) -> Result<Self, StageError> {
        Ok(Self::of(context, receipts, alone, open_parts(&context.run_dir, receipts)?))
    }

    /// Opens class-major files: what a run keeps, of which that is taken which its search looks at.
    pub(super) fn class_major(context: &Context, receipts: &[Receipt]) -> Result<Self, StageError> {
        let (table, _) = open_class_major(&context.run_dir, receipts)?;
        Ok(Self::of(context, receipts, false, table))
    }

    fn of(context: &Context, receipts: &[Receipt], alone: bool, table: LatentTable) -> Self {
        let outputs = receipts.iter().flat_map(|receipt| &receipt.outputs);
        let second = !alone && context.pipeline.features.model.is_some();
        let from = if second { Numbers::Feature } else { Numbers::Latent };
        let how = match context.pipeline.discover.features {
            _ if alone => Features::Latent,
            Features::Grid(cells) => Features::Grid(cells.min(CELLS)),
            Features::Latent => Features::Grid(CELLS),
        };
        let (counts, digests) = (table.classes(), outputs.map(|o| o.xxh3.clone()).collect());
        Self { table, from, how, counts, digests }
    }

    /// What the features depend on, for fingerprints.
    pub(crate) fn digest(&self) -> Value {
        serde_json::json!([self.how, self.digests])
    }

    /// Images of `class`.
    pub(crate) fn count(&self, class: &str) -> usize {
        self.counts.get(class).copied().unwrap_or(0)
    }

    /// Images of all `classes`.
    pub(crate) fn images(&self, classes: &ClassList) -> usize {
        classes.classes().iter().map(|class| self.count(&class.key)).sum()
    }

    /// Features of the images `rows` of `class`.
    pub(crate) fn rows(&self, class: &str, rows: &[usize]) -> Result<Points, StageError> {
        let read = self.table.read_rows(class, rows, self.from)?;
        let reduced = reduced(read.values, self.table.format(), self.from, self.how);
        let values =
            reduced.map_err(|source| StageError::Discovery { class: class.to_owned(), source })?;
        Ok(Points::from_f32(values.len() / rows.len().max(1), &values))
    }

    /// Features of all images of `class`.
    pub(crate) fn all(&self, class: &str) -> Result<Points, StageError> {
        self.rows(class, &(0..self.count(class)).collect::<Vec<_>>())
    }
}
