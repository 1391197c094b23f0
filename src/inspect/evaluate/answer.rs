//! What an evaluation found, as its files have it.

use crate::quality::{ByMetric, Right, Spread, Standing, accuracies, own_metrics, standing};
use crate::store::{Receipt, RunDir, SampleFault, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `evaluate/evaluation.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// A digest of the run's results that were looked at.
    pub state: String,
    /// What the features are.
    pub features: String,
    /// The held-out shards, as they were named.
    pub against: Vec<String>,
    /// Random draws of real images.
    pub seeds: usize,
    /// Held-out images of the run's classes.
    pub test_images: usize,
    /// Held-out samples that could not be used.
    pub left_out: Vec<SampleFault>,
    /// G, R, and random real images.
    pub sets: Vec<SetResult>,
    /// All real images, or as many as a classifier is trained on at most.
    pub whole: Whole,
}

/// What the classifiers learn from the run's whole data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Whole {
    /// The images that they were trained on.
    pub images: usize,
    /// Their accuracies: shares, 0 to 1.
    #[serde(flatten)]
    pub accuracies: ByMetric<Option<f64>>,
}

/// One set, or the random ones together. Accuracies are shares, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetResult {
    /// `distilled`, `cores` or `random`.
    pub name: String,
    /// Its images.
    pub images: usize,
    /// What each metric says.
    #[serde(flatten)]
    pub values: ByMetric<MetricValue>,
    /// By class.
    pub classes: Vec<ClassResult>,
}

/// What a metric says of a set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MetricValue {
    /// An accuracy, with its deviation over several draws.
    Spread(Spread),
    /// Any other number; absent where the set is too small for it.
    Number(Option<f64>),
}

/// The accuracies of one class; absent where no held-out image is of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassResult {
    /// The class key.
    pub class: String,
    /// Each classifier's.
    #[serde(flatten)]
    pub accuracies: ByMetric<Option<f64>>,
}

impl ClassResult {
    pub(crate) fn new(class: &str, right: &Right) -> Self {
        Self { class: class.to_owned(), accuracies: right.shares() }
    }
}

/// `evaluate/sets/NAME.json`: one set, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) images: usize,
    #[serde(flatten)]
    values: ByMetric<Option<f64>>,
    classes: Vec<ClassResult>,
}

impl Measured {
    pub(crate) fn new(
        images: usize,
        placed: &ByMetric<Option<f64>>,
        all: &Right,
        classes: Vec<ClassResult>,
    ) -> Self {
        let accuracies = all.shares();
        let value = |key| accuracies.get(key).or(placed.get(key)).copied().flatten();
        let values = own_metrics().map(|metric| (metric.key, value(metric.key))).collect();
        Self { images, values, classes }
    }
}

/// The sets' results from their files, the random ones as one, and what the whole data gives.
pub(crate) fn assemble(
    run_dir: &RunDir,
    receipts: &BTreeMap<String, Receipt>,
    seeds: usize,
) -> Result<(Vec<SetResult>, Whole), StoreError> {
    let read = |name: &str| -> Result<Measured, StoreError> {
        let unit = format!("evaluate/sets/{name}");
        let output = receipts.get(&unit).and_then(|receipt| receipt.outputs.first());
        let lost =
            || StoreError::Absent { what: format!("no {unit}.json: delete it and evaluate again") };
        let path = run_dir.path(&output.ok_or_else(lost)?.file);
        let text = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
        serde_json::from_slice(&text)
            .map_err(|e| StoreError::Malformed { path, message: e.to_string() })
    };
    let draws: Vec<_> =
        (0..seeds).map(|seed| read(&format!("random-{seed}"))).collect::<Result<_, _>>()?;
    let sets = [
        ("distilled", vec![read("distilled")?]),
        ("cores", vec![read("cores")?]),
        ("random", draws),
    ];
    let sets = sets.into_iter().filter_map(|(name, measured)| together(name, &measured)).collect();
    let measured = read("whole")?;
    let accuracy = |key: &str| measured.values.get(key).copied().flatten();
    let accuracies = accuracies().map(|metric| (metric.key, accuracy(metric.key))).collect();
    let whole = Whole { images: measured.images, accuracies };
    Ok((beside_each_other(sets, &whole), whole))
}

/// The sets with what their first accuracy says beside that of random images and of the whole data.
fn beside_each_other(mut sets: Vec<SetResult>, whole: &Whole) -> Vec<SetResult> {
    let Some(first) = accuracies().next() else { return sets };
    let mean = |set: &SetResult| match set.values.get(first.key) {
        Some(MetricValue::Spread(spread)) => Some(spread.mean),
        _ => None,
    };
    let random = sets.iter().find(|set| set.name == "random").and_then(mean);
    let whole = whole.accuracies.get(first.key).copied().flatten();
    for set in &mut sets {
        if let (Some(own), Some(random), Some(whole)) = (mean(set), random, whole) {
            let found = standing(&Standing { set: own, random, whole });
            let found =
                found.into_iter().map(|(key, value)| (key, MetricValue::Number(Some(value))));
            set.values = std::mem::take(&mut set.values).and(found);
        }
    }
    sets
}

/// Several draws as one result; `None` of none.
fn together(name: &str, draws: &[Measured]) -> Option<SetResult> {
    let first = draws.first()?;
    let spread = |key: &str| over(draws, |draw| draw.values.get(key).copied().flatten());
    let of_set = |key: &str| match accuracies().any(|accuracy| accuracy.key == key) {
        // Of no held-out image nothing is named rightly.
        true => MetricValue::Spread(spread(key).unwrap_or(Spread { mean: 0.0, std: None })),
        false => MetricValue::Number(spread(key).map(|spread| spread.mean)),
    };
    let classes = first.classes.iter().enumerate().map(|(at, class)| {
        let accuracy = |draw: &Measured, key: &str| {
            draw.classes.get(at)?.accuracies.get(key).copied().flatten()
        };
        let mean = |key| over(draws, |draw| accuracy(draw, key)).map(|spread| spread.mean);
        let values = accuracies().map(|metric| (metric.key, mean(metric.key)));
        ClassResult { class: class.class.clone(), accuracies: values.collect() }
    });
    Some(SetResult {
        name: name.to_owned(),
        images: first.images,
        values: own_metrics().map(|metric| (metric.key, of_set(metric.key))).collect(),
        classes: classes.collect(),
    })
}

/// Mean and deviation of what every draw has; `None` where one has nothing.
fn over(draws: &[Measured], of: impl Fn(&Measured) -> Option<f64>) -> Option<Spread> {
    Spread::of(&draws.iter().map(of).collect::<Option<Vec<f64>>>()?)
}
