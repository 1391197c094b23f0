//! What must hold of every term, whatever the denoiser predicts.

use super::settings::{TermDoc, terms};
use super::{ClassAnchors, Edits, GuidancePlan, GuidanceSettings, GuidanceStep, GuidedImage};
use super::{StepRecord, TERMS, TermSettings, TermValue};
use crate::models::denoiser::Prediction;
use crate::models::noise::Noise;
use crate::models::noise_schedule::{Method, NoiseSchedule, PredictionType, SchedulerConfig};

const SIDE: usize = 8;
const VALUES: usize = SIDE * SIDE;
const STEPS: usize = 10;
const CFG: f32 = 3.0;
const PREDICTIONS: [PredictionType; 3] =
    [PredictionType::Epsilon, PredictionType::VPrediction, PredictionType::Sample];

fn values(seed: u64, images: usize) -> Vec<f32> {
    Noise::Native.values(seed, images * VALUES)
}

fn plan(terms: TermSettings, prediction_type: PredictionType) -> GuidancePlan {
    let settings = GuidanceSettings { cfg: CFG, rescale: 0.0, gamma: 0.05, fraction: 1.0, terms };
    GuidancePlan { settings, prediction_type, side: SIDE, steps: STEPS }
}

fn levels() -> NoiseSchedule {
    SchedulerConfig::default().schedule(Method::default(), STEPS)
}

/// `term` from the first step to the last, with these keys.
fn chosen(term: &TermDoc, keys: &[(&str, f64)]) -> TermSettings {
    let mut settings = TermSettings::default();
    settings.choose(term);
    let always = [("from", 0.0), ("to", 1.0), ("stop", 0.0)];
    for (name, value) in always.iter().chain(keys) {
        if let Some(key) = term.keys.iter().find(|key| key.name == *name) {
            settings.set(term.name, key, TermValue::Number(*value));
        }
    }
    settings
}

fn term(name: &str) -> TermDoc {
    terms().find(|term| term.name == name).unwrap()
}

/// Terms that edit images.
fn editing() -> impl Iterator<Item = TermDoc> {
    let edits =
        |name: &str| TERMS.iter().any(|term| term.name() == name && term.edits() != Edits::Nothing);
    terms().filter(move |term| edits(term.name))
}

/// Inputs, predictions and anchors of images; image i is of class `classes[i]`.
struct Batch {
    input: Vec<f32>,
    prediction: Prediction,
    anchors: Vec<Vec<f32>>,
    classes: Vec<ClassAnchors>,
    /// How many of the images count.
    real: usize,
}

impl Batch {
    fn of(images: &[(u64, usize)], real: usize) -> Self {
        let joined =
            |kind: u64| images.iter().flat_map(move |(seed, _)| values(10 * seed + kind, 1));
        let class = |number: usize| ClassAnchors {
            number,
            latents: (0..3).map(|rank| values(1000 + 10 * number as u64 + rank, 1)).collect(),
            sizes: vec![4, 1, 2],
        };
        Self {
            input: joined(1).collect(),
            prediction: Prediction {
                conditional: joined(2).collect(),
                unconditional: Some(joined(3).collect()),
            },
            anchors: images.iter().map(|(seed, _)| values(10 * seed + 4, 1)).collect(),
            classes: images.iter().map(|(_, number)| class(*number)).collect(),
            real,
        }
    }

    /// The guided prediction, and the record of the step.
    fn guided(&self, plan: &GuidancePlan, index: usize) -> (Vec<f32>, StepRecord) {
        let (levels, mut prediction) = (levels(), self.prediction.clone());
        let image = |at: usize| GuidedImage {
            anchor: Some(&self.anchors[at]),
            class: Some(&self.classes[at]),
            padding: at >= self.real,
        };
        let images: Vec<GuidedImage<'_>> = (0..self.anchors.len()).map(image).collect();
        let step = GuidanceStep { index, levels: &levels, input: &self.input, images: &images };
        let mut record = StepRecord::default();
        plan.apply(&step, &mut prediction, Some(&mut record));
        let recorded = prediction.conditional;
        let mut prediction = self.prediction.clone();
        plan.apply(&step, &mut prediction, None);
        assert_eq!(prediction.conditional, recorded, "a record changes nothing");
        // What the solver reads out of the prediction is what was recorded.
        let estimate = step.estimate(plan);
        for ((&z, &out), &clean) in self.input.iter().zip(&recorded).zip(&record.clean) {
            let found = estimate.clean(z, out);
            assert!((found - clean).abs() <= 2e-4 * clean.abs().max(1.0), "{found} {clean}");
        }
        (recorded, record)
    }
}

