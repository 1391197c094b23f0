//! `coda-pipe discover`.

use super::exit::{Exit, UsageError};
use crate::arrays;
use crate::arrays::Array;
use crate::config::Discover as Defaults;
use crate::discovery;
use crate::discovery::{Algorithm, Discovery, Matrix, NeighborSearch, Settings, features};
use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

/// Find the cores in any table of features, to try data and settings before a long run.
///
/// FILE is a .npy, .safetensors or Parquet file, or a folder of Parquet files, with one row per image of one class. The
/// defaults are those of a pipeline.
#[derive(Debug, Args)]
pub(crate) struct Discover {
    /// The table: .npy, .safetensors, Parquet or a folder of Parquet files
    file: PathBuf,
    /// The tensor of a .safetensors file
    #[arg(long, value_name = "NAME")]
    tensor: Option<String>,
    /// The column of a Parquet file
    #[arg(long, value_name = "NAME", conflicts_with = "tensor")]
    column: Option<String>,
    /// Cores to find (images per class)
    #[arg(long, value_name = "N", default_value_t = Defaults::default().ipc)]
    ipc: usize,
    #[arg(long, value_name = "NAME", default_value_t = Defaults::default().algorithm, help = Algorithm::help())]
    algorithm: Algorithm,
    /// Neighbours of each row for UMAP, including the row
    #[arg(long, value_name = "N", default_value_t = Defaults::default().n_neighbors)]
    n_neighbors: usize,
    /// HDBSCAN's min_cluster_size
    #[arg(long, value_name = "N", default_value_t = Defaults::default().min_cluster_size)]
    min_cluster_size: usize,
    /// HDBSCAN's min_samples
    #[arg(long, value_name = "N", default_value_t = Defaults::default().min_samples)]
    min_samples: usize,
    /// Dimensions of the UMAP embedding
    #[arg(long, value_name = "N", default_value_t = Defaults::default().components)]
    components: usize,
    /// Neighbour search: exact, hnsw or auto
    #[arg(long, value_name = "HOW", default_value_t = Defaults::default().neighbors)]
    neighbors: NeighborSearch,
    /// First mean-pool rows of channels × height × width to N × N cells a channel
    #[arg(long, value_name = "N", conflicts_with = "embedded")]
    grid: Option<usize>,
    /// First reduce the features to N principal components; 0 keeps all
    #[arg(long, value_name = "N", default_value_t = Defaults::default().pca, conflicts_with = "embedded")]
    pca: usize,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = Defaults::default().seed)]
    seed: u64,
    /// Use the rows as the embedding: no standardising, no UMAP
    #[arg(long)]
    embedded: bool,
    /// Write the embedding to a .npy file
    #[arg(long, value_name = "FILE")]
    embedding: Option<PathBuf>,
    /// Print JSON: labels, probabilities, outlier_scores, selected, origin, size, log
    #[arg(long)]
    json: bool,
}

impl Discover {
    /// Prints the cores.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let settings = self.settings();
        settings.check().map_err(|error| UsageError(error.to_string()))?;
        let started = Instant::now();
        let array = arrays::read(&self.file, self.tensor.as_deref().or(self.column.as_deref()))?;
        if array.rows() == 0 {
            anyhow::bail!("{}: the table has no rows", self.file.display());
        }
        let read = started.elapsed();
        let found = self.find(array, &settings);
        let found = found.with_context(|| self.file.display().to_string())?;
        let computed = started.elapsed() - read;
        crate::say!(
            "read in {:.2} s, computed in {:.2} s",
            read.as_secs_f64(),
            computed.as_secs_f64()
        );
        if let Some(path) = &self.embedding {
            let shape = [found.embedding.rows(), found.embedding.cols()];
            arrays::write_npy(path, shape, found.embedding.as_slice())?;
        }
        let mut out = super::output::stdout();
        if self.json {
            print_json(&mut out, &found)?
        } else {
            print(&mut out, &found)?
        }
        Ok(Exit::Done)
    }

    fn settings(&self) -> Settings {
        Settings {
            ipc: self.ipc,
            algorithm: self.algorithm,
            n_neighbors: self.n_neighbors,
            min_cluster_size: self.min_cluster_size,
            min_samples: self.min_samples,
            components: self.components,
            neighbors: self.neighbors,
            pca: self.pca,
            seed: self.seed,
            ..Settings::default()
        }
    }

    fn find(&self, array: Array, settings: &Settings) -> anyhow::Result<Discovery> {
        let (rows, cols, shape) = (array.rows(), array.row_len(), array.shape);
        let mut table = Matrix::new(rows, cols, array.values)?;
        if let Some(grid) = self.grid {
            let &[_, channels, height, width] = shape.as_slice() else {
                let message = format!(
                    "--grid needs rows of channels × height × width; the array has the shape {shape:?}"
                );
                return Err(UsageError(message).into());
            };
            table = features::grid(&table, channels, height, width, grid)?;
        }
        Ok(if self.embedded {
            discovery::discover_embedded(&table, settings)?
        } else {
            discovery::discover(&table, settings)?
        })
    }
}

fn print_json(out: &mut impl Write, found: &Discovery) -> anyhow::Result<()> {
    let cores = &found.cores;
    let report = json!({
        "labels": found.labels,
        "probabilities": found.probabilities,
        "outlier_scores": found.outlier_scores,
        "selected": cores.iter().map(|core| core.row).collect::<Vec<_>>(),
        "origin": cores.iter().map(|core| core.origin.as_str()).collect::<Vec<_>>(),
        "size": cores.iter().map(|core| core.size).collect::<Vec<_>>(),
        "recall": found.recall,
        "log": found.log,
    });
    serde_json::to_writer(&mut *out, &report)?;
    Ok(writeln!(out)?)
}

fn print(out: &mut impl Write, found: &Discovery) -> std::io::Result<()> {
    found.log.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    writeln!(
        out,
        "\n{:>4} {:>8}  {:<20} {:>7} {:>11}",
        "rank", "row", "origin", "size", "probability"
    )?;
    for (rank, core) in found.cores.iter().enumerate() {
        let (row, origin, size) = (core.row, core.origin.as_str(), core.size);
        writeln!(out, "{rank:>4} {row:>8}  {origin:<20} {size:>7} {:>11.6}", core.probability)?;
    }
    Ok(())
}
