use std::io::Cursor;

use super::super::decode::decode_rgb;
use super::super::error::ImagingError;
use super::super::options::DecodeOptions;
use super::*;

/// A page of one strip: entries of one value each, and a palette.
struct Page<'a> {
    big_endian: bool,
    big: bool,
    entries: Vec<(u16, u16)>,
    palette: &'a [u16],
    strip: &'a [u8],
}

impl Page<'_> {
    fn number(&self, value: u64, length: usize) -> Vec<u8> {
        if self.big_endian {
            value.to_be_bytes()[8 - length..].to_vec()
        } else {
            value.to_le_bytes()[..length].to_vec()
        }
    }

    /// As a file: header, strip, palette, directory.
    fn file(&self) -> Vec<u8> {
        let (header, offset, room) = if self.big { (16, 8, 8) } else { (8, 4, 4) };
        let palette_at = (header + self.strip.len()).next_multiple_of(2);
        let start = palette_at + 2 * self.palette.len();
        let mut file = if self.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        file.extend(self.number(if self.big { 43 } else { 42 }, 2));
        if self.big {
            file.extend([self.number(8, 2), self.number(0, 2)].concat());
        }
        file.extend(self.number(start as u64, offset));
        file.extend(self.strip);
        file.resize(palette_at, 0);
        file.extend(self.palette.iter().flat_map(|&value| self.number(value.into(), 2)));
        let mut entries: Vec<(u16, u16, u64, u64)> =
            self.entries.iter().map(|&(tag, value)| (tag, 3, 1, value.into())).collect();
        entries.push((273, 4, 1, header as u64));
        entries.push((279, 4, 1, self.strip.len() as u64));
        if !self.palette.is_empty() {
            entries.push((320, 3, self.palette.len() as u64, palette_at as u64));
        }
        entries.sort_unstable();
        file.extend(self.number(entries.len() as u64, if self.big { 8 } else { 2 }));
        for (tag, kind, count, value) in entries {
            file.extend([self.number(tag.into(), 2), self.number(kind.into(), 2)].concat());
            file.extend(self.number(count, room));
            // A value that is smaller than its room stands at its beginning.
            let length = if count == 1 && kind == 3 { 2 } else { 4 };
            let length = if count > 1 { room } else { length };
            let mut value = self.number(value, length);
            value.resize(room, 0);
            file.extend(value);
        }
        file.extend(self.number(0, offset));
        file
    }
}

fn entries(bits: u16, samples: u16, photometric: u16, format: u16) -> Vec<(u16, u16)> {
    vec![
        (256, 3),
        (257, 2),
        (258, bits),
        (259, 1),
        (262, photometric),
        (277, samples),
        (278, 2),
        (339, format),
    ]
}

fn decode(bytes: &[u8]) -> Result<Vec<u8>, ImagingError> {
    decode_rgb(bytes, DecodeOptions::default()).map(image::RgbImage::into_raw)
}

fn grey(levels: &[u8]) -> Vec<u8> {
    levels.iter().flat_map(|&level| [level; 3]).collect()
}

#[test]
fn palettes_of_all_depths_are_looked_up() {
    for (bits, strip) in [
        (8, &[0, 1, 2, 3, 1, 0][..]),
        (4, &[0x01, 0x20, 0x31, 0x00]),
        (2, &[0b0001_1000, 0b1101_0000]),
    ] {
        for (big_endian, big) in [(false, false), (true, false), (false, true), (true, true)] {
            let colours = 1 << bits;
            let mut palette = vec![0; 3 * colours];
            for index in 0..4 {
                palette[index] = 0x1000 * index as u16 + 0xff;
                palette[colours + index] = 0xf000;
                palette[2 * colours + index] = 0x0100 * index as u16;
            }
            let entries = entries(bits, 1, PALETTE, 1);
            let page = Page { big_endian, big, entries, palette: &palette, strip };
            let expected: Vec<u8> =
                [0u8, 1, 2, 3, 1, 0].iter().flat_map(|&i| [0x10 * i, 0xf0, i]).collect();
            let read = decode(&page.file());
            assert_eq!(read, Ok(expected), "{bits} bits, {big_endian}, {big}");
        }
    }
}

