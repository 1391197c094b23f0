//! Finds the cores of one class in a table of features: the rows that stand for all others.
//!
//!     cargo run --example find_cores -- features.npy 10
//!
//! The file is NumPy's, float32, one row per image.

#![allow(clippy::print_stdout, reason = "its answer goes to whoever started it")]

use anyhow::Context;
use coda_pipe::discovery::{Algorithm, Core, Matrix, Settings, discover};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

#[allow(dead_code, reason = "a test includes this file for `run`")]
fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [table, cores] = arguments.as_slice() else {
        anyhow::bail!("usage: find_cores FEATURES.npy CORES");
    };
    for core in run(Path::new(table), cores.parse()?)? {
        println!("row {}, for {} rows", core.row, core.size);
    }
    Ok(())
}

/// As many cores of a table as asked for, in rank order.
pub fn run(table: &Path, cores: usize) -> anyhow::Result<Vec<Core>> {
    let file = npyz::NpyFile::new(BufReader::new(File::open(table)?))?;
    let &[rows, columns] = file.shape() else {
        anyhow::bail!("{}: it is no table of rows and columns", table.display());
    };
    anyhow::ensure!(file.order() == npyz::Order::C, "{}: save it in C order", table.display());
    let values = file.into_vec::<f32>().with_context(|| table.display().to_string())?;
    let features = Matrix::new(rows.try_into()?, columns.try_into()?, values)?;
    // `Algorithm::Coda` is the paper's: UMAP, HDBSCAN and its cascade.
    let settings = Settings { ipc: cores, algorithm: Algorithm::KMEANS, ..Settings::default() };
    Ok(discover(&features, &settings)?.cores)
}
