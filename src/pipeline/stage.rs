//! What a stage declares of itself, and how a run goes through the stages.

use super::context::Context;
use super::error::StageError;
use super::state::{Receipts, RunState};
use crate::engine::{FlowError, Stage};
use crate::estimate::StageCost;
use crate::slurm::JobKind;
use crate::store::tables::QuarantineRow;
use std::ops::ControlFlow;

/// What a stage declares: commands, estimates, job scripts and reports derive all that they know of stages from it.
pub struct StageInfo {
    /// Its name: the folder of its receipts, and the value of `--only`, `--from` and `--until`.
    pub name: &'static str,
    /// What one unit is, in the singular.
    pub unit: &'static str,
    /// Folders of the run directory that its results lie in, beside its own.
    pub folders: &'static [&'static str],
    /// Folders of views that it makes of its results: no receipt names them, and anyone may delete them.
    pub views: &'static [&'static str],
    /// Which parts of the text-to-image model it runs.
    pub model: ModelUse,
    /// Whether it has no units under some settings; it is then not shown.
    pub optional: bool,
    /// Whether its receipts may name samples that it left out.
    pub leaves_out: bool,
    /// The Slurm job that it belongs to.
    pub job: &'static JobKind,
    /// Looks at what it asks of models and settings, before any work begins.
    pub check: fn(&Context) -> Checks,
    /// What it takes: units, bytes, memory, seconds.
    pub cost: &'static StageCost,
}

/// Which parts of the model a stage runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelUse {
    /// None.
    Nothing,
    /// The image encoder.
    Encoder,
    /// All that generates images.
    Generator,
}

/// What a stage found of models and settings.
#[derive(Default)]
pub struct Checks {
    /// Why it would fail.
    pub errors: Vec<StageError>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Checks {
    /// Keeps the error of `result`, if it is one.
    pub(crate) fn require<T, E: Into<StageError>>(&mut self, result: Result<T, E>) {
        self.errors.extend(result.err().map(Into::into));
    }
}

/// The check of a stage that asks nothing.
pub(crate) fn no_check(_: &Context) -> Checks {
    Checks::default()
}

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
