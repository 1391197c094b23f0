//! Simulates many workers in one run directory: seconds and requests of each unit in, seconds and requests of the run out.
//!
//! A worker's next unit comes from the run's own queue ([`crate::engine::Queue`]); the other steps (look, claim, check the
//! receipt, work, wait) follow `engine/scheduler.rs` one by one.

mod simulate;
mod worker;

pub use simulate::{SimulatedRun, SimulatedStage, simulate};

use serde::Serialize;
use std::ops::AddAssign;

/// A stage of the simulation.
#[derive(Debug, Clone, Default)]
pub struct WorkerStage {
    /// The name.
    pub stage: &'static str,
    /// Seconds of each unit, on one worker.
    pub seconds: Vec<f64>,
    /// The cost of each unit for the partition.
    pub costs: Vec<u64>,
    /// Seconds before a worker's first unit, to load the model.
    pub startup: f64,
    /// Files of a unit without its receipt.
    pub outputs: f64,
    /// Files of other stages that a unit reads.
    pub reads: f64,
    /// Files of other stages that every worker reads once, before its first unit.
    pub reads_once: f64,
}

/// The settings of all stages.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Workers.
    pub workers: usize,
    /// Whether workers that finish their share take units of other shares.
    pub help: bool,
    /// Seconds of a request to the run directory.
    pub request: f64,
}

/// Requests to an object store that holds the run directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// Writes: files, receipts, claims, heartbeats.
    pub put: u64,
    /// Reads and existence checks.
    pub get: u64,
    /// Listings, a thousand names each.
    pub list: u64,
    /// Released claims.
    pub delete: u64,
}

impl AddAssign for Requests {
    fn add_assign(&mut self, other: Self) {
        self.put += other.put;
        self.get += other.get;
        self.list += other.list;
        self.delete += other.delete;
    }
}
