//! The cascade from the reference's embeddings to IPC cores.

use coda_pipe::discovery::{Matrix, Origin};
use coda_pipe::internals::discovery::cascade::{Cascade, CascadeSettings, run};

use super::golden::{CASES, Golden, on_threads};

fn cascade(golden: &Golden, ipc: usize) -> Cascade {
    let settings = CascadeSettings {
        ipc,
        min_cluster_size: golden.number("min_cluster_size"),
        min_samples: golden.number("min_samples"),
        seed: 0,
    };
    run(&golden.embedding(), &golden.clustering(), &settings).unwrap()
}

/// Sum of squared distances of the rows to the nearest of `centres`.
fn inertia(data: &Matrix, rows: &[usize], centres: &[usize]) -> f64 {
    let squared = |a: usize, b: usize| -> f64 {
        data.row(a).iter().zip(data.row(b)).map(|(x, y)| f64::from(x - y).powi(2)).sum()
    };
    rows.iter().map(|&row| centres.iter().map(|&c| squared(row, c)).fold(f64::MAX, f64::min)).sum()
}

fn assert_distinct(found: &Cascade, ipc: usize) {
    let mut rows: Vec<usize> = found.cores.iter().map(|core| core.row).collect();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), ipc);
}

#[test]
fn selections_are_the_references_row_for_row() {
    let (mut matched, mut compared_noise) = (0, 0);
    for case in CASES {
        let golden = Golden::load(case);
        for (ipc, expected) in golden.json["ipc"].as_object().unwrap() {
            let Some(selected) = expected["selected"].as_array() else { continue };
            let found = cascade(&golden, ipc.parse().unwrap());
            assert_distinct(&found, selected.len());
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for (at, core) in found.cores.iter().enumerate() {
                let row = selected[at].as_u64().unwrap() as usize;
                let what = format!("{case}, IPC {ipc}, core {at}: {core:?}, expected row {row}");
                assert_eq!(core.origin.as_str(), expected["origin"][at], "{what}");
                if core.origin == Origin::KmeansOutliers {
                    ours.push(core.row);
                    theirs.push(row);
                    continue;
                }
                assert_eq!(core.row, row, "{what}");
                assert_eq!(core.size as u64, expected["size"][at], "{what}");
                matched += 1;
            }
            if !ours.is_empty() {
                compared_noise += 1;
                let embedding = golden.embedding();
                let pool = noise_pool(&golden, &found);
                let ratio = inertia(&embedding, &pool, &ours) / inertia(&embedding, &pool, &theirs);
                assert!(ratio <= 1.05, "{case}, IPC {ipc}: {ratio}");
            }
        }
    }
    // Of 41 selections, 20 took part of their cores from k-means on noise.
    assert_eq!((matched, compared_noise), (539, 20));
}

/// The rows of noise, which is what the first clustering left (splits keep every member).
fn noise_pool(golden: &Golden, found: &Cascade) -> Vec<usize> {
    let labels = golden.clustering().labels;
    let pool: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] < 0).collect();
    let outliers = found.cores.iter().filter(|core| core.origin == Origin::KmeansOutliers);
    assert_eq!(outliers.map(|core| core.size).sum::<usize>(), pool.len());
    pool
}

#[test]
fn the_case_that_crashed_the_published_program_gives_a_hundred_cores() {
    let golden = Golden::load("mnist_1_n30_s15");
    assert_eq!(golden.json["ipc"]["100"]["error"], "IndexError: list index out of range");
    let found = cascade(&golden, 100);
    assert_distinct(&found, 100);
    // Splitting by force gives 70 before nothing is left to split; the 54 noise points the rest.
    let rest = found.cores.iter().filter(|core| core.origin == Origin::KmeansRest).count();
    assert_eq!(rest, 30);
}

#[test]
fn threads_change_nothing() {
    let golden = Golden::load("tiny_bus_n45_s25");
    assert_eq!(on_threads(1, || cascade(&golden, 50)), on_threads(4, || cascade(&golden, 50)));
}
