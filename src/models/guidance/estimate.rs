//! The clean latent ẑ0 that a prediction implies, and how the prediction must change for ẑ0 to move.

use crate::models::noise_schedule::PredictionType;

/// The relation of prediction and clean latent at one noise level, the noisy sample being fixed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::models) struct CleanEstimate {
    of_input: f32,
    of_output: f32,
    per_unit: f64,
}

impl CleanEstimate {
    /// The relation where the noisy sample has the share ᾱ = `alpha_bar` of signal.
    pub fn at(alpha_bar: f32, prediction_type: PredictionType) -> Self {
        let alpha_bar = f64::from(alpha_bar);
        Self::of(alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt(), prediction_type)
    }

    /// The relation at the noise level σ, which is what solvers reckon with.
    pub fn of_sigma(sigma: f32, prediction_type: PredictionType) -> Self {
        let sigma = f64::from(sigma);
        let signal = 1.0 / (sigma * sigma + 1.0).sqrt();
        Self::of(signal, sigma * signal, prediction_type)
    }

    /// The relation where the noisy sample is `signal`·z0 + `noise`·ε.
    fn of(signal: f64, noise: f64, prediction_type: PredictionType) -> Self {
        // ẑ0 as a combination of z_t and the prediction, and how the prediction must change for ẑ0
        // to grow by one while z_t stays: −sqrt(ᾱ)/sqrt(1−ᾱ) for ε, −1/sqrt(1−ᾱ) for v, 1 for ẑ0.
        let (of_input, of_output, per_unit) = match prediction_type {
            PredictionType::Epsilon => (1.0 / signal, -noise / signal, -signal / noise),
            PredictionType::VPrediction => (signal, -noise, -1.0 / noise),
            PredictionType::Sample => (0.0, 1.0, 1.0),
        };
        Self { of_input: of_input as f32, of_output: of_output as f32, per_unit }
    }

    /// ẑ0 for a value of the model's input and of its output.
    pub fn clean(&self, input: f32, output: f32) -> f32 {
        self.of_input * input + self.of_output * output
    }

    /// How much ẑ0 changes for the output to grow by one.
    pub fn clean_change(&self) -> f32 {
        self.of_output
    }

    /// How much the output changes for ẑ0 to grow by `share`.
    pub fn output_change(&self, share: f32) -> f32 {
        (self.per_unit * f64::from(share)) as f32
    }
}
