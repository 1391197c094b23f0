//! `torch.randn` as PyTorch computes it for a CPU generator: the Mersenne Twister, and one of
//! two transforms depending on the number of values.

const STATE_SIZE: usize = 624;
const SHIFT_SIZE: usize = 397;

/// From this many values on, PyTorch fills blocks of 16; below, it draws pairs in double
/// precision.
const BLOCK: usize = 16;

/// `count` standard Gaussian values for a generator freshly seeded with `seed`, of which the
/// Mersenne Twister uses the low 32 bits. PyTorch's own vector code differs in the last bits.
pub(super) fn randn(seed: u64, count: usize) -> Vec<f32> {
    let mut twister = MersenneTwister::new(seed as u32);
    if count < BLOCK { pairs(&mut twister, count) } else { blocks(&mut twister, count) }
}

fn pairs(twister: &mut MersenneTwister, count: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let angle = std::f64::consts::TAU * twister.unit_f64();
        let radius = (-2.0 * (-twister.unit_f64()).ln_1p()).sqrt();
        values.push((radius * angle.cos()) as f32);
        values.push((radius * angle.sin()) as f32);
    }
    values.truncate(count);
    values
}

fn blocks(twister: &mut MersenneTwister, count: usize) -> Vec<f32> {
    let mut values: Vec<f32> = (0..count).map(|_| twister.unit_f32()).collect();
    values.chunks_exact_mut(BLOCK).for_each(transform_block);
    if !count.is_multiple_of(BLOCK) {
        // The last 16 are drawn afresh, over some values already transformed.
        let tail = &mut values[count - BLOCK..];
        tail.fill_with(|| twister.unit_f32());
        transform_block(tail);
    }
    values
}

/// Box–Muller on 16 uniform values: the first eight give radii, the last eight angles.
fn transform_block(block: &mut [f32]) {
    let (first, second) = block.split_at_mut(BLOCK / 2);
    for (a, b) in first.iter_mut().zip(second) {
        let radius = (-2.0 * f64::from(1.0 - *a).ln()).sqrt();
        let angle = f64::from(std::f32::consts::TAU * *b);
        *a = (radius * angle.cos()) as f32;
        *b = (radius * angle.sin()) as f32;
    }
}

/// MT19937 (Matsumoto and Nishimura, 1998).
struct MersenneTwister {
    state: [u32; STATE_SIZE],
    used: usize,
}

impl MersenneTwister {
    fn new(seed: u32) -> Self {
        let mut state = [0; STATE_SIZE];
        let mut previous = seed;
        state[0] = seed;
        for (i, word) in state.iter_mut().enumerate().skip(1) {
            let mixed = (previous ^ (previous >> 30)).wrapping_mul(1_812_433_253);
            *word = mixed.wrapping_add(i as u32);
            previous = *word;
        }
        Self { state, used: STATE_SIZE }
    }

    fn refill(&mut self) {
        for i in 0..STATE_SIZE {
            let next = self.state[(i + 1) % STATE_SIZE];
            let joined = (self.state[i] & 0x8000_0000) | (next & 0x7FFF_FFFF);
            let twist = if next & 1 == 0 { 0 } else { 0x9908_B0DF };
            self.state[i] = self.state[(i + SHIFT_SIZE) % STATE_SIZE] ^ (joined >> 1) ^ twist;
        }
        self.used = 0;
    }

    fn word(&mut self) -> u32 {
        if self.used == STATE_SIZE {
            self.refill();
        }
        let mut word = self.state[self.used];
        self.used += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9D2C_5680;
        word ^= (word << 15) & 0xEFC6_0000;
        word ^ (word >> 18)
    }

    /// In [0, 1), from 24 bits of one word.
    fn unit_f32(&mut self) -> f32 {
        (self.word() & 0x00FF_FFFF) as f32 / 16_777_216.0
    }

    /// In [0, 1), from 53 bits of two words, the first one high.
    fn unit_f64(&mut self) -> f64 {
        let high = u64::from(self.word());
        let word = (high << 32) | u64::from(self.word());
        (word & ((1 << 53) - 1)) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twister_gives_its_published_ten_thousandth_word() {
        let mut twister = MersenneTwister::new(5489);
        let last = (0..10_000).map(|_| twister.word()).last();
        assert_eq!(last, Some(4_123_659_995));
    }
}
