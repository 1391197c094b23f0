//! Simulates many workers in one run directory: seconds and requests of each unit in, seconds and requests of the run out.
//!
//! A worker's next unit comes from the run's own queue ([`crate::engine::Queue`]); the other steps (look, claim, check the
//! receipt, work, wait) follow `engine/scheduler.rs` one by one.

mod simulate;
mod worker;

pub use simulate::{SimulatedRun, SimulatedStage, simulate};

use serde::Serialize;
use std::ops::AddAssign;

/// A stage, as a worker has it.
#[derive(Debug, Clone, Default)]
pub struct WorkerStage {
    /// Its name.
    pub stage: &'static str,
    /// Seconds of each unit, on one worker.
    pub seconds: Vec<f64>,
    /// What the partition thinks each unit costs.
    pub costs: Vec<u64>,
    /// Seconds before a worker's first unit: its model is loaded.
    pub startup: f64,
    /// Files that a unit leaves, its receipt not counted.
    pub outputs: f64,
    /// Files of other stages that a unit reads.
    pub reads: f64,
    /// Files of other stages that every worker reads, once it begins a unit.
    pub reads_once: f64,
}

/// What is the same in all stages.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Workers.
    pub workers: usize,
    /// Whether one that is through with its share takes up others'.
    pub help: bool,
    /// Seconds of a request to the run directory.
    pub request: f64,
}

/// Requests to an object store that holds the run directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// Writes: files, receipts, claims, signs of life.
    pub put: u64,
    /// Reads, and questions whether something is there.
    pub get: u64,
    /// Listings, a thousand names each.
    pub list: u64,
    /// Claims given back.
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
