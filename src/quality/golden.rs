//! The measures against NumPy, SciPy and scikit-learn: `tests/golden/quality/`.

use super::*;
use serde_json::Value;
use std::sync::Arc;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/quality/quality.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn labels(value: &Value) -> Vec<usize> {
    numbers(value).into_iter().map(|number| number as usize).collect()
}

fn points(golden: &Value, name: &str) -> Points {
    Points::new(golden["columns"].as_u64().unwrap() as usize, numbers(&golden[name]))
}

fn accuracy(predicted: &[usize], truth: &[usize]) -> f64 {
    let right = predicted.iter().zip(truth).filter(|(p, t)| p == t).count();
    right as f64 / truth.len() as f64
}

#[track_caller]
fn close(found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((found / expected - 1.0).abs() < tolerance, "{found} {expected}");
}

/// At the optimum of the same function the predictions are the same, not only as good.
#[test]
fn the_probe_is_scikit_learns_regression() {
    let golden = golden();
    let (train, test) = (points(&golden, "train"), points(&golden, "test"));
    let (own, truth) = (labels(&golden["labels"]), labels(&golden["truth"]));
    for case in golden["probe"].as_array().unwrap() {
        let probe = Probe::train(&train, &own, case["strength"].as_f64().unwrap());
        let predicted = probe.predict(&test);
        let expected = case["accuracy"].as_f64().unwrap();
        assert!((accuracy(&predicted, &truth) - expected).abs() < 0.005, "{case}");
        assert!(accuracy(&predicted, &labels(&case["predicted"])) > 0.995, "{case}");
    }
}

#[test]
fn the_probe_of_two_classes_has_one_row_of_weights_as_scikit_learns() {
    let golden = golden();
    let of_two = |points: &Points, labels: &[usize]| {
        let rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] < 2).collect();
        let labels: Vec<usize> = rows.iter().map(|&row| labels[row]).collect();
        (points.select(&rows), labels)
    };
    let (train, own) = of_two(&points(&golden, "train"), &labels(&golden["labels"]));
    let (test, _) = of_two(&points(&golden, "test"), &labels(&golden["truth"]));
    let predicted = Probe::train(&train, &own, 1.0).predict(&test);
    assert_eq!(predicted, labels(&golden["probe_of_two"]["predicted"]));
}

#[test]
fn the_nearest_row_is_scikit_learns() {
    let golden = golden();
    let (train, own) = (points(&golden, "train"), labels(&golden["labels"]));
    let predicted =
        Neighbors::new(&train, own, 1).unwrap().predict(&points(&golden, "test")).unwrap();
    assert_eq!(predicted, labels(&golden["nearest"]));
}

#[test]
fn frechet_distance_is_scipys_also_of_fewer_rows_than_columns() {
    let golden = golden();
    let (train, test) = (points(&golden, "train"), points(&golden, "test"));
    let few = train.select(&[0, 1, 2, 3, 4, 5, 6]);
    close(frechet(&train, &test), &golden["frechet"], 1e-9);
    close(frechet(&test, &train), &golden["frechet"], 1e-9);
    close(frechet(&few, &test), &golden["frechet_of_seven"], 1e-7);
}

#[test]
fn mmd_is_scikit_learns_kernel() {
    let golden = golden();
    let (train, test) = (points(&golden, "train"), points(&golden, "test"));
    let few = train.select(&[0, 1, 2, 3, 4, 5, 6]);
    let kernel = Kernel::new(Arc::new(test));
    close(mmd(&train, &kernel).unwrap(), &golden["mmd"], 1e-8);
    close(mmd(&few, &kernel).unwrap(), &golden["mmd_of_seven"], 1e-8);
    assert_eq!(mmd(&train.select(&[3]), &kernel), None);
}

#[test]
fn coverage_and_density_are_numpys() {
    let golden = golden();
    let (train, test) = (points(&golden, "train"), points(&golden, "test"));
    let test = Arc::new(test);
    let first = |count: usize| train.select(&(0..count).collect::<Vec<_>>());
    let cases = [
        Manifold::new(test.clone(), 5).unwrap().holds(&train).unwrap(),
        Manifold::new(test, 5).unwrap().holds(&first(7)).unwrap(),
        // Rows of the reference itself: at the rim of each other's balls.
        Manifold::new(Arc::new(train.clone()), 3).unwrap().holds(&first(40)).unwrap(),
    ];
    for (found, expected) in cases.iter().zip(golden["manifold"].as_array().unwrap()) {
        close(found.coverage, &expected["coverage"], 1e-9);
        close(found.density, &expected["density"], 1e-9);
    }
}

#[test]
fn the_rand_index_is_scikit_learns() {
    let golden = golden();
    let cut = |at: usize| -> Vec<i32> {
        numbers(&golden["partitions"][at]).into_iter().map(|label| label as i32).collect()
    };
    close(rand_index(&cut(0), &cut(1)), &golden["rand_index"], 1e-12);
}
