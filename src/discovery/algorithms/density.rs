//! Density: k-means within the modes of a class's dense part.

use super::{Algorithm, AlgorithmInfo, Method, kmeans};
use crate::discovery::choice::Choice;
use crate::discovery::cores::Origin;
use crate::discovery::density::{core_distances, modes, sparse};
use crate::discovery::{DiscoveryError, Matrix, Settings};

/// The name in settings, tables and logs.
const NAME: &str = "density";

impl Algorithm {
    /// k-means within the modes of the class's dense part (core distances and tree: Campello, Moulavi, Sander 2013).
    pub const DENSITY: Self = Self(&AlgorithmInfo {
        name: NAME,
        summary: "k-means within each mode of the dense part of the class, by density over all classes",
        reads: &[],
        method: Method::Dense(choose),
    });
}

/// The cores of the rows that are not `known` to be sparse; without that knowledge, of those not sparse in their class.
fn choose(
    features: &Matrix,
    known: Option<&[bool]>,
    settings: &Settings,
) -> Result<Choice, DiscoveryError> {
    let flags = match known {
        Some(flags) => flags.to_vec(),
        None => sparse(&core_distances(features)?),
    };
    let (rows, mut log) = dense_rows(&flags, settings.ipc);
    let dense = features.select(&rows);
    let found = modes(&dense, settings.ipc)?;
    let mut choice = Choice { cores: Vec::new(), labels: vec![-1; features.rows()], log: vec![] };
    for (members, &count) in found.members.iter().zip(&found.cores) {
        let first = choice.cores.len() as i32;
        let within = kmeans::choose(&dense.select(members), count, settings.seed);
        for (&member, label) in members.iter().zip(&within.labels) {
            choice.labels[rows[member]] = first + label;
        }
        choice.cores.extend(within.cores.into_iter().map(|mut core| {
            core.row = rows[members[core.row]];
            core.origin = Origin::Algorithm(NAME);
            core
        }));
    }
    log.push(told(&found.members, &found.cores));
    Ok(Choice { log, ..largest_first(choice) })
}

/// The rows that can become cores: those that are not sparse, or all where these are too few.
fn dense_rows(flags: &[bool], ipc: usize) -> (Vec<usize>, Vec<String>) {
    let dense: Vec<usize> = (0..flags.len()).filter(|&row| !flags[row]).collect();
    let out = flags.len() - dense.len();
    if dense.len() >= ipc {
        return (dense, vec![format!("{out} of {} rows left out as sparse", flags.len())]);
    }
    let line = format!("{out} of {} rows are sparse, and needed for {ipc} cores", flags.len());
    ((0..flags.len()).collect(), vec![line])
}

/// `1 mode`, or the modes with their shares and cores.
fn told(members: &[Vec<usize>], cores: &[usize]) -> String {
    if members.len() == 1 {
        return "1 mode".into();
    }
    let total: usize = members.iter().map(Vec::len).sum();
    let shares: Vec<String> = members
        .iter()
        .zip(cores)
        .map(|(rows, cores)| format!("{:.0} % ({cores})", 100.0 * rows.len() as f64 / total as f64))
        .collect();
    format!("{} modes with these shares and cores: {}", members.len(), shares.join(", "))
}

/// The same cores by size, ties in order.
fn largest_first(choice: Choice) -> Choice {
    let mut order: Vec<usize> = (0..choice.cores.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(choice.cores[at].size));
    let mut rank = vec![0i32; order.len()];
    order.iter().zip(0..).for_each(|(&at, position)| rank[at] = position);
    let ranked = |label: &i32| usize::try_from(*label).map_or(-1, |label| rank[label]);
    Choice {
        cores: order.iter().map(|&at| choice.cores[at]).collect(),
        labels: choice.labels.iter().map(ranked).collect(),
        log: choice.log,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::{Discovery, discover, discover_known};
    use crate::linalg::rng::Rng;

    /// 61 rows in one heap, 39 in another, and 3 strays.
    fn heaps() -> Matrix {
        let mut rng = Rng::new(9, &[]);
        Matrix::from_fn(103, 4, |row, col| {
            let centre = match (row, col) {
                (0..61, _) => 0.0,
                (61..100, 0) => 25.0,
                (100.., _) => 300.0 * (row - 99) as f32,
                _ => 0.0,
            };
            centre + rng.normal() as f32
        })
    }

    fn settings(ipc: usize) -> Settings {
        Settings { ipc, algorithm: Algorithm::DENSITY, ..Settings::default() }
    }

    fn cores_between(found: &Discovery, from: usize, to: usize) -> usize {
        found.cores.iter().filter(|core| (from..to).contains(&core.row)).count()
    }

    #[test]
    fn strays_are_left_out_and_modes_share_the_cores() {
        let found = discover(&heaps(), &settings(10)).unwrap();
        assert_eq!((cores_between(&found, 0, 61), cores_between(&found, 61, 100)), (6, 4));
        assert_eq!(found.labels[100..], [-1; 3]);
        assert_eq!(found.probabilities[99..], [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(found.noise, found.labels.iter().filter(|label| **label < 0).count());
        let sizes: usize = found.cores.iter().map(|core| core.size).sum();
        assert_eq!(sizes + found.noise, 103);
        for (rank, core) in found.cores.iter().enumerate() {
            assert_eq!(found.labels[core.row], rank as i32);
            assert!(rank == 0 || core.size <= found.cores[rank - 1].size);
        }
        assert!(found.log.iter().any(|line| line.contains("2 modes")), "{:?}", found.log);
    }

    #[test]
    fn rows_known_to_be_sparse_are_no_cores() {
        let flags: Vec<bool> = (0..103).map(|row| row >= 61).collect();
        let found = discover_known(&heaps(), Some(&flags), &settings(10)).unwrap();
        assert_eq!(cores_between(&found, 0, 61), 10);
        assert!(found.labels[61..].iter().all(|label| *label == -1));
    }

    #[test]
    fn a_class_with_too_few_dense_rows_is_used_whole() {
        let flags: Vec<bool> = (0..103).map(|row| row >= 5).collect();
        let found = discover_known(&heaps(), Some(&flags), &settings(10)).unwrap();
        assert_eq!((found.cores.len(), found.noise), (10, 0));
        let few = heaps().select(&[0, 1, 2]);
        assert_eq!(discover(&few, &settings(3)).unwrap().cores.len(), 3);
        assert_eq!(discover(&few, &settings(1)).unwrap().cores.len(), 1);
    }

    #[test]
    fn duplicates_still_give_distinct_cores() {
        let data = Matrix::from_fn(40, 2, |row, _| (row % 2) as f32);
        let found = discover(&data, &settings(9)).unwrap();
        let mut rows: Vec<usize> = found.cores.iter().map(|core| core.row).collect();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 9);
    }

    #[test]
    fn one_dense_mode_gives_the_cores_of_kmeans() {
        let heap = heaps().select(&(0..61).collect::<Vec<_>>());
        let none = vec![false; 61];
        let found = discover_known(&heap, Some(&none), &settings(5)).unwrap();
        let plain = Settings { algorithm: Algorithm::KMEANS, ..settings(5) };
        let plain = discover(&heap, &plain).unwrap();
        assert_eq!(found.labels, plain.labels);
        let rows = |found: &Discovery| found.cores.iter().map(|c| c.row).collect::<Vec<_>>();
        assert_eq!(rows(&found), rows(&plain));
    }
}
