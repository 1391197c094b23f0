//! Lloyd's iterations on centred rows.

use rayon::prelude::*;

use super::{KMeans, KMeansSettings};
use crate::discovery::Matrix;
use crate::linalg::distance::{squared, squared_norm};
use crate::linalg::gemm::rows_by_rows;

/// Rows assigned at once by one thread.
const BLOCK: usize = 128;

/// Rows to partition, with what every iteration needs of them.
pub struct Problem {
    /// The rows less their mean, which keeps digits in the product form of distances.
    pub centred: Matrix,
    means: Vec<f64>,
    mean_variance: f64,
}

impl Problem {
    /// Centres the rows.
    pub fn new(data: &Matrix) -> Self {
        let centred = data.centred();
        let total: f64 = (0..data.rows()).map(|row| squared_norm(centred.row(row))).sum();
        let values = (data.rows() * data.cols()).max(1) as f64;
        Self { centred, means: data.column_means(), mean_variance: total / values }
    }

    /// Moves centres from the data's coordinates to the centred ones.
    pub fn shifted(&self, centres: &Matrix) -> Matrix {
        Matrix::from_fn(centres.rows(), centres.cols(), |row, col| {
            (f64::from(centres.row(row)[col]) - self.means[col]) as f32
        })
    }

    /// Iterates from `centres` (centred coordinates) until the labels stay, the centres hardly
    /// move, or the iterations are used up.
    pub fn run(&self, mut centres: Matrix, settings: &KMeansSettings) -> KMeans {
        let settled = settings.tolerance * self.mean_variance;
        let mut labels: Vec<u32> = Vec::new();
        let mut stable = false;
        for _ in 0..settings.max_iterations {
            let assigned = self.assign(&centres);
            let moved = self.means_of(&assigned, &centres);
            let shift: f64 =
                (0..centres.rows()).map(|c| squared(centres.row(c), moved.row(c))).sum();
            centres = moved;
            stable = assigned == labels;
            labels = assigned;
            if stable || shift <= settled {
                break;
            }
        }
        if !stable {
            labels = self.assign(&centres);
        }
        let inertia = self.distances(&labels, &centres).iter().sum();
        let centres = Matrix::from_fn(centres.rows(), centres.cols(), |row, col| {
            (f64::from(centres.row(row)[col]) + self.means[col]) as f32
        });
        KMeans { labels, centres, inertia }
    }

    /// Each row's nearest centre, the first among equals.
    fn assign(&self, centres: &Matrix) -> Vec<u32> {
        let cols = centres.cols();
        let halves: Vec<f32> =
            (0..centres.rows()).map(|c| (squared_norm(centres.row(c)) / 2.0) as f32).collect();
        let mut labels = vec![0u32; self.centred.rows()];
        labels.par_chunks_mut(BLOCK).enumerate().for_each(|(block, labels)| {
            let from = block * BLOCK;
            let rows = self.centred.row_range(from, from + labels.len());
            let mut products = Vec::new();
            rows_by_rows(rows, centres.as_slice(), cols, &mut products);
            for (label, products) in labels.iter_mut().zip(products.chunks_exact(halves.len())) {
                let mut least = f32::INFINITY;
                for ((centre, half), product) in (0u32..).zip(&halves).zip(products) {
                    if half - product < least {
                        (least, *label) = (half - product, centre);
                    }
                }
            }
        });
        labels
    }

    /// Each cluster's mean. An empty cluster takes the row farthest from its own centre, which
    /// leaves the cluster it was in.
    fn means_of(&self, labels: &[u32], centres: &Matrix) -> Matrix {
        let cols = centres.cols();
        let mut sums = vec![0.0f64; centres.rows() * cols];
        let mut counts = vec![0usize; centres.rows()];
        let add = |sums: &mut [f64], cluster: usize, row: usize, sign: f64| {
            let sum = &mut sums[cluster * cols..(cluster + 1) * cols];
            for (sum, &value) in sum.iter_mut().zip(self.centred.row(row)) {
                *sum += sign * f64::from(value);
            }
        };
        for (row, &label) in labels.iter().enumerate() {
            add(&mut sums, label as usize, row, 1.0);
            counts[label as usize] += 1;
        }
        let empty: Vec<usize> = (0..counts.len()).filter(|&c| counts[c] == 0).collect();
        if !empty.is_empty() {
            for (&cluster, row) in empty.iter().zip(self.farthest(labels, centres)) {
                let left = labels[row] as usize;
                add(&mut sums, left, row, -1.0);
                add(&mut sums, cluster, row, 1.0);
                counts[left] -= 1;
                counts[cluster] = 1;
            }
        }
        Matrix::from_fn(centres.rows(), cols, |cluster, col| match counts[cluster] {
            0 => centres.row(cluster)[col],
            count => (sums[cluster * cols + col] / count as f64) as f32,
        })
    }

    /// Rows by falling distance from their own centres, ties by row order.
    fn farthest(&self, labels: &[u32], centres: &Matrix) -> Vec<usize> {
        let distances = self.distances(labels, centres);
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]));
        order
    }

    /// Each row's squared distance to its own centre.
    fn distances(&self, labels: &[u32], centres: &Matrix) -> Vec<f64> {
        let own = |(row, &label): (usize, &u32)| {
            squared(self.centred.row(row), centres.row(label as usize))
        };
        labels.par_iter().enumerate().map(own).collect()
    }
}
