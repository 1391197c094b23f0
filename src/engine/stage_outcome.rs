//! What has come of a stage so far.

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

/// Receipts and failures of a stage, as they come.
pub(super) struct StageOutcome<E> {
    pub(super) summary: StageSummary,
    /// By unit.
    pub(super) receipts: BTreeMap<String, Receipt>,
    pub(super) failures: Vec<UnitFailure<E>>,
    /// What others have not done, and this process is not to do.
    pub(super) missing: Vec<PendingUnit>,
    /// Why it can't be known what is left.
    pub(super) lost: Option<StoreError>,
}

impl<E: UnitError> StageOutcome<E> {
    /// Of a stage that begins where earlier runs left it.
    pub(super) fn new(summary: StageSummary) -> Self {
        let receipts = BTreeMap::new();
        Self { summary, receipts, failures: Vec::new(), missing: Vec::new(), lost: None }
    }

    /// Counts what came of a turn.
    pub(super) fn count(
        &mut self,
        turned: UnitOutcome<E>,
        (in_flight, cancel): (&InFlight, &Cancel),
        bar: &StageProgress,
    ) {
        match turned {
            UnitOutcome::Done(receipt) => {
                in_flight.end();
                self.summary.add(&receipt);
                self.receipts.insert(receipt.unit.clone(), receipt);
            }
            UnitOutcome::Found(receipt) => self.found(receipt, bar),
            UnitOutcome::Missing(units) => self.missing = units,
            UnitOutcome::Lost(error) => self.lost = Some(error),
            // The others under way are let finish: they see the request themselves.
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

    /// Why nothing more should be begun, if so.
    pub(super) fn why_to_stop(&self) -> Option<String> {
        if let Some(error) = &self.lost {
            return Some(error.to_string());
        }
        let last = self.failures.last()?;
        self.is_hopeless(last).then(|| match last.error.to_string() {
            // A page is told once, at the end.
            text if text.contains('\n') => {
                "every other unit would fail for the reason below".to_owned()
            }
            text => text,
        })
    }

    /// Whether the same cause would fail every other unit: the disk is full or gone, or units only fail from the start,
    /// and none for a fault of its own (a model that can't be loaded). Three broken shards are no such cause.
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
