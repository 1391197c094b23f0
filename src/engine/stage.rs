//! The trait of stages: what the planner and the runner know of a stage.

use super::cancel::Cancelled;
use super::fingerprint::Fingerprint;
use super::scope::Scope;
use crate::store::{Contents, SampleFault, StoreError};

/// A stage: a list of units, each independent of the others, each leaving files. The runner owns everything else, so a
/// stage has no checkpoint code to get wrong.
pub trait Stage: Send + Sync {
    /// What one worker takes: a shard, a class, a batch of images.
    type Unit: Send + Sync;
    /// Why a unit fails.
    type Error: UnitError;

    /// Its name: also its folder in the run directory.
    fn name(&self) -> &'static str;

    /// All its units, in a fixed order. Called when the stages before it are complete.
    ///
    /// # Errors
    /// If what they left can't be read.
    fn units(&self) -> Result<Vec<Self::Unit>, Self::Error>;

    /// A name for `unit`, unique in the stage and usable as a file name.
    fn unit_name(&self, unit: &Self::Unit) -> String;

    /// The shard or images of `unit` for error messages, where the unit's name does not tell them.
    fn describe(&self, _unit: &Self::Unit) -> String {
        String::new()
    }

    /// Every input and setting that the outputs of `unit` depend on.
    ///
    /// # Errors
    /// If an input can't be examined.
    fn fingerprint(&self, unit: &Self::Unit) -> Result<Fingerprint, Self::Error>;

    /// Whether another attempt at a unit may succeed where its receipt has `fault`. Units that fail without a receipt are
    /// repeated by every run.
    fn can_succeed_again(&self, _fault: &SampleFault) -> bool {
        false
    }

    /// The approximate cost of `unit` relative to the stage's other units. Workers' shares are balanced by costs, so every
    /// process must compute the same cost.
    fn cost(&self, _unit: &Self::Unit) -> u64 {
        1
    }

    /// The number of units processed at once.
    fn concurrency(&self) -> usize;

    /// Processes one unit; writes files only through `scope`.
    fn process(
        &self,
        unit: &Self::Unit,
        scope: &Scope,
    ) -> impl Future<Output = Result<Done, Self::Error>> + Send;
}

/// Why a unit fails.
pub trait UnitError:
    std::error::Error + From<StoreError> + From<Cancelled> + Send + Sync + 'static
{
    /// Whether every other unit would fail for the same reason, as when the run directory is lost. No more units are started
    /// then, since their results could not be kept.
    fn concerns_all(&self) -> bool {
        false
    }

    /// Whether the unit's own input is at fault (a damaged shard, a class without enough images): other units may succeed.
    fn is_its_own(&self) -> bool {
        false
    }
}

/// The result of a unit beside its files.
#[derive(Debug, Default)]
pub struct Done {
    /// Samples (images, rows) that the unit produced.
    pub samples: u64,
    /// Samples that the unit skipped.
    pub faults: Vec<SampleFault>,
    /// The unit's decisions, one line a step.
    pub log: Vec<String>,
    /// What later stages need of the unit's files without reading the files.
    pub contents: Contents,
}
