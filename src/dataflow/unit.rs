//! One unit, from its claim to its receipt.

use super::cancel::{Cancel, Cancelled};
use super::failure::UnitFailure;
use super::feed::{Turn, blocking};
use super::plan::PlannedUnit;
use super::progress::StageProgress;
use super::runner::RunOptions;
use super::scope::Scope;
use super::stage::Stage;
use crate::store::{Receipt, StoreError};
use serde_json::json;
use std::time::{Duration, Instant};

/// What came of a turn.
pub(super) enum Turned<E> {
    Done(Receipt),
    Failed(UnitFailure<E>),
    Found(Receipt),
    Missing(Vec<String>),
    Lost(StoreError),
}

/// Does what a turn says.
pub(super) async fn take<S: Stage>(
    stage: &S,
    turn: Turn<S::Unit>,
    options: &RunOptions<'_>,
    bar: &StageProgress,
) -> Turned<S::Error> {
    match turn {
        Turn::Do(unit) => match run_unit(stage, unit, options, bar).await {
            Ok(receipt) => Turned::Done(receipt),
            Err(failure) => Turned::Failed(failure),
        },
        Turn::Found(receipt) => Turned::Found(receipt),
        Turn::Missing(units) => Turned::Missing(units),
        Turn::Lost(error) => Turned::Lost(error),
    }
}

async fn run_unit<S: Stage>(
    stage: &S,
    unit: PlannedUnit<S::Unit>,
    options: &RunOptions<'_>,
    bar: &StageProgress,
) -> Result<Receipt, UnitFailure<S::Error>> {
    let started = Instant::now();
    let result = match options.cancel.check() {
        Ok(()) => finish_unit(stage, &unit, options, bar, started).await,
        Err(cancelled) => Err(cancelled.into()),
    };
    if let Some(team) = &options.team {
        let outcome = match &result {
            Ok(receipt) => Some(Ok(receipt.seconds)),
            Err(_) if options.cancel.is_cancelled() => None,
            Err(_) => Some(Err(())),
        };
        let (member, name) = (team.member.clone(), unit.name.clone());
        // Best effort: a claim that stays is void when this process has left.
        let _ = blocking(move || member.end(&name, outcome)).await;
    }
    match &result {
        Ok(receipt) => {
            bar.unit_done();
            let fields = json!({
                "unit": unit.name, "seconds": receipt.seconds,
                "samples": receipt.samples, "skipped": receipt.faults.len(), "bytes": receipt.bytes(),
            });
            options.events.record("unit_finished", fields);
        }
        Err(error) if !options.cancel.is_cancelled() => {
            let about = stage.describe(&unit.unit);
            let fields = json!({"unit": unit.name, "of": about, "error": error.to_string()});
            options.events.record("unit_failed", fields);
        }
        Err(_) => {}
    }
    let failure = |error| UnitFailure { about: stage.describe(&unit.unit), unit: unit.name, error };
    result.map_err(failure)
}

async fn finish_unit<S: Stage>(
    stage: &S,
    unit: &PlannedUnit<S::Unit>,
    options: &RunOptions<'_>,
    bar: &StageProgress,
    started: Instant,
) -> Result<Receipt, S::Error> {
    let (run_dir, name) = (options.run_dir.clone(), unit.name.clone());
    blocking(move || run_dir.revoke(&name)).await?;
    let scope = Scope::new(options.run_dir.clone(), options.cancel.clone(), bar.clone());
    let done = stage.process(&unit.unit, &scope);
    let done = tokio::select! {
        done = done => done?,
        () = grace(options.cancel) => return Err(Cancelled.into()),
    };
    let receipt = Receipt {
        version: Receipt::VERSION,
        unit: unit.name.clone(),
        fingerprint: unit.fingerprint.clone(),
        settings: unit.settings.clone(),
        outputs: scope.outputs(),
        samples: done.samples,
        faults: done.faults,
        log: done.log,
        seconds: (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
    };
    let (run_dir, own) = (options.run_dir.clone(), receipt.clone());
    blocking(move || run_dir.write_receipt(&own)).await?;
    Ok(receipt)
}

/// How long a unit under way may go on after the run was asked to stop; past it, the unit is dropped. Below the 30
/// seconds that schedulers commonly leave between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(20);

async fn grace(cancel: &Cancel) {
    cancel.cancelled().await;
    tokio::time::sleep(GRACE).await;
}
