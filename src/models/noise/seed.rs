//! The seed of one distilled image.

use serde::{Deserialize, Serialize};

/// A formula for an image's seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Seeds {
    /// [`sample_seed`].
    #[default]
    Native,
    /// The published program's on its first GPU: run seed + class position · IPC + 1000 + index.
    Published,
}

/// Which image of a run.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// The class key.
    pub class: &'a str,
    /// The class's position in the list.
    pub position: usize,
    /// Images per class asked for.
    pub ipc: usize,
    /// The image's number within its class.
    pub index: usize,
}

impl Seeds {
    /// The seed of `image` in a run with `run_seed`.
    pub fn of(self, run_seed: u64, image: Image<'_>) -> u64 {
        match self {
            Self::Native => sample_seed(run_seed, image.class, image.index as u64),
            Self::Published => {
                let number = (image.position as u64).wrapping_mul(image.ipc as u64);
                run_seed.wrapping_add(number).wrapping_add(1000 + image.index as u64)
            }
        }
    }
}

/// Another seed for an image whose first came to nothing.
pub fn retry_seed(seed: u64) -> u64 {
    mix(seed ^ 0x5245_5452_5921)
}

/// The seed of what is drawn for an image at one of its steps.
pub fn step_seed(seed: u64, step: u64) -> u64 {
    mix(mix(seed ^ 0x5354_4550) ^ step)
}

/// The seed of the noise that a solver adds to an image at one of its steps.
pub fn solver_seed(seed: u64, step: u64) -> u64 {
    mix(mix(seed ^ 0x534F_4C56_4552) ^ step)
}

/// The seed of image `index` of a class in a run: a function of these three and nothing else, so
/// that an image doesn't change with the number of devices, workers or restarts.
///
/// ```text
/// seed = mix(mix(mix(run_seed) ^ fnv1a64(class_key)) ^ index)
/// ```
///
/// where `fnv1a64` is the 64-bit FNV-1a hash of the key's UTF-8 bytes and `mix` is one step of
/// SplitMix64: add 0x9E3779B97F4A7C15, then its finaliser (shifts 30, 27, 31).
pub fn sample_seed(run_seed: u64, class_key: &str, index: u64) -> u64 {
    mix(mix(mix(run_seed) ^ fnv1a64(class_key.as_bytes())) ^ index)
}

fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn fnv1a64(bytes: &[u8]) -> u64 {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_parts_match_their_published_vectors() {
        // The first output of SplitMix64 from state 0, and FNV-1a of "" and "foobar".
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(fnv1a64(b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fnv1a64(b"foobar"), 0x8594_4171_F739_67E8);
    }

    #[test]
    fn the_published_formula_counts_on() {
        let image = Image { class: "n01440764", position: 3, ipc: 10, index: 7 };
        assert_eq!(Seeds::Published.of(5, image), 5 + 30 + 1000 + 7);
        assert_eq!(Seeds::Native.of(5, image), sample_seed(5, "n01440764", 7));
        assert_ne!(retry_seed(5), 5);
    }

    #[test]
    fn the_low_halves_of_a_large_runs_seeds_are_distinct() {
        let mut seen = HashSet::new();
        for class in 0..1000 {
            for index in 0..10 {
                let seed = sample_seed(0, &format!("n{class:08}"), index);
                assert!(seen.insert(seed as u32), "class {class}, image {index}");
            }
        }
    }
}
