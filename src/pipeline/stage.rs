//! How a run goes through the stages.

use super::error::StageError;
use super::info::StageInfo;
use super::state::{Receipts, RunState};
use crate::engine::{FlowError, Stage};
use crate::store::tables::QuarantineRow;
use std::ops::ControlFlow;

/// A stage of a run.
pub(crate) trait RunStage: Stage<Error = StageError> + Sized {
    /// What it declares.
    const INFO: &'static StageInfo;

    /// Opens it on what the stages before it left.
    ///
    /// # Errors
    /// If that can't be read, or settings do not fit it.
    fn open(run: &mut RunState<'_>) -> Result<Self, StageError>;

    /// Hands on what later stages need, and judges the whole; `receipts` are those of all its units.
    ///
    /// # Errors
    /// If the run must not go on with this result.
    fn finish(&self, _run: &mut RunState<'_>, _receipts: &Receipts) -> Result<(), StageError> {
        Ok(())
    }

    /// Rows of the quarantine that no receipt has, after it ended with `error`.
    fn failed(&self, _error: &FlowError<StageError>) -> Vec<QuarantineRow> {
        Vec::new()
    }
}

/// Goes through the stages; [`super::visit_stages`] calls it once per stage, in order.
pub(crate) trait StageVisitor {
    /// Visits the stage `S`; `Break` ends the walk.
    ///
    /// # Errors
    /// Whatever ends the run.
    async fn visit<S: RunStage>(&mut self) -> Result<ControlFlow<()>, FlowError<StageError>>;
}
