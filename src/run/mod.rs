//! A whole run: the stages in order, each planned when the ones before it are complete.

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
use crate::estimate::Standing;
use crate::models::Purpose;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::{Findings, STAGES, position, stage_names};
use crate::store::RunRecord;
use driver::Driver;
use driver::stage_run::describe;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Which stages to run, as positions in [`crate::pipeline::STAGES`].
pub type StageRange = RangeInclusive<usize>;

/// What a run did.
#[derive(Debug, Default, serde::Serialize)]
pub struct RunOutcome {
    /// The stages that ran, in order.
    pub stages: Vec<StageSummary>,
    /// What it found out about data and results.
    #[serde(flatten)]
    pub findings: Findings,
}

/// What the model is needed for in the stages of `range`.
pub fn purpose(range: &StageRange) -> Purpose {
    preflight::purpose(&STAGES[..=*range.end()]).unwrap_or(Purpose::Encode)
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
    let mut driver = Driver::new(context, options, range, record, false);
    let walked = driver.all().await;
    // Also when it failed: by too many of them, perhaps.
    let listed = driver.write_quarantine();
    walked?;
    listed?;
    if options.retry_failed && driver.retried == 0 {
        options
            .progress
            .say("nothing to try again: no result carries a fault that this could cure");
    }
    match options.worker {
        // Others may have been further when this one wrote last.
        Some(_) => driver.share_record(),
        None => options.run_dir.write_record(&driver.record)?,
    }
    driver.outcome.findings = driver.state.findings;
    Ok(driver.outcome)
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
    let end = *range.end();
    let (standings, refused) = stand(context, options, range).await;
    if let Some(error) = refused {
        return Err(error);
    }
    let mut lines: Vec<String> = standings.iter().map(describe).collect();
    let last = standings.last().filter(|last| last.done < last.units || last.stale > 0);
    if let Some(last) = last.filter(|last| position(last.stage) < end) {
        let rest = stage_names().skip(position(last.stage) + 1).take(end - position(last.stage));
        let rest = rest.collect::<Vec<_>>().join(", ");
        lines.push(format!("{rest}: known when {} is complete", last.stage));
    }
    Ok(lines)
}

/// Where the stages stand, as far as that can be known, and why the run would stop, if it would.
pub(crate) async fn standings(
    context: Arc<Context>,
    options: &RunOptions<'_>,
) -> (Vec<Standing>, Option<FlowError<StageError>>) {
    stand(context, options, 0..=STAGES.len() - 1).await
}

async fn stand(
    context: Arc<Context>,
    options: &RunOptions<'_>,
    range: StageRange,
) -> (Vec<Standing>, Option<FlowError<StageError>>) {
    let mut driver = Driver::new(context, options, range, RunRecord::default(), true);
    let refused = driver.all().await.err();
    (driver.dry.unwrap_or_default(), refused)
}
