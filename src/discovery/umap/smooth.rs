//! Each row's own scale: the distance to its nearest neighbour and the bandwidth at which its
//! neighbours' weights add up to log2 k.

use rayon::prelude::*;

use crate::linalg::knn::Neighbors;

/// Bisection steps.
const STEPS: usize = 64;
/// How near the weights' sum must come to its target.
const TOLERANCE: f64 = 1e-5;
/// The smallest bandwidth, as a share of the mean neighbour distance.
const LEAST_SCALE: f64 = 1e-3;

/// What [`smooth`] finds for every row.
#[derive(Clone, Debug, PartialEq)]
pub struct Bandwidths {
    /// The bandwidth σ of each row.
    pub sigmas: Vec<f32>,
    /// The distance ρ from each row to its nearest neighbour that isn't a duplicate.
    pub rhos: Vec<f32>,
}

/// Finds ρ and σ for every row, σ so that Σ exp(−max(0, d − ρ)/σ) over its neighbours without
/// itself is log2 k, and not below a thousandth of the mean distance (umap-learn's
/// `smooth_knn_dist` with local connectivity 1).
pub fn smooth(neighbors: &Neighbors) -> Bandwidths {
    let count = neighbors.distances.len().max(1) as f64;
    let mean = neighbors.distances.iter().map(|&d| f64::from(d)).sum::<f64>() / count;
    let pairs: Vec<(f32, f32)> = (0..neighbors.rows())
        .into_par_iter()
        .map(|row| smooth_row(neighbors.distances_of(row), mean))
        .collect();
    let (sigmas, rhos) = pairs.into_iter().unzip();
    Bandwidths { sigmas, rhos }
}

/// (σ, ρ) of one row.
fn smooth_row(distances: &[f32], mean_of_all: f64) -> (f32, f32) {
    let rho = distances.iter().copied().find(|&distance| distance > 0.0).unwrap_or(0.0);
    let sigma = bisect(distances, f64::from(rho));
    let mean = if rho > 0.0 {
        distances.iter().map(|&d| f64::from(d)).sum::<f64>() / distances.len().max(1) as f64
    } else {
        mean_of_all
    };
    (sigma.max(LEAST_SCALE * mean) as f32, rho)
}

/// The bandwidth at which the weights add up to log2 k, as near as the bisection gets.
fn bisect(distances: &[f32], rho: f64) -> f64 {
    let target = (distances.len() as f64).log2();
    let (mut low, mut high, mut sigma) = (0.0, f64::INFINITY, 1.0f64);
    for _ in 0..STEPS {
        let sum: f64 = distances
            .iter()
            .skip(1)
            .map(|&distance| (-(f64::from(distance) - rho).max(0.0) / sigma).exp())
            .sum();
        if (sum - target).abs() < TOLERANCE {
            break;
        }
        if sum > target {
            high = sigma;
            sigma = (low + high) / 2.0;
        } else {
            low = sigma;
            sigma = if high.is_infinite() { sigma * 2.0 } else { (low + high) / 2.0 };
        }
    }
    sigma
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_add_up_to_the_binary_logarithm_of_k() {
        let distances: Vec<f32> = (0..16).map(|at| at as f32 * 0.3).collect();
        let neighbors = Neighbors { k: 16, indices: vec![0; 16], distances };
        let found = smooth(&neighbors);
        assert_eq!(found.rhos[0], 0.3);
        let sum: f32 = neighbors.distances[1..]
            .iter()
            .map(|&d| (-(d - found.rhos[0]) / found.sigmas[0]).exp())
            .sum();
        assert!((sum - 4.0).abs() < 1e-4, "{sum}");
    }

    #[test]
    fn duplicates_and_a_single_neighbour_give_finite_scales() {
        for distances in [vec![0.0f32; 8], vec![0.0], vec![0.0, 5.0], vec![0.0, 0.0, 0.0, 2.0]] {
            let neighbors =
                Neighbors { k: distances.len(), indices: vec![0; distances.len()], distances };
            let found = smooth(&neighbors);
            assert!(found.sigmas[0].is_finite() && found.sigmas[0] >= 0.0);
            assert!(found.rhos[0].is_finite());
        }
    }
}
