//! From training's noise levels to the few that sampling visits.
//!
//! σ_t = sqrt((1−ᾱ_t)/ᾱ_t). Sigmas are f32 as in the published program; what lies between is f64.

use super::choices::{BetaSchedule, FinalSigma, TimestepSpacing};
use super::config::SchedulerConfig;
use super::{Method, Sigmas, SolverKind, lcm};

/// Exponent of Karras' spacing (arXiv 2206.00364, equation 5).
const KARRAS_RHO: f64 = 7.0;

/// σ_t of every training timestep, growing.
pub(super) fn training_sigmas(alphas_cumprod: &[f32]) -> Vec<f32> {
    alphas_cumprod.iter().map(|&alpha_bar| ((1.0 - alpha_bar) / alpha_bar).sqrt()).collect()
}

/// Timesteps and σ of a run's steps, falling, without the final σ.
pub(super) fn levels(
    config: &SchedulerConfig,
    method: Method,
    training: &[f32],
    steps: usize,
) -> (Vec<f64>, Vec<f32>) {
    let timesteps = match method.solver {
        SolverKind::DpmSolver => dpm_timesteps(config, steps),
        SolverKind::Euler | SolverKind::EulerAncestral => euler_timesteps(config, steps),
        SolverKind::Ddim => ddim_timesteps(config, steps),
        SolverKind::Lcm => lcm::timesteps(&config.lcm, config.num_train_timesteps, steps),
    };
    let plain: Vec<f32> = timesteps.iter().map(|&t| sigma_at(t, training)).collect();
    // DPM-Solver++ spreads over all of training's levels, EulerDiscrete over those that it visits.
    let (Some(&first), Some(&last)) = (plain.first(), plain.last()) else {
        return (timesteps, plain);
    };
    let (max, min) = match method.solver {
        SolverKind::DpmSolver => (training[training.len() - 1], training[0]),
        _ => (first, last),
    };
    let spaced = matches!(method.solver, SolverKind::DpmSolver | SolverKind::Euler);
    let levels = match method.sigmas {
        Sigmas::Karras if spaced => karras(max, min, steps),
        Sigmas::Exponential if spaced => exponential(max, min, steps),
        _ => return (timesteps, plain),
    };
    // Karras levels are rounded to whole timesteps, exponential ones cut, EulerDiscrete's neither.
    let rounded = config.beta_schedule != BetaSchedule::SquaredcosCapV2;
    let timestep = |&sigma: &f64| {
        let timestep = timestep_of(sigma, training);
        match (method.solver, method.sigmas) {
            (SolverKind::Euler, _) => timestep,
            (_, Sigmas::Karras) if rounded => timestep.round_ties_even(),
            _ => timestep.trunc(),
        }
    };
    let timesteps = levels.iter().map(timestep).collect();
    (timesteps, levels.into_iter().map(|sigma| sigma as f32).collect())
}

/// The sigma after the last step.
pub(super) fn final_sigma(config: &SchedulerConfig, training: &[f32]) -> f32 {
    match config.final_sigmas_type {
        FinalSigma::Zero => 0.0,
        FinalSigma::SigmaMin => training.first().copied().unwrap_or(0.0),
    }
}

/// `count` sigmas from `max` to `min`, evenly spaced in their seventh root.
fn karras(max: f32, min: f32, count: usize) -> Vec<f64> {
    let root = |sigma: f32| f64::from(sigma).powf(1.0 / KARRAS_RHO);
    let (max, min) = (root(max), root(min));
    let ramp = |i: usize| {
        if count > 1 { i as f64 / (count - 1) as f64 } else { 0.0 }
    };
    (0..count).map(|i| (max + ramp(i) * (min - max)).powf(KARRAS_RHO)).collect()
}

