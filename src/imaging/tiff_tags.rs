//! What a TIFF's entries say of its samples, and the arithmetic of palettes and packed bits.

use std::io::{Cursor, Read, Seek};

use tiff::decoder::Decoder;
use tiff::tags::Tag;

/// Photometric interpretations.
const BLACK_IS_ZERO: u16 = 1;
const PALETTE: u16 = 3;
/// Tag of the photometric interpretation.
const PHOTOMETRIC: u16 = 262;
/// Sample formats.
const SIGNED: u16 = 2;
const FLOATING: u16 = 3;

/// The entries of a page that tell how its samples are to be taken.
#[derive(Debug)]
pub(super) struct Tags {
    /// Width and height.
    pub(super) dimensions: (u32, u32),
    /// Bits of a sample.
    pub(super) bits: u16,
    /// Samples of a pixel.
    pub(super) samples: u16,
    /// As in EXIF.
    pub(super) orientation: u8,
    photometric: u16,
    compression: u16,
    format: u16,
    /// Whether each sample has an image of its own.
    planar: bool,
    /// All reds, all greens, all blues, of 16 bits.
    palette: Vec<u16>,
}

impl Tags {
    /// Reads a page's entries; what is missing or makes no sense has the value that TIFF gives it.
    pub(super) fn read<R: Read + Seek>(decoder: &mut Decoder<R>) -> Self {
        let dimensions = decoder.dimensions().unwrap_or_default();
        let mut values = |tag| decoder.find_tag_unsigned_vec::<u16>(tag).ok().flatten();
        let palette = values(Tag::ColorMap).unwrap_or_default();
        let mut first = |tag, default| {
            values(tag).and_then(|values| values.first().copied()).unwrap_or(default)
        };
        Self {
            dimensions,
            bits: first(Tag::BitsPerSample, 1),
            samples: first(Tag::SamplesPerPixel, 1),
            orientation: first(Tag::Orientation, 1).try_into().unwrap_or(1),
            photometric: first(Tag::PhotometricInterpretation, BLACK_IS_ZERO),
            compression: first(Tag::Compression, 1),
            format: first(Tag::SampleFormat, 1),
            planar: first(Tag::PlanarConfiguration, 1) == 2,
            palette,
        }
    }

    /// What the page has that is not read, in words.
    pub(super) fn unsupported(&self) -> Option<String> {
        let compression = match self.compression {
            2 => Some("CCITT run-length compression"),
            3 => Some("CCITT Group 3 (fax) compression"),
            6 => Some("old-style JPEG compression"),
            32809 => Some("ThunderScan compression"),
            34661 => Some("JBIG compression"),
            34712 => Some("JPEG 2000 compression"),
            34887 => Some("LERC compression"),
            34925 => Some("LZMA compression"),
            50000 => Some("zstd compression"),
            50001 => Some("WebP compression"),
            _ => None,
        };
        let colours = match self.photometric {
            4 => Some("a transparency mask"),
            8..=10 => Some("L*a*b* colours"),
            32803 => Some("a camera's raw samples"),
            34892 => Some("a camera's linear raw samples"),
            _ => None,
        };
        let bits = self.bits;
        match self.format {
            SIGNED => Some(format!("signed samples of {bits} bits")),
            FLOATING => Some(format!("floating-point samples of {bits} bits")),
            _ if !(matches!(bits, 1 | 8 | 16) || self.has_palette() && bits < 8) => {
                Some(format!("samples of {bits} bits"))
            }
            _ => None,
        }
        .or_else(|| compression.or(colours).map(str::to_owned))
        .or_else(|| {
            let odd = self.has_palette() && !matches!(bits, 1 | 2 | 4 | 8);
            odd.then(|| format!("a palette for {bits} bits"))
        })
    }

    pub(super) fn has_palette(&self) -> bool {
        self.photometric == PALETTE
    }

    /// Two samples, the first of which is grey.
    pub(super) fn is_grey_with_alpha(&self) -> bool {
        self.photometric == BLACK_IS_ZERO && self.samples == 2 && self.bits >= 8
    }

    /// The first sample of each pixel, from rows of packed samples.
    pub(super) fn first_samples(&self, packed: &[u8]) -> Vec<u8> {
        let samples = if self.planar { 1 } else { usize::from(self.samples.max(1)) };
        // Wider samples were brought to 8 bits.
        let bits = usize::from(self.bits.clamp(1, 8));
        let width = self.dimensions.0 as usize;
        let row = (width * samples * bits).div_ceil(8);
        if row == 0 {
            return Vec::new();
        }
        let mask = 0xff >> (8 - bits);
        let sample = |row: &[u8], x: usize| {
            let at = x * samples * bits;
            let byte = row.get(at / 8).copied().unwrap_or_default();
            (byte >> (8 - bits - at % 8)) & mask
        };
        let rows = packed.chunks_exact(row);
        rows.flat_map(|row| (0..width).map(move |x| sample(row, x))).collect()
    }

    /// Indices to colours: the high bytes of the palette's, and black beyond its end, as in Pillow.
    pub(super) fn look_up(&self, indices: &[u8]) -> Vec<u8> {
        let colours = self.palette.len() / 3;
        let level = |channel: usize, index: u8| {
            let within = usize::from(index) < colours;
            let value = self.palette.get(channel * colours + usize::from(index));
            value.filter(|_| within).map_or(0, |value| value.to_be_bytes()[0])
        };
        indices.iter().flat_map(|&index| [0, 1, 2].map(|channel| level(channel, index))).collect()
    }
}

/// Whether these bytes are a TIFF whose first page has samples of 16 bits.
pub(super) fn has_sixteen_bits(bytes: &[u8]) -> bool {
    let tiff = bytes.starts_with(b"II") || bytes.starts_with(b"MM");
    let decoder = tiff.then(|| Decoder::new(Cursor::new(bytes)).ok()).flatten();
    decoder.is_some_and(|mut decoder| Tags::read(&mut decoder).bits == 16)
}

/// The file with its first page's palette called grey, so that a decoder without palettes gives the indices.
pub(super) fn with_grey_for_palette(bytes: &[u8]) -> Option<Vec<u8>> {
    let big_endian = bytes.starts_with(b"MM");
    let number = |at: usize, length: usize| {
        let bytes = bytes.get(at..at.checked_add(length)?)?;
        let shifted = |sum: u64, &byte: &u8| (sum << 8) | u64::from(byte);
        Some(if big_endian {
            bytes.iter().fold(0, shifted)
        } else {
            bytes.iter().rev().fold(0, shifted)
        })
    };
    let big = number(2, 2)? == 43;
    let (start, count, entry, value) =
        if big { (number(8, 8)?, 8, 20, 12) } else { (number(4, 4)?, 2, 12, 8) };
    let start = usize::try_from(start).ok()?;
    let first = start.checked_add(count)?;
    let entries = number(start, count)?.min(u64::from(u16::MAX)) as usize;
    let places = (0..entries).map(|index| first.saturating_add(index * entry));
    let at = places.into_iter().find(|&at| number(at, 2) == Some(PHOTOMETRIC.into()))? + value;
    let mut grey = bytes.to_vec();
    let order = if big_endian { u16::to_be_bytes } else { u16::to_le_bytes };
    grey.get_mut(at..at + 2)?.copy_from_slice(&order(BLACK_IS_ZERO));
    Some(grey)
}

#[cfg(test)]
#[path = "tiff_tests.rs"]
mod tests;
