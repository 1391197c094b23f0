//! Everything together, stage by stage.

use super::memory::{Footprint, memory};
use super::per_stage::PerStage;
use super::recorded::Recorded;
use super::sizes::{Sizes, bytes, receipts};
use super::work::Work;
use serde::Serialize;
use std::collections::BTreeMap;

/// Where a stage stands.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// The stage.
    pub stage: &'static str,
    /// Its units.
    pub units: u64,
    /// Those that are done.
    pub done: u64,
    /// Units with results of other settings or inputs.
    pub stale: u64,
    /// Bytes that the done ones left.
    pub bytes: u64,
}

/// What a stage will take.
#[derive(Debug, Clone, Serialize)]
pub struct StageForecast {
    /// The stage.
    pub stage: &'static str,
    /// Its units.
    pub units: u64,
    /// Those that are done; none are known to be while a stage before it isn't.
    pub done: u64,
    /// Units with results of other settings or inputs, which `--force` would redo.
    pub stale: u64,
    /// Bytes of its outputs when all is done.
    pub bytes: u64,
    /// Bytes still to be written, receipts counted.
    pub bytes_left: u64,
    /// The most host memory it takes.
    pub memory_bytes: u64,
    /// Seconds that are left, if they are known.
    pub seconds: Option<f64>,
    /// Where the seconds come from: `measured` or `recorded`.
    pub basis: Option<&'static str>,
}

/// All stages together.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Totals {
    /// Bytes of all outputs and receipts when all is done.
    pub bytes: u64,
    /// Bytes still to be written.
    pub bytes_left: u64,
    /// The most host memory of any stage.
    pub memory_bytes: u64,
    /// Seconds that are left, if those of every stage are known.
    pub seconds: Option<f64>,
    /// Hours of all devices together in the stages that use them.
    pub device_hours: Option<f64>,
}

/// What is known of times.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// From nothing to the end, by measurement.
    pub measured: PerStage<Option<f64>>,
    /// By earlier runs in the same directory.
    pub recorded: BTreeMap<String, Recorded>,
    /// Devices that work at once.
    pub devices: f64,
}

/// Stages that the devices are kept for.
const ON_DEVICES: [&str; 3] = ["encode", "anchor", "generate"];

/// What is left of `stages`, in their order; of those that are not in `standings`, everything.
pub fn stages(
    names: &[&'static str],
    work: &Work,
    sizes: &Sizes,
    footprint: &Footprint,
    standings: &[Standing],
    times: &Times,
) -> Vec<StageForecast> {
    let (bytes, receipts) = (bytes(work, sizes), receipts(work, sizes));
    let (memory, units) = (memory(work, footprint), work.units());
    let one = |stage: &'static str| {
        let known = standings.iter().find(|standing| standing.stage == stage);
        let all = known.map_or(*units.get(stage)?, |known| known.units);
        let done = known.map_or(0, |known| known.done);
        let left = (all - done.min(all)) as f64 / all.max(1) as f64;
        let outputs_left = bytes.get(stage)? * left;
        let recorded = times.recorded.get(stage).and_then(|r| r.seconds_for(all - done.min(all)));
        let measured = times.measured.get(stage).copied().flatten().map(|all| all * left);
        let (seconds, basis) = match (left == 0.0, measured, recorded) {
            (true, ..) => (Some(0.0), None),
            (_, Some(seconds), _) => (Some(seconds), Some("measured")),
            (_, None, Some(seconds)) => (Some(seconds), Some("recorded")),
            (_, None, None) => (None, None),
        };
        Some(StageForecast {
            stage,
            units: all,
            done,
            stale: known.map_or(0, |known| known.stale),
            bytes: known.map_or(0, |known| known.bytes) + outputs_left as u64,
            bytes_left: (outputs_left + receipts.get(stage)? * left) as u64,
            memory_bytes: *memory.get(stage)? as u64,
            seconds,
            basis,
        })
    };
    names.iter().filter_map(|name| one(name)).filter(|stage| stage.units > 0).collect()
}

/// The stages' sum.
pub fn totals(stages: &[StageForecast], work: &Work, sizes: &Sizes, devices: f64) -> Totals {
    let receipts = receipts(work, sizes);
    let records = |stage: &StageForecast| receipts.get(stage.stage).copied().unwrap_or(0.0) as u64;
    let seconds = |only: &dyn Fn(&str) -> bool| {
        let of = stages.iter().filter(|stage| only(stage.stage)).map(|stage| stage.seconds);
        of.sum::<Option<f64>>()
    };
    Totals {
        bytes: stages.iter().map(|stage| stage.bytes + records(stage)).sum(),
        bytes_left: stages.iter().map(|stage| stage.bytes_left).sum(),
        memory_bytes: stages.iter().map(|stage| stage.memory_bytes).max().unwrap_or(0),
        seconds: seconds(&|_| true),
        device_hours: seconds(&|stage| ON_DEVICES.contains(&stage))
            .map(|seconds| seconds * devices / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::Line;

    #[test]
    fn what_is_done_is_not_counted_again() {
        let work = Work {
            shards: vec![10; 4],
            classes: vec![40],
            ipc: 2,
            generate_batch: 1,
            ..Work::default()
        };
        let sizes = Sizes { part: Line { fixed: 0.0, each: 10.0 }, ..Sizes::default() };
        let standing = Standing { stage: "encode", units: 4, done: 3, stale: 0, bytes: 310 };
        let recorded = [("encode".to_owned(), Recorded { seconds: 6.0, units: 3 })].into();
        let times = Times { recorded, devices: 2.0, ..Times::default() };
        let names = ["encode", "purity", "discover"];
        let found = stages(&names, &work, &sizes, &Footprint::default(), &[standing], &times);
        let names: Vec<_> = found.iter().map(|stage| stage.stage).collect();
        assert_eq!(names, ["encode", "discover"], "a stage that is off is not listed");
        assert_eq!((found[0].bytes, found[0].seconds), (410, Some(2.0)));
        assert_eq!(found[0].basis, Some("recorded"));
        assert_eq!(found[1].seconds, None);
        let sum = totals(&found, &work, &sizes, 2.0);
        assert_eq!((sum.seconds, sum.device_hours), (None, Some(4.0 / 3600.0)));
    }
}
