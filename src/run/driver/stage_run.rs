//! One stage of a run: planned, then described, refused or run.

use super::{Driver, planning};
use crate::engine::{
    FlowError, Stage, StagePlan, StaleReason, StaleStage, UnitState, missing, plan_stage, run_stage,
};
use crate::estimate::StageStatus;
use crate::pipeline::error::StageError;
use crate::pipeline::generate;
use crate::pipeline::{STAGES, position};
use crate::run::preflight::preflight;
use crate::run::staleness::{changed_settings, with_results};
use crate::store::{Receipt, RunRecord, StageRecord};
use std::collections::BTreeMap;

/// The status of each stage, in a dry run.
pub(crate) type StageStatuses = Vec<StageStatus>;

/// The receipts of a complete stage; `None` where the walk ends after it.
type Finished = Option<BTreeMap<String, Receipt>>;

impl Driver<'_> {
    /// Plans a stage and, within the range, runs it (or, in a dry run, describes it).
    pub(crate) async fn stage<S>(&mut self, stage: &S) -> Result<Finished, FlowError<StageError>>
    where
        S: Stage<Error = StageError>,
    {
        let (name, run_dir) = (stage.name(), self.state.options.run_dir);
        if position(name) > *self.range.end() {
            return Ok(None);
        }
        let mut plan = plan_stage(stage, run_dir).map_err(|e| planning(name, e))?;
        if position(name) < *self.range.start() {
            self.refuse_incomplete(&plan)?;
        } else if plan.units.is_empty() {
            // A stage that is switched off.
            self.record.stages.insert(name.to_owned(), StageRecord { units: 0 });
        } else if let Some(statuses) = &mut self.dry {
            let complete = plan.done() == plan.units.len() && plan.stale() == 0;
            statuses.push(status(&plan));
            if !complete {
                return Ok(None);
            }
        } else {
            self.try_again(stage, &mut plan);
            return self.work(stage, plan).await.map(Some);
        }
        Ok(Some(receipts_of(plan)))
    }

    /// With `retry_failed`: has units done again whose faults may be cured, and says which.
    fn try_again<S: Stage>(&mut self, stage: &S, plan: &mut StagePlan<S::Unit>) {
        if !self.state.options.retry_failed {
            return;
        }
        plan.retry(stage);
        for (unit, receipt) in plan.retried() {
            let (faults, name) = (receipt.faults.len(), &receipt.unit);
            let about = stage.describe(unit);
            self.state
                .options
                .progress
                .say(&format!("retrying {name} ({about}): {faults} failed images"));
            self.retried += 1;
        }
    }

    /// Runs the unfinished units of a stage, or refuses where `force` is needed.
    async fn work<S>(
        &mut self,
        stage: &S,
        mut plan: StagePlan<S::Unit>,
    ) -> Result<BTreeMap<String, Receipt>, FlowError<StageError>>
    where
        S: Stage<Error = StageError>,
    {
        let (name, run_dir) = (stage.name(), self.state.options.run_dir);
        let units = StageRecord { units: plan.units.len() as u64 };
        if plan.done() < plan.units.len() || plan.stale() > 0 {
            // Results that depend on a retried image are redone with the image.
            let follows_retry =
                self.state.options.retry_failed && position(name) > position(generate::INFO.name);
            if !(follows_retry
                && plan.stale_reasons().iter().all(|r| matches!(r, StaleReason::Inputs(_))))
            {
                self.settle(&plan)?;
            }
            if !std::mem::replace(&mut self.checked, true) {
                let stages = &STAGES[position(name)..=*self.range.end()];
                let warnings =
                    preflight(&self.state.context, stages).map_err(|e| planning(name, e))?;
                warnings
                    .iter()
                    .for_each(|text| self.state.options.progress.say(&format!("warning: {text}")));
            }
            // `status` counts the stages in the record. Receipts of this stage and later ones may be of other settings until
            // they are planned, so these stages are removed now that results of these settings begin.
            self.record.stages.retain(|stage, _| position(stage) < position(name));
            if self.state.options.worker.is_none() {
                run_dir.write_record(&self.record)?;
            }
            plan.discard_outdated(run_dir)?;
            self.record.stages.insert(name.to_owned(), units.clone());
            match &self.state.options.worker {
                None => run_dir.write_record(&self.record)?,
                Some(_) => self.share_record(),
            }
        }
        self.record.stages.insert(name.to_owned(), units);
        let done = run_stage(stage, plan, self.state.options).await?;
        self.outcome.stages.push(done.summary);
        Ok(done.receipts)
    }

    /// Adds this worker's stages to `run.json`, and keeps the stages that other workers have added. All workers come here
    /// with the same record at the same time, and object stores take about one write a second of an object: the first
    /// worker writes, and a worker that can't write goes on, since only people read the record meanwhile.
    pub(crate) fn share_record(&mut self) {
        // An unreadable record is replaced.
        if let Ok(there) = self.state.options.run_dir.record() {
            take_over(&mut self.record, &there);
            if self.record == there {
                return;
            }
        }
        if let Err(error) = self.state.options.run_dir.write_record(&self.record) {
            self.state
                .options
                .progress
                .say(&format!("warning: {error}; `coda-pipe status` will count too few units"));
        }
    }

    /// Refuses, or with `force` reports, results of all stages that were made from other settings or inputs. Called before the
    /// first unit: a run must not compute for hours and then refuse.
    fn settle<U>(&mut self, plan: &StagePlan<U>) -> Result<(), FlowError<StageError>> {
        let (at, end) = (position(plan.stage), *self.range.end());
        let mut stages: Vec<StaleStage> = stale(plan).into_iter().collect();
        if self.settled && (stages.is_empty() || self.state.options.force) {
            return Ok(());
        }
        let later = &STAGES[(at + 1).min(end + 1)..=end];
        let later: Vec<&'static str> = later.iter().map(|stage| stage.name).collect();
        stages.extend(
            changed_settings(&self.state.context, &later).map_err(|e| planning(plan.stage, e))?,
        );
        self.settled = true;
        let Some(first) = stages.first().map(|stale| position(stale.stage)) else { return Ok(()) };
        let after: Vec<_> = later.iter().copied().filter(|stage| position(stage) > first).collect();
        let mut after = with_results(self.state.options.run_dir, &after)
            .map_err(|e| planning(plan.stage, e))?;
        after.retain(|stage| stages.iter().all(|stale| stale.stage != *stage));
        if !self.state.options.force {
            return Err(FlowError::Stale { stages, after });
        }
        for stale in stages {
            self.state.options.progress.say(&format!("redone by --force: {stale}"));
        }
        if !after.is_empty() {
            let after = after.join(", ");
            self.state
                .options
                .progress
                .say(&format!("and the results of {after} that depend on changed files"));
        }
        Ok(())
    }
}

