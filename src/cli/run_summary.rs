//! The summary of `run`.

use super::printable::printable;
use crate::models::StepsRun;
use crate::pipeline::Context;
use crate::pipeline::assemble;
use crate::pipeline::generate;
use crate::pipeline::generate::device::steps_run;
use crate::run::RunOutcome;
use crate::store::RunDir;
use serde_json::json;
use std::io::Write;
use std::time::Duration;

/// Prints the results of a run and their places.
pub(super) fn report(
    (context, run_dir): (&Context, &RunDir),
    outcome: &RunOutcome,
    elapsed: Duration,
    as_json: bool,
) -> anyhow::Result<()> {
    let seconds = elapsed.as_secs_f64();
    for fault in &outcome.findings.lost_shards {
        crate::say!(
            "{}",
            printable(&format!("shard {} could not be read: {}", fault.shard, fault.reason))
        );
    }
    if !outcome.findings.lost_shards.is_empty() {
        crate::say!(
            "{} unreadable shards skipped, as [data] max_bad_shards allows; listed in {run_dir}/quarantine.parquet",
            outcome.findings.lost_shards.len()
        );
    }
    for fault in outcome.findings.faults.iter().take(20) {
        let sample = if fault.key.is_empty() { String::new() } else { format!("{}: ", fault.key) };
        let line = format!("skipped {}: {sample}{}", fault.shard, fault.reason);
        crate::say!("{}", printable(&line));
    }
    if !outcome.findings.faults.is_empty() {
        crate::say!(
            "{} samples skipped, listed in {run_dir}/quarantine.parquet",
            outcome.findings.faults.len()
        );
    }
    if outcome.findings.impure > 0 {
        crate::say!(
            "{} images left out because of their neighbours' labels, listed in {run_dir}/purity/purity.parquet",
            outcome.findings.impure
        );
    }
    for fault in &outcome.findings.failed {
        crate::say!("not generated: {}: {}", printable(&fault.key), fault.reason);
    }
    if outcome.stages.iter().all(|s| s.processed == 0) {
        let done = match outcome.stages.iter().any(|s| s.elsewhere > 0) {
            true => "by other workers or earlier runs: this worker computed nothing",
            false => "by an earlier run: nothing was recomputed",
        };
        crate::say!("all units were done {done} ({seconds:.2} s)");
    }
    if let Some(set) = outcome.stages.iter().find(|s| s.stage == assemble::INFO.name) {
        let output = &context.pipeline.output;
        let (name, cores) = (&output.name, outcome.findings.cores as u64);
        let images = set.samples.saturating_sub(cores);
        let shards = |samples: u64| match samples.div_ceil(output.samples_per_shard as u64) {
            0 | 1 => "000000".to_owned(),
            n => format!("{{000000..{:06}}}", n - 1),
        };
        crate::say!(
            "{images} distilled images of {} classes in {run_dir}/distilled/{name}-{}.tar\n\
                 {cores} real cores beside them in {run_dir}/cores/{name}-cores-{}.tar",
            outcome.findings.classes,
            shards(images),
            shards(cores),
        );
    }
    let generated = outcome.stages.iter().any(|s| s.stage == generate::INFO.name);
    let denoiser = generated.then(|| steps_run(context)).transpose()?;
    if let Some(StepsRun { rows, all_rows, .. }) = denoiser.filter(|run| run.rows < run.all_rows) {
        crate::say!("{rows} of {all_rows} denoiser rows an image");
    }
    if outcome.findings.numbered && outcome.stages.iter().any(|s| s.stage == assemble::INFO.name) {
        crate::say!(
            "labels are positions in the list of classes: {run_dir}/distilled/{}.classes.json maps labels to classes",
            context.pipeline.output.name
        );
    }
    if as_json {
        let summary = json!({
            "run_dir": run_dir.to_string(), "seconds": seconds,
            "stages": outcome.stages, "skipped": outcome.findings.faults, "lost_shards": outcome.findings.lost_shards, "failed": outcome.findings.failed, "impure": outcome.findings.impure,
            "denoiser": denoiser,
            "downloaded_bytes": run_dir.downloaded_bytes(),
        });
        writeln!(super::output::stdout(), "{summary:#}")?;
    }
    Ok(())
}
