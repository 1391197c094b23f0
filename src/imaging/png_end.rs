//! PNG files whose last chunks are lost.

use std::borrow::Cow;

use flate2::Crc;

const SIGNATURE: usize = 8;
/// Length and kind, before a chunk's content.
const BEFORE: usize = 8;
/// Bytes behind it.
const CHECKSUM: usize = 4;
const END: [u8; BEFORE + CHECKSUM] = *b"\0\0\0\0IEND\xae\x42\x60\x82";

/// The file with an end chunk behind its last whole chunk, where it has none: a file whose pixels are all there is then
/// read as Pillow, libpng and browsers read it. Whether they are is for the decoder to find. The last chunk of pixels may
/// lack bytes of its checksum: the pixels have another one of their own.
pub(super) fn with_png_end(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut at = SIGNATURE;
    let mut pixels = false;
    while let Some(rest) = bytes.get(at..)
        && let Some(&[l3, l2, l1, l0, ref kind @ ..]) = rest.first_chunk::<BEFORE>()
    {
        let length = u32::from_be_bytes([l3, l2, l1, l0]) as usize;
        let Some((chunk, checksum)) = rest.split_at_checked(length.saturating_add(BEFORE)) else {
            break;
        };
        match (kind, checksum.len() >= CHECKSUM) {
            (b"IEND", true) => return Cow::Borrowed(bytes),
            (b"IDAT", true) => pixels = true,
            (b"IDAT", false) => {
                let mut computed = Crc::new();
                computed.update(chunk.get(4..).unwrap_or(&[]));
                let computed = computed.sum().to_be_bytes();
                let before = bytes.get(..at).unwrap_or(&[]);
                return if computed.starts_with(checksum) {
                    Cow::Owned([before, chunk, &computed, &END].concat())
                } else {
                    Cow::Borrowed(bytes)
                };
            }
            (_, true) => {}
            (_, false) => break,
        }
        at += chunk.len() + CHECKSUM;
    }
    match bytes.get(..at) {
        Some(whole) if pixels => Cow::Owned([whole, &END].concat()),
        _ => Cow::Borrowed(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_put_behind_the_last_whole_chunk_only_where_it_is_missing() {
        let chunk = |kind: &[u8], content: &[u8]| {
            let mut checksum = Crc::new();
            checksum.update(&[kind, content].concat());
            let length = (content.len() as u32).to_be_bytes();
            [&length, kind, content, &checksum.sum().to_be_bytes()].concat()
        };
        let head = [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &[0; 13])].concat();
        let pixels = [head.clone(), chunk(b"IDAT", &[7; 9])].concat();
        let whole = [pixels.clone(), chunk(b"tEXt", b"a"), END.to_vec()].concat();
        assert!(matches!(with_png_end(&whole), Cow::Borrowed(same) if same == whole));
        for cut in pixels.len()..whole.len() {
            let mended = with_png_end(&whole[..cut]);
            assert!(mended.ends_with(&END) && mended.starts_with(&pixels), "cut at {cut}");
        }
        for cut in pixels.len() - CHECKSUM..pixels.len() {
            assert_eq!(*with_png_end(&whole[..cut]), [&pixels[..], &END].concat(), "cut at {cut}");
        }
        for cut in 0..pixels.len() - CHECKSUM {
            assert_eq!(*with_png_end(&whole[..cut]), whole[..cut], "cut at {cut}");
        }
        let mut wrong = pixels[..pixels.len() - 1].to_vec();
        wrong[pixels.len() - 2] ^= 1;
        assert_eq!(*with_png_end(&wrong), wrong, "what is there of the checksum does not fit");
    }
}
