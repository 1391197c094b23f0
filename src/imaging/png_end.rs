//! PNG files whose last chunks are lost.

use std::borrow::Cow;

const SIGNATURE: usize = 8;
/// Length, kind and checksum, around a chunk's content.
const AROUND: usize = 12;
const END: [u8; AROUND] = *b"\0\0\0\0IEND\xae\x42\x60\x82";

/// The file with an end chunk behind its last whole chunk, where it has none: a file whose pixels are all there is then
/// read as Pillow, libpng and browsers read it. Whether they are is for the decoder to find.
pub(super) fn with_png_end(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut at = SIGNATURE;
    let mut pixels = false;
    while let Some(&[l3, l2, l1, l0, ref kind @ ..]) =
        bytes.get(at..).and_then(|rest| rest.first_chunk::<8>())
    {
        let length = u32::from_be_bytes([l3, l2, l1, l0]) as usize;
        let next = at.saturating_add(length).saturating_add(AROUND);
        match kind {
            b"IEND" if next <= bytes.len() => return Cow::Borrowed(bytes),
            b"IDAT" if next <= bytes.len() => pixels = true,
            _ => {}
        }
        if next > bytes.len() {
            break;
        }
        at = next;
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
            [&(content.len() as u32).to_be_bytes()[..], kind, content, &[1, 2, 3, 4]].concat()
        };
        let head = [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &[0; 13])].concat();
        let pixels = [head.clone(), chunk(b"IDAT", &[7; 9])].concat();
        let whole = [pixels.clone(), chunk(b"tEXt", b"a"), END.to_vec()].concat();
        assert!(matches!(with_png_end(&whole), Cow::Borrowed(same) if same == whole));
        for cut in pixels.len()..whole.len() {
            let mended = with_png_end(&whole[..cut]);
            assert!(mended.ends_with(&END) && mended.starts_with(&pixels), "cut at {cut}");
        }
        for cut in 0..pixels.len() {
            assert_eq!(*with_png_end(&whole[..cut]), whole[..cut], "cut at {cut}");
        }
    }
}
