//! A whole run: the stages in order, each planned when the ones before it are complete.

use super::anchor::Anchor;
use super::assemble::Assemble;
use super::context::Context;
use super::discover::Discover;
use super::encode::Encode;
use super::error::StageError;
use super::fetch::Fetch;
use super::generate::Generate;
use super::latents::Latents;
use super::left_out::{failed_shards, row, rows, write_list};
use super::outdated::{changed_settings, with_results};
use super::purity::Purity;
use super::sources::expand;
use crate::dataflow::{
    FlowError, Plan, RunOptions, Stage, StageSummary, StaleReason, StaleStage, plan, run_stage,
};
use crate::store::tables::QuarantineRow;
use crate::store::{Fault, Receipt, RunDir, RunRecord, StageRecord};
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The stages in their order.
pub const STAGES: [&str; 7] =
    ["encode", "purity", "discover", "fetch", "anchor", "generate", "assemble"];

/// Which stages to run, as positions in [`STAGES`].
pub type StageRange = RangeInclusive<usize>;

/// What a run did.
#[derive(Debug, Default, serde::Serialize)]
pub struct RunOutcome {
    /// The stages that ran, in order.
    pub stages: Vec<StageSummary>,
    /// Samples left out, all of them.
    pub faults: Vec<Fault>,
    /// Images that could not be generated.
    pub failed: Vec<Fault>,
    /// Classes distilled.
    pub classes: usize,
    /// Cores of all classes: images that were to be made.
    pub cores: usize,
    /// Images left out because their neighbours mostly carry another label.
    pub impure: usize,
}

/// The state of a run between stages.
struct Walk<'a> {
    context: Arc<Context>,
    options: &'a RunOptions<'a>,
    range: StageRange,
    record: RunRecord,
    outcome: RunOutcome,
    dry: Option<Vec<String>>,
    /// Whether it is known that no stage of the range needs `force`, or `force` was given and all was said.
    settled: bool,
    /// Units that were tried again.
    retried: usize,
    /// Rows of the quarantine: what encoding left out, once it has been there.
    left_out: Option<Vec<QuarantineRow>>,
}

/// Runs the stages of `range`. What is done is left alone.
///
/// # Errors
/// The first stage that does not end well; what was finished stays finished.
pub async fn run(
    context: Arc<Context>,
    options: &RunOptions<'_>,
    range: StageRange,
    record: RunRecord,
) -> Result<RunOutcome, FlowError<StageError>> {
    let mut walk = Walk::new(context, options, range, record);
    let walked = walk.all().await;
    // Also when it failed: by too many of them, perhaps.
    let listed = walk.write_quarantine();
    walked?;
    listed?;
    if options.retry_failed && walk.retried == 0 {
        options
            .progress
            .say("nothing to try again: no result carries a fault that this could cure");
    }
    walk.options.run_dir.write_record(&walk.record)?;
    Ok(walk.outcome)
}

/// What [`run`] would do, one line a stage, as far as it can be known before the stages before it are complete.
///
/// # Errors
/// As [`run`], but nothing is computed or written.
pub async fn dry_run(
    context: Arc<Context>,
    options: &RunOptions<'_>,
    range: StageRange,
) -> Result<Vec<String>, FlowError<StageError>> {
    let mut walk = Walk::new(context, options, range, RunRecord::default());
    walk.dry = Some(Vec::new());
    walk.all().await?;
    Ok(walk.dry.unwrap_or_default())
}

/// The receipts of a complete stage; `None` where the walk ends after it.
type Finished = Option<BTreeMap<String, Receipt>>;

