//! UMAP's halves: the graph number for number, the layout by its quality.

use coda_pipe::discovery::Matrix;
use coda_pipe::internals::discovery::hdbscan::cluster;
use coda_pipe::internals::discovery::standardize::standardize;
use coda_pipe::internals::discovery::umap::{
    UmapSettings, embed, fuzzy::fuzzy_union, smooth::smooth,
};
use coda_pipe::internals::discovery::{Neighbors, exact};

use super::golden::{Golden, on_threads};

const PENGUINS: &str = "tiny_penguin_n15_s5";

fn penguin_neighbors(golden: &Golden) -> Neighbors {
    exact(&standardize(&golden.features()), 15).unwrap()
}

fn assert_close(name: &str, ours: &[f32], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (at, (&ours, &theirs)) in ours.iter().zip(theirs).enumerate() {
        let off = (f64::from(ours) - theirs).abs();
        assert!(off <= 1e-4 * theirs.abs(), "{name} {at}: {ours} for {theirs}");
    }
}

#[test]
fn neighbours_are_the_references() {
    let golden = Golden::load(PENGUINS);
    let found = penguin_neighbors(&golden);
    let indices: Vec<i64> = found.indices.iter().map(|&index| index.into()).collect();
    assert_eq!(indices, golden.integers("knn.indices"));
    let mut expected = golden.values("knn.distances");
    // The reference measures rows against themselves by the product form: 1e-6 instead of 0.
    for own in expected.iter_mut().step_by(15) {
        assert!(*own < 1e-5);
        *own = 0.0;
    }
    assert_close("distance", &found.distances, &expected);
}

#[test]
fn the_fuzzy_set_is_the_references() {
    let golden = Golden::load(PENGUINS);
    // Its own neighbours, whose distances of 1e-6 to themselves become its ρ.
    let neighbors = Neighbors {
        k: 15,
        indices: golden.integers("knn.indices").into_iter().map(|at| at as u32).collect(),
        distances: golden.values("knn.distances").into_iter().map(|d| d as f32).collect(),
    };
    let bandwidths = smooth(&neighbors);
    assert_close("sigma", &bandwidths.sigmas, &golden.values("fuzzy.sigmas"));
    assert_close("rho", &bandwidths.rhos, &golden.values("fuzzy.rhos"));
    let graph = fuzzy_union(&neighbors, &bandwidths);
    let mut expected: Vec<(i64, i64, f64)> = golden
        .integers("fuzzy.row")
        .into_iter()
        .zip(golden.integers("fuzzy.col"))
        .zip(golden.values("fuzzy.val"))
        .map(|((row, col), value)| (row, col, value))
        .collect();
    expected.sort_by_key(|&(row, col, _)| (row, col));
    let ends: Vec<(i64, i64)> = (0..graph.vertices())
        .flat_map(|vertex| graph.edges(vertex).map(move |(to, _)| (vertex as i64, to as i64)))
        .collect();
    assert_eq!(ends, expected.iter().map(|edge| (edge.0, edge.1)).collect::<Vec<_>>());
    let values: Vec<f64> = expected.iter().map(|edge| edge.2).collect();
    assert_close("weight", &graph.weights, &values);
}

/// Ranks of all rows by distance from each row (0 for the nearest other one).
fn ranks(data: &Matrix) -> Vec<Vec<usize>> {
    let order = exact(data, data.rows()).unwrap();
    (0..data.rows())
        .map(|row| {
            let mut ranks = vec![0; data.rows()];
            order.of(row).iter().enumerate().for_each(|(rank, &at)| ranks[at as usize] = rank);
            ranks
        })
        .collect()
}

/// Trustworthiness at `k` (Venna, Kaski 2001): 1 less the penalty for embedded neighbours that
/// aren't neighbours.
fn trustworthiness(data: &Matrix, embedding: &Matrix, k: usize) -> f64 {
    let (ranks, near) = (ranks(data), exact(embedding, k + 1).unwrap());
    let rows = data.rows();
    let penalty: usize = (0..rows)
        .flat_map(|row| near.of(row)[1..].iter().map(move |&other| (row, other as usize)))
        .map(|(row, other)| ranks[row][other].saturating_sub(k))
        .sum();
    1.0 - penalty as f64 * 2.0 / (rows * k * (2 * rows - 3 * k - 1)) as f64
}

#[test]
fn the_layout_is_as_trustworthy_as_the_references_and_clusters_alike() {
    let golden = Golden::load(PENGUINS);
    let scaled = standardize(&golden.features());
    let theirs = trustworthiness(&scaled, &golden.embedding(), 15);
    let neighbors = penguin_neighbors(&golden);
    for seed in [0, 1, 2] {
        let embedding = embed(&neighbors, &UmapSettings { seed, ..UmapSettings::default() });
        let ours = trustworthiness(&scaled, &embedding, 15);
        let found = cluster(&embedding, &golden.hdbscan_settings());
        assert!(ours >= theirs - 0.01, "seed {seed}: {ours} against {theirs}");
        // Over its own seeds umap-learn gives 21 to 27 clusters and 106 to 158 rows of noise.
        assert!((17..=32).contains(&found.clusters()), "seed {seed}: {}", found.clusters());
        assert!((80..=190).contains(&found.noise()), "seed {seed}: {}", found.noise());
    }
}

#[test]
fn threads_change_nothing_and_seeds_do() {
    let golden = Golden::load(PENGUINS);
    let neighbors = penguin_neighbors(&golden);
    let run = |threads, seed| {
        let settings = UmapSettings { seed, epochs: Some(50), ..UmapSettings::default() };
        on_threads(threads, || embed(&neighbors, &settings))
    };
    assert_eq!(run(1, 0), run(4, 0));
    assert_ne!(run(1, 0), run(1, 1));
}
