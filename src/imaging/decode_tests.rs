use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/imaging")
}

fn golden(name: &str) -> Vec<u8> {
    fs::read(folder().join(format!("decode-{name}"))).unwrap()
}

fn golden_image(name: &str) -> RgbImage {
    decode(&fs::read(folder().join(name)).unwrap()).unwrap()
}

fn decode(bytes: &[u8]) -> Result<RgbImage, ImagingError> {
    decode_rgb(bytes, DecodeOptions::default())
}

const KINDS: [(&str, u8); 20] = [
    ("grey.png", 0),
    ("greyalpha.png", 0),
    ("rgba.png", 0),
    ("palette.png", 0),
    ("bilevel.png", 0),
    ("transparent.gif", 0),
    ("rgb.bmp", 0),
    ("lossless.webp", 0),
    ("lossy.webp", 0),
    ("lzw.tif", 0),
    ("deflate.tif", 0),
    ("grey.tif", 0),
    ("rgba.tif", 0),
    ("cmyk.tif", 1),
    ("bilevel.tif", 0),
    ("tall.tif", 0),
    ("cmyk.jpg", 4),
    ("progressive.jpg", 4),
    ("rotated.jpg", 4),
    ("grey.jpg", 4),
];

#[test]
fn every_kind_decodes_as_pillow_converts_it() {
    for (name, tolerance) in KINDS {
        let image = decode(&golden(name)).unwrap();
        let expected = decode(&golden(&format!("{}-expect.png", name.replace('.', "-")))).unwrap();
        assert_eq!(image.dimensions(), expected.dimensions(), "{name}");
        let pairs = image.as_raw().iter().zip(expected.as_raw());
        let difference = pairs.map(|(a, b)| a.abs_diff(*b)).max();
        assert!(difference <= Some(tolerance), "{name}: {difference:?} levels");
    }
}

#[test]
fn sixteen_bits_keep_their_high_byte() {
    let image = decode(&golden("grey16.png")).unwrap();
    for (x, y, pixel) in image.enumerate_pixels() {
        assert_eq!(pixel.0, [((x * 2700 + y) >> 8) as u8; 3]);
    }
}

/// The same JPEG with each of the eight orientations, and one that there is not, against Pillow's `exif_transpose`.
#[test]
fn images_are_turned_as_exif_says_if_asked_to() {
    let plain = golden("rotated.jpg");
    // Big-endian EXIF: tag 0x0112, type SHORT, one value.
    let tag = plain.windows(8).position(|w| w == [1, 0x12, 0, 3, 0, 0, 0, 1]).unwrap();
    let options = DecodeOptions { exif_orientation: true, ..DecodeOptions::default() };
    for orientation in 1..=9 {
        let mut bytes = plain.clone();
        bytes[tag + 9] = orientation;
        assert_eq!(decode(&bytes).unwrap(), decode(&plain).unwrap(), "off, {orientation}");
        let turned = decode_rgb(&bytes, options).unwrap();
        let expected = if orientation > 8 { 1 } else { orientation };
        let expected = golden_image(&format!("upright-{expected}.png"));
        assert_eq!(turned.dimensions(), expected.dimensions(), "{orientation}");
        let pairs = turned.as_raw().iter().zip(expected.as_raw());
        let difference = pairs.map(|(a, b)| a.abs_diff(*b)).max();
        assert!(difference <= Some(4), "{orientation}: {difference:?} levels");
    }
}

#[test]
fn limits_are_checked_before_decoding() {
    let bytes = golden("rgba.png");
    for limits in [
        DecodeOptions { max_pixels: 24 * 16 - 1, ..DecodeOptions::default() },
        DecodeOptions { max_bytes: 24 * 16 * 4 - 1, ..DecodeOptions::default() },
    ] {
        let error = decode_rgb(&bytes, limits).unwrap_err();
        let expected = ImagingError::TooLarge { format: "PNG", width: 24, height: 16 };
        assert_eq!(error, expected);
    }
    assert!(
        decode_rgb(&bytes, DecodeOptions { max_pixels: 24 * 16, ..Default::default() }).is_ok()
    );

    // A BMP header that claims 100,000 × 100,000 pixels: 30 GB, if anyone believed it.
    let mut bomb = golden("rgb.bmp");
    bomb[18..22].copy_from_slice(&100_000u32.to_le_bytes());
    bomb[22..26].copy_from_slice(&100_000u32.to_le_bytes());
    let error = decode(&bomb).unwrap_err();
    assert!(matches!(error, ImagingError::TooLarge { .. } | ImagingError::Corrupt { .. }));
}

