//! What a file is that is no image of a format that is read, told by its first bytes.

use super::error::ImagingError;
use super::formats::{cure_of, decoded_formats, extension_of, undecoded_extension, undecoded_kind};

/// Kinds of files that are no images, by what they begin with. Marks of fewer than four bytes are left to [`kind`].
const MARKS: [(&[u8], &str); 12] = [
    (b"FORM", "an IFF file"),
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
    (b"\xfd7zXZ\0", "xz-compressed data"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"RIFF", "a RIFF file other than WebP (AVI, WAV)"),
    (b"\x80\x02\x63", "a Python pickle"),
];

/// Why these bytes are no image that is read.
pub(super) fn unread(bytes: &[u8]) -> ImagingError {
    if bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
        return ImagingError::GitLfsPointer;
    }
    if bytes.iter().all(|&byte| byte == 0) {
        return ImagingError::NotRead {
            what: "a file of zeros",
            decoded: decoded_formats(),
            cure: "",
        };
    }
    let decoded = decoded_formats();
    match kind(bytes) {
        Some(what) => ImagingError::NotRead { what, decoded, cure: cure_of(what) },
        None => ImagingError::UnknownFormat { decoded },
    }
}

/// The member extension for an image of any format that is known by its first bytes, decoded or not.
pub fn image_extension(bytes: &[u8]) -> Option<&'static str> {
    extension_of(bytes).or_else(|| undecoded_extension(kind(bytes)?))
}

fn kind(bytes: &[u8]) -> Option<&'static str> {
    let marked = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark));
    let marked = marked.map(|(_, name)| *name).or_else(|| undecoded_kind(bytes));
    marked.or_else(|| match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', rest @ ..] => Some(box_kind(bytes, rest)),
        // A Targa image can begin so, but has zeros where a cursor has the number of its pictures.
        [0, 0, 2, 0, 1..=255, ..] => Some("a Windows cursor (CUR)"),
        [0x1f, 0x8b, ..] => Some("gzip-compressed data"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some("bzip2-compressed data"),
        _ => text_kind(bytes).or_else(|| is_targa(bytes).then_some("a Targa image (TGA)")),
    })
}

/// Files of the MP4 family begin with the names of what they are: the main one, a version, and others that they fit.
fn box_kind(bytes: &[u8], brands: &[u8]) -> &'static str {
    let length = bytes.first_chunk().map_or(0, |length| u32::from_be_bytes(*length) as usize);
    let brands = brands.get(..length.saturating_sub(8)).unwrap_or(brands);
    let (brands, _) = brands.as_chunks::<4>();
    let has = |names: &[&[u8; 4]]| brands.iter().any(|brand| names.contains(&brand));
    if has(&[b"avif", b"avis"]) {
        "an AVIF image"
    } else if has(&[b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"]) {
        "a HEIC image"
    } else if has(&[b"crx "]) {
        "a Canon raw image (CR3)"
    } else if has(&[b"jp2 ", b"jpx "]) {
        "a JPEG 2000 image"
    } else {
        "an MP4 or QuickTime video"
    }
}

/// Markup and the like, behind a byte order mark and white space.
fn text_kind(bytes: &[u8]) -> Option<&'static str> {
    const LOOKED_AT: usize = 1024;
    let start = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let start = start.to_ascii_lowercase();
    let has = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    if !start.starts_with(b"<") {
        return match start.first()? {
            b'{' | b'[' if serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() => {
                Some("JSON text")
            }
            _ => None,
        };
    }
    if has(b"<svg") {
        Some("an SVG drawing")
    } else if has(b"<!doctype html") || has(b"<html") || has(b"<head") || has(b"<body") {
        Some("an HTML page (perhaps a server's error message)")
    } else if has(b"<?xml") || has(b"<error") {
        Some("an XML document (perhaps a server's error message)")
    } else {
        None
    }
}

/// Targa files have no mark: their header has to make sense, or their end has to.
fn is_targa(bytes: &[u8]) -> bool {
    if bytes.ends_with(b"TRUEVISION-XFILE.\0") {
        return true;
    }
    let Some(header) = bytes.first_chunk::<18>() else { return false };
    let [_, map, kind, _, _, _, _, map_bits, .., w0, w1, h0, h1, bits, descriptor] = *header;
    let sized = (w0, w1) != (0, 0) && (h0, h1) != (0, 0);
    let kinds = match (map, kind) {
        (1, 1 | 9) => matches!(map_bits, 15 | 16 | 24 | 32) && bits == 8,
        (0, 2 | 10) => matches!(bits, 15 | 16 | 24 | 32) && map_bits == 0,
        (0, 3 | 11) => matches!(bits, 8 | 16) && map_bits == 0,
        _ => false,
    };
    kinds && sized && descriptor & 0xc0 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_named() {
        let boxed = |brands: &[u8]| {
            [&(brands.len() as u32 + 8).to_be_bytes()[..], b"ftyp", brands, b"rest"].concat()
        };
        let targa = [&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 4, 0, 24, 32][..], &[9; 48]];
        let pointer =
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";
        for (bytes, name) in [
            (boxed(b"avif\0\0\0\0avifmif1miaf"), "an AVIF image"),
            (boxed(b"mif1\0\0\0\0mif1avif"), "an AVIF image"),
            (boxed(b"heic\0\0\0\0mif1heic"), "a HEIC image"),
            (boxed(b"isom\0\0\x02\0isomiso2mp41"), "an MP4 or QuickTime video"),
            (b"\xff\x0a\xfa\x1f".to_vec(), "a JPEG XL image"),
            (b"\0\0\0\x0cJXL \r\n\x87\n\0\0".to_vec(), "a JPEG XL image"),
            (b"\0\0\0\x0cjP  \r\n\x87\n\0\0".to_vec(), "a JPEG 2000 image"),
            (b"\xff\x4f\xff\x51\0\x2f".to_vec(), "a JPEG 2000 image"),
            (b"P6\n4 4\n255\n".to_vec(), "a PPM, PGM or PBM image"),
            (b"P5 4 4 255 ".to_vec(), "a PPM, PGM or PBM image"),
            (targa.concat(), "a Targa image (TGA)"),
            (b"\0\0\x01\0\x01\0\x10\x10".to_vec(), "a Windows icon (ICO)"),
            (b"\xef\xbb\xbf\n<svg xmlns=\"x\"/>".to_vec(), "an SVG drawing"),
            (b"<?xml version=\"1.0\"?>\n<!-- x --><SVG>".to_vec(), "an SVG drawing"),
            (b"<!DOCTYPE html><html>".to_vec(), "an HTML page"),
            (b"<?xml version=\"1.0\"?><Error><Code>AccessDenied".to_vec(), "an XML document"),
            (b"{\"error\": \"rate limit\"}".to_vec(), "JSON text"),
            (b"\x1f\x8b\x08\0".to_vec(), "gzip-compressed data"),
            (b"BZh91AY&SY".to_vec(), "bzip2-compressed data"),
            (b"%PDF-1.7\n".to_vec(), "a PDF document"),
            (b"8BPS\0\x01".to_vec(), "a Photoshop document (PSD)"),
            (vec![0; 40], "a file of zeros"),
            (pointer.to_vec(), "a Git LFS pointer"),
        ] {
            let text = unread(&bytes).to_string();
            assert!(text.starts_with(&format!("this is {name}")), "{name}: {text}");
        }
        for unknown in [&b"hello"[..], b"{not json", b"P6x", b"\0\0\x05\0", b"<p", &[9; 30]] {
            assert!(matches!(unread(unknown), ImagingError::UnknownFormat { .. }), "{unknown:?}");
        }
    }
}
