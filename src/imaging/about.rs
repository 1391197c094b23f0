//! What an image file says of itself: format, size, channels, bits, orientation. Only its header is read where that is
//! possible.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{ExtendedColorType, ImageDecoder, ImageReader};

use super::decode::decode_rgb;
use super::error::ImagingError;
use super::formats::format_of;
use super::jpeg_header::JpegHeader;
use super::options::DecodeOptions;
use super::unread::unread;

/// What is known of an image file before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageAbout {
    /// Its format.
    pub format: &'static str,
    /// Width in pixels, as stored.
    pub width: u32,
    /// Height in pixels, as stored.
    pub height: u32,
    /// Channels, alpha not counted: 1 is grey, 4 CMYK.
    pub channels: u8,
    /// Bits of a channel.
    pub bits: u8,
    /// Whether it has an alpha channel.
    pub alpha: bool,
    /// Whether its EXIF orientation turns or mirrors it.
    pub turned: bool,
}

/// Reads the header of an image file; decodes the file where its format has no reader of headers.
///
/// # Errors
/// As [`decode_rgb`], but damage behind the header goes unnoticed.
pub fn image_about(bytes: &[u8]) -> Result<ImageAbout, ImagingError> {
    if bytes.is_empty() {
        return Err(ImagingError::Empty);
    }
    let format = format_of(bytes).ok_or_else(|| unread(bytes))?.name;
    if format == "JPEG"
        && let Some(about) = of_jpeg(bytes)
    {
        return Ok(about);
    }
    if let Some(about) = of_header(bytes, format) {
        return Ok(about);
    }
    let image = decode_rgb(bytes, DecodeOptions::default())?;
    let (width, height) = image.dimensions();
    Ok(ImageAbout { format, width, height, channels: 3, bits: 8, alpha: false, turned: false })
}

fn of_jpeg(bytes: &[u8]) -> Option<ImageAbout> {
    let header = JpegHeader::parse(bytes);
    let ((width, height), (channels, bits)) = (header.size(), header.channels()?);
    let orientation = header.exif.and_then(Orientation::from_exif_chunk);
    let turned = orientation.is_some_and(|orientation| orientation != Orientation::NoTransforms);
    (width > 0 && height > 0).then_some(ImageAbout {
        format: "JPEG",
        width,
        height,
        channels,
        bits,
        alpha: false,
        turned,
    })
}

fn of_header(bytes: &[u8], format: &'static str) -> Option<ImageAbout> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let orientation = decoder.orientation().ok();
    let (channels, alpha, bits) = colours(decoder.original_color_type());
    let turned = orientation.is_some_and(|orientation| orientation != Orientation::NoTransforms);
    Some(ImageAbout { format, width, height, channels, bits, alpha, turned })
}

/// Channels without alpha, whether there is alpha, bits of a channel.
fn colours(kind: ExtendedColorType) -> (u8, bool, u8) {
    use ExtendedColorType::{L1, L2, L4, L8, L16, La8, La16, Rgb16, Rgba8, Rgba16};
    match kind {
        L1 | L2 | L4 | L8 => (1, false, 8),
        L16 => (1, false, 16),
        La8 => (1, true, 8),
        La16 => (1, true, 16),
        Rgba8 => (3, true, 8),
        Rgb16 => (3, false, 16),
        Rgba16 => (3, true, 16),
        _ => (3, false, 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{encode_jpeg, encode_png};
    use image::codecs::png::PngEncoder;
    use image::{ImageEncoder, Rgb, RgbImage};

    #[test]
    fn a_header_tells_what_the_file_is() {
        let image = RgbImage::from_pixel(5, 3, Rgb([9; 3]));
        let png = image_about(&encode_png(&image).unwrap()).unwrap();
        assert_eq!((png.format, png.width, png.height), ("PNG", 5, 3));
        assert_eq!((png.channels, png.bits, png.alpha, png.turned), (3, 8, false, false));
        let jpeg = image_about(&encode_jpeg(&image, 90).unwrap()).unwrap();
        assert_eq!((jpeg.format, jpeg.width, jpeg.height, jpeg.channels), ("JPEG", 5, 3, 3));
        for (kind, bytes, is) in [
            (ExtendedColorType::L8, 1, (1, 8, false)),
            (ExtendedColorType::L16, 2, (1, 16, false)),
            (ExtendedColorType::Rgba8, 4, (3, 8, true)),
        ] {
            let mut file = Vec::new();
            PngEncoder::new(&mut file).write_image(&vec![7; 6 * bytes], 3, 2, kind).unwrap();
            let about = image_about(&file).unwrap();
            assert_eq!((about.channels, about.bits, about.alpha), is, "{kind:?}");
        }
        assert!(image_about(b"").is_err() && image_about(b"no image").is_err());
    }
}
