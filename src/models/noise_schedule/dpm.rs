//! DPM-Solver++ multistep (Lu et al., arXiv 2211.01095), orders one to three.
//!
//! The samples are z = a·z0 + b·ε with the shares a and b of their model's process. In terms of r = b/a the solver's λ is
//! −ln r, so exp(−h) = r_next/r, which stays exact where r_next is zero.

use std::collections::VecDeque;

use super::choices::{FinalSigma, SolverType};
use super::config::SchedulerConfig;
use super::{NoiseSchedule, Solver};

/// Runs with fewer steps than this lower the order of their last two (`lower_order_final`).
const SHORT_RUN: usize = 15;

/// A multistep solver under way. It remembers its last estimates of the clean sample.
#[derive(Debug, Clone)]
pub struct DpmSolver {
    schedule: NoiseSchedule,
    config: SchedulerConfig,
    /// Factor from the sample to the model's input at each level.
    scales: Vec<f64>,
    /// Shares (a, b) of latent and noise in the sample at each level, the last one included.
    shares: Vec<(f64, f64)>,
    /// Estimates of z0, newest first; at most as many as the order.
    clean: VecDeque<Vec<f32>>,
}

impl DpmSolver {
    /// A solver at the start of `schedule`.
    pub fn new(config: &SchedulerConfig, schedule: NoiseSchedule) -> Self {
        let process = config.process();
        let levels = || schedule.sigmas.iter().map(|&sigma| f64::from(sigma));
        let scales: Vec<f64> = levels().map(|sigma| process.multistep_scale(sigma)).collect();
        let share = |(sigma, scale): (f64, &f64)| {
            let level = process.level(sigma);
            (level.signal / scale, level.noise / scale)
        };
        let shares = levels().zip(&scales).map(share).collect();
        Self { config: config.clone(), scales, shares, schedule, clean: VecDeque::new() }
    }

    /// Noise over signal.
    fn ratio(&self, index: usize) -> f64 {
        let (signal, noise) = self.shares[index];
        noise / signal
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
        let (now, next) = (self.ratio(step), self.ratio(step + 1));
        let shrink = next / now;
        let signal_next = self.shares[step + 1].0;
        let of_sample = self.shares[step + 1].1 / self.shares[step].1;
        // a(1 − e^{−h}), the weight of z0 at first order.
        let gain = signal_next * (1.0 - shrink);
        if order == 1 {
            return (of_sample, vec![gain]);
        }
        let h = (now / next).ln();
        let ratio =
            |newer: usize| (self.ratio(step - newer - 1) / self.ratio(step - newer)).ln() / h;
        let r0 = ratio(0);
        // a((e^{−h} − 1)/h + 1), the integral of λ's first power.
        let slope = signal_next * ((shrink - 1.0) / h + 1.0);
        if order == 2 {
            let of_difference = match self.config.solver_type {
                SolverType::Midpoint => 0.5 * gain,
                SolverType::Heun => slope,
            } / r0;
            return (of_sample, vec![gain + of_difference, -of_difference]);
        }
        let r1 = ratio(1);
        let curve = signal_next * ((shrink - 1.0 + h) / (h * h) - 0.5);
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

    fn input_scale(&self, step: usize) -> f32 {
        self.scales[step] as f32
    }

    fn step(&mut self, step: usize, clean: &[f32], _noise: &[f32], sample: &mut [f32]) {
        self.clean.push_front(clean.to_vec());
        self.clean.truncate(self.config.solver_order);
        let (of_sample, of_clean) = self.weights(step, self.order(step));
        scale(sample, of_sample as f32);
        for (clean, weight) in self.clean.iter().zip(of_clean) {
            add_scaled(sample, clean, weight as f32);
        }
    }
}

fn scale(values: &mut [f32], factor: f32) {
    values.iter_mut().for_each(|value| *value *= factor);
}

fn add_scaled(values: &mut [f32], others: &[f32], factor: f32) {
    values.iter_mut().zip(others).for_each(|(value, other)| *value += factor * other);
}
