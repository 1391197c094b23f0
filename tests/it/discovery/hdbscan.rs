//! HDBSCAN on the reference's embeddings.

use coda_pipe::discovery::Matrix;
use coda_pipe::discovery::hdbscan::{HdbscanSettings, Selection, cluster};

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
