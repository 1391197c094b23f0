//! The table of image formats: a new format is an entry of [`FORMATS`] (and a feature of the crate `image` in Cargo.toml).
//!
//! The decoder, the members that a run takes by default, the files that `shards pack` takes, `shards verify` and their
//! messages derive what they know of formats from here.

use image::{ImageFormat, RgbImage};

use super::crate_image::decode_with;
use super::error::ImagingError;
use super::jpeg_read::read_jpeg;
use super::options::DecodeOptions;
use super::png_end::with_png_end;
use super::tiff_read::{is_big_tiff, read_tiff};

/// A format that is decoded.
pub(super) struct Format {
    /// What messages call it.
    pub(super) name: &'static str,
    /// The extension that `shards pack` gives to its members.
    extension: &'static str,
    /// Common extensions of members, in order of preference.
    common: &'static [&'static str],
    /// Rarer ones, which a run prefers less than every common extension of any format.
    rare: &'static [&'static str],
    /// Other extensions of files that `shards pack` takes.
    of_files: &'static [&'static str],
    /// Whether a file that begins with these bytes is of this format.
    begins: fn(&[u8]) -> bool,
    /// Decodes a file's bytes.
    pub(super) decode: fn(&[u8], DecodeOptions) -> Result<RgbImage, ImagingError>,
}

const FORMATS: [Format; 6] = [
    Format {
        name: "JPEG",
        extension: "jpg",
        common: &["jpg", "jpeg"],
        rare: &["jfif", "jpe", "pjpeg", "pjp"],
        of_files: &["jfi", "jif"],
        begins: |bytes| guessed(bytes, ImageFormat::Jpeg),
        decode: read_jpeg,
    },
    Format {
        name: "PNG",
        extension: "png",
        common: &["png"],
        rare: &[],
        of_files: &["apng"],
        begins: |bytes| guessed(bytes, ImageFormat::Png),
        decode: |bytes, options| {
            decode_with(&with_png_end(bytes), "PNG", ImageFormat::Png, options)
        },
    },
    Format {
        name: "WebP",
        extension: "webp",
        common: &["webp"],
        rare: &[],
        of_files: &[],
        begins: |bytes| guessed(bytes, ImageFormat::WebP),
        decode: |bytes, options| decode_with(bytes, "WebP", ImageFormat::WebP, options),
    },
    Format {
        name: "BMP",
        extension: "bmp",
        common: &["bmp"],
        rare: &[],
        of_files: &["dib"],
        begins: |bytes| guessed(bytes, ImageFormat::Bmp),
        decode: |bytes, options| decode_with(bytes, "BMP", ImageFormat::Bmp, options),
    },
    Format {
        name: "GIF",
        extension: "gif",
        common: &["gif"],
        rare: &[],
        of_files: &[],
        begins: |bytes| guessed(bytes, ImageFormat::Gif),
        decode: |bytes, options| decode_with(bytes, "GIF", ImageFormat::Gif, options),
    },
    Format {
        name: "TIFF",
        extension: "tiff",
        common: &["tif", "tiff"],
        rare: &[],
        of_files: &[],
        begins: |bytes| guessed(bytes, ImageFormat::Tiff) || is_big_tiff(bytes),
        decode: read_tiff,
    },
];

/// An image format that is not decoded.
pub(super) struct Undecoded {
    /// What an error calls such a file.
    pub(super) what: &'static str,
    /// Extensions of members of this format.
    extensions: &'static [&'static str],
    /// Whether a file that begins with these bytes is of this format.
    begins: fn(&[u8]) -> bool,
}

