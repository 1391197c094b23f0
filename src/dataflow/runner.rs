//! Running a stage: what is done is left alone, the rest is worked on within bounds, each unit ends with a receipt.

use super::blocking::blocking;
use super::cancel::Cancel;
use super::failure::{FlowError, StaleStage, UnitFailure};
use super::feed::{Feed, Team};
use super::plan::{Plan, PlannedUnit, UnitState};
use super::progress::Progress;
use super::stage::{Stage, UnitError};
use super::summary::{StageSummary, summary_of};
use super::unit::{Turned, take};
use crate::store::{EventLog, Receipt, RunDir};
use futures::StreamExt;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What all stages of a run share.
#[derive(Debug, Clone)]
pub struct RunOptions<'a> {
    /// The run directory.
    pub run_dir: &'a RunDir,
    /// The run's log.
    pub events: &'a EventLog,
    /// Where progress is shown.
    pub progress: &'a Progress,
    /// How the run is stopped.
    pub cancel: &'a Cancel,
    /// Redo what was made from other settings.
    pub force: bool,
    /// Do units again whose receipts carry faults that another try may cure.
    pub retry_failed: bool,
    /// The other processes that work in the run directory; `None` for none.
    pub team: Option<Team>,
}

/// A complete stage.
#[derive(Debug)]
pub struct StageResult {
    /// What it did, in numbers.
    pub summary: StageSummary,
    /// The receipts of all its units, by unit.
    pub receipts: BTreeMap<String, Receipt>,
}

/// Does what is left of `stage`.
///
/// # Errors
/// See [`FlowError`]. Units that were finished stay finished whatever the error.
pub async fn run_stage<S: Stage>(
    stage: &S,
    mut plan: Plan<S::Unit>,
    options: &RunOptions<'_>,
) -> Result<StageResult, FlowError<S::Error>> {
    let started = Instant::now();
    if plan.stale() > 0 && !options.force {
        let (units, reasons) = (plan.stale(), plan.stale_reasons());
        let stages = vec![StaleStage { stage: plan.stage, units, reasons }];
        return Err(FlowError::Stale { stages, after: Vec::new() });
    }
    plan.discard_outdated(options.run_dir)?;
    let mut summary = summary_of(&plan);
    let bar = options.progress.stage(plan.stage, plan.units.len(), plan.done());
    let total = plan.units.len();
    let fields = json!({"stage": plan.stage, "units": total, "done": plan.done()});
    options.events.record("stage_started", fields);

    let costs: Vec<u64> = plan.units.iter().map(|unit| stage.cost(&unit.unit)).collect();
    let (mut receipts, mut todo) = (BTreeMap::new(), Vec::with_capacity(total));
    for unit in plan.units {
        todo.push(match unit.state {
            UnitState::Done(receipt) => {
                receipts.insert(unit.name, *receipt);
                None
            }
            _ => Some(unit),
        });
    }
    if let Some(team) = &options.team {
        let (member, stage) = (team.member.clone(), plan.stage);
        blocking(move || member.enter(stage)).await?;
    }
    // A stage may load its model to know how many devices there are: not for nothing.
    let idle = todo.iter().all(Option::is_none);
    let at_once = if idle { 1 } else { stage.concurrency().max(1) };
    let failed = Arc::new(AtomicBool::new(false));
    let (place, team) =
        ((options.run_dir, options.cancel), (options.team.as_ref(), failed.clone()));
    let left = todo.iter().map(|unit| unit.as_ref().map(PlannedUnit::wanted)).collect();
    let feed = Feed::new(plan.stage, (left, &costs), place, team);
    let turns = futures::stream::unfold((feed, todo), async |(mut feed, mut todo)| {
        let turn = feed.next().await?.with(&mut todo)?;
        Some((turn, (feed, todo)))
    });
    let running = turns.map(|turn| take(stage, turn, options, &bar)).buffer_unordered(at_once);
    let mut running = std::pin::pin!(running);
    let mut failures: Vec<UnitFailure<S::Error>> = Vec::new();
    let mut missing = Vec::new();
    while let Some(turned) = running.next().await {
        match turned {
            Turned::Done(receipt) => {
                summary.add(&receipt);
                receipts.insert(receipt.unit.clone(), receipt);
            }
            Turned::Found(receipt) => {
                bar.unit_done();
                summary.elsewhere += 1;
                summary.add_of_others(&receipt);
                receipts.insert(receipt.unit.clone(), receipt);
            }
            Turned::Missing(units) => missing = units,
            Turned::Lost(error) => return Err(error.into()),
            // The others under way are let finish: they see the request themselves.
            Turned::Failed(_) if options.cancel.is_cancelled() => {}
            Turned::Failed(failure) => {
                failed.store(true, Ordering::Release);
                failures.push(failure);
            }
        }
        if is_hopeless(&failures, summary.processed) {
            break;
        }
    }
    options.cancel.check()?;
    summary.seconds = started.elapsed().as_secs_f64();
    if !failures.is_empty() {
        bar.clear();
        failures.sort_by(|a, b| a.unit.cmp(&b.unit));
        return Err(FlowError::Units { stage: stage.name(), units: total, failures });
    }
    if !missing.is_empty() {
        bar.clear();
        return Err(FlowError::Incomplete { stage: stage.name(), units: total, missing });
    }
    bar.finish(&summary);
    options.events.record("stage_finished", json!(summary));
    Ok(StageResult { summary, receipts })
}

/// Whether the same cause would fail every other unit: the disk is full or gone, or units only fail from the start (a
/// model that can't be loaded).
fn is_hopeless<E: UnitError>(failures: &[UnitFailure<E>], done: usize) -> bool {
    let lost = failures.last().is_some_and(|failure| failure.error.concerns_all());
    lost || (failures.len() >= 3 && done == 0)
}
