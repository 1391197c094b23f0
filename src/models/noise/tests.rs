//! Noise against PyTorch's, the published Philox vectors and the Gaussian's moments.

use safetensors::SafeTensors;

use super::philox::philox4x32;
use super::*;
use crate::models::golden::{fixture, values};

#[test]
fn torch_noise_agrees_with_pytorch() {
    let bytes = fixture("noise.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut checked = 0;
    for name in tensors.names() {
        // cpu.SEED.SHAPE, or cpu.SEED.SHAPE.head and .tail: the ends of a long one.
        let parts: Vec<&str> = name.split('.').collect();
        let seed = parts[1].parse().unwrap();
        let count = parts[2].split('x').map(|n| n.parse::<usize>().unwrap()).product();
        let found = Noise::TorchCpu.values(seed, count);
        let expected = values(&tensors, name);
        let start = if parts.last() == Some(&"tail") { count - expected.len() } else { 0 };
        for (i, (found, expected)) in found[start..].iter().zip(&expected).enumerate() {
            assert!((found - expected).abs() <= 1e-6, "{name}[{i}]: {found} for {expected}");
            checked += 1;
        }
    }
    assert!(checked > 5_000, "{checked}");
}

#[test]
fn philox_matches_its_known_answers() {
    let cases = [
        ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ];
    for (counter, key, expected) in cases {
        assert_eq!(philox4x32(counter, key), expected);
    }
}

#[test]
fn native_noise_is_standard_gaussian() {
    let count = 1 << 18;
    let noise = Noise::Native.values(7, count);
    let moment =
        |power| noise.iter().map(|&x| f64::from(x).powi(power)).sum::<f64>() / count as f64;
    // Four standard errors: sqrt(1, 2, 15, 96 / n).
    let error = |variance: f64| 4.0 * (variance / count as f64).sqrt();
    assert!(moment(1).abs() < error(1.0));
    assert!((moment(2) - 1.0).abs() < error(2.0));
    assert!(moment(3).abs() < error(15.0));
    assert!((moment(4) - 3.0).abs() < error(96.0));
    let neighbours = noise.windows(2).map(|pair| f64::from(pair[0] * pair[1])).sum::<f64>();
    assert!((neighbours / count as f64).abs() < error(1.0));
}

#[test]
fn native_noise_differs_by_seed_and_is_a_prefix_of_a_longer_request() {
    let long = Noise::Native.values(1, 100);
    assert_eq!(Noise::Native.values(1, 33), long[..33]);
    assert_ne!(Noise::Native.values(2, 100), long);
    assert_ne!(Noise::Native.values(1 << 32, 100), Noise::Native.values(0, 100));
    assert!(Noise::Native.values(1, 0).is_empty());
    assert!(Noise::TorchCpu.values(1, 0).is_empty());
}
