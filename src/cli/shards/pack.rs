//! `coda-pipe shards pack`.

use crate::cli::exit::{Exit, UsageError};
use crate::cli::printable::printable;
use crate::engine::{Progress, ProgressStyle};
use crate::pack::{
    Label, Listing, PackOptions, Packed, ShardPattern, SkippedFiles, Step, WriteOptions,
    holds_images, list_entries, plan_rows, plan_shards, write_shards,
};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// Pack a folder or a table of images into WebDataset shards.
///
/// SOURCE is a folder with one folder a class (as ImageNet and Places365 come), or a CSV, TSV, JSON Lines or Parquet table
/// with a column `path` (or `file_name`…) and a column `class` (or `label`…), or a Parquet file of the images themselves, whose
/// rows keep their order. The images' bytes are stored unchanged. Skipped
/// files are counted and named. After an interruption the same command continues; it rewrites a shard when the length or
/// time of one of its files has changed, or when an unreadable file has become readable.
#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// The folder or table
    source: PathBuf,
    /// Pattern of the shards' names, such as train-{:06}.tar
    #[arg(long, value_name = "PATTERN")]
    out: String,
    /// Samples in a shard
    #[arg(long, value_name = "N", default_value_t = 1000)]
    per_shard: usize,
    /// Seed of the random order
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "no_shuffle")]
    seed: u64,
    /// Keep the order of the table, or of the sorted paths
    #[arg(long)]
    no_shuffle: bool,
    /// Write each class's position among the sorted class keys into .cls and the class list, in place of the key
    #[arg(long)]
    index_labels: bool,
    /// Most files that may be unreadable or empty; such files are skipped and listed
    #[arg(long, value_name = "N", default_value_t = 0)]
    max_bad: usize,
    /// Shards written at once; 0 for two per core
    #[arg(long, value_name = "N", default_value_t = 0)]
    workers: usize,
    /// Rewrite every shard, also where the shards were packed from other files or settings
    #[arg(long)]
    force: bool,
    /// Print a summary as JSON
    #[arg(long)]
    json: bool,
}

impl Pack {
    /// Packs the images.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        if self.per_shard == 0 {
            return Err(UsageError("--per-shard must be at least 1".into()).into());
        }
        let pattern = ShardPattern::parse(&self.out).map_err(|e| UsageError(e.to_string()))?;
        let label = if self.index_labels { Label::Index } else { Label::Key };
        let shuffle = (!self.no_shuffle).then_some(self.seed);
        let options = PackOptions { per_shard: self.per_shard, shuffle, label };
        let (plan, skipped_files) = if holds_images(&self.source) {
            (plan_rows(&self.source, &options)?, SkippedFiles::default())
        } else {
            let Listing { entries, skipped } = list_entries(&self.source)?;
            (plan_shards(&entries, &options), skipped)
        };
        skipped_files.lines().iter().for_each(|line| crate::say!("{}", printable(line)));
        plan.numbered_line().iter().for_each(|line| crate::say!("{}", printable(line)));
        let (samples, shards) = (plan.samples(), plan.shards.len());
        crate::say!("{samples} images of {} classes into {shards} shards", plan.classes.len());
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
        self.print_summary(&packed, &skipped_files, &pattern)?;
        Ok(Exit::Done)
    }

    fn print_summary(
        &self,
        packed: &Packed,
        skipped_files: &SkippedFiles,
        pattern: &ShardPattern,
    ) -> anyhow::Result<()> {
        for skipped in &packed.skipped {
            crate::say!("left out: {}", printable(&skipped.to_string()));
        }
        let mut out = crate::cli::output::stdout();
        if self.json {
            let mut report = serde_json::to_value(packed)?;
            report["passed_over"] = serde_json::to_value(skipped_files)?;
            writeln!(out, "{report}")?;
            return Ok(());
        }
        writeln!(
            out,
            "{} images, {} bytes; {} shards, {} of them from an earlier run{}; classes in {}",
            packed.samples,
            packed.bytes,
            packed.shards,
            packed.already_there,
            made_anew(packed.made_anew),
            pattern.beside(".classes.txt").display()
        )?;
        Ok(())
    }
}

fn made_anew(shards: usize) -> String {
    match shards {
        0 => String::new(),
        shards => format!(", {shards} rewritten"),
    }
}
