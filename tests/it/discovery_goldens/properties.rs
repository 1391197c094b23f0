//! What holds for every input: no panic, exactly IPC distinct cores, nothing that isn't finite, the
//! same bits twice.

use coda_pipe::discovery::{
    Algorithm, Discovery, DiscoveryError, Matrix, MatrixError, NeighborSearch, Settings, discover,
    discover_embedded,
};

use super::golden::on_threads;

/// A small generator of its own (xorshift64*), so that the tests don't lean on the code under test.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }

    fn value(&mut self) -> f32 {
        self.roll(20_001) as f32 / 1000.0 - 10.0
    }
}

/// A matrix of some kind: noise, heaps, few distinct rows, constant columns, or all equal.
fn problem(dice: &mut Dice) -> Matrix {
    let most = [8, 20, 40, 60, 120, 300][dice.roll(6)];
    let (rows, cols) = (1 + dice.roll(most), 1 + dice.roll(12));
    let kind = dice.roll(6);
    let distinct = 1 + dice.roll(5);
    let pattern: Vec<f32> = (0..distinct * cols).map(|_| dice.value() * 10.0).collect();
    let scale = [1.0, 1e-12, 1e6, 1e12][dice.roll(4)];
    Matrix::from_fn(rows, cols, |row, col| {
        let of_pattern = pattern[row % distinct * cols + col];
        scale
            * match kind {
                0 => dice.value(),
                1 => of_pattern + dice.value() / 10.0,
                2 => of_pattern,
                3 if col % 2 == 0 => 3.0,
                3 => dice.value(),
                4 => dice.roll(3) as f32,
                _ => 0.7,
            }
    })
}

fn settings(dice: &mut Dice, rows: usize) -> Settings {
    let algorithms = [
        Algorithm::CODA,
        Algorithm::CODA,
        Algorithm::CODA,
        Algorithm::KMEANS,
        Algorithm::HERDING,
        Algorithm::K_CENTER,
        Algorithm::RANDOM,
    ];
    Settings {
        ipc: 1 + dice.roll(rows),
        algorithm: algorithms[dice.roll(7)],
        n_neighbors: [2, 5, 12, 30, 140][dice.roll(5)],
        min_cluster_size: 2 + dice.roll(20),
        min_samples: 1 + dice.roll(5),
        components: 1 + dice.roll(8),
        pca: [0, 0, 0, 3][dice.roll(4)],
        neighbors: [NeighborSearch::Auto, NeighborSearch::Hnsw][dice.roll(2)],
        seed: dice.roll(1000) as u64,
        ..Settings::default()
    }
}

fn assert_sound(found: &Discovery, rows: usize, settings: &Settings) {
    let mut cores: Vec<usize> = found.cores.iter().map(|core| core.row).collect();
    cores.sort_unstable();
    cores.dedup();
    assert_eq!(cores.len(), settings.ipc, "{settings:?}");
    assert!(cores.iter().all(|&row| row < rows));
    assert_eq!(found.embedding.rows(), rows);
    assert!(found.embedding.as_slice().iter().all(|value| value.is_finite()), "{settings:?}");
    for scores in [&found.probabilities, &found.outlier_scores] {
        assert!(scores.len() == rows && scores.iter().all(|score| (0.0..=1.0).contains(score)));
    }
    assert!(found.labels.iter().all(|&label| (-1..found.clusters as i32).contains(&label)));
    assert_eq!(found.labels.iter().filter(|&&label| label < 0).count(), found.noise);
}

fn same(left: &Discovery, right: &Discovery) -> bool {
    let bits = |found: &Discovery| -> Vec<u32> {
        found.embedding.as_slice().iter().map(|value| value.to_bits()).collect()
    };
    bits(left) == bits(right)
        && left.labels == right.labels
        && left.probabilities == right.probabilities
        && left.outlier_scores == right.outlier_scores
        && left.cores == right.cores
        && left.log == right.log
        && left.recall == right.recall
}

#[test]
fn any_small_problem_gives_its_cores_twice_the_same() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for round in 0..1000 {
        let data = problem(&mut dice);
        let settings = settings(&mut dice, data.rows());
        let run = || {
            if round % 2 == 0 {
                discover(&data, &settings)
            } else {
                discover_embedded(&data, &settings)
            }
        };
        let first = on_threads(1, || run().unwrap());
        assert_sound(&first, data.rows(), &settings);
        assert!(same(&first, &on_threads(4, || run().unwrap())), "{settings:?}");
    }
}

#[test]
fn one_two_and_three_rows_work_at_the_published_settings() {
    for rows in [1, 2, 3, 5] {
        let data = Matrix::from_fn(rows, 4, |row, col| (row * col) as f32);
        for neighbors in [NeighborSearch::Exact, NeighborSearch::Hnsw] {
            let algorithm = Algorithm::CODA;
            let settings = Settings { ipc: rows, algorithm, neighbors, ..Settings::default() };
            assert_sound(&discover(&data, &settings).unwrap(), rows, &settings);
        }
    }
}

#[test]
fn impossible_requests_are_clean_errors() {
    let data = Matrix::from_fn(6, 3, |row, col| (row * 2 + col) as f32);
    let run = |data: &Matrix, settings: Settings| discover(data, &settings).unwrap_err();
    let too_many = run(&data, Settings { ipc: 7, ..Settings::default() });
    assert!(matches!(too_many, DiscoveryError::TooFewRows { rows: 6, ipc: 7 }));
    let none = run(&data, Settings { ipc: 0, ..Settings::default() });
    assert!(matches!(none, DiscoveryError::Setting { name: "ipc", .. }));
    let mut bad = data.clone();
    bad.row_mut(4)[1] = f32::NAN;
    for algorithm in [Algorithm::CODA, Algorithm::KMEANS, Algorithm::RANDOM] {
        let error = run(&bad, Settings { ipc: 2, algorithm, ..Settings::default() });
        assert!(error.to_string().starts_with("row 4, column 1"), "{error}");
    }
    let empty = run(&Matrix::from_fn(6, 0, |_, _| 0.0), Settings { ipc: 2, ..Settings::default() });
    assert!(matches!(empty, DiscoveryError::Matrix(MatrixError::NoColumns)));
}
