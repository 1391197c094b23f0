//! k-means: Lloyd's iterations from k-means++ seeds (Arthur, Vassilvitskii 2007) or given centres,
//! with scikit-learn's stopping rules and its handling of empty clusters.

mod lloyd;
mod seeding;

use rayon::prelude::*;

use super::Matrix;

/// How long and how often k-means tries.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeansSettings {
    /// Starts from different seeds; the one with the least inertia is kept.
    pub starts: usize,
    /// Lloyd iterations at most.
    pub max_iterations: usize,
    /// Centres count as settled when their squared shifts add up to no more than this times the
    /// columns' mean variance.
    pub tolerance: f64,
    /// Seed of the k-means++ draws.
    pub seed: u64,
}

impl Default for KMeansSettings {
    fn default() -> Self {
        Self { starts: 8, max_iterations: 300, tolerance: 1e-4, seed: 0 }
    }
}

/// A partition of the rows.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeans {
    /// Each row's cluster, 0…k − 1.
    pub labels: Vec<u32>,
    /// Centres, k × cols. With fewer distinct rows than k, some repeat and have no rows.
    pub centres: Matrix,
    /// Sum of squared distances of the rows to their centres.
    pub inertia: f64,
}

impl KMeans {
    /// Rows of each cluster, ascending.
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.centres.rows()];
        for (row, &label) in self.labels.iter().enumerate() {
            members[label as usize].push(row);
        }
        members
    }
}

/// Partitions the rows into `k` clusters (clamped to 1…rows) from seeded starts. The same bits
/// whatever the number of threads. `data` must have a row and finite values.
pub fn kmeans(data: &Matrix, k: usize, settings: &KMeansSettings) -> KMeans {
    let k = k.clamp(1, data.rows().max(1));
    let problem = lloyd::Problem::new(data);
    let runs: Vec<KMeans> = (0..settings.starts.max(1))
        .into_par_iter()
        .map(|start| {
            let rows = seeding::plus_plus(&problem.centred, k, settings.seed, start as u64);
            problem.run(problem.centred.select(&rows), settings)
        })
        .collect();
    let best =
        runs.into_iter().reduce(|best, run| if run.inertia < best.inertia { run } else { best });
    // `runs` holds at least one element; the empty partition only satisfies the type.
    best.unwrap_or_else(|| KMeans {
        labels: Vec::new(),
        centres: Matrix::from_fn(0, data.cols(), |_, _| 0.0),
        inertia: 0.0,
    })
}

/// Partitions the rows from the given initial centres (k × cols); `starts` and `seed` are not used.
pub fn kmeans_from(data: &Matrix, initial: &Matrix, settings: &KMeansSettings) -> KMeans {
    let problem = lloyd::Problem::new(data);
    let shifted = problem.shifted(initial);
    problem.run(shifted, settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::rng::Rng;

    fn blobs(per_blob: usize) -> Matrix {
        let mut rng = Rng::new(11, &[]);
        Matrix::from_fn(3 * per_blob, 2, |row, col| {
            let centre = [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]][row / per_blob][col];
            100.0 + centre + 0.3 * rng.normal() as f32
        })
    }

    #[test]
    fn separate_blobs_are_found() {
        let found = kmeans(&blobs(40), 3, &KMeansSettings::default());
        for members in found.members() {
            assert_eq!(members.len(), 40);
            assert_eq!(members[0] / 40, members[39] / 40);
        }
        assert!(found.inertia < 3.0 * 40.0 * 2.0 * 0.2, "{}", found.inertia);
    }

    #[test]
    fn given_centres_keep_their_order() {
        let data = blobs(20);
        let found = kmeans_from(&data, &data.select(&[45, 2, 25]), &KMeansSettings::default());
        assert_eq!([found.labels[45], found.labels[2], found.labels[25]], [0, 1, 2]);
    }

    #[test]
    fn centres_are_means_and_inertia_is_what_it_says() {
        let data = blobs(15);
        let found = kmeans(&data, 5, &KMeansSettings::default());
        let mut inertia = 0.0;
        for (cluster, members) in found.members().into_iter().enumerate() {
            let mean = data.select(&members).column_means();
            for (col, mean) in mean.iter().enumerate() {
                assert!((f64::from(found.centres.row(cluster)[col]) - mean).abs() < 1e-4);
            }
            for &row in &members {
                inertia +=
                    (0..2).map(|c| (f64::from(data.row(row)[c]) - mean[c]).powi(2)).sum::<f64>();
            }
        }
        assert!((inertia - found.inertia).abs() < 1e-3 * inertia);
    }

    #[test]
    fn duplicates_leave_clusters_empty_without_harm() {
        let data = Matrix::from_fn(9, 2, |row, _| (row % 2) as f32);
        let found = kmeans(&data, 5, &KMeansSettings::default());
        assert_eq!(found.inertia, 0.0);
        assert_eq!(found.labels.len(), 9);
        assert!(found.centres.as_slice().iter().all(|value| value.is_finite()));
    }

    #[test]
    fn threads_change_nothing() {
        let data = Matrix::from_fn(700, 33, |row, col| ((row * 37 + col * 11) % 101) as f32);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| kmeans(&data, 20, &KMeansSettings::default()))
        };
        assert_eq!(on(1), on(4));
    }
}
