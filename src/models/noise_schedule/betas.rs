//! The noise levels of training.

use super::choices::BetaSchedule;
use super::config::SchedulerConfig;

/// 2⁻²⁴, as the published schedulers have it.
const LEAST_ALPHA_BAR: f32 = 1.0 / 16_777_216.0;

/// ᾱ_t for every training timestep: the running product of 1 − β.
///
/// Rounded to f32 where the published program's float32 tensors are, so that the schedules made
/// from it agree with its own to the last bits.
pub fn alphas_cumprod(config: &SchedulerConfig) -> Vec<f32> {
    let alpha_bars = products(&betas(config));
    if config.rescale_betas_zero_snr { zero_terminal_snr(&alpha_bars) } else { alpha_bars }
}

fn products(betas: &[f32]) -> Vec<f32> {
    let mut product = 1.0f64;
    let running = betas.iter().map(|beta| {
        product *= f64::from(1.0 - beta);
        product as f32
    });
    running.collect()
}

/// Stretches sqrt(ᾱ) so that the last timestep is noise alone (arXiv 2305.08891, algorithm 1), and the first is what it
/// was. The last ᾱ is then set to the least number of half precision, so that its σ is a number.
fn zero_terminal_snr(alpha_bars: &[f32]) -> Vec<f32> {
    let roots: Vec<f64> = alpha_bars.iter().map(|&alpha_bar| f64::from(alpha_bar).sqrt()).collect();
    let (Some(&first), Some(&last)) = (roots.first(), roots.last()) else { return Vec::new() };
    let stretched =
        roots.iter().map(|root| ((root - last) * first / (first - last)).powi(2) as f32);
    let mut stretched: Vec<f32> = stretched.collect();
    if let Some(last) = stretched.last_mut() {
        *last = LEAST_ALPHA_BAR;
    }
    stretched
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
