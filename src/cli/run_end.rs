//! What `run` says at its end.

use super::printable::printable;
use coda_pipe::stages::{Context, RunOutcome};
use coda_pipe::store::RunDir;
use serde_json::json;
use std::io::Write;
use std::time::Duration;

/// The last lines: what was made, and where.
pub(super) fn report(
    (context, run_dir): (&Context, &RunDir),
    outcome: &RunOutcome,
    elapsed: Duration,
    as_json: bool,
) -> anyhow::Result<()> {
    let seconds = elapsed.as_secs_f64();
    for fault in outcome.faults.iter().take(20) {
        coda_pipe::say!(
            "skipped {}: {}: {}",
            fault.shard,
            printable(&fault.key),
            printable(&fault.reason)
        );
    }
    if !outcome.faults.is_empty() {
        coda_pipe::say!(
            "{} samples skipped, listed in {run_dir}/quarantine.parquet",
            outcome.faults.len()
        );
    }
    if outcome.impure > 0 {
        coda_pipe::say!(
            "{} images left out for their neighbours' labels, listed in {run_dir}/purity/purity.parquet",
            outcome.impure
        );
    }
    for fault in &outcome.failed {
        coda_pipe::say!("not generated: {}: {}", printable(&fault.key), fault.reason);
    }
    if outcome.stages.iter().all(|s| s.processed == 0) {
        let done = match outcome.stages.iter().any(|s| s.elsewhere > 0) {
            true => "by other workers or before: nothing was computed here",
            false => "before: nothing was recomputed",
        };
        coda_pipe::say!("everything was done {done} ({seconds:.2} s)");
    }
    if let Some(set) = outcome.stages.iter().find(|s| s.stage == "assemble") {
        let output = &context.pipeline.output;
        let (name, cores) = (&output.name, outcome.cores as u64);
        let images = set.samples.saturating_sub(cores);
        let shards = |samples: u64| match samples.div_ceil(output.samples_per_shard as u64) {
            0 | 1 => "000000".to_owned(),
            n => format!("{{000000..{:06}}}", n - 1),
        };
        coda_pipe::say!(
            "{images} distilled images of {} classes in {run_dir}/distilled/{name}-{}.tar\n\
                 {cores} real cores beside them in {run_dir}/cores/{name}-cores-{}.tar",
            outcome.classes,
            shards(images),
            shards(cores),
        );
    }
    if as_json {
        let summary = json!({
            "run_dir": run_dir.to_string(), "seconds": seconds,
            "stages": outcome.stages, "skipped": outcome.faults, "failed": outcome.failed, "impure": outcome.impure,
        });
        writeln!(super::output::stdout(), "{summary:#}")?;
    }
    Ok(())
}