#[test]
fn grey_with_alpha_keeps_its_grey() {
    let mut page = Page {
        big_endian: false,
        big: false,
        entries: [entries(8, 2, BLACK_IS_ZERO, 1), vec![(338, 2)]].concat(),
        palette: &[],
        strip: &[10, 255, 20, 0, 30, 9, 40, 9, 50, 9, 60, 9],
    };
    assert_eq!(decode(&page.file()), Ok(grey(&[10, 20, 30, 40, 50, 60])));
    // Turned around, as EXIF would say it.
    page.entries.push((274, 3));
    assert_eq!(decode(&page.file()), Ok(grey(&[60, 50, 40, 30, 20, 10])));
    let deep: Vec<u8> = (1..=6).flat_map(|level| [0xab, level, 1, 2]).collect();
    page.entries = entries(16, 2, BLACK_IS_ZERO, 1);
    page.strip = &deep;
    assert_eq!(decode(&page.file()), Ok(grey(&[1, 2, 3, 4, 5, 6])));
}

#[test]
fn big_tiff_is_read_whoever_decodes_it() {
    for big_endian in [false, true] {
        let entries = entries(8, 1, BLACK_IS_ZERO, 1);
        let page =
            Page { big_endian, big: true, entries, palette: &[], strip: &[1, 2, 3, 4, 5, 6] };
        assert_eq!(decode(&page.file()), Ok(grey(&[1, 2, 3, 4, 5, 6])));
    }
}

#[test]
fn what_is_not_read_has_a_plain_name() {
    let strip = [0; 48];
    for (bits, samples, photometric, format, compression, name) in [
        (16, 1, BLACK_IS_ZERO, SIGNED, 1, "signed samples of 16 bits"),
        (8, 1, BLACK_IS_ZERO, SIGNED, 1, "signed samples of 8 bits"),
        (32, 1, BLACK_IS_ZERO, 1, 1, "samples of 32 bits"),
        (32, 1, BLACK_IS_ZERO, FLOATING, 1, "floating-point samples of 32 bits"),
        (32, 3, 2, FLOATING, 1, "floating-point samples of 32 bits"),
        (12, 1, BLACK_IS_ZERO, 1, 1, "samples of 12 bits"),
        (1, 1, BLACK_IS_ZERO, 1, 3, "CCITT Group 3 (fax) compression"),
        (8, 1, BLACK_IS_ZERO, 1, 50000, "zstd compression"),
        (8, 3, 2, 1, 34925, "LZMA compression"),
        (8, 3, 8, 1, 1, "L*a*b* colours"),
        (16, 1, PALETTE, 1, 1, "a palette for 16 bits"),
    ] {
        let mut entries = entries(bits, samples, photometric, format);
        entries.retain(|&(tag, _)| tag != 259);
        entries.push((259, compression));
        let page = Page { big_endian: false, big: false, entries, palette: &[], strip: &strip };
        let error = decode(&page.file()).unwrap_err();
        assert_eq!(error.to_string(), format!("unsupported TIFF: {name}"));
    }
}

#[test]
fn limits_hold_for_palettes_too() {
    let mut entries = entries(8, 1, PALETTE, 1);
    entries.retain(|&(tag, _)| ![256, 257, 278].contains(&tag));
    entries.extend([(256, 60000), (257, 60000), (278, 60000)]);
    let page = Page { big_endian: false, big: false, entries, palette: &[0; 768], strip: &[0; 6] };
    let error = decode(&page.file()).unwrap_err();
    assert_eq!(error, ImagingError::TooLarge { format: "TIFF", width: 60000, height: 60000 });
    assert!(Decoder::new(Cursor::new(page.file())).is_ok());
}
