//! The noise levels of training.

use super::config::{BetaSchedule, SchedulerConfig};

/// ᾱ_t for every training timestep: the running product of 1 − β.
///
/// Rounded to f32 where the published program's float32 tensors are, so that the schedules made
/// from it agree with its own to the last bits.
pub fn alphas_cumprod(config: &SchedulerConfig) -> Vec<f32> {
    let mut product = 1.0f64;
    betas(config)
        .into_iter()
        .map(|beta| {
            product *= f64::from(1.0 - beta);
            product as f32
        })
        .collect()
}

fn betas(config: &SchedulerConfig) -> Vec<f32> {
    let count = config.num_train_timesteps;
    if let Some(betas) = &config.trained_betas {
        return betas.iter().map(|&beta| beta as f32).collect();
    }
    match config.beta_schedule {
        BetaSchedule::Linear => linspace(config.beta_start, config.beta_end, count),
        BetaSchedule::ScaledLinear => {
            let roots = linspace(config.beta_start.sqrt(), config.beta_end.sqrt(), count);
            roots.into_iter().map(|root| root * root).collect()
        }
        BetaSchedule::SquaredcosCapV2 => squared_cosine(count),
    }
}

/// Evenly spaced f32 values, counted from the nearer end as PyTorch does.
fn linspace(first: f64, last: f64, count: usize) -> Vec<f32> {
    let (first, last) = (first as f32, last as f32);
    let step = (last - first) / (count - 1) as f32;
    (0..count)
        .map(|i| {
            if i < count / 2 {
                first + step * i as f32
            } else {
                last - step * (count - 1 - i) as f32
            }
        })
        .collect()
}

/// Nichol and Dhariwal's schedule (arXiv 2102.09672), betas capped at 0.999.
fn squared_cosine(count: usize) -> Vec<f32> {
    let alpha_bar = |i: usize| {
        let time = i as f64 / count as f64;
        ((time + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2)
    };
    (0..count).map(|i| (1.0 - alpha_bar(i + 1) / alpha_bar(i)).min(0.999) as f32).collect()
}
