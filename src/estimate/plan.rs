//! The estimate of a run, stage by stage.

use super::memory::Footprint;
use super::rates::Rates;
use super::recorded::Recorded;
use super::sizes::Sizes;
use super::stage_cost::StageToDo;
use super::work::Work;
use serde::Serialize;
use std::collections::BTreeMap;

/// The status of a stage.
#[derive(Debug, Clone, Serialize)]
pub struct StageStatus {
    /// The stage.
    pub stage: &'static str,
    /// The number of units.
    pub units: u64,
    /// Done units.
    pub done: u64,
    /// Units with results of other settings or inputs.
    pub stale: u64,
    /// Bytes of the done units' files.
    pub bytes: u64,
}

/// The estimate of a stage.
#[derive(Debug, Clone, Serialize)]
pub struct StageForecast {
    /// The stage.
    pub stage: &'static str,
    /// The number of units.
    pub units: u64,
    /// Done units; 0 while an earlier stage is incomplete.
    pub done: u64,
    /// Units with results of other settings or inputs, which `--force` would redo.
    pub stale: u64,
    /// Bytes of the stage's files at its end.
    pub bytes: u64,
    /// Bytes still to be written, receipts counted.
    pub bytes_left: u64,
    /// Peak host memory.
    pub memory_bytes: u64,
    /// Remaining seconds, if known.
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

/// The known times.
#[derive(Debug, Clone, Default)]
pub struct Times {
    /// The machine's rates, if measured.
    pub rates: Option<Rates>,
    /// Times recorded by earlier runs in the run directory.
    pub recorded: BTreeMap<String, Recorded>,
    /// Devices that work at once.
    pub devices: f64,
}

/// The estimates of `stages`, in order; stages without a status count as not started.
pub fn stages(
    stages: &[StageToDo],
    work: &Work,
    sizes: &Sizes,
    footprint: &Footprint,
    statuses: &[StageStatus],
    times: &Times,
) -> Vec<StageForecast> {
    let one = |stage: &StageToDo| {
        let (name, cost) = (stage.name, stage.cost);
        let known = statuses.iter().find(|status| status.stage == name);
        let all = known.map_or_else(|| (cost.units)(work), |known| known.units);
        let done = known.map_or(0, |known| known.done);
        let left = (all - done.min(all)) as f64 / all.max(1) as f64;
        let outputs_left = (cost.bytes)(work, sizes) * left;
        let recorded = times.recorded.get(name).and_then(|r| r.seconds_for(all - done.min(all)));
        let measured = times.rates.as_ref().and_then(|rates| (cost.seconds)(work, sizes, rates));
        let (seconds, basis) = match (left == 0.0, measured.map(|all| all * left), recorded) {
            (true, ..) => (Some(0.0), None),
            (_, Some(seconds), _) => (Some(seconds), Some("measured")),
            (_, None, Some(seconds)) => (Some(seconds), Some("recorded")),
            (_, None, None) => (None, None),
        };
        StageForecast {
            stage: name,
            units: all,
            done,
            stale: known.map_or(0, |known| known.stale),
            bytes: known.map_or(0, |known| known.bytes) + outputs_left as u64,
            bytes_left: (outputs_left + stage.receipt_bytes(work, sizes) * left) as u64,
            memory_bytes: (cost.memory)(work, footprint) as u64,
            seconds,
            basis,
        }
    };
    stages.iter().map(one).filter(|stage| stage.units > 0).collect()
}

/// The sum of `found`, the forecasts of `stages`.
pub fn totals(
    stages: &[StageToDo],
    found: &[StageForecast],
    work: &Work,
    sizes: &Sizes,
    devices: f64,
) -> Totals {
    let declared = |name: &str| stages.iter().find(|stage| stage.name == name);
    let records = |stage: &StageForecast| {
        declared(stage.stage).map_or(0, |stage| stage.receipt_bytes(work, sizes) as u64)
    };
    let seconds = |only: &dyn Fn(&str) -> bool| {
        let of = found.iter().filter(|stage| only(stage.stage)).map(|stage| stage.seconds);
        of.sum::<Option<f64>>()
    };
    let on_devices = |name: &str| declared(name).is_some_and(|stage| stage.on_devices);
    Totals {
        bytes: found.iter().map(|stage| stage.bytes + records(stage)).sum(),
        bytes_left: found.iter().map(|stage| stage.bytes_left).sum(),
        memory_bytes: found.iter().map(|stage| stage.memory_bytes).max().unwrap_or(0),
        seconds: seconds(&|_| true),
        device_hours: seconds(&on_devices).map(|seconds| seconds * devices / 3600.0),
    }
}
