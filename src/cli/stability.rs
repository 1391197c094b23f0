//! `coda-pipe stability`.

use super::exit::{Exit, UsageError};
use super::finished_run::FinishedRun;
use super::printable::printable;
use crate::inspect;
use crate::inspect::stability::{Changes, Stability as StabilityReport};
use crate::pipeline::discover;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// Measure how much the cores and clusters of each class change with the seed of the search, and with n_neighbors and
/// min_cluster_size 20 % lower and higher.
///
/// Cores are compared by the images that two searches share (Jaccard index, 0 to 1), clusters by the adjusted Rand index (0
/// is chance, 1 is equal). "apart" is the mean distance to the nearest core of the other search, as a share of the same
/// distance between random images.
#[derive(Debug, Args)]
pub(crate) struct Stability {
    /// The run directory
    run_dir: PathBuf,
    /// Number of seeds to compare, including the run's own
    #[arg(long, value_name = "N", default_value_t = 5)]
    seeds: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Stability {
    /// Prints the table.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        if self.seeds < 2 {
            return Err(UsageError("--seeds must be at least 2, to compare searches".into()).into());
        }
        let finished = FinishedRun::open(&self.run_dir, discover::INFO.name)?;
        let seeds = self.seeds;
        let found = finished
            .work(async |context, options| inspect::stability(context, options, seeds).await)?;
        let mut out = super::output::stdout();
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?;
        } else {
            print(&mut out, &found)?;
        }
        Ok(Exit::Done)
    }
}

fn print(out: &mut impl Write, found: &StabilityReport) -> std::io::Result<()> {
    let by_seed = format!("{} seeds", found.seeds);
    writeln!(
        out,
        "{:<20} {:>7}   {by_seed:<22}   {:<22}   {:<22}",
        "", "", "n_neighbors ± 20 %", "min_cluster_size ± 20 %"
    )?;
    let columns = format!("{:>6} {:>8} {:>6}", "cores", "clusters", "apart");
    writeln!(out, "{:<20} {:>7}   {columns}   {columns}   {columns}", "class", "images")?;
    for class in &found.classes {
        line(out, &printable(&class.class), &class.images.to_string(), &class.changes)?;
    }
    line(out, "mean", "", &found.mean)
}

fn line(out: &mut impl Write, class: &str, images: &str, c: &Changes) -> std::io::Result<()> {
    let shown =
        |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{value:.2}"));
    write!(out, "{class:<20} {images:>7}")?;
    for [cores, clusters, apart] in [
        [c.cores_by_seed, c.clusters_by_seed, c.distance_by_seed],
        [c.cores_by_n_neighbors, c.clusters_by_n_neighbors, c.distance_by_n_neighbors],
        [
            c.cores_by_min_cluster_size,
            c.clusters_by_min_cluster_size,
            c.distance_by_min_cluster_size,
        ],
    ] {
        write!(out, "   {:>6} {:>8} {:>6}", shown(cores), shown(clusters), shown(apart))?;
    }
    writeln!(out)
}
