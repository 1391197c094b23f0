//! Whether a JPEG is all there.
//!
//! Decoders, the one used here among them, fill what is missing of a cut JPEG with grey and report
//! success. Half an image must not become a training image, so the end-of-image marker is looked
//! for; Pillow refuses such files too.

const MARKER: u8 = 0xff;
const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;

/// Whether an end-of-image marker follows the start of the image's own scan data. Segments before
/// it are stepped over by their length: EXIF thumbnails are JPEGs with an end of their own.
///
/// Says `true` where the segments make no sense: what is wrong there is for the decoder to tell.
pub(super) fn has_jpeg_end(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(&[MARKER, START_OF_IMAGE]) else {
        return true;
    };
    loop {
        match rest {
            // Any number of fill bytes may precede a marker.
            [MARKER, MARKER, ..] => rest = rest.get(1..).unwrap_or(&[]),
            // In scan data 0xff is always followed by 0x00 or a marker.
            [MARKER, START_OF_SCAN, scan @ ..] => {
                return scan.windows(2).any(|pair| pair == [MARKER, END_OF_IMAGE]);
            }
            [MARKER, _, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                match rest.get(2 + length..) {
                    Some(next) => rest = next,
                    None => return false,
                }
            }
            [] | [_] | [MARKER, ..] => return false,
            _ => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_the_image_not_of_its_thumbnail() {
        let thumbnail = [0xff, 0xe1, 0, 8, 0xff, 0xd8, 0xff, 0xda, 0xff, 0xd9];
        let scan = [0xff, 0xff, 0xda, 0, 2, 1, 2, 0xff, 0, 3];
        let whole = [&[0xff, 0xd8][..], &thumbnail, &scan, &[0xff, 0xd9]].concat();
        assert!(has_jpeg_end(&whole));
        for cut in 2..whole.len() {
            assert!(!has_jpeg_end(&whole[..cut]), "cut at {cut}");
        }
        assert!(has_jpeg_end(&[whole, vec![0; 9]].concat()), "padding behind the end");
        assert!(has_jpeg_end(b"\xff\xd8nonsense"), "left to the decoder");
    }
}
