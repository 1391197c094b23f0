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
use super::purity::Purity;
use super::sources::expand;
use crate::dataflow::{FlowError, Plan, RunOptions, Stage, StageSummary, plan, run_stage};
use crate::store::tables::{QuarantineRow, write_quarantine};
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
    let mut walk =
        Walk { context, options, range, record, outcome: RunOutcome::default(), dry: None };
    walk.all().await?;
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
    let record = RunRecord::default();
    let outcome = RunOutcome::default();
    let mut walk = Walk { context, options, range, record, outcome, dry: Some(Vec::new()) };
    walk.all().await?;
    Ok(walk.dry.unwrap_or_default())
}

/// The receipts of a complete stage; `None` where the walk ends after it.
type Finished = Option<BTreeMap<String, Receipt>>;

impl Walk<'_> {
    async fn all(&mut self) -> Result<(), FlowError<StageError>> {
        let context = self.context.clone();
        let sources = expand(&context.pipeline.data).map_err(|e| planning("encode", e))?;
        let encode = Encode::new(context.clone(), sources.clone());
        let encoded = self.stage(&encode.map_err(|e| planning("encode", e))?).await?;
        if self.dry.is_none() {
            self.judge_faults()?;
        }
        let Some(encoded) = encoded else { return Ok(()) };
        // By unit name, which is the shards' order.
        let encoded: Vec<Receipt> = encoded.into_values().collect();
        let latents = Latents::open(&context, &encoded).map_err(|e| planning("discover", e))?;
        let mut latents = Arc::new(latents);
        let purity = Purity::new(context.clone(), latents.clone());
        let Some(checked) = self.stage(&purity).await? else { return Ok(()) };
        if context.pipeline.discover.min_label_purity > 0.0 && !checked.is_empty() {
            let kept = latents.without_impure(&context);
            let kept = kept.map_err(|e| planning("discover", e))?;
            self.outcome.impure = latents.total().saturating_sub(kept.total());
            latents = Arc::new(kept);
        }

        let discover = Discover::new(context.clone(), latents.clone());
        let Some(discovered) = self.stage(&discover).await? else { return Ok(()) };
        let fetch = Fetch::new(context.clone(), latents.clone(), sources.clone(), &discovered);
        let fetch = fetch.map_err(|e| planning("fetch", e))?;
        let Some(_) = self.stage(&fetch).await? else { return Ok(()) };
        let anchor = Anchor::new(context.clone(), latents.clone(), &sources, discovered.clone());
        let anchored = self.stage(&anchor.map_err(|e| planning("anchor", e))?).await?;
        let Some(anchored) = anchored else { return Ok(()) };
        let generate = Generate::new(context.clone(), latents.clone(), anchored);
        let generate = generate.map_err(|e| planning("generate", e))?;
        self.outcome.cores = latents.slots().len();
        self.outcome.classes = latents.classes.classes().len();
        let Some(generated) = self.stage(&generate).await? else { return Ok(()) };
        self.outcome.failed = generated.values().flat_map(|r| r.faults.clone()).collect();
        let (failed, allowed) = (self.outcome.failed.len(), context.pipeline.generate.max_failed);
        // Over all runs: a stage counts its own only.
        if let (true, Some(first)) = (failed > allowed, self.outcome.failed.first()) {
            let error = StageError::Other(too_many_failed(failed, allowed, first));
            return Err(planning("generate", error));
        }
        let assemble = Assemble::new(context, latents, &sources, discovered, &generated);
        self.stage(&assemble).await.map(drop)
    }

    /// Plans a stage and, within the range, runs it (or, in a dry run, describes it).
    async fn stage<S>(&mut self, stage: &S) -> Result<Finished, FlowError<StageError>>
    where
        S: Stage<Error = StageError>,
    {
        let (name, run_dir) = (stage.name(), self.options.run_dir);
        let plan = plan(stage, run_dir).map_err(|e| planning(name, e))?;
        let complete = plan.done() == plan.units.len() && plan.stale() == 0;
        if place(name) < *self.range.start() {
            refuse_incomplete(&plan, run_dir)?;
        } else if plan.units.is_empty() {
            // A stage that is switched off.
            self.record.stages.insert(name.to_owned(), StageRecord { units: 0 });
        } else if let Some(lines) = &mut self.dry {
            lines.push(describe(&plan));
            if !complete && place(name) < *self.range.end() {
                let rest = STAGES[place(name) + 1..=*self.range.end()].join(", ");
                lines.push(format!("{rest}: known when {name} is complete"));
                return Ok(None);
            }
        } else {
            if !self.options.force {
                refuse_stale(&plan)?;
            }
            let units = StageRecord { units: plan.units.len() as u64 };
            self.record.stages.insert(name.to_owned(), units);
            // Only now that results are about to be made from them: a later stage may still refuse these settings.
            if !complete {
                run_dir.write_record(&self.record)?;
            }
            let summary = run_stage(stage, plan, self.options).await?;
            self.outcome.stages.push(summary);
        }
        if place(name) >= *self.range.end() {
            return Ok(None);
        }
        Ok(Some(run_dir.receipts(name)?))
    }

    /// Lists what encoding left out, and fails the run if it is more than the user allows.
    fn judge_faults(&mut self) -> Result<(), FlowError<StageError>> {
        let run_dir = self.options.run_dir;
        let receipts = run_dir.receipts("encode")?;
        let faults: Vec<Fault> = receipts.values().flat_map(|r| r.faults.clone()).collect();
        let rows: Vec<QuarantineRow> = faults
            .iter()
            .cloned()
            .map(|f| QuarantineRow {
                shard: f.shard,
                key: f.key,
                stage: "encode".into(),
                reason: f.reason,
            })
            .collect();
        write_quarantine(&run_dir.path("quarantine.parquet"), run_dir.root(), &rows)?;
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

fn refuse_stale<U>(plan: &Plan<U>) -> Result<(), FlowError<StageError>> {
    match plan.stale() {
        0 => Ok(()),
        units => Err(FlowError::Stale { stage: plan.stage, units, reasons: plan.stale_reasons() }),
    }
}

/// A stage before the range must be complete, and made from today's settings.
fn refuse_incomplete<U>(plan: &Plan<U>, run_dir: &RunDir) -> Result<(), FlowError<StageError>> {
    refuse_stale(plan)?;
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
