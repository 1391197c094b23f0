//! Image files to RGB, 8 bits a channel, as Pillow's `convert("RGB")` would have them.
//!
//! - The format is told by content, never by name: JPEG, PNG, WebP, GIF (first frame), BMP, TIFF (first page).
//! - Grey is repeated, palettes are looked up, alpha is dropped (not composited), as in Pillow.
//! - 16-bit channels keep their high byte. Pillow does so for colour, but clips 16-bit grey at
//!   255, which turns such images white.
//! - EXIF orientation is applied where the options say so: the published program does not. A TIFF's own is always
//!   applied, as in Pillow.
//! - Colour profiles (ICC) are not applied.
//! - CMYK and YCCK JPEGs are converted without their colour profile.
//! - A JPEG that is cut off is refused: the decoder would fill the missing part with grey. A PNG may lack its last chunks, if
//!   all its pixels are there.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use super::error::ImagingError;
use super::jpeg_read::read_jpeg;
use super::png_end::with_png_end;
use super::tiff_read::{is_big_tiff, read_tiff};
use super::unread::unread;

/// How to decode, and how much an image may take, checked from its header before anything is allocated for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Largest width × height; 128 Mi by default.
    pub max_pixels: u64,
    /// Most bytes for the decoder's output and, where the decoder keeps count, its work memory;
    /// 1 GiB by default.
    pub max_bytes: u64,
    /// Turn the image as its EXIF orientation says; off by default.
    pub exif_orientation: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self { max_pixels: 128 << 20, max_bytes: 1 << 30, exif_orientation: false }
    }
}

/// Decodes an image file's bytes.
///
/// # Errors
/// A readable reason: empty, unknown format, too large, corrupt or unsupported.
pub fn decode_rgb(bytes: &[u8], options: DecodeOptions) -> Result<RgbImage, ImagingError> {
    if bytes.is_empty() {
        return Err(ImagingError::Empty);
    }
    let guessed = match image::guess_format(bytes) {
        Ok(format) if format_name(format).is_some() => format,
        _ if is_big_tiff(bytes) => ImageFormat::Tiff,
        _ => return Err(unread(bytes)),
    };
    match guessed {
        ImageFormat::Jpeg => read_jpeg(bytes, options),
        ImageFormat::Png => through_image(&with_png_end(bytes), guessed, options),
        ImageFormat::Tiff => read_tiff(bytes, options),
        _ => through_image(bytes, guessed, options),
    }
}

/// Whether these bytes begin as a file of a format that is read.
pub fn is_image(bytes: &[u8]) -> bool {
    let guessed = image::guess_format(bytes).ok().and_then(format_name);
    guessed.is_some() || is_big_tiff(bytes)
}

/// Decodes with the crate `image`.
pub(super) fn through_image(
    bytes: &[u8],
    guessed: ImageFormat,
    options: DecodeOptions,
) -> Result<RgbImage, ImagingError> {
    let format = format_name(guessed).ok_or(ImagingError::UnknownFormat)?;
    let mut allowance = Limits::no_limits();
    allowance.max_alloc = Some(options.max_bytes);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), guessed);
    reader.limits(allowance);
    let mut decoder = reader.into_decoder().map_err(|error| named(error, format, (0, 0)))?;
    let (width, height) = decoder.dimensions();
    let too_large = u64::from(width) * u64::from(height) > options.max_pixels
        || decoder.total_bytes() > options.max_bytes;
    if too_large {
        return Err(ImagingError::TooLarge { format, width, height });
    }
    let turned = options.exif_orientation || guessed == ImageFormat::Tiff;
    // An orientation that can't be read turns nothing, as in Pillow.
    let orientation = turned.then(|| decoder.orientation().ok()).flatten();
    let mut image =
        DynamicImage::from_decoder(decoder).map_err(|e| named(e, format, (width, height)))?;
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    to_rgb(image, format)
}

fn format_name(format: ImageFormat) -> Option<&'static str> {
    match format {
        ImageFormat::Jpeg => Some("JPEG"),
        ImageFormat::Png => Some("PNG"),
        ImageFormat::WebP => Some("WebP"),
        ImageFormat::Gif => Some("GIF"),
        ImageFormat::Bmp => Some("BMP"),
        ImageFormat::Tiff => Some("TIFF"),
        _ => None,
    }
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

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
