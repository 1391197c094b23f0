//! One noise level: what a noisy latent is made of there, and the clean latent that a denoiser's output implies.

/// One noise level of a model. The denoiser's input is z = signal·z0 + noise·ε; the clean latent that it implies with the
/// denoiser's output is ẑ0 = of_input·z + of_output·output.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoiseLevel {
    /// Share of the clean latent in the input.
    pub signal: f64,
    /// Share of the noise.
    pub noise: f64,
    of_input: f32,
    of_output: f32,
}

impl NoiseLevel {
    /// A level by the shares (signal, noise), and the factors of input and output in ẑ0.
    pub(super) fn new((signal, noise): (f64, f64), (of_input, of_output): (f64, f64)) -> Self {
        Self { signal, noise, of_input: of_input as f32, of_output: of_output as f32 }
    }

    /// Noise over signal, which is σ of a variance-exploding model; infinite where there is noise alone.
    pub fn ratio(&self) -> f32 {
        (self.noise / self.signal) as f32
    }

    /// ẑ0 for a value of the input and of the output.
    pub fn clean(&self, input: f32, output: f32) -> f32 {
        self.of_input * input + self.of_output * output
    }

    /// The output that implies `clean` for a value of the input.
    pub fn output(&self, input: f32, clean: f32) -> f32 {
        let rest = f64::from(clean) - f64::from(self.of_input) * f64::from(input);
        (rest / f64::from(self.of_output)) as f32
    }

    /// How much the output changes for ẑ0 to move by `change`.
    pub fn output_change(&self, change: f32) -> f32 {
        change / self.of_output
    }

    /// How much ẑ0 changes here for the change of output that moves it by one at the level `other`.
    pub fn change_against(&self, other: &Self) -> f32 {
        self.of_output / other.of_output
    }

    /// `latent` under `noise`.
    pub fn noised(&self, latent: f32, noise: f32) -> f32 {
        (self.signal * f64::from(latent) + self.noise * f64::from(noise)) as f32
    }
}
