//! Initial noise: seeds that belong to an image, and three generators of Gaussian numbers.

mod philox;
mod seed;
#[cfg(test)]
mod tests;
mod torch_cpu;
mod torch_cuda;

use serde::{Deserialize, Serialize};

pub use seed::{Image, Seeds, retry_seed, sample_seed};
pub(super) use seed::{solver_seed, step_seed};

/// A generator of standard Gaussian noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noise {
    /// Philox4x32-10 counted over the values, Box–Muller: each value depends on the seed and its
    /// own index only, so a longer request begins like a shorter one.
    #[default]
    Native,
    /// What `torch.randn` gives for a CPU generator seeded with the low 32 bits of the seed.
    TorchCpu,
    /// What `torch.randn` gives for a CUDA generator seeded with the seed.
    TorchCuda,
}

impl Noise {
    /// `count` values for `seed`, in row-major order of the latent.
    pub fn values(self, seed: u64, count: usize) -> Vec<f32> {
        match self {
            Self::Native => philox::gaussians(seed, count),
            Self::TorchCpu => torch_cpu::randn(seed, count),
            Self::TorchCuda => torch_cuda::randn(seed, count),
        }
    }
}
