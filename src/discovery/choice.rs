//! Cores chosen among the rows as they are, and the partition of the rows among them.

use super::Matrix;
use super::cores::{Core, Origin};
use crate::linalg::distance::squared;
use crate::linalg::rng::Rng;

/// Cores and the partition of the rows among them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    /// IPC distinct cores.
    pub cores: Vec<Core>,
    /// For each row, the position in `cores` of the one it belongs to; −1 where it belongs to none.
    pub labels: Vec<i32>,
    /// What was done, a line each, for people.
    pub log: Vec<String>,
}

impl Choice {
    /// Takes `rows` as cores; each row of `features` belongs to the nearest of them.
    pub fn of_rows(features: &Matrix, rows: &[usize], origin: &'static str) -> Self {
        let labels = nearest_core(features, rows);
        let mut sizes = vec![0usize; rows.len()];
        labels.iter().for_each(|&label| sizes[label] += 1);
        let origin = Origin::Algorithm(origin);
        let core = |(&row, &size): (&usize, &usize)| Core { row, origin, size, probability: 1.0 };
        Self {
            cores: rows.iter().zip(&sizes).map(core).collect(),
            labels: labels.into_iter().map(|label| label as i32).collect(),
            log: Vec::new(),
        }
    }
}

/// `count` distinct rows, drawn by a partial Fisher-Yates shuffle.
pub(super) fn sample(rows: usize, count: usize, seed: u64) -> Vec<usize> {
    let mut rng = Rng::new(seed, &[0x5A3B]);
    let mut order: Vec<usize> = (0..rows).collect();
    for at in 0..count.min(rows) {
        let other = at + rng.below(rows - at);
        order.swap(at, other);
    }
    order.into_iter().take(count).collect()
}

/// For each row the nearest core's position; a core belongs to itself.
fn nearest_core(features: &Matrix, cores: &[usize]) -> Vec<usize> {
    let nearest = |row: usize| {
        if let Some(own) = cores.iter().position(|&core| core == row) {
            return own;
        }
        let mut best = (f64::INFINITY, 0);
        for (position, &core) in cores.iter().enumerate() {
            let distance = squared(features.row(row), features.row(core));
            if distance < best.0 {
                best = (distance, position);
            }
        }
        best.1
    };
    (0..features.rows()).map(nearest).collect()
}
