//! Values of few bits in files of many.

use image::RgbImage;

/// Where a PNG's header has the bits of a sample.
const PNG_DEPTH: usize = 24;
/// Of 256 levels: a sixteenth of the range.
const SIXTEENTH: u8 = 16;

/// Whether these are 12-bit values or fewer in a file of 16 bits, as X-rays and depth maps often are: no value is beyond
/// a sixteenth of the range, so that the image, of which the high bytes are taken, is almost black. `image` is what the
/// file decodes to.
pub fn has_few_of_sixteen_bits(bytes: &[u8], image: &RgbImage) -> bool {
    let png = bytes.starts_with(b"\x89PNG") && bytes.get(PNG_DEPTH) == Some(&16);
    (png || super::tiff_tags::has_sixteen_bits(bytes))
        && image.as_raw().iter().all(|&level| level < SIXTEENTH)
}

#[cfg(test)]
mod tests {
    use image::codecs::{png::PngEncoder, tiff::TiffEncoder};
    use image::{ExtendedColorType, ImageEncoder};

    use super::*;
    use crate::imaging::{DecodeOptions, decode_rgb};

    #[test]
    fn twelve_bits_in_sixteen_are_told_from_dark_and_from_full_images() {
        let encode = |values: &[u16], tiff: bool| {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
            let mut file = std::io::Cursor::new(Vec::new());
            if tiff {
                TiffEncoder::new(&mut file).write_image(&bytes, 4, 1, ExtendedColorType::L16)
            } else {
                PngEncoder::new(&mut file).write_image(&bytes, 4, 1, ExtendedColorType::L16)
            }
            .unwrap();
            file.into_inner()
        };
        for tiff in [false, true] {
            for (values, few) in [([0, 1, 900, 4095], true), ([0, 1, 900, 4096], false)] {
                let file = encode(&values, tiff);
                let image = decode_rgb(&file, DecodeOptions::default()).unwrap();
                assert_eq!(has_few_of_sixteen_bits(&file, &image), few, "{values:?}, {tiff}");
            }
        }
        let dark = RgbImage::from_pixel(4, 4, image::Rgb([3; 3]));
        let eight = crate::imaging::encode_png(&dark).unwrap();
        assert!(!has_few_of_sixteen_bits(&eight, &dark), "a dark image of 8 bits");
    }
}
