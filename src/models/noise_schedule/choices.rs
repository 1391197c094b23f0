//! The words that keys of `scheduler_config.json` take.

use serde::{Deserialize, Serialize};

/// What the UNet was trained to predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionType {
    /// The noise ε.
    #[default]
    Epsilon,
    /// The velocity v = sqrt(ᾱ)·ε − sqrt(1−ᾱ)·z0.
    VPrediction,
    /// The clean sample z0 itself.
    Sample,
    /// The velocity ε − z0 of a rectified flow.
    FlowPrediction,
}

/// How training's betas grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// Evenly.
    #[default]
    Linear,
    /// Evenly in the square root.
    ScaledLinear,
    /// As a squared cosine of ᾱ.
    SquaredcosCapV2,
}

/// Which of training's timesteps sampling visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestepSpacing {
    /// Evenly, both ends included.
    #[default]
    Linspace,
    /// Multiples of a whole step, from the clean end.
    Leading,
    /// Multiples of a fractional step, from the noisy end.
    Trailing,
}

/// The sigma after the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalSigma {
    /// No noise left.
    #[default]
    Zero,
    /// The least sigma of training.
    SigmaMin,
}

/// Second-order variant of DPM-Solver++.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SolverType {
    /// Explicit midpoint; what the paper's program uses, also for the types that other solvers have (UniPC's, DEIS').
    #[default]
    #[serde(alias = "bh1", alias = "bh2", alias = "logrho")]
    Midpoint,
    /// Heun's.
    Heun,
}
