//! A whole run: the stages in order, each planned when the ones before it are complete.

use super::context::Context;
use super::error::StageError;
use super::step::describe;
use super::walk::Walk;
use crate::dataflow::{FlowError, RunOptions, StageSummary};
use crate::diffusion::Purpose;
use crate::forecast::Standing;
use crate::store::{Fault, RunRecord};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The stages in their order.
pub const STAGES: [&str; 8] =
    ["encode", "compact", "purity", "discover", "fetch", "anchor", "generate", "assemble"];

/// Which stages to run, as positions in [`STAGES`].
pub type StageRange = RangeInclusive<usize>;

/// What a run did.
#[derive(Debug, Default, serde::Serialize)]
pub struct RunOutcome {
    /// The stages that ran, in order.
    pub stages: Vec<StageSummary>,
    /// Samples left out, all of them.
    pub faults: Vec<Fault>,
    /// Shards of which nothing could be read.
    pub lost_shards: Vec<Fault>,
    /// Images that could not be generated.
    pub failed: Vec<Fault>,
    /// Classes distilled.
    pub classes: usize,
    /// Whether labels are positions in the list of classes, not the data's own.
    pub numbered: bool,
    /// Cores of all classes: images that were to be made.
    pub cores: usize,
    /// Images left out because their neighbours mostly carry another label.
    pub impure: usize,
}

/// What the model is needed for in the stages of `range`.
pub fn purpose(range: &StageRange) -> Purpose {
    if *range.end() < place("generate") { Purpose::Encode } else { Purpose::Generate }
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
    match options.team {
        // Others may have been further when this one wrote last.
        Some(_) => walk.share_record(),
        None => options.run_dir.write_record(&walk.record)?,
    }
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
    let end = *range.end();
    let (standings, refused) = stand(context, options, range).await;
    if let Some(error) = refused {
        return Err(error);
    }
    let mut lines: Vec<String> = standings.iter().map(describe).collect();
    let last = standings.last().filter(|last| last.done < last.units || last.stale > 0);
    if let Some(last) = last.filter(|last| place(last.stage) < end) {
        let rest = STAGES[place(last.stage) + 1..=end].join(", ");
        lines.push(format!("{rest}: known when {} is complete", last.stage));
    }
    Ok(lines)
}

/// Where the stages stand, as far as that can be known, and why the run would stop, if it would.
pub(super) async fn standings(
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
    let mut walk = Walk::new(context, options, range, RunRecord::default());
    walk.dry = Some(Vec::new());
    let refused = walk.all().await.err();
    (walk.dry.unwrap_or_default(), refused)
}

/// Where `stage` stands in [`STAGES`].
pub(super) fn place(stage: &str) -> usize {
    STAGES.iter().position(|s| *s == stage).unwrap_or(STAGES.len())
}
