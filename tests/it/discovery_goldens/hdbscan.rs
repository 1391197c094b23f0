//! HDBSCAN on the reference's embeddings.

use coda_pipe::discovery::Matrix;
use coda_pipe::internals::discovery::hdbscan::{
    HdbscanSettings, Selection, SpanningTree, cluster, cluster_by,
};

use super::golden::{CASES, Golden, largest_difference, on_threads};

#[test]
fn labels_and_scores_are_the_references() {
    for case in CASES {
        let golden = Golden::load(case);
        let found = golden.clustering();
        let labels: Vec<i64> = found.labels.iter().map(|&label| label.into()).collect();
        assert_eq!(labels, golden.integers("labels"), "{case}");
        assert_eq!(found.clusters(), golden.number("n_clusters"), "{case}");
        assert_eq!(found.noise(), golden.number("noise"), "{case}");
        for (name, ours) in [
            ("probabilities", &found.probabilities),
            ("outlier_scores", &found.outlier_scores),
            ("persistence", &found.persistence),
        ] {
            let difference = largest_difference(ours, &golden.values(name));
            assert!(difference <= 1e-6, "{case}: {name} off by {difference}");
        }
    }
}

#[test]
fn condensed_trees_are_the_references() {
    for case in CASES {
        let golden = Golden::load(case);
        let falls = golden.clustering().tree.falls;
        let parents: Vec<i64> = falls.iter().map(|fall| fall.parent as i64).collect();
        let children: Vec<i64> = falls.iter().map(|fall| fall.child as i64).collect();
        let sizes: Vec<i64> = falls.iter().map(|fall| fall.size as i64).collect();
        assert_eq!(parents, golden.integers("condensed.parent"), "{case}");
        assert_eq!(children, golden.integers("condensed.child"), "{case}");
        assert_eq!(sizes, golden.integers("condensed.size"), "{case}");
        for (fall, lambda) in falls.iter().zip(golden.values("condensed.lambda")) {
            assert!((fall.lambda - lambda).abs() <= 1e-9 * lambda, "{case}: {fall:?} {lambda}");
        }
    }
}

#[test]
fn threads_change_nothing() {
    let golden = Golden::load("mnist_3_n15_s5");
    assert_eq!(on_threads(1, || golden.clustering()), on_threads(4, || golden.clustering()));
}

#[test]
fn leaves_are_at_least_as_many_and_lie_within() {
    let golden = Golden::load("cifar_frog_n15_s5");
    let mass = golden.clustering();
    let settings = HdbscanSettings { selection: Selection::Leaf, ..golden.hdbscan_settings() };
    let leaves = cluster(&golden.embedding(), &settings);
    assert!(leaves.clusters() > mass.clusters());
    for leaf in 0..leaves.clusters() {
        let members = leaves.members(leaf);
        let around = mass.labels[members[0]];
        assert!(around >= 0 && members.iter().all(|&row| mass.labels[row] == around), "{leaf}");
    }
}

#[test]
fn degenerate_inputs_are_noise() {
    let settings =
        HdbscanSettings { min_cluster_size: 2, min_samples: 3, selection: Selection::Eom };
    for rows in [0, 1, 2, 3, 9] {
        let found = cluster(&Matrix::from_fn(rows, 2, |_, _| 1.0), &settings);
        assert_eq!(found.labels, vec![-1; rows]);
        assert!(found.probabilities.iter().chain(&found.outlier_scores).all(|&score| score == 0.0));
    }
}

/// Agreement of two labellings (Hubert, Arabie 1985): 1 if they are the same partition, 0 by chance.
fn adjusted_rand_index(left: &[i32], right: &[i32]) -> f64 {
    let pairs = |count: usize| (count * count.saturating_sub(1) / 2) as f64;
    let mut cells = std::collections::HashMap::new();
    let (mut rows, mut columns) = (cells.clone(), cells.clone());
    for (&a, &b) in left.iter().zip(right) {
        *cells.entry((a, b)).or_insert(0) += 1;
        *rows.entry((a, 0)).or_insert(0) += 1;
        *columns.entry((b, 0)).or_insert(0) += 1;
    }
    let sum = |counts: &std::collections::HashMap<(i32, i32), usize>| {
        counts.values().map(|&count| pairs(count)).sum::<f64>()
    };
    let (both, left_alone, right_alone) = (sum(&cells), sum(&rows), sum(&columns));
    let chance = left_alone * right_alone / pairs(left.len());
    let most = (left_alone + right_alone) / 2.0;
    if most == chance { 1.0 } else { (both - chance) / (most - chance) }
}

#[test]
fn the_tree_from_near_neighbours_clusters_as_the_exact_one() {
    for case in CASES {
        let golden = Golden::load(case);
        let near = cluster_by(&golden.embedding(), &golden.hdbscan_settings(), SpanningTree::Near);
        let agreement = adjusted_rand_index(&near.labels, &golden.clustering().labels);
        assert!(agreement >= 0.95, "{case}: {agreement}");
    }
}
