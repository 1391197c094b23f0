//! The traits by which a run visits the stages.

use super::error::StageError;
use super::info::StageInfo;
use super::state::{Receipts, RunState};
use crate::engine::{FlowError, Stage};
use crate::store::tables::QuarantineRow;
use std::ops::ControlFlow;

/// A stage of a run.
pub(crate) trait RunStage: Stage<Error = StageError> + Sized {
    /// The declaration of the stage.
    const INFO: &'static StageInfo;

    /// Opens the stage on the results of earlier stages.
    ///
    /// # Errors
    /// If the results can't be read, or settings do not fit them.
    fn open(run: &mut RunState<'_>) -> Result<Self, StageError>;

    /// Passes results to later stages, and checks the whole stage; `receipts` are those of all units.
    ///
    /// # Errors
    /// If the run must stop at this result.
    fn finish(&self, _run: &mut RunState<'_>, _receipts: &Receipts) -> Result<(), StageError> {
        Ok(())
    }

    /// Rows of the quarantine without a receipt, after the stage failed with `error`.
    fn failed(&self, _error: &FlowError<StageError>) -> Vec<QuarantineRow> {
        Vec::new()
    }
}

/// A visitor of stages; [`super::visit_stages`] calls it once per stage, in order.
pub(crate) trait StageVisitor {
    /// Visits the stage `S`; `Break` ends the walk.
    ///
    /// # Errors
    /// The error that ends the run.
    async fn visit<S: RunStage>(&mut self) -> Result<ControlFlow<()>, FlowError<StageError>>;
}
