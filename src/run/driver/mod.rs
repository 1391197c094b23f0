//! The order of the stages: each is opened on what those before it left, planned, and worked on.

pub(crate) mod stage_run;

use super::{RunOutcome, StageRange};
use crate::engine::{FlowError, RunOptions};
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::stage::{RunStage, StageVisitor};
use crate::pipeline::state::RunState;
use crate::pipeline::{STAGES, position, visit_stages};
use crate::store::RunRecord;
use stage_run::Standings;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A run under way.
pub(crate) struct Driver<'a> {
    pub(crate) state: RunState<'a>,
    pub(crate) range: StageRange,
    pub(crate) record: RunRecord,
    pub(crate) outcome: RunOutcome,
    /// In a dry run, where the stages stand.
    pub(crate) dry: Option<Standings>,
    /// Whether it is known that no stage of the range needs `force`, or `force` was given and all was said.
    pub(crate) settled: bool,
    /// Whether the model was looked at, before the first unit that is done.
    pub(crate) checked: bool,
    /// Units that were tried again.
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

    /// All stages of the range.
    pub(crate) async fn all(&mut self) -> Result<(), FlowError<StageError>> {
        visit_stages(self).await
    }

    /// Writes the list of what was left out.
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
