//! The progress of other workers in a stage.

use crate::store::{Receipt, RunDir, StoreError, WorkerSession};
use std::collections::HashSet;

/// A unit that is not done.
#[derive(Debug, Clone)]
pub(super) struct PendingUnit {
    /// `stage/name`.
    pub(super) name: String,
    /// The current digest of its fingerprint.
    pub(super) fingerprint: String,
}

/// The units that other workers have done or are processing, by number.
pub(super) struct PeerProgress {
    pub(super) done: Vec<(usize, Receipt)>,
    pub(super) under_way: HashSet<usize>,
}

/// Checks all units of `left` with one listing: single requests to an object store would take minutes for thousands of
/// units.
pub(super) fn peer_progress(
    run_dir: &RunDir,
    member: &WorkerSession,
    stage: &str,
    left: Vec<(usize, PendingUnit)>,
) -> Result<PeerProgress, StoreError> {
    let now = run_dir.snapshot(stage)?;
    let among = |names: Vec<String>| {
        let there: HashSet<String> = names.into_iter().collect();
        let names = left.iter().map(|(_, unit)| &unit.name);
        names.filter(|name| there.contains(*name)).cloned().collect()
    };
    let mut read = run_dir.receipts_of(stage, among(now.receipts))?;
    let at_work = member.under_way(among(now.claims))?;
    let mut seen = PeerProgress { done: Vec::new(), under_way: HashSet::new() };
    for (at, unit) in left {
        match current_receipt(read.remove(&unit.name), &unit, run_dir)? {
            Some(receipt) => seen.done.push((at, receipt)),
            None if at_work.contains(&unit.name) => {
                seen.under_way.insert(at);
            }
            None => {}
        }
    }
    Ok(seen)
}

/// The receipt of `unit` if the unit is done with the current inputs.
pub(super) fn finished(
    run_dir: &RunDir,
    unit: &PendingUnit,
) -> Result<Option<Receipt>, StoreError> {
    current_receipt(run_dir.receipt(&unit.name)?, unit, run_dir)
}

/// `receipt`, if its fingerprint is current and its files exist.
fn current_receipt(
    receipt: Option<Receipt>,
    unit: &PendingUnit,
    run_dir: &RunDir,
) -> Result<Option<Receipt>, StoreError> {
    match receipt.filter(|receipt| receipt.fingerprint == unit.fingerprint) {
        Some(receipt) if run_dir.outputs_present(&receipt)? => Ok(Some(receipt)),
        _ => Ok(None),
    }
}

/// Checks missing units once more: returns the receipts of units done meanwhile, and describes the others by [`missing`].
pub(super) fn check_again(
    run_dir: &RunDir,
    stage: &str,
    units: Vec<PendingUnit>,
) -> Result<(Vec<Receipt>, Vec<String>), StoreError> {
    let there: HashSet<String> = run_dir.snapshot(stage)?.receipts.into_iter().collect();
    let (mut done, mut left) = (Vec::new(), Vec::new());
    for unit in units {
        let receipt = if there.contains(&unit.name) { finished(run_dir, &unit)? } else { None };
        match receipt {
            Some(receipt) => done.push(receipt),
            None => left.push(unit.name),
        }
    }
    Ok((done, missing(run_dir, stage, &left)?))
}

/// The units of `names`, each with the worker that has claimed it.
///
/// # Errors
/// If the claims can't be read.
pub fn missing(run_dir: &RunDir, stage: &str, names: &[String]) -> Result<Vec<String>, StoreError> {
    let claims = run_dir.claims(stage)?;
    let about = |name: &String| match claims.get(name) {
        Some(worker) => format!("{name} (claimed by worker {worker})"),
        None => format!("{name} (not started)"),
    };
    Ok(names.iter().map(about).collect())
}
