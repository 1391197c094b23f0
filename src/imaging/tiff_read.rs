//! TIFF files to RGB: most through the crate `image`; palettes, and grey with alpha, here.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, RgbImage};
use tiff::TiffError;
use tiff::decoder::{Decoder, DecodingResult, Limits};

use super::crate_image::{decode_with, high_bytes, repeat_grey};
use super::error::ImagingError;
use super::options::DecodeOptions;
use super::tiff_tags::{Tags, with_grey_for_palette};

const FORMAT: &str = "TIFF";

/// Whether these bytes begin a BigTIFF, which is TIFF with offsets of 64 bits.
pub(super) fn is_big_tiff(bytes: &[u8]) -> bool {
    bytes.starts_with(b"II+\0\x08\0\0\0") || bytes.starts_with(b"MM\0+\0\x08\0\0")
}

/// Decodes a TIFF's first page.
pub(super) fn read_tiff(bytes: &[u8], options: DecodeOptions) -> Result<RgbImage, ImagingError> {
    let tags = Decoder::new(Cursor::new(bytes)).map(|mut decoder| Tags::read(&mut decoder));
    let Ok(tags) = tags else { return decode_with(bytes, FORMAT, ImageFormat::Tiff, options) };
    if let Some(detail) = tags.unsupported() {
        return Err(ImagingError::Unsupported { format: FORMAT, detail });
    }
    let image = if tags.has_palette() {
        let Some(grey) = with_grey_for_palette(bytes) else {
            return Err(corrupt("a palette that no entry tells of"));
        };
        let indices = read_first_samples(&grey, &tags, options)?;
        to_image(&tags, tags.look_up(&indices))?
    } else if tags.is_grey_with_alpha() {
        to_image(&tags, repeat_grey::<1>(&read_first_samples(bytes, &tags, options)?))?
    } else {
        return decode_with(bytes, FORMAT, ImageFormat::Tiff, options);
    };
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(
        Orientation::from_exif(tags.orientation).unwrap_or(Orientation::NoTransforms),
    );
    Ok(image.into_rgb8())
}

/// The first sample of every pixel: an index, or grey.
fn read_first_samples(
    bytes: &[u8],
    tags: &Tags,
    options: DecodeOptions,
) -> Result<Vec<u8>, ImagingError> {
    let (width, height) = tags.dimensions;
    let pixels = u64::from(width) * u64::from(height);
    let size = (pixels * u64::from(tags.samples)).saturating_mul(u64::from(tags.bits)).div_ceil(8);
    if pixels > options.max_pixels || size.max(3 * pixels) > options.max_bytes {
        return Err(ImagingError::TooLarge { format: FORMAT, width, height });
    }
    let mut limits = Limits::default();
    limits.decoding_buffer_size = options.max_bytes.try_into().unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    let read = Decoder::new(Cursor::new(bytes))
        .and_then(|decoder| decoder.with_limits(limits).read_image())
        .map_err(|error| named(error, tags))?;
    match read {
        DecodingResult::U8(levels) => Ok(tags.first_samples(&levels)),
        DecodingResult::U16(levels) => Ok(tags.first_samples(&high_bytes(&levels))),
        _ => Err(corrupt("samples of another kind than its entries tell")),
    }
}

fn to_image(tags: &Tags, rgb: Vec<u8>) -> Result<RgbImage, ImagingError> {
    let (width, height) = tags.dimensions;
    RgbImage::from_raw(width, height, rgb).ok_or_else(|| corrupt("too few samples"))
}

fn corrupt(detail: &str) -> ImagingError {
    ImagingError::Corrupt { format: FORMAT, detail: detail.to_owned() }
}

fn named(error: TiffError, tags: &Tags) -> ImagingError {
    let (width, height) = tags.dimensions;
    match error {
        TiffError::LimitsExceeded => ImagingError::TooLarge { format: FORMAT, width, height },
        TiffError::UnsupportedError(error) => {
            ImagingError::Unsupported { format: FORMAT, detail: error.to_string() }
        }
        error => corrupt(&error.to_string()),
    }
}
