//! What must hold of every term, whatever the denoiser predicts and however noise is mixed in.

use super::settings::{TermDoc, terms};
use super::{ClassAnchors, Edits, GuidancePlan, GuidanceSettings, GuidanceStep, GuidedImage};
use super::{StepRecord, TERMS, TermSettings, TermValue};
use crate::models::clean::CleanEstimates;
use crate::models::denoiser::{Denoiser, Prediction};
use crate::models::error::DiffusionError;
use crate::models::noise::Noise;
use crate::models::noise_schedule::{Method, NoiseSchedule, SchedulerConfig, Sigmas, SolverKind};
use crate::models::sampler::{Batch as Run, denoise};

const SIDE: usize = 8;
const VALUES: usize = SIDE * SIDE;
const STEPS: usize = 10;
const CFG: f32 = 3.0;

/// A kind of model: its scheduler's settings and the way it is sampled.
type Kind = (SchedulerConfig, Method);

/// A scheduler's settings as JSON has them, and the way of sampling.
fn kind(text: &str, solver: SolverKind, sigmas: Sigmas) -> Kind {
    (crate::models::json::from_json(text.as_bytes()).unwrap(), Method { solver, sigmas })
}

/// Every process, prediction and solver.
fn kinds() -> Vec<Kind> {
    use SolverKind::{Ddim, DpmSolver, Euler, EulerAncestral, Lcm};
    let mut all = Vec::new();
    for prediction in ["epsilon", "v_prediction", "sample"] {
        let text = format!(r#"{{"prediction_type": "{prediction}"}}"#);
        all.push(kind(&text, DpmSolver, Sigmas::Karras));
        all.extend(
            [DpmSolver, Euler, EulerAncestral, Ddim, Lcm].map(|s| kind(&text, s, Sigmas::Plain)),
        );
    }
    let flow = r#"{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}"#;
    all.extend([DpmSolver, Euler].map(|solver| kind(flow, solver, Sigmas::Plain)));
    for prediction in ["epsilon", "v_prediction"] {
        let text =
            format!(r#"{{"_class_name": "EDMEulerScheduler", "prediction_type": "{prediction}"}}"#);
        all.extend([DpmSolver, Euler].map(|solver| kind(&text, solver, Sigmas::Karras)));
    }
    all
}

/// The default: DPM-Solver++ on a model that predicts noise.
fn usual() -> Kind {
    kind("{}", SolverKind::DpmSolver, Sigmas::Karras)
}

fn values(seed: u64, images: usize) -> Vec<f32> {
    Noise::Native.values(seed, images * VALUES)
}

fn plan(terms: TermSettings) -> GuidancePlan {
    let settings = GuidanceSettings {
        cfg: CFG,
        cfg_by_step: Vec::new(),
        rescale: 0.0,
        gamma: 0.05,
        fraction: 1.0,
        terms,
    };
    GuidancePlan { settings, side: SIDE, steps: STEPS }
}

fn levels((config, method): &Kind) -> NoiseSchedule {
    assert_eq!(config.check_for(*method), Ok(()));
    config.schedule(*method, STEPS)
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

    /// The guided ẑ0, and the record of the step.
    fn guided(&self, plan: &GuidancePlan, kind: &Kind, index: usize) -> (Vec<f32>, StepRecord) {
        let levels = levels(kind);
        let image = |at: usize| GuidedImage {
            anchor: Some(&self.anchors[at]),
            class: Some(&self.classes[at]),
            padding: at >= self.real,
        };
        let images: Vec<GuidedImage<'_>> = (0..self.anchors.len()).map(image).collect();
        let step = GuidanceStep { index, levels: &levels, input: &self.input, images: &images };
        let estimates = || CleanEstimates::of(self.prediction.clone(), &self.input, step.level());
        let mut record = StepRecord::default();
        let recorded = plan.apply(&step, estimates(), Some(&mut record));
        let clean = plan.apply(&step, estimates(), None);
        assert_eq!(clean, recorded, "a record changes nothing");
        assert_eq!(record.clean, recorded, "the record has what the solver takes");
        (recorded, record)
    }
}

#[test]
fn all_the_way_lands_on_the_anchor_for_every_kind_of_model() {
    let batch = Batch::of(&[(1, 0), (2, 0)], 2);
    let whole = [
        ("anchor", chosen(&term("anchor"), &[])),
        ("low-frequency", chosen(&term("low-frequency"), &[("cells", SIDE as f64)])),
    ];
    for kind in kinds() {
        for (name, settings) in &whole {
            for index in [0, 4, STEPS - 1] {
                let (_, record) = batch.guided(&plan(settings.clone()), &kind, index);
                for (found, anchor) in record.clean.iter().zip(batch.anchors.concat()) {
                    assert!((found - anchor).abs() < 1e-4, "{name} {kind:?} {index}");
                }
                assert!(record.shares[0].0 == *name && record.shares[0].1 > 0.0);
            }
        }
        let settings = chosen(&term("class-mean"), &[]);
        let (_, record) = batch.guided(&plan(settings), &kind, 2);
        let mean = batch.classes[0].mean();
        let pairs = record.clean[..VALUES].iter().zip(&record.clean[VALUES..]);
        for ((first, second), mean) in pairs.zip(mean) {
            let found = f64::from((first + second) / 2.0);
            assert!((found - mean).abs() < 1e-4, "{kind:?}");
        }
    }
}

#[test]
fn a_term_that_is_off_changes_no_bit() {
    let batch = Batch::of(&[(1, 0), (2, 0), (3, 1)], 3);
    for kind in kinds() {
        let (plain, record) = batch.guided(&plan(TermSettings::default()), &kind, 3);
        assert!(record.shares.is_empty());
        for term in terms() {
            let mut off = chosen(&term, &[]);
            for key in term.keys {
                key.off.iter().for_each(|value| off.set(term.name, key, *value));
            }
            let (found, record) = batch.guided(&plan(off.clone()), &kind, 3);
            assert_eq!((found, record.shares), (plain.clone(), Vec::new()), "{}", term.name);
            assert_eq!(off.in_use().count(), 0, "{}", term.name);
        }
        for term in editing() {
            let (found, _) = batch.guided(&plan(chosen(&term, &[])), &kind, 3);
            assert_ne!(found, plain, "{}", term.name);
        }
    }
}

#[test]
fn padding_and_other_classes_change_no_bit_of_an_image() {
    for term in editing() {
        let (plan, kind) = (plan(chosen(&term, &[])), usual());
        let (alone, _) = Batch::of(&[(1, 0), (2, 0)], 2).guided(&plan, &kind, 2);
        let (padded, _) = Batch::of(&[(1, 0), (2, 0), (2, 0), (2, 0)], 2).guided(&plan, &kind, 2);
        assert_eq!(padded[..2 * VALUES], alone, "{}", term.name);
        let (mixed, _) = Batch::of(&[(1, 0), (7, 5), (2, 0)], 3).guided(&plan, &kind, 2);
        assert_eq!(mixed[..VALUES], alone[..VALUES], "{}", term.name);
        assert_eq!(mixed[2 * VALUES..], alone[VALUES..], "{}", term.name);
        let couples = TERMS.iter().any(|one| one.name() == term.name && one.couples());
        let (one, _) = Batch::of(&[(1, 0)], 1).guided(&plan, &kind, 2);
        assert_eq!(one != alone[..VALUES], couples, "{}", term.name);
    }
}

#[test]
fn shares_are_of_the_estimate_that_no_term_has_edited() {
    let batch = Batch::of(&[(1, 0)], 1);
    let (_, plain) = batch.guided(&plan(TermSettings::default()), &usual(), 1);
    let square = |values: &[f32]| values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
    for name in ["published", "anchor"] {
        let plan = plan(chosen(&term(name), &[("strength", 0.4)]));
        let (_, found) = batch.guided(&plan, &usual(), 1);
        let pairs = found.clean.iter().zip(&plain.clean);
        let moved: Vec<f32> = pairs.map(|(after, before)| after - before).collect();
        let expected = (square(&moved) / square(&plain.clean)).sqrt();
        assert_eq!(found.shares[0].0, name);
        assert!((f64::from(found.shares[0].1) / expected - 1.0).abs() < 1e-3, "{name}");
    }
}

/// The whole loop: a pull to the end lands on the anchor with every process and solver, and none leaves the samples alone.
#[test]
fn a_run_pulled_all_the_way_ends_at_the_anchor_and_without_a_pull_changes_nothing() {
    let (anchor, start) = (values(3, 1), values(4, 1));
    let run = |kind: &Kind, settings: TermSettings| {
        let (config, method) = kind;
        let mut solver = config.solver(*method, STEPS);
        let scale = solver.schedule().initial_sigma;
        let mut samples: Vec<f32> = start.iter().map(|value| value * scale).collect();
        let plan = plan(settings);
        let images = [GuidedImage { anchor: Some(&anchor), ..GuidedImage::default() }];
        let noise = |step| values(100 + step as u64, 1);
        let batch = Run { images: &images, plan: &plan, noise: &noise };
        let mut model = Shrinks;
        denoise(solver.as_mut(), 0..STEPS, &batch, &mut samples, &mut model, None).unwrap();
        samples
    };
    for kind in kinds() {
        let pulled = run(&kind, chosen(&term("anchor"), &[]));
        // DDIM and LCM end at the least noise of training, or a step before.
        let off = pulled.iter().zip(&anchor).map(|(found, anchor)| (found - anchor).abs());
        let off = off.fold(0.0, f32::max);
        assert!(off < 2e-4, "{kind:?}: {off}");
        let mut none = chosen(&term("anchor"), &[]);
        let strength = term("anchor").keys.iter().find(|key| key.off.is_some()).unwrap();
        none.set("anchor", strength, TermValue::Number(0.0));
        assert_eq!(run(&kind, none), run(&kind, TermSettings::default()), "{kind:?}");
        assert_ne!(run(&kind, TermSettings::default()), pulled, "{kind:?}");
    }
}

/// A denoiser of any kind: what it says depends on the sample and the timestep.
struct Shrinks;

impl Denoiser for Shrinks {
    fn predict(
        &mut self,
        step: usize,
        _timestep: f32,
        input: &[f32],
    ) -> Result<Prediction, DiffusionError> {
        let conditional = input.iter().map(|z| 0.4 * z + 0.1 * step as f32).collect();
        let unconditional = Some(input.iter().map(|z| 0.3 * z).collect());
        Ok(Prediction { conditional, unconditional })
    }
}
