//! The baselines beside CoDA: k-means, herding, k-center and a random sample, on the features as
//! they are given.

use super::cascade::{Core, Origin};
use super::distance::{squared, squared_norm};
use super::kmeans::{KMeansSettings, kmeans};
use super::nearest::{farthest_first, nearest_free};
use super::rng::Rng;
use super::{Algorithm, Matrix};

/// Cores and the partition of the rows among them.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// IPC distinct cores.
    pub cores: Vec<Core>,
    /// For each row, the position in `cores` of the one it belongs to.
    pub labels: Vec<i32>,
}

/// Chooses `ipc` cores (1 ≤ ipc ≤ rows) by a baseline. `Coda` has no place here and is treated as
/// `KMeans`.
pub fn choose(features: &Matrix, algorithm: Algorithm, ipc: usize, seed: u64) -> Choice {
    let (rows, origin) = match algorithm {
        Algorithm::Coda | Algorithm::KMeans => return by_kmeans(features, ipc, seed),
        Algorithm::Herding => (herding(features, ipc), Origin::Herding),
        Algorithm::KCenter => (k_center(features, ipc, seed), Origin::KCenter),
        Algorithm::Random => (sample(features.rows(), ipc, seed), Origin::Random),
    };
    let labels = nearest_core(features, &rows);
    let mut sizes = vec![0usize; rows.len()];
    labels.iter().for_each(|&label| sizes[label] += 1);
    let core = |(&row, &size): (&usize, &usize)| Core { row, origin, size, probability: 1.0 };
    Choice {
        cores: rows.iter().zip(&sizes).map(core).collect(),
        labels: labels.into_iter().map(|label| label as i32).collect(),
    }
}

/// The member nearest to each k-means centre, largest cluster first.
fn by_kmeans(features: &Matrix, ipc: usize, seed: u64) -> Choice {
    let found = kmeans(features, ipc, &KMeansSettings { seed, ..KMeansSettings::default() });
    let members = found.members();
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|&cluster| std::cmp::Reverse(members[cluster].len()));
    let mut rank = vec![0i32; members.len()];
    let mut taken = vec![false; features.rows()];
    let mut cores = Vec::with_capacity(ipc);
    for (position, &cluster) in (0i32..).zip(&order) {
        rank[cluster] = position;
        let centre = found.centres.row(cluster);
        let own = nearest_free(features, members[cluster].iter().copied(), centre, &taken);
        // An empty cluster takes any row that is left; there are as many rows as clusters.
        let any = || nearest_free(features, 0..features.rows(), centre, &taken);
        let Some(row) = own.or_else(any) else { continue };
        taken[row] = true;
        let size = members[cluster].len();
        cores.push(Core { row, origin: Origin::Kmeans, size, probability: 1.0 });
    }
    let labels = found.labels.iter().map(|&label| rank[label as usize]).collect();
    Choice { cores, labels }
}

/// Takes, one after another, the row that brings the mean of those taken nearest to the mean of all.
fn herding(features: &Matrix, ipc: usize) -> Vec<usize> {
    let means = features.column_means();
    let norms: Vec<f64> = (0..features.rows()).map(|row| squared_norm(features.row(row))).collect();
    let mut sum = vec![0.0f64; features.cols()];
    let mut chosen: Vec<usize> = Vec::with_capacity(ipc);
    for count in 1..=ipc {
        // |count·mean − sum − x|² less what all rows share.
        let wanted: Vec<f64> =
            means.iter().zip(&sum).map(|(mean, sum)| count as f64 * mean - sum).collect();
        let mut best: Option<(f64, usize)> = None;
        for row in (0..features.rows()).filter(|row| !chosen.contains(row)) {
            let along: f64 =
                features.row(row).iter().zip(&wanted).map(|(&x, w)| f64::from(x) * w).sum();
            let miss = norms[row] - 2.0 * along;
            if best.is_none_or(|(least, _)| miss < least) {
                best = Some((miss, row));
            }
        }
        let Some((_, row)) = best else { break };
        chosen.push(row);
        sum.iter_mut().zip(features.row(row)).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    chosen
}

/// Starts at a random row and adds the farthest.
fn k_center(features: &Matrix, ipc: usize, seed: u64) -> Vec<usize> {
    let mut chosen = sample(features.rows(), 1, seed);
    farthest_first(features, &mut chosen, ipc);
    chosen
}

/// `count` distinct rows, by a partial Fisher-Yates shuffle.
fn sample(rows: usize, count: usize, seed: u64) -> Vec<usize> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn two_heaps() -> Matrix {
        Matrix::from_fn(20, 1, |row, _| if row < 10 { row as f32 * 0.1 } else { 50.0 + row as f32 })
    }

    const ALL: [Algorithm; 4] =
        [Algorithm::KMeans, Algorithm::Herding, Algorithm::KCenter, Algorithm::Random];

    #[test]
    fn every_baseline_gives_distinct_cores_that_share_the_rows() {
        for algorithm in ALL {
            for ipc in [1, 2, 7, 20] {
                let choice = choose(&two_heaps(), algorithm, ipc, 4);
                let mut rows: Vec<usize> = choice.cores.iter().map(|core| core.row).collect();
                rows.sort_unstable();
                rows.dedup();
                assert_eq!(rows.len(), ipc, "{algorithm:?}");
                let total: usize = choice.cores.iter().map(|core| core.size).sum();
                assert_eq!(total, 20, "{algorithm:?}");
                assert_eq!(choice, choose(&two_heaps(), algorithm, ipc, 4));
            }
        }
    }

    #[test]
    fn kmeans_and_k_center_take_one_of_each_heap() {
        for algorithm in [Algorithm::KMeans, Algorithm::KCenter] {
            let choice = choose(&two_heaps(), algorithm, 2, 4);
            assert_ne!(choice.cores[0].row < 10, choice.cores[1].row < 10, "{algorithm:?}");
        }
    }

    #[test]
    fn herding_starts_nearest_the_mean_and_balances_it() {
        let features = Matrix::from_fn(5, 1, |row, _| [0.0, 4.0, 6.0, 1.0, 9.0][row]);
        let rows: Vec<usize> =
            choose(&features, Algorithm::Herding, 2, 0).cores.iter().map(|core| core.row).collect();
        // The mean is 4: first 4.0 itself; then 6.0, whose mean with it misses by 1.
        assert_eq!(rows, [1, 2]);
    }

    #[test]
    fn a_random_sample_follows_its_seed() {
        let rows = |seed| sample(1000, 20, seed);
        assert_eq!(rows(1), rows(1));
        assert_ne!(rows(1), rows(2));
    }
}
