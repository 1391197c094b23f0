//! Runs a stage: skips done units, processes the others with bounded concurrency, and ends each unit with a receipt.

use super::blocking::blocking;
use super::failure::{FlowError, StaleStage};
use super::in_flight::InFlight;
use super::options::RunOptions;
use super::peers::{PendingUnit, check_again};
use super::plan::{PlannedUnit, StagePlan, UnitState, summary_of};
use super::progress::StageProgress;
use super::scheduler::Scheduler;
use super::stage::{Stage, UnitError};
use super::stage_outcome::StageOutcome;
use super::summary::StageSummary;
use super::unit::take;
use crate::store::{Receipt, StoreError};
use futures::StreamExt;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// A complete stage.
#[derive(Debug)]
pub struct StageResult {
    /// The numbers of the stage.
    pub summary: StageSummary,
    /// The receipts of all its units, by unit.
    pub receipts: BTreeMap<String, Receipt>,
}

/// Processes the unfinished units of `stage`.
///
/// # Errors
/// See [`FlowError`]. Finished units stay finished whatever the error.
pub async fn run_stage<S: Stage>(
    stage: &S,
    mut plan: StagePlan<S::Unit>,
    options: &RunOptions<'_>,
) -> Result<StageResult, FlowError<S::Error>> {
    let started = Instant::now();
    if plan.stale() > 0 && !options.force {
        let (units, reasons) = (plan.stale(), plan.stale_reasons());
        let stages = vec![StaleStage { stage: plan.stage, units, reasons }];
        return Err(FlowError::Stale { stages, after: Vec::new() });
    }
    plan.discard_outdated(options.run_dir)?;
    let mut outcome = StageOutcome::new(summary_of(&plan));
    let before = plan.units.iter().filter_map(|unit| match &unit.state {
        UnitState::Done(receipt) => Some(receipt.samples),
        _ => None,
    });
    let before = (plan.done(), before.sum());
    let bar = options.progress.stage(plan.stage, plan.units.len(), before);
    let total = plan.units.len();
    let fields = json!({"stage": plan.stage, "units": total, "done": plan.done()});
    options.events.record("stage_started", fields);

    let costs: Vec<u64> = plan.units.iter().map(|unit| stage.cost(&unit.unit)).collect();
    let mut todo = Vec::with_capacity(total);
    for unit in plan.units {
        todo.push(match unit.state {
            UnitState::Done(receipt) => {
                outcome.receipts.insert(unit.name, *receipt);
                None
            }
            _ => Some(unit),
        });
    }
    if let Some(worker) = &options.worker {
        let (member, stage) = (worker.member.clone(), plan.stage);
        blocking(move || member.enter(stage)).await?;
    }
    // A stage may load its model to count devices, which an idle stage avoids.
    let idle = todo.iter().all(Option::is_none);
    let at_once = if idle { 1 } else { stage.concurrency().max(1) };
    let in_flight = Arc::new(InFlight::default());
    let (place, worker) =
        ((options.run_dir, options.cancel), (options.worker.as_ref(), in_flight.clone()));
    let left = todo.iter().map(|unit| unit.as_ref().map(PlannedUnit::pending)).collect();
    let scheduler = Scheduler::new(plan.stage, (left, &costs), place, worker);
    let next_units =
        futures::stream::unfold((scheduler, todo), async |(mut scheduler, mut todo)| {
            let next_unit = scheduler.next().await?.with(&mut todo)?;
            Some((next_unit, (scheduler, todo)))
        });
    let running =
        next_units.map(|next_unit| take(stage, next_unit, options, &bar)).buffer_unordered(at_once);
    let mut running = std::pin::pin!(running);
    while let Some(unit) = running.next().await {
        outcome.count(unit, (&in_flight, options.cancel), &bar);
        // Units under way may have taken hours: they finish all the same.
        if let Some(why) = outcome.why_to_stop()
            && in_flight.stop()
            && in_flight.is_at_work()
        {
            options
                .progress
                .say(&format!("{why}\nunits under way are finished; no other unit is started"));
        }
    }
    options.cancel.check()?;
    if let Some(error) = outcome.lost {
        bar.clear();
        return Err(error.into());
    }
    if !outcome.failures.is_empty() {
        bar.clear();
        let mut failures = outcome.failures;
        failures.sort_by(|a, b| a.unit.cmp(&b.unit));
        return Err(FlowError::Units { stage: stage.name(), units: total, failures });
    }
    let missing = std::mem::take(&mut outcome.missing);
    let missing = still_missing(missing, &mut outcome, options, (plan.stage, &bar)).await?;
    if !missing.is_empty() {
        bar.clear();
        return Err(FlowError::Incomplete { stage: stage.name(), units: total, missing });
    }
    let StageOutcome { mut summary, receipts, .. } = outcome;
    summary.seconds = started.elapsed().as_secs_f64();
    bar.finish(&summary);
    options.events.record("stage_finished", json!(summary));
    Ok(StageResult { summary, receipts })
}

/// Checks missing units once more, after this process's last unit, and describes those that are still not done.
async fn still_missing<E: UnitError>(
    units: Vec<PendingUnit>,
    outcome: &mut StageOutcome<E>,
    options: &RunOptions<'_>,
    (stage, bar): (&'static str, &StageProgress),
) -> Result<Vec<String>, StoreError> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let run_dir = options.run_dir.clone();
    let (done, missing) = blocking(move || check_again(&run_dir, stage, units)).await?;
    done.into_iter().for_each(|receipt| outcome.found(receipt, bar));
    Ok(missing)
}
