//! The seed of one distilled image.

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
