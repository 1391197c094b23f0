//! One stage of a run: planned, then described, refused or worked on.

use super::{Driver, planning};
use crate::engine::{
    FlowError, Plan, Stage, StaleReason, StaleStage, UnitState, missing, plan, run_stage,
};
use crate::estimate::Standing;
use crate::pipeline::error::StageError;
use crate::pipeline::generate;
use crate::pipeline::{STAGES, position};
use crate::run::preflight::preflight;
use crate::run::staleness::{changed_settings, with_results};
use crate::store::{Receipt, RunRecord, StageRecord};
use std::collections::BTreeMap;

/// Where stages stand, in a dry run.
pub(crate) type Standings = Vec<Standing>;

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
        let mut plan = plan(stage, run_dir).map_err(|e| planning(name, e))?;
        if position(name) < *self.range.start() {
            self.refuse_incomplete(&plan)?;
        } else if plan.units.is_empty() {
            // A stage that is switched off.
            self.record.stages.insert(name.to_owned(), StageRecord { units: 0 });
        } else if let Some(standings) = &mut self.dry {
            let complete = plan.done() == plan.units.len() && plan.stale() == 0;
            standings.push(standing(&plan));
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
    fn try_again<S: Stage>(&mut self, stage: &S, plan: &mut Plan<S::Unit>) {
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
                .say(&format!("trying again: {name} ({about}), {faults} failed"));
            self.retried += 1;
        }
    }

    /// Does what is left of a stage, or refuses to where `force` is needed.
    async fn work<S>(
        &mut self,
        stage: &S,
        mut plan: Plan<S::Unit>,
    ) -> Result<BTreeMap<String, Receipt>, FlowError<StageError>>
    where
        S: Stage<Error = StageError>,
    {
        let (name, run_dir) = (stage.name(), self.state.options.run_dir);
        let units = StageRecord { units: plan.units.len() as u64 };
        if plan.done() < plan.units.len() || plan.stale() > 0 {
            // What depends on a retried image is made anew with it.
            let cured =
                self.state.options.retry_failed && position(name) > position(generate::INFO.name);
            if !(cured && plan.stale_reasons().iter().all(|r| matches!(r, StaleReason::Inputs(_))))
            {
                self.settle(&plan)?;
            }
            if !std::mem::replace(&mut self.checked, true) {
                let stages = &STAGES[position(name)..=*self.range.end()];
                let warnings =
                    preflight(&self.state.context, stages).map_err(|e| planning(name, e))?;
                warnings
                    .iter()
                    .for_each(|said| self.state.options.progress.say(&format!("warning: {said}")));
            }
            // Receipts of this stage and of those after it can be of other settings until they are planned: `status`
            // counts a stage that stands here. And only now, that results are about to be made from these settings.
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

    /// Has `run.json` say what this worker of several knows, and nothing less than it said: nothing is outdated then, and
    /// others may be further. All of them come here with the same words and at the same time, and object stores take about
    /// one write a second of an object; so the first one writes, and who can't goes on: only people read it meanwhile.
    pub(crate) fn share_record(&mut self) {
        // One that can't be read is written anew.
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
                .say(&format!("warning: {error}; `status` will count too little"));
        }
    }

    /// Before the first work: refuses, or with `force` says, what of all stages is of other settings or inputs. A run
    /// must not compute for hours and then refuse.
    fn settle<U>(&mut self, plan: &Plan<U>) -> Result<(), FlowError<StageError>> {
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
                .say(&format!("and of {after} what depends on bytes that come out otherwise"));
        }
        Ok(())
    }
}

impl Driver<'_> {
    /// A stage before the range must be complete, and made from today's settings.
    fn refuse_incomplete<U>(&self, plan: &Plan<U>) -> Result<(), FlowError<StageError>> {
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
                "only {done} of {units} units are done in {place}, and this command starts after it: \
                 run it first (--only {stage})"
            )),
        ))
    }
}

/// Adds to a worker's record what others have written meanwhile.
fn take_over(record: &mut RunRecord, there: &RunRecord) {
    for (stage, units) in &there.stages {
        record.stages.entry(stage.clone()).or_insert_with(|| units.clone());
    }
    // Noted at a worker's end, by reading the record again.
    record.runtime.clone_from(&there.runtime);
}

/// What of a planned stage is of other settings or inputs, if anything.
fn stale<U>(plan: &Plan<U>) -> Option<StaleStage> {
    let (stage, units, reasons) = (plan.stage, plan.stale(), plan.stale_reasons());
    (units > 0).then_some(StaleStage { stage, units, reasons })
}

/// The receipts of a plan of which all is done: they need not be read again.
fn receipts_of<U>(plan: Plan<U>) -> BTreeMap<String, Receipt> {
    let done = plan.units.into_iter().filter_map(|unit| match unit.state {
        UnitState::Done(receipt) => Some((unit.name, *receipt)),
        _ => None,
    });
    done.collect()
}

fn standing<U>(plan: &Plan<U>) -> Standing {
    let bytes = plan.units.iter().map(|unit| match &unit.state {
        UnitState::Done(receipt) => receipt.bytes(),
        _ => 0,
    });
    Standing {
        stage: plan.stage,
        units: plan.units.len() as u64,
        done: plan.done() as u64,
        stale: plan.stale() as u64,
        bytes: bytes.sum(),
    }
}

/// Where a stage stands, in a line.
pub(crate) fn describe(standing: &Standing) -> String {
    let Standing { stage, units, done, stale, .. } = standing;
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
