//! `coda-pipe verify`.

use super::exit::{Exit, UsageError};
use super::run::Run;
use crate::pipeline::{result_folders, stage_names};
use crate::store::{FolderLock, RunDir, StoreError, Verification, verify};
use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

/// Check every file of a run directory for damage: length and checksum are compared with the receipt.
///
/// `run` itself trusts receipts and lengths.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The run directory
    run_dir: PathBuf,
    /// Remove damaged files and make them again, with the command that made the directory
    #[arg(long)]
    repair: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Verifies, and repairs with `--repair`. Exits with 1 if a damaged file was not repaired.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let run_dir = RunDir::at(&self.run_dir, None)?.begun()?;
        if self.repair && run_dir.is_remote() {
            return Err(UsageError(format!(
                "--repair works only in folders: delete the damaged objects from {run_dir}, with the .receipt.json of \
                 their units, and run the pipeline again"
            ))
            .into());
        }
        run_dir.create()?;
        let lock = self.lock(&run_dir)?;
        let found = self.read(&run_dir)?;
        self.print(&found)?;
        if found.damaged.is_empty() {
            return Ok(Exit::Done);
        }
        let place = self.run_dir.display();
        if !self.repair {
            let units = units(&found).len();
            crate::say!(
                "{units} units are damaged: `coda-pipe verify {place} --repair` makes them again"
            );
            return Ok(Exit::Failed);
        }
        remove(&run_dir, &found)?;
        drop(lock);
        self.redo(&run_dir)
    }

    /// Takes the lock, so that no run writes meanwhile. A read-only directory needs no lock: no run can write there.
    fn lock(&self, run_dir: &RunDir) -> anyhow::Result<Option<FolderLock>> {
        match run_dir.lock_alone(|message| crate::say!("{message}")) {
            Ok(lock) => Ok(Some(lock)),
            Err(StoreError::Io { source, .. })
                if !self.repair
                    && matches!(
                        source.kind(),
                        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied
                    ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn read(&self, run_dir: &RunDir) -> anyhow::Result<Verification> {
        let bar = indicatif::ProgressBar::no_length();
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        if let Ok(style) = indicatif::ProgressStyle::with_template("{bytes} read, {bytes_per_sec}")
        {
            bar.set_style(style);
        }
        let stages: Vec<&str> = stage_names().collect();
        let found = verify(run_dir, (&stages, &result_folders()), |bytes| bar.inc(bytes))?;
        bar.finish_and_clear();
        Ok(found)
    }

    fn print(&self, found: &Verification) -> anyhow::Result<()> {
        let mut out = super::output::stdout();
        if self.json {
            let report = json!({"run_dir": self.run_dir.display().to_string(), "ok": found.damaged.is_empty(), "found": found});
            writeln!(out, "{report:#}")?;
            return Ok(());
        }
        for damaged in &found.damaged {
            writeln!(out, "{} {} (unit {})", damaged.file, damaged.damage, damaged.unit)?;
        }
        for file in &found.unlisted {
            writeln!(out, "{file} is in no receipt")?;
        }
        let bytes = indicatif::HumanBytes(found.bytes);
        writeln!(
            out,
            "{} units, {} files, {bytes}: {} damaged, {} in no receipt",
            found.units,
            found.files,
            found.damaged.len(),
            found.unlisted.len()
        )?;
        Ok(())
    }

    /// Makes removed files again, with the command that `run.json` records.
    fn redo(&self, run_dir: &RunDir) -> anyhow::Result<Exit> {
        let record = run_dir.record()?;
        let place = std::path::absolute(run_dir.root()).context("cannot find the run directory")?;
        let pipeline = record.folder.join(&record.pipeline);
        if !pipeline.is_file() {
            let sets: String = record.sets.iter().map(|set| format!(" --set '{set}'")).collect();
            anyhow::bail!(
                "the damaged units are removed; the pipeline file is no longer at {}, so make them again with: \
                 coda-pipe run PIPELINE --run-dir {}{sets}",
                pipeline.display(),
                place.display()
            );
        }
        // Paths of the pipeline file and of `--set` are relative to where the command was given.
        std::env::set_current_dir(&record.folder)
            .with_context(|| format!("cannot enter the folder {}", record.folder.display()))?;
        Run::again(&record, place).run()
    }
}

fn units(found: &Verification) -> BTreeSet<&str> {
    found.damaged.iter().map(|damaged| damaged.unit.as_str()).collect()
}

/// Removes the damaged units, files first, then receipts.
fn remove(run_dir: &RunDir, found: &Verification) -> Result<(), StoreError> {
    for unit in units(found) {
        match run_dir.receipt(unit)? {
            Some(receipt) => run_dir.discard(&receipt)?,
            None => run_dir.revoke(unit)?,
        }
        crate::say!("removed: {unit}");
    }
    Ok(())
}
