//! Terms against NumPy and torch's autograd: `tests/golden/guidance/`.

use super::settings::terms;
use super::{ClassAnchors, GuidanceStep, GuidedImage, TERMS, TermSettings, prompt_noise, start};
use super::{GuidancePlan, GuidanceSettings};
use crate::models::noise_schedule::{Diffusion, NoiseProcess, NoiseSchedule, PredictionType};
use serde_json::Value;

/// How far an edit may be off, in lengths of the edit.
const TOLERANCE: f64 = 1e-5;

struct Golden(Value);

impl Golden {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/guidance/guidance.json");
        Self(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    fn rows(&self, name: &str) -> Vec<Vec<f32>> {
        self.0[name].as_array().unwrap().iter().map(numbers).collect()
    }

    fn levels(&self) -> NoiseSchedule {
        let sigmas = numbers(&self.0["sigmas"]);
        let level = |sigma: &f32| Diffusion(PredictionType::Epsilon).level(f64::from(*sigma));
        let levels: Vec<_> = sigmas.iter().map(level).collect();
        let timesteps: Vec<f32> = (1..sigmas.len()).rev().map(|step| step as f32).collect();
        NoiseSchedule {
            times: timesteps.iter().map(|&timestep| f64::from(timestep)).collect(),
            timesteps,
            sigmas,
            published_levels: levels.clone(),
            levels,
            flow: false,
            initial_sigma: 1.0,
            train_timesteps: 1000,
        }
    }

    fn class(&self) -> ClassAnchors {
        let sizes = self.0["sizes"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap());
        ClassAnchors { number: 0, latents: self.rows("class"), sizes: sizes.collect() }
    }

    /// What a term makes of the golden ẑ0 with these anchors.
    fn edited(&self, case: &Value, anchors: &[Vec<f32>]) -> Vec<f32> {
        let (class, levels) = (self.class(), self.levels());
        let mut clean = self.rows("clean").concat();
        let images: Vec<GuidedImage<'_>> = anchors
            .iter()
            .map(|anchor| GuidedImage { anchor: Some(anchor), class: Some(&class), padding: false })
            .collect();
        let input = clean.clone();
        let index = case["step"].as_u64().unwrap() as usize;
        let step = GuidanceStep { index, levels: &levels, input: &input, images: &images };
        let name = case["term"].as_str().unwrap();
        let plan = GuidancePlan {
            settings: GuidanceSettings {
                cfg_by_step: Vec::new(),
                cfg: 1.0,
                rescale: 0.0,
                gamma: 0.0,
                fraction: 1.0,
                terms: settings(name, &case["settings"]),
            },
            side: self.0["shape"][1].as_u64().unwrap() as usize,
            steps: levels.len(),
        };
        let term = TERMS.iter().find(|term| term.name() == name).unwrap();
        term.edit(&plan, &step, &mut clean);
        clean
    }
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

/// A chosen term with these keys.
fn settings(name: &str, keys: &Value) -> TermSettings {
    let term = terms().find(|term| term.name == name).unwrap();
    let mut settings = TermSettings::default();
    settings.choose(&term);
    for (key, value) in keys.as_object().unwrap() {
        let key = term.keys.iter().find(|one| one.name == key).unwrap();
        let value = match value.as_str() {
            Some(word) => key.kind.choice(word),
            None => key.kind.number(value.as_f64().unwrap()),
        };
        settings.set(term.name, key, value.unwrap());
    }
    settings
}

/// The length of a − b.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

#[track_caller]
fn close(found: &[f32], expected: &[f32], before: &[f32]) {
    let (error, edit) = (distance(found, expected), distance(expected, before));
    assert_eq!(found.len(), expected.len());
    match edit == 0.0 {
        true => assert_eq!(found, before, "a step that the term leaves alone"),
        false => assert!(error <= TOLERANCE * edit, "{error} of {edit}"),
    }
}

#[test]
fn every_terms_edit_is_numpys_and_autograds() {
    let golden = Golden::read();
    let (clean, anchors) = (golden.rows("clean").concat(), golden.rows("anchors"));
    let mut seen = Vec::new();
    for case in golden.0["cases"].as_array().unwrap() {
        let edited = case["edited"].as_array();
        let expected: Vec<f32> =
            edited.map_or_else(|| clean.clone(), |rows| rows.iter().flat_map(numbers).collect());
        close(&golden.edited(case, &anchors), &expected, &clean);
        seen.push(case["term"].as_str().unwrap());
    }
    for term in TERMS.iter().filter(|term| term.edits() == super::Edits::Clean) {
        assert!(seen.contains(&term.name()), "{} has no golden", term.name());
    }
}

#[test]
fn a_pooled_anchor_pulls_as_the_whole_one() {
    let golden = Golden::read();
    let cases = golden.0["cases"].as_array().unwrap();
    let case = cases.iter().find(|c| c["term"] == "low-frequency" && c["settings"]["cells"] == 2);
    let whole = golden.edited(case.unwrap(), &golden.rows("anchors"));
    let pooled = golden.edited(case.unwrap(), &golden.rows("pooled"));
    close(&pooled, &whole, &golden.rows("clean").concat());
}

#[test]
fn the_noised_prompt_is_numpys() {
    let golden = Golden::read();
    let (prompt, noise) = (numbers(&golden.0["prompt"]), numbers(&golden.0["noise"]));
    for (kept, expected) in golden.0["noised"].as_object().unwrap() {
        let mut found = prompt.clone();
        prompt_noise::noised(&mut found, &noise, kept.parse().unwrap(), 0.5);
        close(&found, &numbers(expected), &prompt);
    }
}

#[test]
fn the_start_is_the_noised_anchor() {
    let golden = Golden::read();
    let start = &golden.0["start"];
    let anchor = &golden.rows("anchors")[0];
    let sigma = start["sigma"].as_f64().unwrap() as f32;
    let level = Diffusion(PredictionType::Epsilon).level(f64::from(sigma));
    let found = start::noised(anchor, &numbers(&start["noise"]), level);
    close(&found, &numbers(&start["sample"]), anchor);
}
