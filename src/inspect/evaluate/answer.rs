//! What an evaluation found, as its files have it.

use crate::quality::{Placement, Right, Spread};
use crate::store::{Fault, Receipt, RunDir, StoreError};
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
    pub left_out: Vec<Fault>,
    /// G, R, and random real images.
    pub sets: Vec<SetResult>,
}

/// One set, or the random ones together. Accuracies are shares, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetResult {
    /// `distilled`, `cores` or `random`.
    pub name: String,
    /// Its images.
    pub images: usize,
    /// The linear probe's accuracy.
    pub probe: Spread,
    /// The nearest neighbours'.
    pub knn: Spread,
    /// Share of the real images that have one of the set near.
    pub coverage: f64,
    /// How crowded by real images the set's places are.
    pub density: f64,
    /// Fréchet distance from the real images.
    pub frechet: f64,
    /// Unbiased MMD² from the real images; absent for a set of one image.
    pub mmd: Option<f64>,
    /// By class.
    pub classes: Vec<ClassResult>,
}

/// The accuracies of one class; absent where no held-out image is of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassResult {
    /// The class key.
    pub class: String,
    /// The linear probe's.
    pub probe: Option<f64>,
    /// The nearest neighbours'.
    pub knn: Option<f64>,
}

impl ClassResult {
    pub(crate) fn new(class: &str, right: Right) -> Self {
        let (probe, knn) = right.shares().unzip();
        Self { class: class.to_owned(), probe, knn }
    }
}

/// `evaluate/sets/NAME.json`: one set, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) images: usize,
    probe: f64,
    knn: f64,
    coverage: f64,
    density: f64,
    frechet: f64,
    mmd: Option<f64>,
    classes: Vec<ClassResult>,
}

impl Measured {
    pub(crate) fn new(
        images: usize,
        placement: Placement,
        all: Right,
        classes: Vec<ClassResult>,
    ) -> Self {
        let (probe, knn) = all.shares().unwrap_or_default();
        let Placement { coverage, density, frechet, mmd } = placement;
        Self { images, probe, knn, coverage, density, frechet, mmd, classes }
    }
}

/// The sets' results from their files, the random ones as one.
pub(crate) fn assemble(
    run_dir: &RunDir,
    receipts: &BTreeMap<String, Receipt>,
    seeds: usize,
) -> Result<Vec<SetResult>, StoreError> {
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
    Ok(sets.into_iter().filter_map(|(name, measured)| together(name, &measured)).collect())
}

/// Several draws as one result; `None` of none.
fn together(name: &str, draws: &[Measured]) -> Option<SetResult> {
    let spread = |of: fn(&Measured) -> f64| Spread::of(&draws.iter().map(of).collect::<Vec<_>>());
    let mean = |of: fn(&Measured) -> f64| spread(of).map(|spread| spread.mean);
    let some = |values: Option<Vec<f64>>| Spread::of(&values?).map(|spread| spread.mean);
    let first = draws.first()?;
    let classes = first.classes.iter().enumerate().map(|(at, class)| {
        let of = |accuracy: fn(&ClassResult) -> Option<f64>| {
            some(draws.iter().map(|draw| draw.classes.get(at).and_then(accuracy)).collect())
        };
        ClassResult { class: class.class.clone(), probe: of(|c| c.probe), knn: of(|c| c.knn) }
    });
    Some(SetResult {
        name: name.to_owned(),
        images: first.images,
        probe: spread(|draw| draw.probe)?,
        knn: spread(|draw| draw.knn)?,
        coverage: mean(|draw| draw.coverage)?,
        density: mean(|draw| draw.density)?,
        frechet: mean(|draw| draw.frechet)?,
        mmd: some(draws.iter().map(|draw| draw.mmd).collect()),
        classes: classes.collect(),
    })
}
