//! Drives a run through its stages: each stage is opened on the earlier stages' results, planned and run.

pub(crate) mod stage_run;

use super::{RunOutcome, StageRange};
use crate::engine::{FlowError, RunOptions};
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::stage::{RunStage, StageVisitor};
use crate::pipeline::state::RunState;
use crate::pipeline::{STAGES, position, visit_stages};
use crate::store::RunRecord;
use stage_run::StageStatuses;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A run under way.
pub(crate) struct Driver<'a> {
    pub(crate) state: RunState<'a>,
    pub(crate) range: StageRange,
    pub(crate) record: RunRecord,
    pub(crate) outcome: RunOutcome,
    /// In a dry run, the status of each stage.
    pub(crate) dry: Option<StageStatuses>,
    /// Whether no stage of the range needs `force`, or `force` is set and its effects have been reported.
    pub(crate) settled: bool,
    /// Whether the model was checked, before the first unit is processed.
    pub(crate) checked: bool,
    /// Units that were repeated.
    pub(crate) retried: usize,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(
        context: Arc<Context>,
        options: &'a RunOptions<'a>,
        range: StageRange,
        record: RunRecord,
        dry: bool,
    ) -> Self {
        Self {
            state: RunState::new(context, options, dry),
            range,
            record,
            outcome: RunOutcome::default(),
            dry: dry.then(Vec::new),
            settled: false,
            checked: false,
            retried: 0,
        }
    }

    /// Runs all stages of the range.
    pub(crate) async fn all(&mut self) -> Result<(), FlowError<StageError>> {
        visit_stages(self).await
    }

    /// Writes the list of skipped samples and shards.
    pub(crate) fn write_quarantine(&mut self) -> Result<(), FlowError<StageError>> {
        Ok(self.state.write_quarantine(STAGES)?)
    }
}

impl StageVisitor for Driver<'_> {
    async fn visit<S: RunStage>(&mut self) -> Result<ControlFlow<()>, FlowError<StageError>> {
        let name = S::INFO.name;
        let stage = S::open(&mut self.state).map_err(|error| planning(name, error))?;
        let done = self.stage(&stage).await;
        if let (Err(error), None) = (&done, &self.dry) {
            let rows = stage.failed(error);
            if !rows.is_empty() {
                self.state.quarantine(rows);
            }
        }
        let Some(receipts) = done? else { return Ok(ControlFlow::Break(())) };
        let judged = stage.finish(&mut self.state, &receipts);
        self.state.keep(name, receipts);
        judged.map_err(|error| planning(name, error))?;
        let last = *self.range.end() == position(name);
        Ok(if last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

pub(crate) fn planning(stage: &'static str, error: impl Into<StageError>) -> FlowError<StageError> {
    FlowError::Planning { stage, source: Box::new(error.into()) }
}
