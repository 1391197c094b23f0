//! `coda-pipe plan --workers`: the same run by several workers.

use crate::estimate::{Rates, Rules, SimulatedRun, Work, simulate, worker_stages};
use crate::pipeline::stages_to_do;
use std::io::Write;

/// Typical seconds of a request to an object store, and of an operation on a shared folder; not measured.
const REMOTE_REQUEST: f64 = 0.02;
const LOCAL_REQUEST: f64 = 0.001;

/// Simulates the run with each number of workers in `counts`, each worker like the measured machine.
pub(super) fn simulate_all(
    counts: &[usize],
    work: &Work,
    rates: &Rates,
    remote: bool,
) -> Vec<SimulatedRun> {
    let stages = worker_stages(&stages_to_do(), work, rates);
    let request = if remote { REMOTE_REQUEST } else { LOCAL_REQUEST };
    let by = |workers: &usize| simulate(&stages, &Rules { workers: *workers, help: true, request });
    counts.iter().map(by).collect()
}

/// Prints the results, one line for each number of workers.
pub(super) fn print(
    out: &mut impl Write,
    simulated: &[SimulatedRun],
    duration: impl Fn(Option<f64>) -> String,
) -> std::io::Result<()> {
    let Some(first) = simulated.first() else { return Ok(()) };
    write!(out, "\n{:>7} {:>9} {:>6} {:>11}", "workers", "time", "idle", "requests")?;
    first.stages.iter().try_for_each(|stage| write!(out, " {:>9}", stage.stage))?;
    writeln!(out)?;
    for workers in simulated {
        let time = duration(Some(workers.seconds));
        let requests = workers.requests;
        let requests = requests.put + requests.get + requests.list + requests.delete;
        let idle = 100.0 * workers.idle;
        write!(out, "{:>7} {time:>9} {idle:>5.1}% {requests:>11}", workers.workers)?;
        for stage in &workers.stages {
            write!(out, " {:>9}", duration(Some(stage.seconds)))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "each worker is like this machine with one device; purity is not counted")
}
