//! RGB images to JPEG, for pictures to look at.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use super::error::ImagingError;

/// Encodes as JPEG of `quality` (1 to 100) with fixed settings and no metadata.
///
/// # Errors
/// [`ImagingError::Encode`] if the image is empty or too large for the format.
pub fn encode_jpeg(image: &RgbImage, quality: u8) -> Result<Vec<u8>, ImagingError> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)
        .map_err(|error| ImagingError::Encode { detail: error.to_string() })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{DecodeOptions, decode_rgb};

    #[test]
    fn close_to_the_image_and_repeatable() {
        let image = RgbImage::from_fn(40, 16, |x, y| image::Rgb([x as u8 * 5, y as u8 * 15, 90]));
        let bytes = encode_jpeg(&image, 90).unwrap();
        assert_eq!(bytes, encode_jpeg(&image, 90).unwrap());
        let back = decode_rgb(&bytes, DecodeOptions::default()).unwrap();
        let worst = image.as_raw().iter().zip(back.as_raw()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst.unwrap() < 20, "{worst:?}");
        assert!(encode_jpeg(&RgbImage::new(0, 3), 90).is_err());
    }
}
