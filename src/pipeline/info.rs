//! The declaration of a stage.

use super::context::Context;
use super::error::StageError;
use crate::estimate::StageCost;
use crate::slurm::JobKind;

/// The declaration of a stage, from which commands, estimates, job scripts and reports derive all they know of the stage.
pub struct StageInfo {
    /// The name: also the folder of receipts, and the value of `--only`, `--from` and `--until`.
    pub name: &'static str,
    /// The kind of a unit, in the singular.
    pub unit: &'static str,
    /// Folders with the stage's results beside its own folder.
    pub folders: &'static [&'static str],
    /// Folders of views of the results, which have no receipts and may be deleted.
    pub views: &'static [&'static str],
    /// The parts of the text-to-image model that the stage runs.
    pub model: ModelUse,
    /// Whether the stage has no units under some settings, and is then not shown.
    pub optional: bool,
    /// Whether receipts may name skipped samples.
    pub leaves_out: bool,
    /// The Slurm job of the stage.
    pub job: &'static JobKind,
    /// Checks models and settings before any work.
    pub check: fn(&Context) -> Checks,
    /// The cost: units, bytes, memory, seconds.
    pub cost: &'static StageCost,
}

/// The parts of the model that a stage runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelUse {
    /// None.
    Nothing,
    /// The image encoder.
    Encoder,
    /// All parts that generate images.
    Generator,
}

/// The result of a stage's check.
#[derive(Default)]
pub struct Checks {
    /// Errors that would fail the stage.
    pub errors: Vec<StageError>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

impl Checks {
    /// Keeps the error of `result`, if it is one.
    pub(crate) fn require<T, E: Into<StageError>>(&mut self, result: Result<T, E>) {
        self.errors.extend(result.err().map(Into::into));
    }
}

/// The check of a stage without requirements.
pub(crate) fn no_check(_: &Context) -> Checks {
    Checks::default()
}
