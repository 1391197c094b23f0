//! What has come of a stage so far.

use super::cancel::Cancel;
use super::failure::UnitFailure;
use super::here::Here;
use super::others::Wanted;
use super::progress::StageProgress;
use super::stage::UnitError;
use super::summary::StageSummary;
use super::unit::Turned;
use crate::store::{Receipt, StoreError};
use std::collections::BTreeMap;

/// Receipts and failures of a stage, as they come.
pub(super) struct Tally<E> {
    pub(super) summary: StageSummary,
    /// By unit.
    pub(super) receipts: BTreeMap<String, Receipt>,
    pub(super) failures: Vec<UnitFailure<E>>,
    /// What others have not done, and this process is not to do.
    pub(super) missing: Vec<Wanted>,
    /// Why it can't be known what is left.
    pub(super) lost: Option<StoreError>,
}

impl<E: UnitError> Tally<E> {
    /// Of a stage that begins where earlier runs left it.
    pub(super) fn new(summary: StageSummary) -> Self {
        let receipts = BTreeMap::new();
        Self { summary, receipts, failures: Vec::new(), missing: Vec::new(), lost: None }
    }

    /// Counts what came of a turn.
    pub(super) fn count(
        &mut self,
        turned: Turned<E>,
        (here, cancel): (&Here, &Cancel),
        bar: &StageProgress,
    ) {
        match turned {
            Turned::Done(receipt) => {
                here.end();
                self.summary.add(&receipt);
                self.receipts.insert(receipt.unit.clone(), receipt);
            }
            Turned::Found(receipt) => self.found(receipt, bar),
            Turned::Missing(units) => self.missing = units,
            Turned::Lost(error) => self.lost = Some(error),
            // The others under way are let finish: they see the request themselves.
            Turned::Failed(_) if cancel.is_cancelled() => here.end(),
            Turned::Failed(failure) => {
                here.fail();
                self.failures.push(failure);
            }
        }
    }

    /// Counts a unit that another worker has done.
    pub(super) fn found(&mut self, receipt: Receipt, bar: &StageProgress) {
        bar.unit_done();
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
    /// all alike, or none for a fault of its own (a model that can't be loaded). Three broken shards are no such cause.
    fn is_hopeless(&self, last: &UnitFailure<E>) -> bool {
        if last.error.concerns_all() {
            return true;
        }
        let [.., first, second, third] = self.failures.as_slice() else { return false };
        if self.summary.processed > 0 {
            return false;
        }
        let three = [first, second, third];
        let [one, another, last] = three.map(cause);
        (one == another && another == last) || !three.into_iter().any(is_its_own)
    }
}

/// What its stage calls the unit.
fn name<E>(failure: &UnitFailure<E>) -> &str {
    failure.unit.rsplit('/').next().unwrap_or_default()
}

/// What a failure says, its unit's name left out.
fn cause<E: UnitError>(failure: &UnitFailure<E>) -> String {
    let (text, name) = (failure.error.to_string(), name(failure));
    // A shard may be called what its unit is: then that is what is broken.
    if name.is_empty() || failure.about.contains(name) { text } else { text.replace(name, "") }
}

/// Whether a failure names its unit, or what that works on.
fn is_its_own<E: UnitError>(failure: &UnitFailure<E>) -> bool {
    let text = failure.error.to_string();
    let words = [name(failure), failure.about.as_str()];
    words.into_iter().any(|word| !word.is_empty() && text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::Cancelled;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(String);

    impl From<StoreError> for Said {
        fn from(error: StoreError) -> Self {
            Self(error.to_string())
        }
    }

    impl From<Cancelled> for Said {
        fn from(error: Cancelled) -> Self {
            Self(error.to_string())
        }
    }

    impl UnitError for Said {
        fn concerns_all(&self) -> bool {
            self.0 == "full"
        }
    }

    /// Whether failures of these texts, one a shard, end a stage of which `done` units are done.
    fn ends(texts: &[&str], done: usize) -> bool {
        let summary = StageSummary {
            stage: "encode",
            units: texts.len(),
            processed: done,
            elsewhere: 0,
            samples: 0,
            skipped: 0,
            bytes: 0,
            seconds: 0.0,
        };
        let mut tally = Tally::new(summary);
        for (number, text) in texts.iter().enumerate() {
            tally.failures.push(UnitFailure {
                unit: format!("encode/part-{number:06}"),
                about: format!("train-{number}.tar"),
                error: Said((*text).to_owned()),
            });
        }
        tally.why_to_stop().is_some()
    }

    #[test]
    fn what_fails_every_unit_ends_a_stage_and_three_broken_shards_do_not() {
        let model = ["no model"; 3];
        assert!(ends(&model, 0) && !ends(&model, 1) && !ends(&model[1..], 0));
        assert!(ends(&["full"], 9));
        let shards = ["train-0.tar is cut off", "train-1.tar is cut off", "train-2.tar is cut off"];
        assert!(!ends(&shards, 0));
        let mixed = ["train-0.tar is cut off", "no model", "no model"];
        assert!(!ends(&mixed, 0) && ends(&[&mixed[..], &["no model"]].concat(), 0));
        // Told of the unit's own files, and of no unit at all.
        assert!(ends(&["part-000000: denied", "part-000001: denied", "part-000002: denied"], 0));
        assert!(ends(&["5 images are blank", "6 images are blank", "7 images are blank"], 0));
    }
}
