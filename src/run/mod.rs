//! A whole run: the stages in order, each planned when the stages before are complete.

pub(crate) mod driver;
#[cfg(test)]
mod growth_tests;
pub(crate) mod open_run;
pub(crate) mod preflight;
mod session;
pub(crate) mod staleness;

pub use open_run::{reopen, require};
pub use session::{PipelineFile, note_runtime};

use crate::engine::{FlowError, RunOptions, StageSummary};
use crate::estimate::StageStatus;
use crate::models::Purpose;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::{Findings, STAGES, position, stage_names};
use crate::store::RunRecord;
use driver::Driver;
use driver::stage_run::describe;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The stages to run, as positions in [`crate::pipeline::STAGES`].
pub type StageRange = RangeInclusive<usize>;

/// What a run did.
#[derive(Debug, Default, serde::Serialize)]
pub struct RunOutcome {
    /// The stages that ran, in order.
    pub stages: Vec<StageSummary>,
    /// Findings about data and results.
    #[serde(flatten)]
    pub findings: Findings,
}

/// The model parts that the stages of `range` need.
pub fn purpose(range: &StageRange) -> Purpose {
    preflight::purpose(&STAGES[..=*range.end()]).unwrap_or(Purpose::Encode)
}

/// Runs the stages of `range`; skips finished units.
///
/// # Errors
/// The error of the first stage that fails; finished units stay finished.
pub async fn run(
    context: Arc<Context>,
    options: &RunOptions<'_>,
    range: StageRange,
    record: RunRecord,
) -> Result<RunOutcome, FlowError<StageError>> {
    let mut driver = Driver::new(context, options, range, record, false);
    let walked = driver.all().await;
    // The list is also written after a failure, which too many bad samples may have caused.
    let listed = driver.write_quarantine();
    walked?;
    listed?;
    if options.retry_failed && driver.retried == 0 {
        options.progress.say("--retry-failed has nothing to do: no image failed");
    }
    match options.worker {
        // Another worker may have been further when this worker wrote the record last.
        Some(_) => driver.share_record(),
        None => options.run_dir.write_record(&driver.record)?,
    }
    driver.outcome.findings = driver.state.findings;
    Ok(driver.outcome)
}

/// What [`run`] would do, one line a stage, as far as it can be known before earlier stages are complete.
///
/// # Errors
/// As [`run`], but nothing is computed or written.
pub async fn dry_run(
    context: Arc<Context>,
    options: &RunOptions<'_>,
    range: StageRange,
) -> Result<Vec<String>, FlowError<StageError>> {
    let end = *range.end();
    let (statuses, refused) = statuses_of(context, options, range).await;
    if let Some(error) = refused {
        return Err(error);
    }
    let mut lines: Vec<String> = statuses.iter().map(describe).collect();
    let last = statuses.last().filter(|last| last.done < last.units || last.stale > 0);
    if let Some(last) = last.filter(|last| position(last.stage) < end) {
        let rest = stage_names().skip(position(last.stage) + 1).take(end - position(last.stage));
        let rest = rest.collect::<Vec<_>>().join(", ");
        lines.push(format!("{rest}: known when {} is complete", last.stage));
    }
    Ok(lines)
}

/// The status of the stages, as far as it can be known, and the error that would stop the run.
pub(crate) async fn statuses(
    context: Arc<Context>,
    options: &RunOptions<'_>,
) -> (Vec<StageStatus>, Option<FlowError<StageError>>) {
    statuses_of(context, options, 0..=STAGES.len() - 1).await
}

async fn statuses_of(
    context: Arc<Context>,
    options: &RunOptions<'_>,
    range: StageRange,
) -> (Vec<StageStatus>, Option<FlowError<StageError>>) {
    let mut driver = Driver::new(context, options, range, RunRecord::default(), true);
    let refused = driver.all().await.err();
    (driver.dry.unwrap_or_default(), refused)
}
