//! `coda-pipe plan --workers`: the same run by several workers.

use crate::estimate::{Played, Rates, Rules, Work, play, worker_stages};
use crate::pipeline::stages_to_do;
use std::io::Write;

/// Seconds of a request to an object store, and of an operation on a shared folder: what is usual, not measured.
const FAR: f64 = 0.02;
const NEAR: f64 = 0.001;

/// The run by each of `counts` workers that are like the machine that was measured.
pub(super) fn play_all(counts: &[usize], work: &Work, rates: &Rates, far: bool) -> Vec<Played> {
    let stages = worker_stages(&stages_to_do(), work, rates);
    let request = if far { FAR } else { NEAR };
    let by = |workers: &usize| play(&stages, &Rules { workers: *workers, help: true, request });
    counts.iter().map(by).collect()
}

/// Prints what came out, a line for each number of workers.
pub(super) fn print(
    out: &mut impl Write,
    played: &[Played],
    duration: impl Fn(Option<f64>) -> String,
) -> std::io::Result<()> {
    let Some(first) = played.first() else { return Ok(()) };
    write!(out, "\n{:>7} {:>9} {:>6} {:>11}", "workers", "time", "idle", "requests")?;
    first.stages.iter().try_for_each(|stage| write!(out, " {:>9}", stage.stage))?;
    writeln!(out)?;
    for workers in played {
        let time = duration(Some(workers.seconds));
        let asked = workers.requests;
        let asked = asked.put + asked.get + asked.list + asked.delete;
        let idle = 100.0 * workers.idle;
        write!(out, "{:>7} {time:>9} {idle:>5.1}% {asked:>11}", workers.workers)?;
        for stage in &workers.stages {
            write!(out, " {:>9}", duration(Some(stage.seconds)))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "each worker like this machine with one device; purity, if it is on, not counted")
}