impl Driver<'_> {
    /// Refuses a stage before the range that is incomplete or was made from other settings.
    fn refuse_incomplete<U>(&self, plan: &StagePlan<U>) -> Result<(), FlowError<StageError>> {
        if let Some(stale) = stale(plan) {
            return Err(FlowError::Stale { stages: vec![stale], after: Vec::new() });
        }
        let (run_dir, stage, units) = (self.state.options.run_dir, plan.stage, plan.units.len());
        let undone = plan.units.iter().filter(|unit| !matches!(unit.state, UnitState::Done(_)));
        let names: Vec<String> = undone.map(|unit| unit.name.clone()).collect();
        if names.is_empty() {
            return Ok(());
        }
        if self.state.options.worker.is_some() {
            let missing = missing(run_dir, stage, &names)?;
            return Err(FlowError::Incomplete { stage, units, missing });
        }
        let (done, place) = (units - names.len(), run_dir.root().display());
        Err(planning(
            stage,
            StageError::Other(format!(
                "only {done} of {units} units are done in {place}, and this command starts after this stage: \
                 run the stage first (--only {stage})"
            )),
        ))
    }
}

/// Adds the stages that other workers have recorded meanwhile to a worker's record.
fn take_over(record: &mut RunRecord, there: &RunRecord) {
    for (stage, units) in &there.stages {
        record.stages.entry(stage.clone()).or_insert_with(|| units.clone());
    }
    // Noted at a worker's end, by reading the record again.
    record.runtime.clone_from(&there.runtime);
}

/// The part of a planned stage that was made from other settings or inputs, if any.
fn stale<U>(plan: &StagePlan<U>) -> Option<StaleStage> {
    let (stage, units, reasons) = (plan.stage, plan.stale(), plan.stale_reasons());
    (units > 0).then_some(StaleStage { stage, units, reasons })
}

/// The receipts of a finished plan, which need not be read again.
fn receipts_of<U>(plan: StagePlan<U>) -> BTreeMap<String, Receipt> {
    let done = plan.units.into_iter().filter_map(|unit| match unit.state {
        UnitState::Done(receipt) => Some((unit.name, *receipt)),
        _ => None,
    });
    done.collect()
}

fn status<U>(plan: &StagePlan<U>) -> StageStatus {
    let bytes = plan.units.iter().map(|unit| match &unit.state {
        UnitState::Done(receipt) => receipt.bytes(),
        _ => 0,
    });
    StageStatus {
        stage: plan.stage,
        units: plan.units.len() as u64,
        done: plan.done() as u64,
        stale: plan.stale() as u64,
        bytes: bytes.sum(),
    }
}

/// The status of a stage, in one line.
pub(crate) fn describe(status: &StageStatus) -> String {
    let StageStatus { stage, units, done, stale, .. } = status;
    let head = format!("{stage:<9} {units} units: {done} done");
    match (units - done.min(units), *stale) {
        (0, 0) => format!("{head}, nothing to do"),
        (left, 0) => format!("{head}, {left} to do"),
        (left, stale) => {
            format!("{head}, {left} to do, {stale} of other settings or inputs (needs --force)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(stages: &[(&str, u64)], runtime: &str) -> RunRecord {
        let stages = stages.iter().map(|(stage, units)| ((*stage).to_owned(), *units));
        let stages = stages.map(|(stage, units)| (stage, StageRecord { units })).collect();
        RunRecord { stages, runtime: runtime.into(), ..RunRecord::default() }
    }

    #[test]
    fn workers_agree_on_the_record_so_that_one_of_them_writes_it() {
        let mut first = record(&[("encode", 2)], "");
        let there = record(&[], "of before");
        take_over(&mut first, &there);
        assert!(first != there, "it is to be written");
        let mut second = record(&[("encode", 2)], "");
        take_over(&mut second, &first);
        assert_eq!(second, first);
        let further = record(&[("discover", 3), ("encode", 2)], "of before");
        take_over(&mut second, &further);
        assert_eq!(second, further);
    }
}
