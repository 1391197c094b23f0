//! `coda-pipe shards pack`.

use super::exit::{Exit, UsageError};
use clap::Args;
use coda_pipe::dataflow::{Progress, ProgressStyle};
use coda_pipe::pack::{
    Label, PackOptions, Packed, ShardPattern, Step, WriteOptions, list_entries, plan_shards,
    write_shards,
};
use std::io::Write;
use std::path::PathBuf;

/// Turn a folder of images, or a table of them, into WebDataset shards.
///
/// SOURCE is a folder with a folder a class (as ImageNet and Places365 come), or a CSV, TSV or Parquet table with a column
/// `path` and a column `class`. The images' bytes are stored as they are. Interrupted, the same command goes on.
#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// The folder or table
    source: PathBuf,
    /// The shards' names, such as train-{:06}.tar
    #[arg(long, value_name = "PATTERN")]
    out: String,
    /// Samples in a shard
    #[arg(long, value_name = "N", default_value_t = 1000)]
    per_shard: usize,
    /// Seed of the order
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "no_shuffle")]
    seed: u64,
    /// Keep the order of the table, or of the sorted paths
    #[arg(long)]
    no_shuffle: bool,
    /// Write each class's position among the sorted class keys into .cls, in place of the key
    #[arg(long)]
    index_labels: bool,
    /// Files that may be unreadable or empty; they are left out and listed
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_bad: usize,
    /// Shards written at once; 0 for two a core
    #[arg(long, value_name = "N", default_value_t = 0)]
    workers: usize,
    /// Replace shards that were packed from other files or settings
    #[arg(long)]
    force: bool,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

impl Pack {
    /// Packs.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        if self.per_shard == 0 {
            return Err(UsageError("--per-shard must be at least 1".into()).into());
        }
        let pattern = ShardPattern::parse(&self.out).map_err(|e| UsageError(e.to_string()))?;
        let entries = list_entries(&self.source)?;
        let label = if self.index_labels { Label::Index } else { Label::Key };
        let shuffle = (!self.no_shuffle).then_some(self.seed);
        let plan =
            plan_shards(&entries, &PackOptions { per_shard: self.per_shard, shuffle, label })?;
        let (samples, shards) = (plan.samples(), plan.shards.len());
        coda_pipe::say!("{samples} images of {} classes into {shards} shards", plan.classes.len());
        let progress = Progress::new(ProgressStyle::detect());
        let shown = progress.stage("pack", shards, (0, 0));
        let options =
            WriteOptions { workers: self.workers, max_bad: self.max_bad, force: self.force };
        let packed = write_shards(&plan, &pattern, &options, |step| match step {
            Step::Sample => shown.tick(1),
            Step::Shard => shown.unit_done(0),
        });
        shown.clear();
        let packed = packed?;
        self.tell(&packed, &pattern)?;
        Ok(Exit::Done)
    }

    fn tell(&self, packed: &Packed, pattern: &ShardPattern) -> anyhow::Result<()> {
        for skipped in &packed.skipped {
            coda_pipe::say!("left out: {}: {}", skipped.path.display(), skipped.reason);
        }
        let mut out = super::output::stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string(packed)?)?;
            return Ok(());
        }
        writeln!(
            out,
            "{} images, {} bytes; {} shards, {} of them there before; classes in {}",
            packed.samples,
            packed.bytes,
            packed.shards,
            packed.already_there,
            pattern.beside(".classes.txt").display()
        )?;
        Ok(())
    }
}
