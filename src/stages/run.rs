//! A whole run: the stages in order, each planned when the ones before it are complete.

use super::anchor::Anchor;
use super::assemble::Assemble;
use super::context::Context;
use super::discover::{Discover, Latents};
use super::encode::Encode;
use super::error::StageError;
use super::generate::Generate;
use super::sources::{Source, expand};
use crate::dataflow::{FlowError, Plan, RunOptions, Stage, StageSummary, plan, run_stage};
use crate::store::tables::{QuarantineRow, write_quarantine};
use crate::store::{Fault, Receipt, RunRecord, StageRecord};
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The stages in their order.
pub const STAGES: [&str; 5] = ["encode", "discover", "anchor", "generate", "assemble"];

/// Which stages to run, as positions in [`STAGES`].
pub type StageRange = RangeInclusive<usize>;

/// What a run did.
#[derive(Debug, Default, serde::Serialize)]
pub struct RunOutcome {
    /// The stages that ran, in order.
    pub stages: Vec<StageSummary>,
    /// Samples left out, all of them.
    pub faults: Vec<Fault>,
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

impl Walk<'_> {
    async fn all(&mut self) -> Result<(), FlowError<StageError>> {
        let context = self.context.clone();
        let data = &context.pipeline.data;
        let sources = expand(&data.shards).map_err(|e| planning("encode", e))?;
        self.encode(&sources).await?;
        let Some(encoded) = self.complete("encode")? else { return Ok(()) };
        let latents = Latents::open(&context, &ordered(encoded));
        let latents = Arc::new(latents.map_err(|e| planning("discover", e))?);

        self.stage(&Discover::new(context.clone(), latents.clone())).await?;
        let Some(discovered) = self.complete("discover")? else { return Ok(()) };

        self.stage(&Anchor::new(context.clone(), latents.clone(), discovered.clone())).await?;
        let Some(anchored) = self.complete("anchor")? else { return Ok(()) };

        let classes = latents.classes.clone();
        let generate = Generate::new(context.clone(), classes.clone(), anchored);
        self.stage(&generate.map_err(|e| planning("generate", e))?).await?;
        let Some(generated) = self.complete("generate")? else { return Ok(()) };

        self.stage(&Assemble::new(context, classes, sources, discovered, &generated)).await
    }

    async fn encode(&mut self, sources: &[Source]) -> Result<(), FlowError<StageError>> {
        let encode = Encode::new(self.context.clone(), sources.to_vec());
        self.stage(&encode.map_err(|e| planning("encode", e))?).await?;
        if self.dry.is_none() && self.range.contains(&0) {
            self.judge_faults()?;
        }
        Ok(())
    }

    /// Plans a stage and, if it is within the range, runs it.
    async fn stage<S>(&mut self, stage: &S) -> Result<(), FlowError<StageError>>
    where
        S: Stage<Error = StageError>,
    {
        let plan = plan(stage, self.options.run_dir).map_err(|e| planning(stage.name(), e))?;
        if let Some(lines) = &mut self.dry {
            if self.range.contains(&place(stage.name())) {
                lines.push(describe(&plan));
            }
            return Ok(());
        }
        if !self.range.contains(&place(stage.name())) {
            return Ok(());
        }
        let units = StageRecord { units: plan.units.len() as u64 };
        self.record.stages.insert(stage.name().to_owned(), units);
        self.options.run_dir.write_record(&self.record)?;
        let summary = run_stage(stage, plan, self.options).await?;
        self.outcome.stages.push(summary);
        Ok(())
    }

    /// The receipts of a stage, if the walk goes on after it.
    ///
    /// `None` at the end of the range, or in a dry run where what follows can't be known yet.
    fn complete(
        &mut self,
        stage: &'static str,
    ) -> Result<Option<BTreeMap<String, Receipt>>, FlowError<StageError>> {
        if *self.range.end() <= place(stage) {
            return Ok(None);
        }
        let receipts = self.options.run_dir.receipts(stage)?;
        if let Some(lines) = &mut self.dry {
            let unfinished = lines.last().is_some_and(|line| !line.ends_with("nothing to do"));
            if unfinished || receipts.is_empty() {
                let rest = STAGES[place(stage) + 1..=*self.range.end()].join(", ");
                lines.push(format!("{rest}: after {stage} is complete"));
                return Ok(None);
            }
        }
        if receipts.is_empty() {
            let missing = format!(
                "the {stage} stage has not run in {}",
                self.options.run_dir.root().display()
            );
            return Err(planning(STAGES[place(stage) + 1], StageError::Other(missing)));
        }
        Ok(Some(receipts))
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

/// Receipts in the order of their units' numbers, which their names sort by.
fn ordered(receipts: BTreeMap<String, Receipt>) -> Vec<Receipt> {
    receipts.into_values().collect()
}

fn planning(stage: &'static str, error: impl Into<StageError>) -> FlowError<StageError> {
    FlowError::Planning { stage, source: error.into() }
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
