//! Greedy k-means++: each next seed is the best of a few rows drawn by their squared distance to the
//! seeds so far.

use rayon::prelude::*;

use crate::discovery::Matrix;
use crate::linalg::distance::squared;
use crate::linalg::rng::Rng;

/// `k` distinct rows (k no larger than the rows) to start from.
pub fn plus_plus(data: &Matrix, k: usize, seed: u64, start: u64) -> Vec<usize> {
    let mut rng = Rng::new(seed, &[0x4B2B, start]);
    let trials = 2 + (k as f64).ln() as usize;
    let first = rng.below(data.rows());
    let mut chosen = vec![first];
    let mut nearest = distances(data, first);
    while chosen.len() < k {
        let total: f64 = nearest.iter().sum();
        let candidates: Vec<usize> = if total > 0.0 {
            (0..trials).map(|_| draw(&nearest, total * rng.uniform())).collect()
        } else {
            // Every row repeats a seed: the first row that is none.
            (0..data.rows()).find(|row| !chosen.contains(row)).into_iter().collect()
        };
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for candidate in candidates {
            let mut closer = distances(data, candidate);
            closer.iter_mut().zip(&nearest).for_each(|(new, &old)| *new = new.min(old));
            let potential: f64 = closer.iter().sum();
            if best.as_ref().is_none_or(|(least, _, _)| potential < *least) {
                best = Some((potential, candidate, closer));
            }
        }
        let Some((_, row, closer)) = best else { break };
        chosen.push(row);
        nearest = closer;
    }
    chosen
}

/// The row at which the running sum of `weights` passes `target`; never one of weight 0.
fn draw(weights: &[f64], target: f64) -> usize {
    let mut sum = 0.0;
    let mut last = 0;
    for (row, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        sum += weight;
        last = row;
        if sum > target {
            break;
        }
    }
    last
}

/// Squared distances of all rows to one.
fn distances(data: &Matrix, row: usize) -> Vec<f64> {
    let own = data.row(row);
    (0..data.rows()).into_par_iter().map(|other| squared(own, data.row(other))).collect()
}
