//! The outcome of a stage, collected while its units run.

use super::cancel::Cancel;
use super::failure::UnitFailure;
use super::in_flight::InFlight;
use super::peers::PendingUnit;
use super::progress::StageProgress;
use super::stage::UnitError;
use super::summary::StageSummary;
use super::unit::UnitOutcome;
use crate::store::{Receipt, StoreError};
use std::collections::BTreeMap;

/// Receipts and failures of a stage.
pub(super) struct StageOutcome<E> {
    pub(super) summary: StageSummary,
    /// Receipts by unit.
    pub(super) receipts: BTreeMap<String, Receipt>,
    pub(super) failures: Vec<UnitFailure<E>>,
    /// Units that other workers have not done and that this process must not take.
    pub(super) missing: Vec<PendingUnit>,
    /// The error of the run directory that ended the stage.
    pub(super) lost: Option<StoreError>,
}

impl<E: UnitError> StageOutcome<E> {
    /// The outcome of a stage before its first unit, from the summary of earlier runs.
    pub(super) fn new(summary: StageSummary) -> Self {
        let receipts = BTreeMap::new();
        Self { summary, receipts, failures: Vec::new(), missing: Vec::new(), lost: None }
    }

    /// Counts the outcome of a unit.
    pub(super) fn count(
        &mut self,
        unit: UnitOutcome<E>,
        (in_flight, cancel): (&InFlight, &Cancel),
        bar: &StageProgress,
    ) {
        match unit {
            UnitOutcome::Done(receipt) => {
                in_flight.end();
                self.summary.add(&receipt);
                self.receipts.insert(receipt.unit.clone(), receipt);
            }
            UnitOutcome::DoneElsewhere(receipt) => self.found(receipt, bar),
            UnitOutcome::Missing(units) => self.missing = units,
            UnitOutcome::Lost(error) => self.lost = Some(error),
            // Units under way finish: they see the request themselves.
            UnitOutcome::Failed(_) if cancel.is_cancelled() => in_flight.end(),
            UnitOutcome::Failed(failure) => {
                in_flight.fail();
                self.failures.push(failure);
            }
        }
    }

    /// Counts a unit that another worker has done.
    pub(super) fn found(&mut self, receipt: Receipt, bar: &StageProgress) {
        bar.unit_done(receipt.samples);
        self.summary.elsewhere += 1;
        self.summary.add_of_others(&receipt);
        self.receipts.insert(receipt.unit.clone(), receipt);
    }

    /// The reason not to start more units, if there is one.
    pub(super) fn why_to_stop(&self) -> Option<String> {
        if let Some(error) = &self.lost {
            return Some(error.to_string());
        }
        let last = self.failures.last()?;
        self.is_hopeless(last).then(|| match last.error.to_string() {
            // A message of several lines is shown once, at the end.
            text if text.contains('\n') => {
                "no more units are started: every unit would fail for the reason below".to_owned()
            }
            text => text,
        })
    }

    /// Whether every other unit would fail for the same reason: the disk is full or gone, or all of the first three units
    /// failed for a shared cause, such as a model that can't be loaded. Three damaged shards are no shared cause.
    fn is_hopeless(&self, last: &UnitFailure<E>) -> bool {
        if last.error.concerns_all() {
            return true;
        }
        let [.., first, second, third] = self.failures.as_slice() else { return false };
        let shared = [first, second, third].into_iter().all(|failure| !failure.error.is_its_own());
        self.summary.processed == 0 && shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Cancelled;

    #[derive(Debug, Clone, Copy, thiserror::Error)]
    enum Cause {
        #[error("the disk is full")]
        Full,
        #[error("no model")]
        Model,
        #[error("the shard is cut off")]
        Shard,
    }
    use Cause::{Full, Model, Shard};

    impl From<StoreError> for Cause {
        fn from(_: StoreError) -> Self {
            Full
        }
    }

    impl From<Cancelled> for Cause {
        fn from(_: Cancelled) -> Self {
            Model
        }
    }

    impl UnitError for Cause {
        fn concerns_all(&self) -> bool {
            matches!(self, Full)
        }

        fn is_its_own(&self) -> bool {
            matches!(self, Shard)
        }
    }

    /// Whether failures of these causes, one a shard, end a stage of which `done` units are done.
    fn ends(causes: &[Cause], done: usize) -> bool {
        let summary = StageSummary {
            stage: "encode",
            units: causes.len(),
            processed: done,
            elsewhere: 0,
            samples: 0,
            skipped: 0,
            bytes: 0,
            seconds: 0.0,
        };
        let mut outcome = StageOutcome::new(summary);
        for (number, cause) in causes.iter().enumerate() {
            outcome.failures.push(UnitFailure {
                unit: format!("encode/part-{number:06}"),
                about: format!("train-{number}.tar"),
                error: *cause,
            });
        }
        outcome.why_to_stop().is_some()
    }

    #[test]
    fn what_fails_every_unit_ends_a_stage_and_three_broken_shards_do_not() {
        assert!(ends(&[Model; 3], 0) && !ends(&[Model; 3], 1) && !ends(&[Model; 2], 0));
        assert!(ends(&[Full], 9));
        assert!(!ends(&[Shard; 9], 0));
        assert!(!ends(&[Shard, Model, Model], 0) && ends(&[Shard, Model, Model, Model], 0));
        assert!(!ends(&[Model, Model, Shard], 0));
    }
}
