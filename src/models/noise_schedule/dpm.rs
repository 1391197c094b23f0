//! DPM-Solver++ multistep (Lu et al., arXiv 2211.01095), orders one to three.
//!
//! The samples are variance-preserving: z = α·z0 + α·σ·ε with α = 1/sqrt(σ²+1). In terms of σ
//! the solver's λ is −ln σ, so exp(−h) = σ_next/σ, which stays exact where σ_next is zero.

use std::collections::VecDeque;

use super::config::{FinalSigma, PredictionType, SchedulerConfig, SolverType};
use super::{NoiseSchedule, Solver};

/// Runs with fewer steps than this lower the order of their last two (`lower_order_final`).
const SHORT_RUN: usize = 15;

/// A multistep solver under way. It remembers its last estimates of the clean sample.
#[derive(Debug, Clone)]
pub struct DpmSolver {
    schedule: NoiseSchedule,
    config: SchedulerConfig,
    /// Estimates of z0, newest first; at most as many as the order.
    clean: VecDeque<Vec<f32>>,
}

impl DpmSolver {
    /// A solver at the start of `schedule`.
    pub fn new(config: &SchedulerConfig, schedule: NoiseSchedule) -> Self {
        Self { schedule, config: config.clone(), clean: VecDeque::new() }
    }

    fn sigma(&self, index: usize) -> f64 {
        f64::from(self.schedule.sigmas[index])
    }

    fn estimate_clean(&self, step: usize, prediction: &[f32], sample: &[f32]) -> Vec<f32> {
        let sigma = self.sigma(step);
        let alpha = alpha(sigma);
        let (of_sample, of_prediction) = match self.config.prediction_type {
            PredictionType::Epsilon => (1.0 / alpha, -sigma),
            PredictionType::VPrediction => (alpha, -alpha * sigma),
            PredictionType::Sample => (0.0, 1.0),
        };
        let (of_sample, of_prediction) = (of_sample as f32, of_prediction as f32);
        let pairs = sample.iter().zip(prediction);
        pairs.map(|(&z, &output)| of_sample * z + of_prediction * output).collect()
    }

    /// The order that this step is taken at.
    fn order(&self, step: usize) -> usize {
        let steps = self.schedule.timesteps.len();
        let short = self.config.lower_order_final && steps < SHORT_RUN;
        let lower_last = self.config.euler_at_final
            || short
            || self.config.final_sigmas_type == FinalSigma::Zero;
        let allowed = match steps - step {
            1 if lower_last => 1,
            2 if short => 2,
            _ => 3,
        };
        self.config.solver_order.min(self.clean.len()).min(allowed)
    }

    /// Factors of the sample and of the estimates of z0, newest first, that make up the next
    /// sample.
    fn weights(&self, step: usize, order: usize) -> (f64, Vec<f64>) {
        let (now, next) = (self.sigma(step), self.sigma(step + 1));
        let shrink = next / now;
        let alpha_next = alpha(next);
        let of_sample = shrink * alpha_next / alpha(now);
        // α(1 − e^{−h}), the weight of z0 at first order.
        let gain = alpha_next * (1.0 - shrink);
        if order == 1 {
            return (of_sample, vec![gain]);
        }
        let h = (now / next).ln();
        let ratio =
            |newer: usize| (self.sigma(step - newer - 1) / self.sigma(step - newer)).ln() / h;
        let r0 = ratio(0);
        // α((e^{−h} − 1)/h + 1), the integral of λ's first power.
        let slope = alpha_next * ((shrink - 1.0) / h + 1.0);
        if order == 2 {
            let of_difference = match self.config.solver_type {
                SolverType::Midpoint => 0.5 * gain,
                SolverType::Heun => slope,
            } / r0;
            return (of_sample, vec![gain + of_difference, -of_difference]);
        }
        let r1 = ratio(1);
        let curve = alpha_next * ((shrink - 1.0 + h) / (h * h) - 0.5);
        // Divided differences: D1 = a + r0/(r0+r1)·(a−b), D2 = (a−b)/(r0+r1), where
        // a = (m0−m1)/r0 and b = (m1−m2)/r1.
        let span = r0 + r1;
        let of_a = slope * (1.0 + r0 / span) - curve / span;
        let of_b = (curve - slope * r0) / span;
        (of_sample, vec![gain + of_a / r0, of_b / r1 - of_a / r0, -of_b / r1])
    }
}

impl Solver for DpmSolver {
    fn schedule(&self) -> &NoiseSchedule {
        &self.schedule
    }

    fn input_scale(&self, _step: usize) -> f32 {
        1.0
    }

    fn step(&mut self, step: usize, prediction: &[f32], sample: &mut [f32]) {
        let clean = self.estimate_clean(step, prediction, sample);
        self.clean.push_front(clean);
        self.clean.truncate(self.config.solver_order);
        let (of_sample, of_clean) = self.weights(step, self.order(step));
        scale(sample, of_sample as f32);
        for (clean, weight) in self.clean.iter().zip(of_clean) {
            add_scaled(sample, clean, weight as f32);
        }
    }
}

fn alpha(sigma: f64) -> f64 {
    1.0 / (sigma * sigma + 1.0).sqrt()
}

fn scale(values: &mut [f32], factor: f32) {
    values.iter_mut().for_each(|value| *value *= factor);
}

fn add_scaled(values: &mut [f32], others: &[f32], factor: f32) {
    values.iter_mut().zip(others).for_each(|(value, other)| *value += factor * other);
}
