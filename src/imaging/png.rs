//! RGB images to PNG, always the same bytes.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use super::error::ImagingError;

/// Deflate level: as small as higher ones within a percent or two, at a fraction of their time.
const DEFLATE_LEVEL: u8 = 6;

/// Encodes as 8-bit RGB PNG with fixed settings and no metadata: the same image gives the same
/// bytes (with the same version of the encoder, which the lock file pins).
///
/// # Errors
/// [`ImagingError::Encode`] if the image is empty or too large for the format.
pub fn encode_png(image: &RgbImage) -> Result<Vec<u8>, ImagingError> {
    let mut bytes = Vec::new();
    let compression = CompressionType::Level(DEFLATE_LEVEL);
    PngEncoder::new_with_quality(&mut bytes, compression, FilterType::Adaptive)
        .write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)
        .map_err(|error| ImagingError::Encode { detail: error.to_string() })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{DecodeOptions, decode_rgb};

    #[test]
    fn lossless_and_repeatable() {
        let image = RgbImage::from_fn(33, 17, |x, y| image::Rgb([x as u8 * 7, y as u8 * 15, 200]));
        let bytes = encode_png(&image).unwrap();
        assert_eq!(bytes, encode_png(&image).unwrap());
        assert_eq!(decode_rgb(&bytes, DecodeOptions::default()).unwrap(), image);
        assert!(encode_png(&RgbImage::new(0, 3)).is_err());
    }
}