#[test]
fn reasons_are_readable() {
    assert_eq!(decode(b"").unwrap_err(), ImagingError::Empty);
    assert!(matches!(decode(b"hello").unwrap_err(), ImagingError::UnknownFormat { .. }));
    let error = decode(b"\x76\x2f\x31\x01, OpenEXR").unwrap_err();
    assert!(matches!(error, ImagingError::NotRead { what: "an OpenEXR image", .. }));
    let png = golden("rgba.png");
    let text = decode(&png[..png.len() / 2]).unwrap_err().to_string();
    assert!(text.starts_with("corrupt PNG: "), "{text}");
    let jpeg = golden("progressive.jpg");
    let text = decode(&jpeg[..jpeg.len() - 2]).unwrap_err().to_string();
    assert!(text.contains("cut off"), "{text}");
}

/// Each JPEG without its end: what stands there instead decides.
#[test]
fn a_jpeg_may_lack_its_end_marker_alone() {
    let whole = golden("grey.jpg");
    let body = &whole[..whole.len() - 2];
    let image = decode(&whole).unwrap();
    assert_eq!(decode(&[body, &[0; 50]].concat()).unwrap(), image, "zeros in its place");
    for cut in [body.len() / 2, body.len() - 40] {
        let padded = [&body[..cut], &[0; 4000]].concat();
        let text = decode(&padded).unwrap_err().to_string();
        assert!(text.contains("cut off"), "cut at {cut}: {text}");
    }
}

#[test]
fn a_png_may_lack_its_end_but_no_pixels() {
    let whole = golden("rgba.png");
    let body = &whole[..whole.len() - 12];
    assert_eq!(decode(body).unwrap(), decode(&whole).unwrap());
    assert_eq!(decode(&whole[..whole.len() - 5]).unwrap(), decode(&whole).unwrap());
    assert_eq!(decode(&body[..body.len() - 2]).unwrap(), decode(&whole).unwrap(), "checksum");
    let text = decode(&body[..body.len() - 6]).unwrap_err().to_string();
    assert!(text.starts_with("corrupt PNG: "), "{text}");
}

/// Limits hold for the library in C, too: what its header claims, and the coefficients of a progressive file.
#[test]
fn a_jpeg_beyond_the_limits_is_named_before_anything_is_allocated() {
    let bytes = golden("progressive.jpg");
    let image = decode(&bytes).unwrap();
    let (width, height) = image.dimensions();
    let pixels = u64::from(width * height);
    for limits in [
        DecodeOptions { max_pixels: pixels - 1, ..DecodeOptions::default() },
        DecodeOptions { max_bytes: 3 * pixels - 1, ..DecodeOptions::default() },
    ] {
        let error = decode_rgb(&bytes, limits).unwrap_err();
        assert_eq!(error, ImagingError::TooLarge { format: "JPEG", width, height }, "{limits:?}");
    }
    // Its pixels are within the limit, but not with the coefficients beside them.
    let side = 4000u16;
    let mut large = bytes.clone();
    let frame = large.windows(2).position(|pair| pair == [0xff, 0xc2]).unwrap();
    large[frame + 5..frame + 9].copy_from_slice(&[side.to_be_bytes(); 2].concat());
    let pixels = u64::from(side) * u64::from(side);
    let limits = DecodeOptions { max_bytes: 3 * pixels, ..DecodeOptions::default() };
    let (width, height) = (side.into(), side.into());
    let error = decode_rgb(&large, limits).unwrap_err();
    assert_eq!(error, ImagingError::TooLarge { format: "JPEG", width, height });
}

#[test]
fn a_file_cut_in_half_is_never_accepted() {
    for (name, _) in KINDS {
        let bytes = golden(name);
        assert!(decode(&bytes[..bytes.len() / 2]).is_err(), "{name}");
    }
}

/// Overwrites bytes at random: any answer will do, a panic will not.
#[test]
fn random_damage_never_panics() {
    let limits =
        DecodeOptions { max_pixels: 1 << 20, max_bytes: 1 << 24, ..DecodeOptions::default() };
    let mut state = 1u64;
    let mut random = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for (name, _) in KINDS {
        let whole = golden(name);
        for _ in 0..400 {
            let mut bytes = whole.clone();
            for _ in 0..=random(6) {
                let place = random(bytes.len());
                bytes[place] = random(256) as u8;
            }
            bytes.truncate(bytes.len() - random(3) * bytes.len() / 4);
            if let Ok(image) = decode_rgb(&bytes, limits) {
                assert!(image.as_raw().len() <= 3 << 20, "{name}");
            }
        }
    }
}
