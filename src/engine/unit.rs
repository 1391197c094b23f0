//! One unit, from its claim to its receipt.

use super::blocking::blocking;
use super::cancel::{Cancel, Cancelled, OF_UNIT};
use super::failure::UnitFailure;
use super::options::RunOptions;
use super::peers::PendingUnit;
use super::plan::PlannedUnit;
use super::progress::StageProgress;
use super::scheduler::NextUnit;
use super::scope::Scope;
use super::stage::Stage;
use crate::store::{Receipt, StoreError};
use serde_json::json;
use std::time::{Duration, Instant};

/// The outcome of a unit, or of a look for one.
pub(super) enum UnitOutcome<E> {
    Done(Receipt),
    Failed(UnitFailure<E>),
    DoneElsewhere(Receipt),
    Missing(Vec<PendingUnit>),
    Lost(StoreError),
}

/// Carries out the scheduler's next step.
pub(super) async fn take<S: Stage>(
    stage: &S,
    next_unit: NextUnit<PlannedUnit<S::Unit>>,
    options: &RunOptions<'_>,
    bar: &StageProgress,
) -> UnitOutcome<S::Error> {
    match next_unit {
        NextUnit::Do(unit) => match run_unit(stage, unit, options, bar).await {
            Ok(receipt) => UnitOutcome::Done(receipt),
            Err(failure) => UnitOutcome::Failed(failure),
        },
        NextUnit::DoneElsewhere(receipt) => UnitOutcome::DoneElsewhere(*receipt),
        NextUnit::Missing(units) => UnitOutcome::Missing(units),
        NextUnit::Lost(error) => UnitOutcome::Lost(error),
    }
}

async fn run_unit<S: Stage>(
    stage: &S,
    unit: PlannedUnit<S::Unit>,
    options: &RunOptions<'_>,
    bar: &StageProgress,
) -> Result<Receipt, UnitFailure<S::Error>> {
    let result = match options.cancel.check() {
        Ok(()) => finish_unit(stage, &unit, options, bar).await,
        Err(cancelled) => Err(cancelled.into()),
    };
    let outcome = result.as_ref().map_err(ToString::to_string);
    let about = || stage.describe(&unit.unit);
    tell(&unit.name, outcome, options, bar, &about).await;
    result.map_err(|error| UnitFailure { about: about(), unit: unit.name.clone(), error })
}

/// Reports the end of a unit to other workers, the log and the user.
async fn tell(
    name: &str,
    outcome: Result<&Receipt, String>,
    options: &RunOptions<'_>,
    bar: &StageProgress,
    about: &(dyn Fn() -> String + Sync),
) {
    let stopped = options.cancel.is_cancelled();
    if let Some(worker) = &options.worker {
        let outcome = match &outcome {
            Ok(receipt) => Some(Ok(receipt.seconds)),
            Err(_) if stopped => None,
            Err(_) => Some(Err(())),
        };
        let (member, name) = (worker.member.clone(), name.to_owned());
        // Best effort: a claim that stays is void when this process has left.
        let _ = blocking(move || member.end(&name, outcome)).await;
    }
    match outcome {
        Ok(receipt) => {
            bar.unit_done(receipt.samples);
            let fields = json!({
                "unit": name, "seconds": receipt.seconds,
                "samples": receipt.samples, "skipped": receipt.faults.len(), "bytes": receipt.bytes(),
            });
            options.events.record("unit_finished", fields);
        }
        Err(error) if !stopped => {
            let fields = json!({"unit": name, "of": about(), "error": error});
            options.events.record("unit_failed", fields);
        }
        Err(_) => {}
    }
}

async fn finish_unit<S: Stage>(
    stage: &S,
    unit: &PlannedUnit<S::Unit>,
    options: &RunOptions<'_>,
    bar: &StageProgress,
) -> Result<Receipt, S::Error> {
    let started = Instant::now();
    revoke(options, &unit.name).await?;
    // Not the run's: a unit under way goes on when the run is asked to stop, and ends when it is given up.
    let given_up = GivenUp::default();
    let scope = Scope::new(options.run_dir.clone(), given_up.0.clone(), bar.clone());
    let done = OF_UNIT.scope(options.cancel.clone(), stage.process(&unit.unit, &scope));
    let done = tokio::select! {
        done = done => done?,
        () = grace(options.cancel) => return Err(Cancelled.into()),
    };
    let receipt = Receipt {
        version: Receipt::VERSION,
        unit: unit.name.clone(),
        fingerprint: unit.fingerprint.clone(),
        settings: unit.settings.clone(),
        inputs: unit.inputs.clone(),
        outputs: scope.outputs(),
        contents: done.contents,
        samples: done.samples,
        faults: done.faults,
        log: done.log,
        seconds: (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
    };
    Ok(write(options, receipt).await?)
}

/// Cancels a unit's work on other threads when the unit is dropped.
#[derive(Default)]
struct GivenUp(Cancel);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

async fn revoke(options: &RunOptions<'_>, name: &str) -> Result<(), StoreError> {
    let (run_dir, name) = (options.run_dir.clone(), name.to_owned());
    blocking(move || run_dir.revoke(&name)).await
}

async fn write(options: &RunOptions<'_>, receipt: Receipt) -> Result<Receipt, StoreError> {
    let run_dir = options.run_dir.clone();
    blocking(move || run_dir.write_receipt(&receipt).map(|()| receipt)).await
}

/// The longest time of a unit after the run was asked to stop; then the unit is dropped. Below the 30 seconds that schedulers
/// commonly leave between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(20);

async fn grace(cancel: &Cancel) {
    cancel.cancelled().await;
    tokio::time::sleep(GRACE).await;
}
