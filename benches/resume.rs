//! How long a finished run of 10,000 units takes to see that there is nothing to do: `cargo bench --bench resume`.
//!
//! Each unit stands for a batch of two images: a receipt that names them, their files, and a fingerprint over settings
//! and inputs of the size that `generate` has. Receipts and files are made up, not computed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its answer goes to whoever started it"
)]

use coda_pipe::internals::engine::{
    Cancel, Cancelled, Done, Fingerprint, Progress, ProgressStyle, RunOptions, Scope, Stage,
    UnitError, plan_stage, run_stage,
};
use coda_pipe::internals::store::{EventLog, Receipt, RunDir, StoreError, Written};
use serde_json::json;
use std::time::Instant;

const UNITS: usize = 10_000;

struct Images;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl UnitError for Failure {}

impl Stage for Images {
    type Unit = usize;
    type Error = Failure;

    fn name(&self) -> &'static str {
        "generate"
    }

    fn units(&self) -> Result<Vec<usize>, Failure> {
        Ok((0..UNITS).collect())
    }

    fn unit_name(&self, unit: &usize) -> String {
        format!("batch-{unit:06}")
    }

    fn fingerprint(&self, unit: &usize) -> Result<Fingerprint, Failure> {
        let settings: serde_json::Map<_, _> =
            (0..20).map(|i| (format!("generate.setting_{i}"), json!(0.25))).collect();
        let image =
            |rank: usize| json!(["n02086240", rank, ["a Shih-Tzu", null], "0123456789abcdef"]);
        let inputs =
            json!({"images": [image(2 * unit), image(2 * unit + 1)], "model": "0123456789abcdef"});
        Ok(Fingerprint { settings: settings.into(), inputs: inputs.into() })
    }

    fn concurrency(&self) -> usize {
        1
    }

    async fn process(&self, unit: &usize, scope: &Scope) -> Result<Done, Failure> {
        eprintln!(
            "batch {unit} is done in {} although it was done",
            scope.run_dir().root().display()
        );
        Ok(Done::default())
    }
}

/// Leaves what a finished run would.
fn make_up(run_dir: &RunDir) -> anyhow::Result<()> {
    for unit in plan_stage(&Images, run_dir)?.units {
        let folder = format!("generate/{}", unit.unit / 5);
        std::fs::create_dir_all(run_dir.path(&folder))?;
        let mut outputs = Vec::new();
        for image in 0..2 {
            let file = format!("{folder}/{:04}.png", 2 * (unit.unit % 5) + image);
            std::fs::write(run_dir.path(&file), b"png")?;
            outputs.push(Written { file, bytes: 3, xxh3: "0123456789abcdef".into() });
        }
        let receipt = Receipt {
            version: Receipt::VERSION,
            unit: unit.name.clone(),
            fingerprint: unit.fingerprint,
            settings: unit.settings,
            inputs: Default::default(),
            outputs,
            contents: Default::default(),
            samples: 2,
            faults: Vec::new(),
            log: Vec::new(),
            seconds: 1.0,
        };
        let path = run_dir.path(&format!("{}.receipt.json", unit.name));
        std::fs::write(path, serde_json::to_vec_pretty(&receipt)?)?;
    }
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let run_dir = RunDir::new(dir.path());
    make_up(&run_dir)?;
    let (events, cancel) = (EventLog::none(), Cancel::default());
    let progress = Progress::new(ProgressStyle::Silent);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for round in 1..=5 {
        let started = Instant::now();
        run_dir.sweep(&["generate"])?;
        let swept = started.elapsed();
        let planned = plan_stage(&Images, &run_dir)?;
        let made = started.elapsed();
        let options = RunOptions {
            run_dir: &run_dir,
            events: &events,
            progress: &progress,
            cancel: &cancel,
            force: false,
            retry_failed: false,
            worker: None,
        };
        let done = runtime.block_on(run_stage(&Images, planned, &options))?;
        anyhow::ensure!(done.summary.processed == 0 && done.receipts.len() == UNITS);
        println!(
            "resume {UNITS} finished units, round {round}: {:.0} ms (sweep {:.0}, plan {:.0})",
            1e3 * started.elapsed().as_secs_f64(),
            1e3 * swept.as_secs_f64(),
            1e3 * (made - swept).as_secs_f64()
        );
    }
    Ok(())
}
