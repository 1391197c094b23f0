//! Decoding through the crate `image`, under our limits, to 8-bit RGB.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use super::error::ImagingError;
use super::options::DecodeOptions;

/// Decodes `bytes` with one of the decoders of the crate `image`; errors call the format `format`.
pub(super) fn decode_with(
    bytes: &[u8],
    format: &'static str,
    kind: ImageFormat,
    options: DecodeOptions,
) -> Result<RgbImage, ImagingError> {
    let mut allowance = Limits::no_limits();
    allowance.max_alloc = Some(options.max_bytes);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind);
    reader.limits(allowance);
    let mut decoder = reader.into_decoder().map_err(|error| named(error, format, (0, 0)))?;
    let (width, height) = decoder.dimensions();
    let too_large = u64::from(width) * u64::from(height) > options.max_pixels
        || decoder.total_bytes() > options.max_bytes;
    if too_large {
        return Err(ImagingError::TooLarge { format, width, height });
    }
    let turned = options.exif_orientation || kind == ImageFormat::Tiff;
    // An orientation that can't be read turns nothing, as in Pillow.
    let orientation = turned.then(|| decoder.orientation().ok()).flatten();
    let mut image =
        DynamicImage::from_decoder(decoder).map_err(|e| named(e, format, (width, height)))?;
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    to_rgb(image, format)
}

fn named(error: ImageError, format: &'static str, (width, height): (u32, u32)) -> ImagingError {
    match error {
        ImageError::Limits(_) => ImagingError::TooLarge { format, width, height },
        ImageError::Unsupported(error) => {
            ImagingError::Unsupported { format, detail: error.to_string() }
        }
        error => ImagingError::Corrupt { format, detail: error.to_string() },
    }
}

/// Grey, alpha and 16 bits to plain RGB, without any colour management.
fn to_rgb(image: DynamicImage, format: &'static str) -> Result<RgbImage, ImagingError> {
    let (width, height) = (image.width(), image.height());
    let rgb = match image {
        DynamicImage::ImageRgb8(rgb) => return Ok(rgb),
        DynamicImage::ImageLuma8(grey) => repeat_grey::<1>(grey.as_raw()),
        DynamicImage::ImageLumaA8(grey) => repeat_grey::<2>(grey.as_raw()),
        DynamicImage::ImageRgba8(rgba) => drop_alpha(rgba.as_raw()),
        DynamicImage::ImageLuma16(grey) => repeat_grey::<1>(&high_bytes(grey.as_raw())),
        DynamicImage::ImageLumaA16(grey) => repeat_grey::<2>(&high_bytes(grey.as_raw())),
        DynamicImage::ImageRgb16(rgb) => high_bytes(rgb.as_raw()),
        DynamicImage::ImageRgba16(rgba) => drop_alpha(&high_bytes(rgba.as_raw())),
        _ => {
            let detail = "floating-point pixels".to_owned();
            return Err(ImagingError::Unsupported { format, detail });
        }
    };
    RgbImage::from_raw(width, height, rgb).ok_or(ImagingError::BadSize { width, height })
}

pub(super) fn repeat_grey<const CHANNELS: usize>(pixels: &[u8]) -> Vec<u8> {
    let (pixels, _) = pixels.as_chunks::<CHANNELS>();
    pixels.iter().filter_map(|pixel| pixel.first()).flat_map(|&grey| [grey; 3]).collect()
}

fn drop_alpha(pixels: &[u8]) -> Vec<u8> {
    let (pixels, _) = pixels.as_chunks::<4>();
    pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect()
}

pub(super) fn high_bytes(values: &[u16]) -> Vec<u8> {
    values.iter().map(|value| value.to_be_bytes()[0]).collect()
}
