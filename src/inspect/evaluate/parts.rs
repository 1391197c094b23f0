//! Features of the shards that an evaluation looks at: held-out ones, the run's two sets, and with another encoder the
//! run's data.

use super::Question;
use super::complete;
use super::features::FeatureTable;
use crate::config::{ClassList, Data, Features, Patterns, Pipeline};
use crate::engine::{FlowError, RunOptions};
use crate::pipeline::assemble;
use crate::pipeline::context::Context;
use crate::pipeline::encode::{Encode, PartsFolder};
use crate::pipeline::error::StageError;
use crate::pipeline::quarantine::bad_samples;
use crate::pipeline::sources::{Source, expand};
use crate::run::driver::planning;
use crate::shards::{LabelSource, ShardPlace};
use crate::store::{Receipt, SampleFault};
use std::collections::HashSet;
use std::sync::Arc;

/// The folder of the held-out shards' features.
pub(crate) const HELD_OUT: &str = "evaluate/held-out";

/// What the parts are made from.
pub(crate) struct Parts<'a> {
    pub(crate) context: &'a Arc<Context>,
    pub(crate) options: &'a RunOptions<'a>,
    pub(crate) question: &'a Question,
    pub(crate) classes: &'a ClassList,
}

type Result<T> = std::result::Result<T, FlowError<StageError>>;

impl Parts<'_> {
    /// The held-out shards, read as the run's data.
    pub(crate) async fn held_out(&self) -> Result<Vec<Receipt>> {
        let shards = self.question.against.clone();
        let data = Data { shards, ..self.context.pipeline.data.clone() };
        let shared = self.shared(&data).map_err(|e| planning(HELD_OUT, e))?;
        if let Some(first) = shared.first() {
            self.options.progress.say(&format!(
                "warning: {} of the held-out shards hold the run's own data ({first}): accuracies on images that were \
                 distilled say nothing about others",
                shared.len()
            ));
        }
        self.encode(HELD_OUT, data).await
    }

    /// The run's own data.
    pub(crate) async fn training(&self) -> Result<Vec<Receipt>> {
        self.encode("evaluate/training", self.context.pipeline.data.clone()).await
    }

    /// One of the two sets that the run made: `distilled` or `cores`.
    pub(crate) async fn set(&self, name: &str) -> Result<Vec<Receipt>> {
        let receipts = self.options.run_dir.receipts(assemble::INFO.name)?;
        let files = receipts.values().flat_map(|receipt| &receipt.outputs).map(|o| o.file.clone());
        let patterns = files
            .filter(|file| file.starts_with(&format!("{name}/")) && file.ends_with(".tar"))
            .collect();
        let base = self.options.run_dir.root().to_owned();
        let data = Data {
            shards: Patterns { patterns, base },
            label: LabelSource::Json { field: "class".into() },
            image: vec!["png".into()],
            ..Data::default()
        };
        let parts_folder = if name == "cores" { "evaluate/cores" } else { "evaluate/distilled" };
        self.encode(parts_folder, data).await
    }

    /// Those shards of `data` that the run itself was made from.
    fn shared(&self, data: &Data) -> std::result::Result<Vec<String>, StageError> {
        let real = |source: &Source| match &source.place {
            place @ (ShardPlace::File(_) | ShardPlace::Images(_)) => place.canonical(),
            other => other.clone(),
        };
        // Shards that are gone since can't be among those that are there.
        let own: HashSet<ShardPlace> = match expand(&self.context.pipeline.data) {
            Ok(sources) => sources.iter().map(real).collect(),
            Err(_) => HashSet::new(),
        };
        let shared = expand(data)?.into_iter().filter(|source| own.contains(&real(source)));
        Ok(shared.map(|source| source.name).collect())
    }

    async fn encode(&self, folder: &'static str, data: Data) -> Result<Vec<Receipt>> {
        let pipeline = Pipeline { data, ..self.context.pipeline.clone() };
        let features = self.question.encoder.clone().unwrap_or(pipeline.features.clone());
        let pipeline = Pipeline { features, ..pipeline };
        let sources = expand(&pipeline.data).map_err(|e| planning(folder, e))?;
        let context = Arc::new(self.context.with(pipeline, self.classes.clone()));
        let parts_folder = PartsFolder { folder, features_alone: self.question.encoder.is_some() };
        let stage = Encode::at(parts_folder, context, sources).map_err(|e| planning(folder, e))?;
        Ok(complete(&stage, self.options).await?.receipts.into_values().collect())
    }

    /// Opens what [`Parts::held_out`] and its like left.
    pub(crate) fn table(&self, receipts: &[Receipt]) -> Result<FeatureTable> {
        let alone = self.question.encoder.is_some();
        FeatureTable::open(self.context, receipts, alone).map_err(|e| planning("evaluate", e))
    }

    /// Opens the run's own images, as `compact` left them.
    pub(super) fn class_major(&self, receipts: &[Receipt]) -> Result<FeatureTable> {
        FeatureTable::class_major(self.context, receipts).map_err(|e| planning("evaluate", e))
    }

    /// Held-out samples that were left out; an error where they are more than the run allows itself.
    pub(crate) fn judge_faults(&self, receipts: &[Receipt]) -> Result<Vec<SampleFault>> {
        let data = &self.context.pipeline.data;
        let (faults, _) =
            bad_samples(receipts.iter(), data.max_bad_shards).map_err(|e| planning(HELD_OUT, e))?;
        let bad = faults.len() as u64;
        let seen = bad + receipts.iter().map(|r| r.samples).sum::<u64>();
        let allowed = data.max_bad.allowed(seen);
        if bad <= allowed {
            return Ok(faults);
        }
        let mut text = format!(
            "{bad} of {seen} held-out samples are bad and the run's [data] max_bad allows {allowed}:"
        );
        for fault in faults.iter().take(5) {
            text.push_str(&format!("\n  {}: {}: {}", fault.shard, fault.key, fault.reason));
        }
        let label = &data.label;
        text.push_str(&format!(
            "\nthey are read as the run's data was, labels from `{label}`, its classes only: pass shards of that kind"
        ));
        Err(planning(HELD_OUT, StageError::Other(text)))
    }

    /// What the features are, for people.
    pub(crate) fn about(&self) -> String {
        let pipeline = &self.context.pipeline;
        let other = self.question.encoder.as_ref().unwrap_or(&pipeline.features);
        if let Some(model) = &other.model {
            return format!("{}, {} pixels", model.display(), other.size);
        }
        let pooled = match pipeline.discover.features {
            Features::Grid(cells) => cells.min(16),
            Features::Latent => 16,
        };
        let (model, size) = (self.context.model.paths.part("vae_encoder"), pipeline.encode.size);
        let model = model.canonicalize().unwrap_or(model);
        format!("{}, {size} pixels, at most {pooled} × {pooled} cells a channel", model.display())
    }
}