/// Image formats that are told by their first bytes. Those of the MP4 family (AVIF, HEIC) and those without a mark
/// (Targa, SVG) are told in `unread.rs`.
const UNDECODED: [Undecoded; 21] = [
    undecoded("a JPEG XL image", &["jxl"], |b| {
        b.starts_with(b"\0\0\0\x0cJXL \r\n\x87\n") || b.starts_with(b"\xff\x0a")
    }),
    undecoded("a JPEG 2000 image", &["jp2", "j2k", "jpx"], |b| {
        b.starts_with(b"\0\0\0\x0cjP  \r\n\x87\n") || b.starts_with(b"\xff\x4f\xff\x51")
    }),
    undecoded("a Windows icon (ICO)", &[], |b| b.starts_with(b"\0\0\x01\0")),
    undecoded("a Photoshop document (PSD)", &[], |b| b.starts_with(b"8BPS")),
    undecoded("a GIMP image (XCF)", &[], |b| b.starts_with(b"gimp xcf")),
    undecoded("an OpenEXR image", &["exr"], |b| b.starts_with(b"\x76\x2f\x31\x01")),
    undecoded("a Radiance HDR image", &[], |b| b.starts_with(b"#?RADIANCE")),
    undecoded("a DirectDraw surface (DDS)", &[], |b| b.starts_with(b"DDS ")),
    undecoded("a QOI image", &[], |b| b.starts_with(b"qoif")),
    undecoded("a farbfeld image", &[], |b| b.starts_with(b"farbfeld")),
    undecoded("a FITS image", &[], |b| b.starts_with(b"SIMPLE  =")),
    undecoded("a JPEG XR image", &[], |b| b.starts_with(b"II\xbc\x01")),
    undecoded("a PPM, PGM or PBM image", &["ppm"], |b| {
        matches!(b, [b'P', b'1'..=b'6', b' ' | b'\t' | b'\r' | b'\n', ..])
    }),
    undecoded("a PAM image", &[], |b| b.starts_with(b"P7\n")),
    undecoded("a PFM image", &[], |b| matches!(b, [b'P', b'F' | b'f', b'\n', ..])),
    undecoded("a PCX image", &[], |b| matches!(b, [0x0a, 0..=5, 0 | 1, 1 | 2 | 4 | 8, ..])),
    undecoded("a NumPy array", &["npy"], |b| b.starts_with(b"\x93NUMPY")),
    undecoded("an AVIF image", &["avif"], |_| false),
    undecoded("a HEIC image", &["heic", "heif"], |_| false),
    undecoded("an SVG drawing", &["svg"], |_| false),
    undecoded("a Targa image (TGA)", &["tga"], |_| false),
];

/// What makes an image that is read of one in a common format that is not, for messages.
const CURES: [(&str, &str); 4] = [
    ("an AVIF image", ": convert it with `avifdec`, or with Pillow 11.3 or later"),
    (
        "a HEIC image",
        ": convert it with `heif-convert`, or with Pillow and the package pillow-heif",
    ),
    (
        "a JPEG XL image",
        ": convert it with `djxl`, or with Pillow and the package pillow-jxl-plugin",
    ),
    ("a JPEG 2000 image", ": convert it with `opj_decompress`, or with Pillow"),
];

/// How to convert an image of this kind; empty where that is not known.
pub(super) fn cure_of(what: &str) -> &'static str {
    CURES.iter().find(|(kind, _)| *kind == what).map_or("", |(_, cure)| cure)
}

const fn undecoded(
    what: &'static str,
    extensions: &'static [&'static str],
    begins: fn(&[u8]) -> bool,
) -> Undecoded {
    Undecoded { what, extensions, begins }
}

/// Extensions of members that are images, in the order in which a run takes them: of every format, first the common
/// extensions, then the rare ones.
pub const IMAGE_EXTENSIONS: [&str; count()] = in_order();

const fn count() -> usize {
    let (mut at, mut sum) = (0, 0);
    while at < FORMATS.len() {
        sum += FORMATS[at].common.len() + FORMATS[at].rare.len();
        at += 1;
    }
    sum
}

const fn in_order() -> [&'static str; count()] {
    let mut all = [""; count()];
    let mut filled = 0;
    let mut list = 0;
    while list < 2 * FORMATS.len() {
        let format = &FORMATS[list % FORMATS.len()];
        let names = if list < FORMATS.len() { format.common } else { format.rare };
        let mut at = 0;
        while at < names.len() {
            all[filled] = names[at];
            filled += 1;
            at += 1;
        }
        list += 1;
    }
    all
}

