//! The samples and shards that a run skipped, from receipts and failures: the rows of `quarantine.parquet`.

use super::error::StageError;
use crate::engine::{FlowError, UnitFailure};
use crate::store::tables::{QuarantineRow, write_quarantine};
use crate::store::{Receipt, RunDir, SampleFault, StoreError};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The list of skipped samples and shards.
const LIST: &str = "quarantine.parquet";

/// The bad samples of one shard, in order.
pub(crate) struct ShardFaults {
    state: Mutex<State>,
    /// Allowed bad samples in a row; 0 for any number.
    limit: usize,
}

#[derive(Default)]
struct State {
    faults: Vec<SampleFault>,
    in_a_row: usize,
}

impl ShardFaults {
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), limit }
    }

    /// A sample was good.
    pub(crate) fn good(&self) {
        self.lock().in_a_row = 0;
    }

    /// A sample was bad.
    ///
    /// # Errors
    /// After too many bad samples in a row: then the shard is wrong, not a sample.
    pub(crate) fn bad(&self, fault: SampleFault) -> Result<(), StageError> {
        let mut state = self.lock();
        state.in_a_row += 1;
        if self.limit > 0 && state.in_a_row > self.limit {
            return Err(StageError::OfShard(format!(
                "shard {}: {} bad samples in a row, and [data] max_consecutive_bad allows {}; the last is {}: {}\n  \
                 repair the shard or remove it from [data] shards, or raise the limit: --set max_consecutive_bad=…",
                fault.shard, state.in_a_row, self.limit, fault.key, fault.reason
            )));
        }
        state.faults.push(fault);
        Ok(())
    }

    pub(crate) fn take(&self) -> Vec<SampleFault> {
        std::mem::take(&mut self.lock().faults)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is never half changed, so a poisoned lock is still valid.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bad samples and the unreadable shards of `receipts`.
///
/// # Errors
/// If more than `allowed` shards are unreadable.
pub(crate) fn bad_samples<'a>(
    receipts: impl Iterator<Item = &'a Receipt>,
    allowed: usize,
) -> Result<(Vec<SampleFault>, Vec<SampleFault>), StageError> {
    let faults = receipts.flat_map(|receipt| receipt.faults.clone());
    let (shards, samples): (Vec<SampleFault>, Vec<SampleFault>) =
        faults.partition(|fault| fault.whole_shard);
    if shards.len() <= allowed {
        return Ok((samples, shards));
    }
    let mut text = format!(
        "{} shards could not be read and [data] max_bad_shards allows {allowed}:",
        shards.len()
    );
    for fault in shards.iter().take(10) {
        text.push_str(&format!("\n  {}: {}", fault.shard, fault.reason));
    }
    if shards.len() > 10 {
        text.push_str(&format!("\n  … and {} more, in quarantine.parquet", shards.len() - 10));
    }
    text.push_str(
        "\nrepair these shards or remove them from [data] shards, or raise the limit: --set max_bad_shards=… \
         (encoded shards are kept)",
    );
    Err(StageError::Other(text))
}

/// The error of a run with these `faults`.
pub(crate) fn too_many_bad(faults: &[SampleFault], seen: u64, allowed: u64) -> StageError {
    let mut text = format!(
        "{} of {seen} samples are bad and [data] max_bad allows {allowed}; all are listed in quarantine.parquet:",
        faults.len()
    );
    for fault in faults.iter().take(5) {
        let sample = if fault.key.is_empty() { String::new() } else { format!("{}: ", fault.key) };
        text.push_str(&format!("\n  {}: {sample}{}", fault.shard, fault.reason));
    }
    text.push_str(
        "\nrepair the data, or raise the limit: --set max_bad=… (encoded shards are kept)",
    );
    StageError::Other(text)
}

/// Rows for the faults of `receipts`.
pub(crate) fn rows<'a>(
    stage: &str,
    receipts: impl Iterator<Item = &'a Receipt>,
) -> Vec<QuarantineRow> {
    receipts.flat_map(|receipt| &receipt.faults).map(|fault| row(stage, fault)).collect()
}

/// The row of one fault.
pub(crate) fn row(stage: &str, fault: &SampleFault) -> QuarantineRow {
    let SampleFault { shard, key, reason, whole_shard: _ } = fault.clone();
    QuarantineRow { shard, key, stage: stage.to_owned(), reason }
}

/// Rows for the shards that could not be encoded at all.
pub(crate) fn failed_shards(stage: &str, error: &FlowError<StageError>) -> Vec<QuarantineRow> {
    let FlowError::Units { failures, .. } = error else { return Vec::new() };
    let row = |failure: &UnitFailure<StageError>| QuarantineRow {
        shard: failure.about.clone(),
        key: String::new(),
        stage: stage.to_owned(),
        reason: failure.error.to_string(),
    };
    failures.iter().map(row).collect()
}

/// Writes the list, each row once.
///
/// # Errors
/// If it can't be written.
pub(crate) fn write_list(run_dir: &RunDir, mut rows: Vec<QuarantineRow>) -> Result<(), StoreError> {
    let mut seen = std::collections::HashSet::new();
    rows.retain(|row| {
        seen.insert((row.stage.clone(), row.shard.clone(), row.key.clone(), row.reason.clone()))
    });
    write_quarantine(&run_dir.path(LIST), run_dir.root(), &rows)?;
    run_dir.publish_file(LIST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(key: &str) -> SampleFault {
        SampleFault {
            shard: "a.tar".into(),
            key: key.into(),
            reason: "no image".into(),
            whole_shard: false,
        }
    }

    #[test]
    fn shards_of_which_nothing_was_read_count_apart_from_bad_samples() {
        let receipt = |faults: Vec<SampleFault>| Receipt {
            version: Receipt::VERSION,
            unit: "encode/part-000000".into(),
            fingerprint: String::new(),
            settings: serde_json::Value::Null,
            inputs: std::collections::BTreeMap::new(),
            outputs: Vec::new(),
            contents: Default::default(),
            samples: 0,
            faults,
            log: Vec::new(),
            seconds: 0.0,
        };
        let lost = || SampleFault { whole_shard: true, ..fault("") };
        let receipts = [receipt(vec![fault("a"), fault("b")]), receipt(vec![lost()])];
        let (samples, shards) = bad_samples(receipts.iter(), 1).unwrap();
        assert_eq!((samples.len(), shards.len()), (2, 1));
        let message = bad_samples(receipts.iter(), 0).unwrap_err().to_string();
        assert!(message.contains("1 shards") && message.contains("a.tar: no image"), "{message}");
        assert!(message.contains("--set max_bad_shards="), "{message}");
    }

    #[test]
    fn only_bad_samples_in_a_row_count_towards_the_limit() {
        let faults = ShardFaults::new(2);
        for _ in 0..3 {
            assert!(faults.bad(fault("x")).is_ok() && faults.bad(fault("y")).is_ok());
            faults.good();
        }
        assert!(faults.bad(fault("1")).is_ok() && faults.bad(fault("2")).is_ok());
        let message = faults.bad(fault("3")).unwrap_err().to_string();
        assert!(message.contains("a.tar: 3 bad samples in a row") && message.contains("allows 2"));
        assert_eq!(faults.take().len(), 8);
        let off = ShardFaults::new(0);
        assert!((0..1000).all(|_| off.bad(fault("x")).is_ok()));
    }
}