/// `count` sigmas from `max` to `min`, evenly spaced in their logarithm.
fn exponential(max: f32, min: f32, count: usize) -> Vec<f64> {
    let (max, min) = (f64::from(max).ln(), f64::from(min).ln());
    let ramp = |i: usize| if count > 1 { i as f64 / (count - 1) as f64 } else { 0.0 };
    (0..count).map(|i| (max + ramp(i) * (min - max)).exp()).collect()
}

/// The (fractional) training timestep at which `sigma` occurs, linear in log σ.
fn timestep_of(sigma: f64, training: &[f32]) -> f64 {
    let log_sigma = sigma.max(1e-10).ln();
    let log_at = |i: usize| f64::from(training[i].ln());
    let below = training.partition_point(|&level| f64::from(level.ln()) <= log_sigma);
    let low = below.saturating_sub(1).min(training.len() - 2);
    let (low_log, high_log) = (log_at(low), log_at(low + 1));
    let weight = ((low_log - log_sigma) / (low_log - high_log)).clamp(0.0, 1.0);
    (1.0 - weight) * low as f64 + weight * (low + 1) as f64
}

/// σ at a (fractional) training timestep, linear between neighbours.
fn sigma_at(timestep: f64, training: &[f32]) -> f32 {
    let clamped = timestep.clamp(0.0, (training.len() - 1) as f64);
    let low = clamped.floor() as usize;
    let high = (low + 1).min(training.len() - 1);
    let (low_sigma, high_sigma) = (f64::from(training[low]), f64::from(training[high]));
    let part = clamped - low as f64;
    // σ is infinite where there is no signal left.
    if part == 0.0 { training[low] } else { (low_sigma + (high_sigma - low_sigma) * part) as f32 }
}

/// DPM-Solver++'s timesteps, falling: `steps` of `steps + 1` evenly spaced ones, without the
/// cleanest.
fn dpm_timesteps(config: &SchedulerConfig, steps: usize) -> Vec<f64> {
    let train = config.num_train_timesteps;
    let offset = config.steps_offset as f64;
    match config.timestep_spacing {
        TimestepSpacing::Linspace => {
            let stride = (train - 1) as f64 / steps as f64;
            (1..=steps).rev().map(|i| (i as f64 * stride).round_ties_even()).collect()
        }
        TimestepSpacing::Leading => {
            let stride = train / (steps + 1);
            (1..=steps).rev().map(|i| (i * stride) as f64 + offset).collect()
        }
        TimestepSpacing::Trailing => trailing(train, steps),
    }
}

/// DDIM's timesteps, falling.
fn ddim_timesteps(config: &SchedulerConfig, steps: usize) -> Vec<f64> {
    match config.timestep_spacing {
        TimestepSpacing::Linspace => {
            let stride = (config.num_train_timesteps - 1) as f64 / (steps.max(2) - 1) as f64;
            (0..steps).rev().map(|i| (i as f64 * stride).round_ties_even()).collect()
        }
        _ => euler_timesteps(config, steps),
    }
}

/// EulerDiscrete's timesteps, falling.
fn euler_timesteps(config: &SchedulerConfig, steps: usize) -> Vec<f64> {
    let train = config.num_train_timesteps;
    let offset = config.steps_offset as f64;
    match config.timestep_spacing {
        TimestepSpacing::Linspace => {
            let stride = (train - 1) as f64 / (steps.max(2) - 1) as f64;
            let evenly = (0..steps).rev().map(|i| i as f64 * stride);
            evenly.map(|timestep| f64::from(timestep as f32)).collect()
        }
        TimestepSpacing::Leading => {
            let stride = train / steps.max(1);
            (0..steps).rev().map(|i| (i * stride) as f64 + offset).collect()
        }
        TimestepSpacing::Trailing => trailing(train, steps),
    }
}

fn trailing(train: usize, steps: usize) -> Vec<f64> {
    let stride = train as f64 / steps as f64;
    let timestep = |i: usize| (train as f64 - i as f64 * stride).round_ties_even() - 1.0;
    (0..steps).map(timestep).collect()
}
