//! The order of the stages, and what each is told of those before it.

use super::anchor::Anchor;
use super::assemble::Assemble;
use super::compact::Compact;
use super::context::Context;
use super::discover::Discover;
use super::encode::Encode;
use super::encoded::Encoded;
use super::error::StageError;
use super::fetch::Fetch;
use super::generate::Generate;
use super::latents::{Latents, refuse_small};
use super::left_out::{bad_samples, failed_shards, row, rows, write_list};
use super::purity::Purity;
use super::run::{RunOutcome, StageRange, place};
use super::sources::expand_telling;
use crate::dataflow::{FlowError, RunOptions};
use crate::forecast::Standing;
use crate::store::tables::QuarantineRow;
use crate::store::{Fault, Receipt, RunRecord};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The state of a run between stages.
pub(super) struct Walk<'a> {
    pub(super) context: Arc<Context>,
    pub(super) options: &'a RunOptions<'a>,
    pub(super) range: StageRange,
    pub(super) record: RunRecord,
    pub(super) outcome: RunOutcome,
    /// In a dry run, where the stages stand.
    pub(super) dry: Option<Vec<Standing>>,
    /// Whether it is known that no stage of the range needs `force`, or `force` was given and all was said.
    pub(super) settled: bool,
    /// Whether the model was looked at, before the first unit that is done.
    pub(super) checked: bool,
    /// Units that were tried again.
    pub(super) retried: usize,
    /// Rows of the quarantine: what encoding left out, once it has been there.
    pub(super) left_out: Option<Vec<QuarantineRow>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        context: Arc<Context>,
        options: &'a RunOptions<'a>,
        range: StageRange,
        record: RunRecord,
    ) -> Self {
        Self {
            context,
            options,
            range,
            record,
            outcome: RunOutcome::default(),
            dry: None,
            settled: false,
            checked: false,
            retried: 0,
            left_out: None,
        }
    }

    /// All stages of the range.
    pub(super) async fn all(&mut self) -> Result<(), FlowError<StageError>> {
        let context = self.context.clone();
        let mut told = Vec::new();
        let sources = expand_telling(&context.pipeline.data, &mut told);
        told.iter().for_each(|sentence| self.options.progress.say(sentence));
        let sources = sources.map_err(|e| planning("encode", e))?;
        let encode = Encode::new(context.clone(), sources.clone());
        let encoded = self.stage(&encode.map_err(|e| planning("encode", e))?).await;
        if let (Err(error @ FlowError::Units { .. }), true) = (&encoded, self.dry.is_none()) {
            let done = self.options.run_dir.receipts("encode")?;
            let mut left_out = rows("encode", done.values());
            left_out.extend(failed_shards(error));
            self.left_out = Some(left_out);
        }
        let Some(encoded) = encoded? else { return Ok(()) };
        if self.dry.is_none() {
            self.judge_faults(&encoded)?;
        }
        if self.ends_at("encode") {
            return Ok(());
        }
        // By unit name, which is the shards' order.
        let (run_dir, list) = (&context.run_dir, context.classes.as_ref());
        let parts = Encoded::of(run_dir, list, encoded.values());
        drop(encoded);
        let parts = Arc::new(parts.map_err(|e| planning("compact", e))?);
        let counts = parts.by_key();
        let images = |class: &str| counts.get(class).copied().unwrap_or(0);
        refuse_small(&context, &parts.classes, false, images)
            .map_err(|e| planning("discover", e))?;
        let compact = Compact::new(context.clone(), parts.clone());
        let Some(compacted) = self.stage(&compact).await? else { return Ok(()) };
        drop(compact);
        if self.ends_at("compact") {
            return Ok(());
        }
        let compacted: Vec<Receipt> = compacted.into_values().collect();
        let latents = Latents::open(&context, &parts, &compacted);
        let latents = latents.map_err(|e| planning("discover", e))?;
        drop((parts, compacted));
        self.tell_of_labels(&latents);
        let mut latents = Arc::new(latents);
        let purity = Purity::new(context.clone(), latents.clone());
        let Some(checked) = self.stage(&purity).await? else { return Ok(()) };
        if self.ends_at("purity") {
            return Ok(());
        }
        if context.pipeline.discover.min_label_purity > 0.0 && !checked.is_empty() {
            let kept = latents.without_impure(&context);
            let kept = kept.map_err(|e| planning("discover", e))?;
            self.outcome.impure = latents.total().saturating_sub(kept.total());
            latents = Arc::new(kept);
        }

        let discover = Discover::new(context.clone(), latents.clone());
        let Some(discovered) = self.stage(&discover).await? else { return Ok(()) };
        if self.ends_at("discover") {
            return Ok(());
        }
        let fetch = Fetch::new(context.clone(), latents.clone(), sources.clone(), &discovered);
        let fetch = self.stage(&fetch.map_err(|e| planning("fetch", e))?).await?;
        if fetch.is_none() || self.ends_at("fetch") {
            return Ok(());
        }
        let anchor = Anchor::new(context.clone(), latents.clone(), &sources, discovered.clone());
        let anchored = self.stage(&anchor.map_err(|e| planning("anchor", e))?).await?;
        let Some(anchored) = anchored else { return Ok(()) };
        if self.ends_at("anchor") {
            return Ok(());
        }
        let generate = Generate::new(context.clone(), latents.clone(), anchored);
        let generate = generate.map_err(|e| planning("generate", e))?;
        self.outcome.cores = latents.slots().len();
        self.outcome.classes = latents.classes.classes().len();
        let generated = self.stage(&generate).await;
        if let (Err(_), Some(left_out)) = (&generated, &mut self.left_out) {
            // Of batches that are not done, by their limit: these no receipt has.
            left_out.extend(generate.failed().iter().map(|fault| row("generate", fault)));
        }
        let Some(generated) = generated? else { return Ok(()) };
        self.outcome.failed = generated.values().flat_map(|r| r.faults.clone()).collect();
        let (failed, allowed) = (self.outcome.failed.len(), context.pipeline.generate.max_failed);
        // Over all runs: a stage counts its own only.
        if let (true, Some(first)) = (failed > allowed, self.outcome.failed.first()) {
            let error = StageError::Other(too_many_failed(failed, allowed, first));
            return Err(planning("generate", error));
        }
        if self.ends_at("generate") {
            return Ok(());
        }
        let assemble = Assemble::new(context, latents, &sources, discovered, &generated);
        self.stage(&assemble).await.map(drop)
    }

    fn ends_at(&self, stage: &str) -> bool {
        *self.range.end() == place(stage)
    }

    /// Fails the run if encoding left out more than the user allows.
    fn judge_faults(
        &mut self,
        receipts: &BTreeMap<String, Receipt>,
    ) -> Result<(), FlowError<StageError>> {
        self.left_out = Some(rows("encode", receipts.values()));
        let data = &self.context.pipeline.data;
        let (faults, lost) = bad_samples(receipts.values(), data.max_bad_shards)
            .map_err(|e| planning("encode", e))?;
        let bad = faults.len() as u64;
        let seen = bad + receipts.values().map(|r| r.samples).sum::<u64>();
        let max_bad = self.context.pipeline.data.max_bad;
        self.options.events.record("quarantine", json!({"bad": bad, "seen": seen}));
        if bad > max_bad.allowed(seen) {
            return Err(planning("encode", too_many_bad(&faults, seen, max_bad.allowed(seen))));
        }
        self.outcome.faults = faults;
        self.outcome.lost_shards = lost;
        Ok(())
    }

    /// Says what a user should know of the classes' labels.
    fn tell_of_labels(&mut self, latents: &Latents) {
        self.outcome.numbered = !latents.classes.labels_are_keys();
        if self.dry.is_some() {
            return;
        }
        for sentence in latents.classes.warnings() {
            self.options.progress.say(&format!("warning: {sentence}"));
        }
    }

    /// Lists what was left out, by encoding and by generation.
    pub(super) fn write_quarantine(&mut self) -> Result<(), FlowError<StageError>> {
        let Some(mut left_out) = self.left_out.take() else { return Ok(()) };
        let reached = self.outcome.stages.iter().any(|done| done.stage == "generate");
        if reached {
            left_out.extend(self.outcome.failed.iter().map(|fault| row("generate", fault)));
        } else {
            left_out.extend(rows("generate", self.options.run_dir.receipts("generate")?.values()));
        }
        write_list(self.options.run_dir, left_out)?;
        Ok(())
    }
}

fn too_many_bad(faults: &[Fault], seen: u64, allowed: u64) -> StageError {
    let mut text = format!(
        "{} of {seen} samples are bad and [data] max_bad allows {allowed}; all are listed in quarantine.parquet:",
        faults.len()
    );
    for fault in faults.iter().take(5) {
        let sample = if fault.key.is_empty() { String::new() } else { format!("{}: ", fault.key) };
        text.push_str(&format!("\n  {}: {sample}{}", fault.shard, fault.reason));
    }
    text.push_str("\nmend the data, or raise it: --set max_bad=… (what was encoded is kept)");
    StageError::Other(text)
}

/// Said by the stage while images fail, and here when earlier runs' are counted in.
pub(super) fn too_many_failed(failed: usize, allowed: usize, first: &Fault) -> String {
    format!(
        "image {}: {}\n{failed} images came to nothing and [generate] max_failed allows {allowed}",
        first.key, first.reason
    )
}

pub(super) fn planning(stage: &'static str, error: impl Into<StageError>) -> FlowError<StageError> {
    FlowError::Planning { stage, source: Box::new(error.into()) }
}
