//! What a stage declares of itself.

use super::context::Context;
use super::error::StageError;
use crate::estimate::StageCost;
use crate::slurm::JobKind;

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
