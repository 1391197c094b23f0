//! What a stage is.

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

    /// What a person calls `unit`, where its name does not say it: the shard, the images. For errors.
    fn describe(&self, _unit: &Self::Unit) -> String {
        String::new()
    }

    /// Every input and setting that the outputs of `unit` depend on.
    ///
    /// # Errors
    /// If an input can't be examined.
    fn fingerprint(&self, unit: &Self::Unit) -> Result<Fingerprint, Self::Error>;

    /// Whether doing a unit again may cure `fault`, which its receipt carries. What fails without a receipt is done
    /// again by every run.
    fn can_cure(&self, _fault: &SampleFault) -> bool {
        false
    }

    /// About what `unit` costs, in any measure, next to the stage's other units: shares of several processes are balanced
    /// by it. Must be the same in every process.
    fn cost(&self, _unit: &Self::Unit) -> u64 {
        1
    }

    /// Units worked on at once.
    fn concurrency(&self) -> usize;

    /// Does one unit, writing files through `scope` only.
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
    /// Whether every other unit would fail for the same reason: the place they are written to is lost. Nothing more is
    /// begun then, for its results could not be kept.
    fn concerns_all(&self) -> bool {
        false
    }

    /// Whether what the unit works on is at fault (a damaged shard, a class without enough images), so that nothing is
    /// said of other units.
    fn is_its_own(&self) -> bool {
        false
    }
}

/// What a unit did, beside the files it wrote.
#[derive(Debug, Default)]
pub struct Done {
    /// Samples (images, rows) it produced.
    pub samples: u64,
    /// Samples it left out.
    pub faults: Vec<SampleFault>,
    /// What it decided, one line a step.
    pub log: Vec<String>,
    /// What later stages want to know of its files without reading them.
    pub contents: Contents,
}
