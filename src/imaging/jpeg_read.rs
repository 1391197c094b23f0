//! JPEG files to RGB: ordinary ones by the fast decoder, everything else that is legal by libjpeg's.
//!
//! Decoders fill what is missing of a cut JPEG with grey and report success. Half an image must not become a training
//! image, so such a file is refused, as by Pillow. It may lack its end marker alone, where zeros stand in its place.

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, RgbImage};

use super::crate_image::decode_with;
use super::error::ImagingError;
use super::jpeg_header::JpegHeader;
use super::libjpeg;
use super::libjpeg::{Decoded, JpegFault};
use super::options::DecodeOptions;

const FORMAT: &str = "JPEG";
/// Bytes that the decoder looks ahead, at most.
const LOOKAHEAD: usize = 8;

/// Decodes a JPEG's bytes.
pub(super) fn read_jpeg(bytes: &[u8], options: DecodeOptions) -> Result<RgbImage, ImagingError> {
    let header = JpegHeader::parse(bytes);
    if let Some(detail) = header.unsupported() {
        return Err(ImagingError::Unsupported { format: FORMAT, detail });
    }
    if header.is_ordinary() {
        match decode_with(bytes, FORMAT, ImageFormat::Jpeg, options) {
            // What one decoder calls corrupt the other may read.
            Err(ImagingError::Corrupt { .. } | ImagingError::Unsupported { .. }) => {}
            read => return read,
        }
    }
    let decoded = libjpeg::decode(bytes, options).and_then(|decoded| {
        let whole = header.ended || decoded.used <= without_zeros(bytes) + LOOKAHEAD;
        if whole { Ok(decoded) } else { Err(JpegFault::CutOff) }
    });
    let turned = header.exif.filter(|_| options.exif_orientation);
    let orientation = turned.and_then(Orientation::from_exif_chunk);
    let image = to_rgb(decoded.map_err(|fault| named(fault, header.size()))?)?;
    let Some(orientation) = orientation else { return Ok(image) };
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    Ok(image.into_rgb8())
}

/// The length of a file without the zeros at its end.
fn without_zeros(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)
}

fn named(fault: JpegFault, (width, height): (u32, u32)) -> ImagingError {
    let format = FORMAT;
    match fault {
        JpegFault::CutOff => {
            let detail = "the file is cut off (no end-of-image marker)".to_owned();
            ImagingError::Corrupt { format, detail }
        }
        JpegFault::TooLarge => ImagingError::TooLarge { format, width, height },
        JpegFault::Unsupported(detail) => ImagingError::Unsupported { format, detail },
        JpegFault::Corrupt(detail) => ImagingError::Corrupt { format, detail },
    }
}

fn to_rgb(decoded: Decoded) -> Result<RgbImage, ImagingError> {
    let Decoded { width, height, channels, samples, .. } = decoded;
    let rgb = match channels {
        1 => samples.iter().flat_map(|&grey| [grey; 3]).collect(),
        4 => samples.as_chunks().0.iter().flat_map(|&cmyk| cmyk_to_rgb(cmyk)).collect(),
        _ => samples,
    };
    RgbImage::from_raw(width, height, rgb).ok_or(ImagingError::BadSize { width, height })
}

/// As Pillow has it, which takes all CMYK JPEGs for inverted, as Adobe's are: more is brighter.
fn cmyk_to_rgb([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    [cyan, magenta, yellow].map(|ink| {
        let product = u32::from(255 - ink) * u32::from(black) + 128;
        let darker = ((product >> 8) + product) >> 8;
        u32::from(black).saturating_sub(darker) as u8
    })
}