fn guessed(bytes: &[u8], format: ImageFormat) -> bool {
    image::guess_format(bytes).is_ok_and(|found| found == format)
}

/// The format of a file that begins with these bytes.
pub(super) fn format_of(bytes: &[u8]) -> Option<&'static Format> {
    const { &FORMATS }.iter().find(|format| (format.begins)(bytes))
}

/// The image format of a file that is not decoded, where its first bytes tell it.
pub(super) fn undecoded_kind(bytes: &[u8]) -> Option<&'static str> {
    UNDECODED.iter().find(|format| (format.begins)(bytes)).map(|format| format.what)
}

/// The formats that are decoded, for messages: "JPEG, PNG and WebP".
pub(super) fn decoded_formats() -> String {
    let names = FORMATS.map(|format| format.name);
    match names.split_last() {
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The member extension for a file that begins with these bytes; `None` for a format that is not decoded.
pub fn extension_of(bytes: &[u8]) -> Option<&'static str> {
    format_of(bytes).map(|format| format.extension)
}

/// The member extension for a file of this extension (lower case, without a dot): one for each format. `None` where no
/// format that is decoded has it.
pub fn member_extension(of_file: &str) -> Option<&'static str> {
    let has = |format: &&Format| {
        [format.common, format.rare, format.of_files].concat().contains(&of_file)
    };
    FORMATS.iter().find(has).map(|format| format.extension)
}

/// The usual extension of a format that is not decoded, by what messages call an image of it.
pub(super) fn undecoded_extension(what: &str) -> Option<&'static str> {
    let format = UNDECODED.iter().find(|format| format.what == what)?;
    format.extensions.first().copied()
}

/// Whether members of this extension (lower case, without a dot) hold images, of a format that is decoded or not.
pub fn is_image_extension(extension: &str) -> bool {
    IMAGE_EXTENSIONS.contains(&extension) || is_undecoded_extension(extension)
}

/// Whether members of this extension hold images of a format that is not decoded.
pub fn is_undecoded_extension(extension: &str) -> bool {
    UNDECODED.iter().any(|format| format.extensions.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::image_extension;

    #[test]
    fn a_run_prefers_common_extensions_in_the_order_that_settings_name() {
        let expected = [
            "jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "jfif", "jpe", "pjpeg",
            "pjp",
        ];
        assert_eq!(IMAGE_EXTENSIONS, expected);
    }

    #[test]
    fn every_extension_leads_to_one_format() {
        for (file, member) in [("jfi", "jpg"), ("pjp", "jpg"), ("tif", "tiff"), ("apng", "png")] {
            assert_eq!(member_extension(file), Some(member), "{file}");
        }
        assert_eq!(member_extension("avif"), None);
        let all = FORMATS.iter().flat_map(|f| [f.common, f.rare, f.of_files].concat());
        let mut all: Vec<&str> =
            all.chain(UNDECODED.iter().flat_map(|f| f.extensions).copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "an extension stands twice");
    }

    #[test]
    fn content_tells_the_member_extension() {
        assert_eq!(extension_of(b"II+\0\x08\0\0\0"), Some("tiff"));
        assert_eq!(extension_of(b"\x89PNG\r\n\x1a\n"), Some("png"));
        assert_eq!(extension_of(b"qoif"), None);
        assert_eq!(undecoded_kind(b"qoif"), Some("a QOI image"));
        assert_eq!(image_extension(b"\xff\x0a"), Some("jxl"));
        assert_eq!(image_extension(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"), Some("avif"));
        assert!(is_image_extension("heic") && !is_image_extension("cls"));
        for (what, _) in CURES {
            assert!(UNDECODED.iter().any(|format| format.what == what), "{what}");
        }
        assert_eq!(decoded_formats(), "JPEG, PNG, WebP, BMP, GIF and TIFF");
    }
}
