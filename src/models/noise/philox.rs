//! Philox4x32-10 (Salmon et al., SC 2011): a counter-based generator, ten rounds on four words.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const KEY_STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Four random words for a counter and a key.
pub(super) fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..ROUNDS {
        let (high0, low0) = multiply(MULTIPLIERS[0], counter[0]);
        let (high1, low1) = multiply(MULTIPLIERS[1], counter[2]);
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
        key = [key[0].wrapping_add(KEY_STEPS[0]), key[1].wrapping_add(KEY_STEPS[1])];
    }
    counter
}

fn multiply(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    ((product >> 32) as u32, product as u32)
}

/// `count` Gaussian values: block b of four comes from the counter b under the key `seed`.
pub(super) fn gaussians(seed: u64, count: usize) -> Vec<f32> {
    let key = [seed as u32, (seed >> 32) as u32];
    let mut values: Vec<f32> = (0..count.div_ceil(4) as u64)
        .flat_map(|block| {
            let words = philox4x32([block as u32, (block >> 32) as u32, 0, 0], key);
            let [a, b] = box_muller(words[0], words[1]);
            let [c, d] = box_muller(words[2], words[3]);
            [a, b, c, d]
        })
        .collect();
    values.truncate(count);
    values
}

/// Two Gaussian values from two words. The radius' word is taken from (0, 1], away from log 0.
fn box_muller(radius: u32, angle: u32) -> [f32; 2] {
    const WORDS: f64 = 4_294_967_296.0;
    let radius = (-2.0 * ((f64::from(radius) + 1.0) / WORDS).ln()).sqrt();
    let (sin, cos) = (std::f64::consts::TAU * f64::from(angle) / WORDS).sin_cos();
    [(radius * cos) as f32, (radius * sin) as f32]
}
