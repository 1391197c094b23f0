//! k-means: Lloyd's algorithm from given or k-means++ centres.

use super::matrix::{Matrix, squared_distance};
use super::rng::Rng;
use rayon::prelude::*;

/// A partition of rows by k-means.
#[derive(Debug, Clone, PartialEq)]
pub struct Partition {
    /// Centre of each part.
    pub centers: Matrix,
    /// Part of each row.
    pub labels: Vec<usize>,
    /// Sum of squared distances to the centres.
    pub inertia: f64,
}

/// Iterations at most.
const ITERATIONS: usize = 300;
/// Movement of the centres, relative to the mean variance of the columns, below which it has converged.
const TOLERANCE: f64 = 1e-4;

/// Lloyd's algorithm from `centers`. An emptied part takes the row farthest from its centre.
pub fn lloyd(points: &Matrix, mut centers: Matrix) -> Partition {
    let tolerance = TOLERANCE * mean_variance(points);
    let (mut labels, mut distances) = assign(points, &centers);
    for _ in 0..ITERATIONS {
        let moved = update(points, &mut labels, &mut distances, &mut centers);
        let before = std::mem::take(&mut labels);
        (labels, distances) = assign(points, &centers);
        if labels == before || moved <= tolerance {
            break;
        }
    }
    Partition { centers, labels, inertia: distances.iter().sum() }
}

/// The best of `runs` runs from k-means++ centres.
pub fn kmeans(points: &Matrix, k: usize, seed: u64, runs: u64) -> Partition {
    let run = |r| lloyd(points, plus_plus(points, k, &mut Rng::fork(seed, r)));
    (1..runs)
        .map(run)
        .fold(run(0), |best, next| if next.inertia < best.inertia { next } else { best })
}

/// Nearest centre of each row (ties: the first) and the squared distance to it.
fn assign(points: &Matrix, centers: &Matrix) -> (Vec<usize>, Vec<f64>) {
    (0..points.rows())
        .into_par_iter()
        .with_min_len(64)
        .map(|i| {
            let row = points.row(i);
            let mut best = (0, f64::INFINITY);
            for c in 0..centers.rows() {
                let distance = squared_distance(row, centers.row(c));
                if distance < best.1 {
                    best = (c, distance);
                }
            }
            best
        })
        .unzip()
}

/// Moves the centres to the means of their rows; answers with the sum of their squared movements.
fn update(
    points: &Matrix,
    labels: &mut [usize],
    distances: &mut [f64],
    centers: &mut Matrix,
) -> f64 {
    let (k, d) = (centers.rows(), centers.cols());
    let mut counts = vec![0_usize; k];
    labels.iter().for_each(|&l| counts[l] += 1);
    for part in 0..k {
        if counts[part] == 0 {
            refill(part, labels, distances, &mut counts);
        }
    }
    let mut sums = vec![0.0_f64; k * d];
    for (i, &label) in labels.iter().enumerate() {
        let sum = &mut sums[label * d..(label + 1) * d];
        sum.iter_mut().zip(points.row(i)).for_each(|(s, v)| *s += f64::from(*v));
    }
    let mut moved = 0.0;
    for part in 0..k {
        if counts[part] > 0 {
            let means =
                sums[part * d..(part + 1) * d].iter().map(|s| (s / counts[part] as f64) as f32);
            for (value, mean) in centers.row_mut(part).iter_mut().zip(means) {
                moved += (f64::from(*value) - f64::from(mean)).powi(2);
                *value = mean;
            }
        }
    }
    moved
}

/// Gives an empty part the row that is farthest from its centre, from a part that can spare one.
fn refill(part: usize, labels: &mut [usize], distances: &mut [f64], counts: &mut [usize]) {
    let mut farthest: Option<usize> = None;
    for i in 0..labels.len() {
        if counts[labels[i]] > 1 && farthest.is_none_or(|f| distances[i] > distances[f]) {
            farthest = Some(i);
        }
    }
    if let Some(i) = farthest {
        counts[labels[i]] -= 1;
        counts[part] = 1;
        labels[i] = part;
        distances[i] = 0.0;
    }
}

/// k-means++: each next centre is a row drawn by its squared distance to the centres so far.
fn plus_plus(points: &Matrix, k: usize, rng: &mut Rng) -> Matrix {
    let n = points.rows();
    let mut chosen = vec![rng.below(n)];
    let mut distances = vec![f64::INFINITY; n];
    while chosen.len() < k {
        let last = points.row(chosen[chosen.len() - 1]);
        distances
            .par_iter_mut()
            .enumerate()
            .with_min_len(256)
            .for_each(|(i, best)| *best = best.min(squared_distance(points.row(i), last)));
        let total: f64 = distances.iter().sum();
        let mut left = rng.unit() * total;
        let drawn = distances.iter().position(|d| {
            left -= d;
            left < 0.0 && *d > 0.0
        });
        chosen.push(drawn.unwrap_or_else(|| rng.below(n)));
    }
    points.select(&chosen)
}

fn mean_variance(points: &Matrix) -> f64 {
    let (n, d) = (points.rows().max(1) as f64, points.cols());
    let (mut sum, mut squares) = (vec![0.0_f64; d], vec![0.0_f64; d]);
    for i in 0..points.rows() {
        for (j, v) in points.row(i).iter().enumerate() {
            sum[j] += f64::from(*v);
            squares[j] += f64::from(*v).powi(2);
        }
    }
    let variance = |j: usize| (squares[j] / n - (sum[j] / n).powi(2)).max(0.0);
    (0..d).map(variance).sum::<f64>() / d as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separate_groups_are_found_and_empty_parts_filled() {
        let values: Vec<f32> = (0..30).map(|i| (i / 10) as f32 * 100.0 + (i % 10) as f32).collect();
        let points = Matrix::new(30, 1, values).unwrap();
        let found = kmeans(&points, 3, 7, 3);
        let mut centers: Vec<f32> = found.centers.data().to_vec();
        centers.sort_by(f32::total_cmp);
        assert_eq!(centers, [4.5, 104.5, 204.5]);
        assert_eq!(found, kmeans(&points, 3, 7, 3));

        let same = Matrix::new(30, 1, vec![1.0; 30]).unwrap();
        assert_eq!(kmeans(&same, 4, 1, 1).inertia, 0.0);
    }
}
