//! What the images are: formats, sizes, channels.

use crate::imaging::image_about;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use xxhash_rust::xxh3::xxh3_64;

/// A shorter side below this is tiny beside what text-to-image models make.
const TINY: u32 = 64;
/// Damaged images that are named.
const NAMED: usize = 5;

/// The images that were looked at.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Pictures {
    /// Images whose header was read.
    pub(crate) looked_at: usize,
    /// Images by format.
    pub(crate) formats: BTreeMap<&'static str, usize>,
    /// Shorter sides.
    #[serde(skip)]
    short: Vec<u32>,
    /// Longer sides.
    #[serde(skip)]
    long: Vec<u32>,
    /// Quantiles of the shorter side in pixels: least, a tenth, half, nine tenths, greatest.
    pub(crate) shorter_side: [u32; 5],
    /// The same of the longer side.
    pub(crate) longer_side: [u32; 5],
    /// Images that are not square.
    pub(crate) not_square: usize,
    /// Images of one channel.
    pub(crate) grey: usize,
    /// Images of four colours.
    pub(crate) cmyk: usize,
    /// Images of 16 bits a channel.
    pub(crate) sixteen_bit: usize,
    /// Images with an alpha channel.
    pub(crate) alpha: usize,
    /// Images that EXIF turns.
    pub(crate) turned: usize,
    /// Images whose shorter side is below 64 pixels.
    pub(crate) tiny: usize,
    /// Images that are not read.
    pub(crate) unread: usize,
    /// Some of them, each with the reason.
    pub(crate) unread_named: Vec<String>,
    /// Images that are another one byte for byte.
    pub(crate) repeated: usize,
    #[serde(skip)]
    digests: HashMap<u64, usize>,
}

impl Pictures {
    /// Reads the header of an image.
    pub(super) fn add(&mut self, key: &str, bytes: &[u8]) {
        self.looked_at += 1;
        *self.digests.entry(xxh3_64(bytes)).or_default() += 1;
        let about = match image_about(bytes) {
            Ok(about) => about,
            Err(error) => {
                self.unread += 1;
                if self.unread_named.len() < NAMED {
                    self.unread_named.push(format!("{key}: {error}"));
                }
                self.sum_up();
                return;
            }
        };
        *self.formats.entry(about.format).or_default() += 1;
        let (short, long) = (about.width.min(about.height), about.width.max(about.height));
        self.short.push(short);
        self.long.push(long);
        self.not_square += usize::from(short != long);
        self.grey += usize::from(about.channels == 1);
        self.cmyk += usize::from(about.channels == 4);
        self.sixteen_bit += usize::from(about.bits > 8);
        self.alpha += usize::from(about.alpha);
        self.turned += usize::from(about.turned);
        self.tiny += usize::from(short < TINY);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.looked_at += other.looked_at;
        for (format, count) in other.formats {
            *self.formats.entry(format).or_default() += count;
        }
        self.short.extend(other.short);
        self.long.extend(other.long);
        self.not_square += other.not_square;
        self.grey += other.grey;
        self.cmyk += other.cmyk;
        self.sixteen_bit += other.sixteen_bit;
        self.alpha += other.alpha;
        self.turned += other.turned;
        self.tiny += other.tiny;
        self.unread += other.unread;
        self.unread_named.extend(other.unread_named);
        self.unread_named.truncate(NAMED);
        for (digest, count) in other.digests {
            *self.digests.entry(digest).or_default() += count;
        }
        self.sum_up();
    }

    fn sum_up(&mut self) {
        self.shorter_side = quantiles(&mut self.short);
        self.longer_side = quantiles(&mut self.long);
        self.repeated = self.digests.values().map(|count| count - 1).sum();
    }

    /// Sizes in words.
    pub(crate) fn sizes(&self) -> String {
        let ([short_least, _, short, _, short_most], [long_least, _, long, _, long_most]) =
            (self.shorter_side, self.longer_side);
        match short_least == short_most && long_least == long_most {
            true => format!("{long} × {short} pixels"),
            false => format!(
                "shorter side {short_least} to {short_most} pixels (half below {short}), longer {long_least} to {long_most} ({long})"
            ),
        }
    }

    /// Formats in words, the most frequent first.
    pub(crate) fn formats(&self) -> String {
        let mut all: Vec<(&&str, &usize)> = self.formats.iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        match all.as_slice() {
            [] => "none that is read".to_owned(),
            [(only, _)] => (**only).to_owned(),
            many => {
                let named: Vec<String> =
                    many.iter().map(|(format, count)| format!("{count} {format}")).collect();
                named.join(", ")
            }
        }
    }
}

fn quantiles(values: &mut [u32]) -> [u32; 5] {
    values.sort_unstable();
    let last = values.len().saturating_sub(1) as f64;
    [0.0, 0.1, 0.5, 0.9, 1.0]
        .map(|share| values.get((last * share).round() as usize).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imaging::{Rgb, RgbImage, encode_png};

    #[test]
    fn images_are_counted_by_what_they_are() {
        let png =
            |side: u32| encode_png(&RgbImage::from_pixel(side, 80, Rgb([side as u8; 3]))).unwrap();
        let (mut all, mut other) = (Pictures::default(), Pictures::default());
        all.add("a", &png(80));
        all.add("b", b"no image");
        other.add("c", &png(20));
        other.add("d", &png(20));
        all.merge(other);
        assert_eq!((all.looked_at, all.unread, all.tiny, all.repeated), (4, 1, 2, 1));
        assert_eq!((all.shorter_side, all.not_square), ([20, 20, 20, 80, 80], 2));
        assert_eq!(all.formats(), "PNG");
        assert!(all.unread_named[0].starts_with("b: "), "{:?}", all.unread_named);
    }
}
