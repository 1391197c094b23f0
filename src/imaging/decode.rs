//! Image files to RGB, 8 bits a channel, as Pillow's `convert("RGB")` would have them.
//!
//! - The format is told by content, never by name; `formats.rs` has the list. Of several frames or pages, the first is
//!   taken.
//! - Grey is repeated, palettes are looked up, alpha is dropped (not composited), as in Pillow.
//! - 16-bit channels keep their high byte. Pillow does so for colour, but clips 16-bit grey at
//!   255, which turns such images white.
//! - EXIF orientation is applied where the options say so: the published program does not. A TIFF's own is always
//!   applied, as in Pillow.
//! - Colour profiles (ICC) are not applied.
//! - CMYK and YCCK JPEGs are converted without their colour profile.
//! - A JPEG that is cut off is refused: the decoder would fill the missing part with grey. A PNG may lack its last chunks, if
//!   all its pixels are there.

use image::RgbImage;

use super::error::ImagingError;
use super::formats::format_of;
use super::options::DecodeOptions;
use super::unread::unread;

/// Decodes an image file's bytes.
///
/// # Errors
/// A readable reason: empty, unknown format, too large, corrupt or unsupported.
pub fn decode_rgb(bytes: &[u8], options: DecodeOptions) -> Result<RgbImage, ImagingError> {
    if bytes.is_empty() {
        return Err(ImagingError::Empty);
    }
    match format_of(bytes) {
        Some(format) => (format.decode)(bytes, options),
        None => Err(unread(bytes)),
    }
}

/// Whether these bytes begin as a file of a format that is read.
pub fn is_image(bytes: &[u8]) -> bool {
    format_of(bytes).is_some()
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
