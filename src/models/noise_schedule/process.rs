//! The ways in which models mix latents with noise, and what their denoisers predict: diffusion as in DDPM, rectified flow,
//! and EDM.

use super::choices::PredictionType;
use super::config::SchedulerConfig;
use super::level::NoiseLevel;

/// How a model mixes a latent with noise of a level σ, and what its denoiser predicts of the mixture.
pub trait NoiseProcess: Send + Sync {
    /// The level σ, on the scale of this process.
    fn level(&self, sigma: f64) -> NoiseLevel;

    /// Factor from the samples of DPM-Solver++, DDIM and LCM to the denoiser's input.
    fn multistep_scale(&self, _sigma: f64) -> f64 {
        1.0
    }

    /// Factor from the samples of Euler's methods to the denoiser's input.
    fn euler_scale(&self, sigma: f64) -> f64 {
        self.level(sigma).signal
    }

    /// How far a level is from the clean end, 0 to 1000, where the timestep given to the denoiser doesn't say it.
    fn time(&self, _sigma: f64) -> Option<f64> {
        None
    }
}

/// Diffusion as in DDPM (Ho et al., arXiv 2006.11239): z = (z0 + σ·ε)/sqrt(σ² + 1).
#[derive(Debug, Clone, Copy)]
pub struct Diffusion(pub PredictionType);

/// Rectified flow (Liu et al., arXiv 2209.03003): z = (1 − σ)·z0 + σ·ε, and the denoiser gives the velocity ε − z0.
#[derive(Debug, Clone, Copy)]
pub struct RectifiedFlow;

/// EDM (Karras et al., arXiv 2206.00364, table 1): the input is (z0 + σ·ε)/sqrt(σ² + σ_data²), and the output what is to be
/// added to a share of it.
#[derive(Debug, Clone, Copy)]
pub struct Edm {
    /// Deviation of the data.
    pub sigma_data: f64,
    /// −1 for a denoiser of velocities, else 1.
    pub sign: f64,
}

impl Diffusion {
    /// The level with the share ᾱ of signal.
    pub fn of_alpha_bar(self, alpha_bar: f32) -> NoiseLevel {
        let alpha_bar = f64::from(alpha_bar);
        self.mixed(alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt())
    }

    fn mixed(self, signal: f64, noise: f64) -> NoiseLevel {
        let factors = match self.0 {
            PredictionType::VPrediction => (signal, -noise),
            PredictionType::Sample => (0.0, 1.0),
            PredictionType::Epsilon | PredictionType::FlowPrediction => {
                (1.0 / signal, -noise / signal)
            }
        };
        NoiseLevel::new((signal, noise), factors)
    }
}

impl NoiseProcess for Diffusion {
    fn level(&self, sigma: f64) -> NoiseLevel {
        if sigma.is_infinite() {
            return self.mixed(0.0, 1.0);
        }
        let signal = 1.0 / (sigma * sigma + 1.0).sqrt();
        self.mixed(signal, sigma * signal)
    }
}

impl NoiseProcess for RectifiedFlow {
    fn level(&self, sigma: f64) -> NoiseLevel {
        NoiseLevel::new((1.0 - sigma, sigma), (1.0, -sigma))
    }

    fn euler_scale(&self, _sigma: f64) -> f64 {
        1.0
    }
}

impl NoiseProcess for Edm {
    fn level(&self, sigma: f64) -> NoiseLevel {
        let power = sigma * sigma + self.sigma_data * self.sigma_data;
        let scale = 1.0 / power.sqrt();
        let kept = self.sigma_data * self.sigma_data / power;
        let of_output = self.sign * sigma * self.sigma_data * scale;
        NoiseLevel::new((scale, sigma * scale), (kept / scale, of_output))
    }

    fn multistep_scale(&self, sigma: f64) -> f64 {
        self.level(sigma).signal
    }

    fn time(&self, sigma: f64) -> Option<f64> {
        // The denoiser is given ln(σ)/4; the angle between latent and noise grows as DDPM's timesteps do.
        Some(1000.0 * sigma.atan() / std::f64::consts::FRAC_PI_2)
    }
}

impl SchedulerConfig {
    /// The process of the model that these settings are of.
    pub fn process(&self) -> Box<dyn NoiseProcess> {
        if self.is_flow() {
            return Box::new(RectifiedFlow);
        }
        if self.is_edm() {
            let sign = if self.prediction_type == PredictionType::VPrediction { -1.0 } else { 1.0 };
            return Box::new(Edm { sigma_data: self.edm.sigma_data, sign });
        }
        Box::new(Diffusion(self.prediction_type))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_perfect_denoiser_says_implies_the_latent_itself() {
        let (latent, noise) = (0.75f32, -1.25f32);
        let (z0, eps) = (f64::from(latent), f64::from(noise));
        for sigma in [0.02, 0.5, 0.98] {
            let vp = 1.0 / (sigma * sigma + 1.0f64).sqrt();
            let velocity = vp * eps - sigma * vp * z0;
            let power = (sigma * sigma + 0.25f64).sqrt();
            // Table 1 of the paper, solved for the network's output.
            let edm = (z0 - 0.25 / (power * power) * (z0 + sigma * eps)) / (sigma * 0.5 / power);
            let cases: [(Box<dyn NoiseProcess>, f64); 6] = [
                (Box::new(Diffusion(PredictionType::Epsilon)), eps),
                (Box::new(Diffusion(PredictionType::VPrediction)), velocity),
                (Box::new(Diffusion(PredictionType::Sample)), z0),
                (Box::new(RectifiedFlow), eps - z0),
                (Box::new(Edm { sigma_data: 0.5, sign: 1.0 }), edm),
                (Box::new(Edm { sigma_data: 0.5, sign: -1.0 }), -edm),
            ];
            for (process, output) in cases {
                let level = process.level(sigma);
                let input = level.noised(latent, noise);
                assert!((level.clean(input, output as f32) - latent).abs() < 1e-5, "{sigma}");
                let back = level.output(input, latent);
                assert!((f64::from(back) - output).abs() < 1e-4, "{sigma}: {back} for {output}");
            }
        }
    }

    #[test]
    fn a_flow_begins_with_noise_alone() {
        let level = RectifiedFlow.level(1.0);
        assert_eq!((level.signal, level.noise, level.ratio()), (0.0, 1.0, f32::INFINITY));
        // z = ε there, and the velocity still tells the latent.
        assert_eq!(level.clean(0.5, -0.25), 0.75);
        assert_eq!(level.output(0.5, 0.75), -0.25);
    }
}