impl<'a> Walk<'a> {
    fn new(
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
            retried: 0,
            left_out: None,
        }
    }

    async fn all(&mut self) -> Result<(), FlowError<StageError>> {
        let context = self.context.clone();
        let sources = expand(&context.pipeline.data).map_err(|e| planning("encode", e))?;
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
        let encoded: Vec<Receipt> = encoded.into_values().collect();
        let latents = Latents::open(&context, &encoded).map_err(|e| planning("discover", e))?;
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
        let fetch = fetch.map_err(|e| planning("fetch", e))?;
        let Some(_) = self.stage(&fetch).await? else { return Ok(()) };
        if self.ends_at("fetch") {
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

    /// Plans a stage and, within the range, runs it (or, in a dry run, describes it).
    async fn stage<S>(&mut self, stage: &S) -> Result<Finished, FlowError<StageError>>
    where
        S: Stage<Error = StageError>,
    {
        let (name, run_dir) = (stage.name(), self.options.run_dir);
        if place(name) > *self.range.end() {
            return Ok(None);
        }
        let mut plan = plan(stage, run_dir).map_err(|e| planning(name, e))?;
        if place(name) < *self.range.start() {
            refuse_incomplete(&plan, run_dir)?;
        } else if plan.units.is_empty() {
            // A stage that is switched off.
            self.record.stages.insert(name.to_owned(), StageRecord { units: 0 });
        } else if let Some(lines) = &mut self.dry {
            let complete = plan.done() == plan.units.len() && plan.stale() == 0;
            lines.push(describe(&plan));
            if !complete && place(name) < *self.range.end() {
                let rest = STAGES[place(name) + 1..=*self.range.end()].join(", ");
                lines.push(format!("{rest}: known when {name} is complete"));
                return Ok(None);
            }
        } else {
            self.try_again(stage, &mut plan);
            return self.work(stage, plan).await.map(Some);
        }
        Ok(Some(run_dir.receipts(name)?))
    }

    /// With `retry_failed`: has units done again whose faults may be cured, and says which.
    fn try_again<S: Stage>(&mut self, stage: &S, plan: &mut Plan<S::Unit>) {
        if !self.options.retry_failed {
            return;
        }
        plan.retry(stage);
        for (unit, receipt) in plan.retried() {
            let (faults, name) = (receipt.faults.len(), &receipt.unit);
            let about = stage.describe(unit);
            self.options.progress.say(&format!("trying again: {name} ({about}), {faults} failed"));
            self.retried += 1;
        }
    }

    /// Does what is left of a stage, or refuses to where `force` is needed.
    async fn work<S>(
        &mut self,
        stage: &S,
        mut plan: Plan<S::Unit>,
    ) -> Result<BTreeMap<String, Receipt>, FlowError<StageError>>
    where
        S: Stage<Error = StageError>,
    {
        let (name, run_dir) = (stage.name(), self.options.run_dir);
        let units = StageRecord { units: plan.units.len() as u64 };
        if plan.done() < plan.units.len() || plan.stale() > 0 {
            // What depends on a retried image is made anew with it.
            let cured = self.options.retry_failed && place(name) > place("generate");
            if !(cured && plan.stale_reasons().iter().all(|r| *r == StaleReason::Inputs)) {
                self.settle(&plan)?;
            }
            // Receipts of this stage and of those after it can be of other settings until they are planned: `status`
            // counts a stage that stands here. And only now, that results are about to be made from these settings.
            self.record.stages.retain(|stage, _| place(stage) < place(name));
            run_dir.write_record(&self.record)?;
            plan.discard_outdated(run_dir)?;
            self.record.stages.insert(name.to_owned(), units.clone());
            run_dir.write_record(&self.record)?;
        }
        self.record.stages.insert(name.to_owned(), units);
        let done = run_stage(stage, plan, self.options).await?;
        self.outcome.stages.push(done.summary);
        Ok(done.receipts)
    }

    /// Before the first work: refuses, or with `force` says, what of all stages is of other settings or inputs. A run
    /// must not compute for hours and then refuse.
    fn settle<U>(&mut self, plan: &Plan<U>) -> Result<(), FlowError<StageError>> {
        let (at, end) = (place(plan.stage), *self.range.end());
        let mut stages: Vec<StaleStage> = stale(plan).into_iter().collect();
        if self.settled && (stages.is_empty() || self.options.force) {
            return Ok(());
        }
        let later = &STAGES[(at + 1).min(end + 1)..=end];
        stages.extend(changed_settings(&self.context, later).map_err(|e| planning(plan.stage, e))?);
        self.settled = true;
        let Some(first) = stages.first().map(|stale| place(stale.stage)) else { return Ok(()) };
        let after: Vec<_> = later.iter().copied().filter(|stage| place(stage) > first).collect();
        let mut after =
            with_results(self.options.run_dir, &after).map_err(|e| planning(plan.stage, e))?;
        after.retain(|stage| stages.iter().all(|stale| stale.stage != *stage));
        if !self.options.force {
            return Err(FlowError::Stale { stages, after });
        }
        for stale in stages {
            self.options.progress.say(&format!("redone by --force: {stale}"));
        }
        if !after.is_empty() {
            let after = after.join(", ");
            self.options
                .progress
                .say(&format!("and of {after} what depends on bytes that come out otherwise"));
        }
        Ok(())
    }

    /// Fails the run if encoding left out more than the user allows.
    fn judge_faults(
        &mut self,
        receipts: &BTreeMap<String, Receipt>,
    ) -> Result<(), FlowError<StageError>> {
        let faults: Vec<Fault> = receipts.values().flat_map(|r| r.faults.clone()).collect();
        self.left_out = Some(rows("encode", receipts.values()));
        let bad = faults.len() as u64;
        let seen = bad + receipts.values().map(|r| r.samples).sum::<u64>();
        let max_bad = self.context.pipeline.data.max_bad;
        self.options.events.record("quarantine", json!({"bad": bad, "seen": seen}));
        if bad > max_bad.allowed(seen) {
            return Err(planning("encode", too_many_bad(&faults, seen, max_bad.allowed(seen))));
        }
        self.outcome.faults = faults;
        Ok(())
    }

    /// Lists what was left out, by encoding and by generation.
    fn write_quarantine(&mut self) -> Result<(), FlowError<StageError>> {
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
        text.push_str(&format!("\n  {}: {}: {}", fault.shard, fault.key, fault.reason));
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

/// What of a planned stage is of other settings or inputs, if anything.
fn stale<U>(plan: &Plan<U>) -> Option<StaleStage> {
    let (stage, units, reasons) = (plan.stage, plan.stale(), plan.stale_reasons());
    (units > 0).then_some(StaleStage { stage, units, reasons })
}

/// A stage before the range must be complete, and made from today's settings.
fn refuse_incomplete<U>(plan: &Plan<U>, run_dir: &RunDir) -> Result<(), FlowError<StageError>> {
    if let Some(stale) = stale(plan) {
        return Err(FlowError::Stale { stages: vec![stale], after: Vec::new() });
    }
    let (stage, units, done) = (plan.stage, plan.units.len(), plan.done());
    if done < units {
        let place = run_dir.root().display();
        return Err(planning(
            stage,
            StageError::Other(format!(
                "only {done} of {units} units are done in {place}, and this command starts after it: \
                 run it first (--only {stage})"
            )),
        ));
    }
    Ok(())
}

fn planning(stage: &'static str, error: impl Into<StageError>) -> FlowError<StageError> {
    FlowError::Planning { stage, source: Box::new(error.into()) }
}

fn place(stage: &str) -> usize {
    STAGES.iter().position(|s| *s == stage).unwrap_or(STAGES.len())
}

fn describe<U>(plan: &Plan<U>) -> String {
    let (units, done, stale) = (plan.units.len(), plan.done(), plan.stale());
    let head = format!("{:<9} {units} units: {done} done", plan.stage);
    match (units - done.min(units), stale) {
        (0, 0) => format!("{head}, nothing to do"),
        (left, 0) => format!("{head}, {left} to do"),
        (left, stale) => {
            format!("{head}, {left} to do, {stale} of other settings or inputs (needs --force)")
        }
    }
}
