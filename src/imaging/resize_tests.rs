use std::fs;
use std::path::Path;

use super::super::{DecodeOptions, decode_rgb};
use super::*;

fn golden(name: &str) -> RgbImage {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/imaging");
    let bytes = fs::read(folder.join(format!("{name}.png"))).unwrap();
    decode_rgb(&bytes, DecodeOptions::default()).unwrap()
}

#[test]
fn equals_pillow_byte_for_byte() {
    for (name, sizes) in [
        ("ring", &[(32, 32), (13, 13)][..]),
        ("noise", &[(17, 64), (64, 9), (40, 7), (5, 23)]),
        ("waves", &[(32, 32), (80, 61), (1, 1)]),
    ] {
        let image = golden(name);
        for &(width, height) in sizes {
            let resized = resize_lanczos(&image, width, height).unwrap();
            let expected = golden(&format!("{name}-{width}x{height}"));
            assert!(resized == expected, "{name} to {width} × {height} differs from Pillow");
        }
    }
}

#[test]
fn the_same_size_is_a_copy() {
    let image = golden("noise");
    assert_eq!(resize_lanczos(&image, image.width(), image.height()).unwrap(), image);
}

#[test]
fn a_flat_image_stays_flat_at_every_size() {
    for level in [0, 1, 127, 255] {
        let image = RgbImage::from_pixel(37, 5, image::Rgb([level; 3]));
        for (width, height) in [(1, 1), (3, 200), (200, 3), (36, 6)] {
            let resized = resize_lanczos(&image, width, height).unwrap();
            assert!(resized.as_raw().iter().all(|&v| v == level), "{level} {width} × {height}");
        }
    }
}

#[test]
fn empty_sizes_are_errors() {
    let image = RgbImage::new(4, 4);
    for (width, height) in [(0, 4), (4, 0), (u32::MAX, u32::MAX)] {
        assert!(matches!(resize_lanczos(&image, width, height), Err(ImagingError::BadSize { .. })));
    }
    assert!(resize_lanczos(&RgbImage::new(0, 4), 4, 4).is_err());
}
