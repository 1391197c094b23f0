//! Schedules and solver steps against the published program's.

use safetensors::SafeTensors;

use super::*;
use crate::models::golden::{fixture, values};

fn config() -> SchedulerConfig {
    crate::models::json::from_json(&fixture("scheduler_config.json")).unwrap()
}

fn assert_close(found: &[f32], expected: &[f32], relative: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= relative * expected.abs(), "{what}[{i}]: {found} for {expected}");
    }
}

#[test]
fn alphas_agree_with_the_published_ones() {
    let bytes = fixture("schedules.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let expected = values(&tensors, "alphas_cumprod");
    assert_close(&alphas_cumprod(&config()), &expected, 1e-6, "alphas_cumprod");
}

#[test]
fn schedules_agree_with_the_published_ones() {
    let bytes = fixture("schedules.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    for (method, name) in [(Method::default(), "dpmpp_karras"), (Method::EULER, "euler")] {
        for steps in [1, 2, 5, 10, 25, 50, 100] {
            let schedule = config().schedule(method, steps);
            let key = |what| format!("{name}.{steps}.{what}");
            let expected = |what| values(&tensors, &key(what));
            assert_eq!(schedule.timesteps, expected("timesteps"), "{}", key("timesteps"));
            assert_close(&schedule.sigmas, &expected("sigmas"), 1e-6, &key("sigmas"));
            if method == Method::EULER {
                let sigma = expected("init_noise_sigma");
                assert_close(&[schedule.initial_sigma], &sigma, 1e-6, &key("init_noise_sigma"));
            }
        }
    }
}

#[test]
fn the_effective_configuration_means_the_same_as_the_models_own() {
    let effective = fixture("scheduler_effective_config.json");
    let effective: SchedulerConfig = crate::models::json::from_json(&effective).unwrap();
    assert_eq!((effective.check(), effective.set_aside(Method::default())), (Ok(()), Vec::new()));
    // It was written for another scheduler, with that one's keys.
    let own = SchedulerConfig { others: OtherKeys::default(), ..config() };
    let (others, flow) = (OtherKeys::default(), FlowKeys::default());
    assert_eq!(SchedulerConfig { use_karras_sigmas: false, others, flow, ..effective }, own);
}

/// Feeds a recorded run's model outputs to a solver and compares each sample it arrives at.
fn replay(
    solver: &mut dyn Solver,
    first: usize,
    samples: &[f32],
    predictions: &[f32],
    end: &[f32],
) {
    let size = end.len();
    let steps = samples.len() / size;
    let deviation = spread(end);
    for step in 0..steps {
        let at = step * size..(step + 1) * size;
        let mut sample = samples[at.clone()].to_vec();
        take(solver, first + step, &predictions[at], &mut sample);
        let next = if step + 1 < steps { &samples[(step + 1) * size..][..size] } else { end };
        for (found, expected) in sample.iter().zip(next) {
            let error = (found - expected).abs() / deviation;
            assert!(error < 1e-5, "step {step}: off by {error} deviations");
        }
    }
}

/// Takes a step by the model's outputs for the scaled sample.
fn take(solver: &mut dyn Solver, step: usize, outputs: &[f32], sample: &mut [f32]) {
    let (level, scale) = (solver.schedule().levels[step], solver.input_scale(step));
    let pairs = sample.iter().zip(outputs);
    let clean: Vec<f32> = pairs.map(|(z, &output)| level.clean(z * scale, output)).collect();
    solver.step(step, &clean, &[], sample);
}

fn spread(values: &[f32]) -> f32 {
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
}

#[test]
fn dpm_steps_agree_with_long_and_short_recorded_runs() {
    for (file, steps) in [("loop_paper", 25), ("loop_gtp0", 10)] {
        let bytes = fixture(&format!("{file}.safetensors"));
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let mut solver = config().solver(Method::default(), steps);
        replay(
            solver.as_mut(),
            0,
            &values(&tensors, "sample"),
            &values(&tensors, "noise_pred"),
            &values(&tensors, "final_latents"),
        );
    }
}

#[test]
fn euler_steps_agree_with_a_recorded_refiner_run() {
    let bytes = fixture("loop_refiner05.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut solver = config().solver(Method::EULER, 10);
    let first = solver.schedule().steps_before(0.5);
    assert_eq!(solver.schedule().timesteps[first..], values(&tensors, "refiner.timesteps"));
    replay(
        solver.as_mut(),
        first,
        &values(&tensors, "refiner.sample"),
        &values(&tensors, "refiner.noise_pred"),
        &values(&tensors, "final_latents"),
    );
}

/// A distribution that is one point has an exact model: ε = (z − α·z0)/(α·σ).
#[test]
fn every_method_reaches_a_known_point_exactly() {
    let target = [0.7f32, -1.3, 0.0, 2.5];
    for prediction_type in
        [PredictionType::Epsilon, PredictionType::VPrediction, PredictionType::Sample]
    {
        for timestep_spacing in
            [TimestepSpacing::Linspace, TimestepSpacing::Leading, TimestepSpacing::Trailing]
        {
            for solver_order in 1..=3 {
                let config =
                    SchedulerConfig { prediction_type, timestep_spacing, solver_order, ..config() };
                for method in [
                    Method::default(),
                    Method { sigmas: Sigmas::Plain, ..Method::default() },
                    Method::EULER,
                ] {
                    check_arrival(config.solver(method, 20).as_mut(), prediction_type, &target);
                }
            }
        }
    }
}

fn check_arrival(solver: &mut dyn Solver, prediction: PredictionType, target: &[f32]) {
    let start = solver.schedule().initial_sigma;
    let mut sample: Vec<f32> = (1..=target.len()).map(|i| start * i as f32 / 3.0).collect();
    for step in 0..solver.schedule().len() {
        let sigma = f64::from(solver.schedule().sigmas[step]);
        let alpha = 1.0 / (sigma * sigma + 1.0).sqrt();
        let share = if sigma.is_infinite() { 1.0 } else { alpha * sigma };
        let scale = solver.input_scale(step);
        let output = |(&z, &clean): (&f32, &f32)| {
            let noise = (f64::from(z * scale) - alpha * f64::from(clean)) / share;
            match prediction {
                PredictionType::Epsilon => noise as f32,
                PredictionType::VPrediction => (alpha * noise - share * f64::from(clean)) as f32,
                _ => clean,
            }
        };
        let outputs: Vec<f32> = sample.iter().zip(target).map(output).collect();
        take(solver, step, &outputs, &mut sample);
    }
    for (found, expected) in sample.iter().zip(target) {
        assert!((found - expected).abs() < 1e-4, "{found} for {expected}");
    }
}

/// For a Gaussian of deviation s, z0's flow is known: sample/sqrt(s² + σ²) stays constant (in
/// variance-exploding scale). A higher order must come closer to it.
#[test]
fn a_higher_order_is_closer_to_a_known_flow() {
    let deviation = 0.5f64;
    let error = |solver_order: usize| {
        let config = SchedulerConfig { solver_order, ..config() };
        let mut solver = config.solver(Method::default(), 20);
        let level = |step: usize| f64::from(config.schedule(Method::default(), 20).sigmas[step]);
        let mut sample = [1.0f32];
        for step in 0..20 {
            let sigma = level(step);
            let exploding = f64::from(sample[0]) * (sigma * sigma + 1.0).sqrt();
            let noise = exploding * sigma / (deviation * deviation + sigma * sigma);
            take(solver.as_mut(), step, &[noise as f32], &mut sample);
        }
        let first = level(0);
        let start = (first * first + 1.0).sqrt();
        let exact = start * deviation / (deviation * deviation + first * first).sqrt();
        (f64::from(sample[0]) - exact).abs() / exact
    };
    let errors = [error(1), error(2), error(3)];
    assert!(errors[1] < errors[0] / 4.0 && errors[2] < errors[1], "{errors:?}");
}

#[test]
fn unsupported_settings_are_named() {
    let bad = SchedulerConfig { use_beta_sigmas: true, ..config() };
    assert!(bad.check().unwrap_err().contains("use_beta_sigmas"));
    let bad = SchedulerConfig { solver_order: 4, ..config() };
    assert!(bad.check().unwrap_err().contains("solver_order"));
    assert_eq!(config().check(), Ok(()));
}

/// `schedulers.safetensors` holds diffusers' own schedulers, each fed the same made-up outputs.
#[test]
fn every_scheduler_agrees_with_its_namesake() {
    let bytes = fixture("schedulers.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut cases: Vec<&str> =
        tensors.names().into_iter().filter_map(|name| name.strip_suffix("/timesteps")).collect();
    cases.sort_unstable();
    assert_eq!(cases.len(), 48);
    for case in cases {
        let (config, method, steps) = named_case(case);
        let get = |what: &str| values(&tensors, &format!("{case}/{what}"));
        let mut solver = config.solver(method, steps);
        let schedule = solver.schedule().clone();
        assert_close(&schedule.timesteps, &get("timesteps"), 1e-5, case);
        let sigma = get("init_noise_sigma");
        assert_close(&[schedule.initial_sigma], &sigma, 1e-6, case);
        if method.solver != SolverKind::Ddim {
            assert_close(&schedule.sigmas, &get("sigmas"), 2e-6, case);
        }
        let (samples, outputs) = (get("sample"), get("output"));
        let mut sample = samples[..6].to_vec();
        for step in 0..steps {
            take(solver.as_mut(), step, &outputs[6 * step..6 * step + 6], &mut sample);
            let expected = &samples[6 * step + 6..6 * step + 12];
            let size = spread(expected).max(1.0);
            for (found, expected) in sample.iter().zip(expected) {
                let error = (found - expected).abs() / size;
                assert!(error < 2e-4, "{case}, step {step}: {found} for {expected}");
            }
        }
    }
}

/// `SCHEDULER/SIGMAS/SPACING/PREDICTION/STEPS`.
fn named_case(case: &str) -> (SchedulerConfig, Method, usize) {
    let parts: Vec<&str> = case.split('/').collect();
    let word = |text: &str| serde_json::Value::String(text.to_owned());
    let (solver, solver_order) = match parts[0].strip_prefix("dpm") {
        Some(order) => (SolverKind::DpmSolver, order.parse().unwrap()),
        None => (serde_json::from_value(word(parts[0])).unwrap(), 2),
    };
    let config = SchedulerConfig {
        timestep_spacing: serde_json::from_value(word(parts[2])).unwrap(),
        prediction_type: serde_json::from_value(word(parts[3])).unwrap(),
        steps_offset: 1,
        solver_order,
        set_alpha_to_one: false,
        ..config()
    };
    let method = Method { solver, sigmas: serde_json::from_value(word(parts[1])).unwrap() };
    (config, method, parts[4].parse().unwrap())
}

#[test]
fn zero_snr_agrees_with_the_papers_algorithm() {
    let bytes = fixture("zero_snr.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let config = SchedulerConfig {
        rescale_betas_zero_snr: true,
        timestep_spacing: TimestepSpacing::Trailing,
        prediction_type: PredictionType::VPrediction,
        ..config()
    };
    assert_eq!(config.check(), Ok(()));
    // Float32 loses digits where what is left of the image is little.
    let expected = values(&tensors, "alphas_cumprod");
    assert_close(&alphas_cumprod(&config)[..900], &expected[..900], 1e-4, "alphas_cumprod");
    assert_close(&alphas_cumprod(&config)[900..], &expected[900..], 1e-3, "alphas_cumprod");
    let plain = Method { sigmas: Sigmas::Plain, ..Method::default() };
    for steps in [4, 25] {
        let schedule = config.schedule(plain, steps);
        assert_eq!(schedule.timesteps, values(&tensors, &format!("trailing.{steps}.timesteps")));
        let expected = values(&tensors, &format!("trailing.{steps}.sigmas"));
        assert_close(&schedule.sigmas[..steps], &expected, 1e-3, "trailing sigmas");
        let karras = config.schedule(Method::default(), steps);
        let expected = values(&tensors, &format!("karras.{steps}.sigmas"));
        assert_close(&karras.sigmas[..steps], &expected, 2e-4, "karras sigmas");
    }
    for method in
        [plain, Method::default(), Method { solver: SolverKind::Ddim, sigmas: Sigmas::Plain }]
    {
        let mut solver = config.solver(method, 20);
        check_arrival(solver.as_mut(), config.prediction_type, &[0.7, -1.3, 0.0, 2.5]);
    }
}

#[test]
fn solver_types_of_other_schedulers_are_the_midpoint_method() {
    for kind in ["midpoint", "bh1", "bh2", "logrho"] {
        let text = format!(r#"{{"solver_type": "{kind}", "lambda_min_clipped": -Infinity}}"#);
        let config: SchedulerConfig = crate::models::json::from_json(text.as_bytes()).unwrap();
        assert_eq!((config.solver_type, config.check()), (SolverType::Midpoint, Ok(())));
    }
    let wrong = crate::models::json::from_json::<SchedulerConfig>(br#"{"solver_type": "x"}"#);
    assert!(wrong.unwrap_err().contains("solver_type: unknown variant"));
}
