//! What looking back at a run of many classes takes: `cargo bench --bench quality -- CLASSES PER_CLASS COLUMNS [REAL]`.
//!
//! Made-up features, each class a Gaussian around its own centre; as many held-out images as the set has, and REAL
//! images (10,000) to compare it with. Last, the set's nearest among a million rows of the audit's width, and both ways
//! to find them where that takes seconds.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its answer goes to whoever started it"
)]

use coda_pipe::discovery::{HnswSettings, Matrix, NeighborSearch};
use coda_pipe::internals::discovery::knn_query;
use coda_pipe::internals::quality::{Kernel, Manifold, Neighbors, Points, Probe, frechet, mmd};
use std::sync::Arc;
use std::time::Instant;

fn main() -> anyhow::Result<()> {
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let number = |at: usize, usual: usize| asked.get(at).copied().unwrap_or(usual);
    let (classes, each, cols) = (number(0, 100), number(1, 50), number(2, 512));
    let real = number(3, 10_000);
    println!("{classes} classes of {each} images, {cols} columns, {real} real images");
    let (set, labels) = images(classes, each, cols, 1);
    let (held_out, truth) = images(classes, each, cols, 2);
    let reference = Arc::new(images(classes, real.div_ceil(classes), cols, 3).0);

    let probe = timed("linear probe", || Ok(Probe::train(&set, &labels, 1.0)))?;
    let right = timed("its predictions", || Ok(accuracy(&probe.predict(&held_out), &truth)))?;
    println!("  accuracy {right:.4}");
    let knn = timed("k-NN", || Ok(Neighbors::new(&set, labels.clone(), 5)?.predict(&held_out)?))?;
    println!("  accuracy {:.4}", accuracy(&knn, &truth));
    let manifold = timed("balls of the real images", || Ok(Manifold::new(reference.clone(), 5)?))?;
    timed("coverage and density", || Ok(manifold.holds(&set)?))?;
    let kernel = timed("kernel of the real images", || Ok(Kernel::new(reference.clone())))?;
    timed("MMD", || Ok(mmd(&set, &kernel)))?;
    timed("Fréchet distance", || Ok(frechet(&set, &reference)))?;

    for (rows, points) in [(20_000, 1_000), (1_000_000, 1_000)] {
        let (rows, points) = (matrix(rows, 256, 4)?, matrix(points, 256, 5)?);
        for search in [NeighborSearch::Auto, NeighborSearch::Hnsw] {
            if search == NeighborSearch::Auto || rows.rows() < 100_000 {
                let name = format!("{} nearest of {}, {search}", points.rows(), rows.rows());
                timed(&name, || {
                    Ok(knn_query(&rows, &points, 3, search, &HnswSettings::default())?)
                })?;
            }
        }
    }
    Ok(())
}

fn timed<T>(name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let started = Instant::now();
    let done = work()?;
    println!("{name:<40} {:>9.2} s", started.elapsed().as_secs_f64());
    Ok(done)
}

/// Rows around a centre for each class, and their labels.
fn images(classes: usize, each: usize, cols: usize, seed: u64) -> (Points, Vec<usize>) {
    let mut values = Vec::with_capacity(classes * each * cols);
    let mut labels = Vec::with_capacity(classes * each);
    for class in 0..classes {
        for image in 0..each {
            let own = (seed << 40) + ((class * each + image) * cols) as u64;
            let centre = (class * cols) as u64;
            let value = |col: usize| 0.35 * noise(centre + col as u64) + noise(own + col as u64);
            // Neighbouring columns have much in common, as those of real encoders do.
            values.extend((0..cols).map(|col| value(col) + value(col / 4) + 2.0 * value(col / 32)));
            labels.push(class);
        }
    }
    (Points::from_f32(cols, &values), labels)
}

fn matrix(rows: usize, cols: usize, seed: u64) -> anyhow::Result<Matrix> {
    let values = (0..(rows * cols) as u64).map(|at| noise((seed << 40) + at)).collect();
    Ok(Matrix::new(rows, cols, values)?)
}

/// A number from −1.7 to 1.7 of variance 1, by its place.
fn noise(at: u64) -> f32 {
    let mixed = (at ^ (at >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40;
    (mixed as f32 / (1 << 24) as f32 - 0.5) * 3.464
}

fn accuracy(predicted: &[usize], truth: &[usize]) -> f64 {
    let right = predicted.iter().zip(truth).filter(|(a, b)| a == b).count();
    right as f64 / truth.len().max(1) as f64
}