#[test]
fn all_the_way_lands_on_the_anchor_for_every_prediction() {
    let batch = Batch::of(&[(1, 0), (2, 0)], 2);
    let whole = [
        ("anchor", chosen(&term("anchor"), &[])),
        ("low-frequency", chosen(&term("low-frequency"), &[("cells", SIDE as f64)])),
    ];
    for prediction_type in PREDICTIONS {
        for (name, settings) in &whole {
            for index in [0, 4, STEPS - 1] {
                let (_, record) = batch.guided(&plan(settings.clone(), prediction_type), index);
                for (found, anchor) in record.clean.iter().zip(batch.anchors.concat()) {
                    assert!((found - anchor).abs() < 1e-4, "{name} {prediction_type:?} {index}");
                }
                assert!(record.shares[0].0 == *name && record.shares[0].1 > 0.0);
            }
        }
        let settings = chosen(&term("class-mean"), &[]);
        let (_, record) = batch.guided(&plan(settings, prediction_type), 2);
        let mean = batch.classes[0].mean();
        let pairs = record.clean[..VALUES].iter().zip(&record.clean[VALUES..]);
        for ((first, second), mean) in pairs.zip(mean) {
            let found = f64::from((first + second) / 2.0);
            assert!((found - mean).abs() < 1e-4, "{prediction_type:?}");
        }
    }
}

#[test]
fn a_term_that_is_off_changes_no_bit() {
    let batch = Batch::of(&[(1, 0), (2, 0), (3, 1)], 3);
    for prediction_type in PREDICTIONS {
        let (plain, record) = batch.guided(&plan(TermSettings::default(), prediction_type), 3);
        assert!(record.shares.is_empty());
        for term in terms() {
            let mut off = chosen(&term, &[]);
            for key in term.keys {
                key.off.iter().for_each(|value| off.set(term.name, key, *value));
            }
            let (found, record) = batch.guided(&plan(off.clone(), prediction_type), 3);
            assert_eq!((found, record.shares), (plain.clone(), Vec::new()), "{}", term.name);
            assert_eq!(off.in_use().count(), 0, "{}", term.name);
        }
        for term in editing() {
            let (found, _) = batch.guided(&plan(chosen(&term, &[]), prediction_type), 3);
            assert_ne!(found, plain, "{}", term.name);
        }
    }
}

#[test]
fn padding_and_other_classes_change_no_bit_of_an_image() {
    for term in editing() {
        let plan = plan(chosen(&term, &[]), PredictionType::Epsilon);
        let (alone, _) = Batch::of(&[(1, 0), (2, 0)], 2).guided(&plan, 2);
        let (padded, _) = Batch::of(&[(1, 0), (2, 0), (2, 0), (2, 0)], 2).guided(&plan, 2);
        assert_eq!(padded[..2 * VALUES], alone, "{}", term.name);
        let (mixed, _) = Batch::of(&[(1, 0), (7, 5), (2, 0)], 3).guided(&plan, 2);
        assert_eq!(mixed[..VALUES], alone[..VALUES], "{}", term.name);
        assert_eq!(mixed[2 * VALUES..], alone[VALUES..], "{}", term.name);
        let couples = TERMS.iter().any(|one| one.name() == term.name && one.couples());
        let (one, _) = Batch::of(&[(1, 0)], 1).guided(&plan, 2);
        assert_eq!(one != alone[..VALUES], couples, "{}", term.name);
    }
}

#[test]
fn shares_are_of_the_estimate_that_no_term_has_edited() {
    let batch = Batch::of(&[(1, 0)], 1);
    let (_, plain) = batch.guided(&plan(TermSettings::default(), PredictionType::Epsilon), 1);
    let square = |values: &[f32]| values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    for name in ["published", "anchor"] {
        let plan = plan(chosen(&term(name), &[("strength", 0.4)]), PredictionType::Epsilon);
        let (_, found) = batch.guided(&plan, 1);
        let pairs = found.clean.iter().zip(&plain.clean);
        let moved: Vec<f32> = pairs.map(|(after, before)| after - before).collect();
        let expected = (square(&moved) / square(&plain.clean)).sqrt();
        assert_eq!(found.shares[0].0, name);
        assert!((f64::from(found.shares[0].1) / expected - 1.0).abs() < 1e-3, "{name}");
    }
}
