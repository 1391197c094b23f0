//! Plans a stage: which units are done, unfinished, or stale.

use super::peers::PendingUnit;
use super::stage::Stage;
use super::summary::StageSummary;
use crate::store::{Receipt, RunDir, StoreError};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The state of a unit.
#[derive(Debug, Clone, PartialEq)]
pub enum UnitState {
    /// The unit has a receipt with this fingerprint and complete outputs.
    Done(Box<Receipt>),
    /// The unit is not done.
    Missing,
    /// The unit was done with other settings or inputs.
    Stale(StaleReason, Box<Receipt>),
    /// The unit is done, but carries faults that another attempt may remove, and `--retry-failed` asks for one.
    Retry(Box<Receipt>),
}

/// The reason why a unit is stale.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum StaleReason {
    /// Settings changed: one line each.
    Settings(Vec<String>),
    /// Inputs changed, but no settings: the inputs' names, if the receipt has them.
    Inputs(Vec<String>),
    /// The stage no longer has this unit.
    Orphan,
}

/// One unit of a plan.
#[derive(Debug)]
pub struct PlannedUnit<U> {
    /// The unit.
    pub unit: U,
    /// `stage/name`.
    pub name: String,
    /// The digest of the current fingerprint.
    pub fingerprint: String,
    /// The settings of the fingerprint.
    pub settings: serde_json::Value,
    /// Short digests of the inputs.
    pub inputs: BTreeMap<String, String>,
    /// The state of the unit.
    pub state: UnitState,
}

impl<U> PlannedUnit<U> {
    /// The unit as other workers know it: its name and fingerprint.
    pub(super) fn pending(&self) -> PendingUnit {
        PendingUnit { name: self.name.clone(), fingerprint: self.fingerprint.clone() }
    }
}

/// The plan of a stage: its units with their states.
#[derive(Debug)]
pub struct StagePlan<U> {
    /// The stage.
    pub stage: &'static str,
    /// The units, in order.
    pub units: Vec<PlannedUnit<U>>,
    /// Receipts of units that the stage no longer has.
    pub orphans: Vec<Receipt>,
}

impl<U> StagePlan<U> {
    /// Units that are done.
    pub fn done(&self) -> usize {
        self.units.iter().filter(|u| matches!(u.state, UnitState::Done(_))).count()
    }

    /// Units that are stale, orphans counted.
    pub fn stale(&self) -> usize {
        let stale = self.units.iter().filter(|u| matches!(u.state, UnitState::Stale(..))).count();
        stale + self.orphans.len()
    }

    /// Why units are stale, each reason once.
    pub fn stale_reasons(&self) -> Vec<StaleReason> {
        let mut reasons: BTreeSet<StaleReason> = self
            .units
            .iter()
            .filter_map(|u| match &u.state {
                UnitState::Stale(reason, _) => Some(reason.clone()),
                _ => None,
            })
            .collect();
        if !self.orphans.is_empty() {
            reasons.insert(StaleReason::Orphan);
        }
        reasons.into_iter().collect()
    }
}

impl<U> StagePlan<U> {
    /// Marks done units for another attempt where their faults may not occur again.
    pub fn retry<S: Stage<Unit = U>>(&mut self, stage: &S) {
        for planned in &mut self.units {
            if let UnitState::Done(receipt) = &planned.state
                && receipt.faults.iter().any(|fault| stage.can_succeed_again(fault))
            {
                planned.state = UnitState::Retry(receipt.clone());
            }
        }
    }

    /// Units marked for another attempt, with their receipts.
    pub fn retried(&self) -> impl Iterator<Item = (&U, &Receipt)> {
        self.units.iter().filter_map(|planned| match &planned.state {
            UnitState::Retry(receipt) => Some((&planned.unit, receipt.as_ref())),
            _ => None,
        })
    }

    /// Removes all files and receipts of stale and retried units before any unit is redone. Otherwise an old file could pass
    /// for a result, or an old receipt for the receipt of a file that another unit has rewritten.
    ///
    /// # Errors
    /// If a file can't be removed.
    pub fn discard_outdated(&mut self, run_dir: &RunDir) -> Result<(), StoreError> {
        for planned in &mut self.units {
            if let UnitState::Stale(_, receipt) | UnitState::Retry(receipt) = &planned.state {
                run_dir.discard(receipt)?;
                planned.state = UnitState::Missing;
            }
        }
        self.orphans.drain(..).try_for_each(|receipt| run_dir.discard(&receipt))
    }
}

/// Compares the units of `stage` with the receipts in `run_dir`, on all cores.
///
/// # Errors
/// If the units can't be listed or a receipt not read.
pub fn plan_stage<S: Stage>(stage: &S, run_dir: &RunDir) -> Result<StagePlan<S::Unit>, S::Error> {
    let mut receipts = run_dir.receipts(stage.name())?;
    let mut units = Vec::new();
    for unit in stage.units()? {
        let name = format!("{}/{}", stage.name(), stage.unit_name(&unit));
        let receipt = receipts.remove(&name);
        units.push((unit, name, receipt));
    }
    let planned = units.into_par_iter().map(|(unit, name, receipt)| {
        let today = stage.fingerprint(&unit)?;
        let fingerprint = today.digest(stage.name());
        let state = match receipt {
            None => UnitState::Missing,
            Some(r) if r.fingerprint != fingerprint => {
                let changes = today.changes_since(&r.settings);
                let reason = match changes.is_empty() {
                    true => StaleReason::Inputs(today.inputs_changed_since(&r.inputs)),
                    false => StaleReason::Settings(changes),
                };
                UnitState::Stale(reason, Box::new(r))
            }
            Some(r) if run_dir.outputs_present(&r)? => UnitState::Done(Box::new(r)),
            Some(_) => UnitState::Missing,
        };
        let inputs = today.input_digests();
        Ok(PlannedUnit { unit, name, fingerprint, settings: today.settings, inputs, state })
    });
    let units = planned.collect::<Result<Vec<_>, S::Error>>()?;
    Ok(StagePlan { stage: stage.name(), units, orphans: receipts.into_values().collect() })
}
/// The summary of the units that earlier runs did.
pub(super) fn summary_of<U>(plan: &StagePlan<U>) -> StageSummary {
    let mut summary = StageSummary {
        stage: plan.stage,
        units: plan.units.len(),
        processed: 0,
        elsewhere: 0,
        samples: 0,
        skipped: 0,
        bytes: 0,
        seconds: 0.0,
    };
    for unit in &plan.units {
        if let UnitState::Done(receipt) = &unit.state {
            summary.add_of_others(receipt);
        }
    }
    summary
}
