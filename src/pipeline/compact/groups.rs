//! Which classes share a class-major file.

use std::ops::Range;

/// Bytes of a file that is not worth dividing.
const LEAST_BYTES: u64 = 32 << 20;
/// Files at most: each opens every part that has images of its classes.
const MOST: u64 = 64;
/// Bytes of an image beside its numbers, about: key, shard, place.
const ABOUT_BYTES: u64 = 128;

/// Divides classes of so many images into groups of consecutive ones of about the same size. The answer depends on the
/// numbers alone, so all workers agree.
pub(super) fn groups(images: &[usize], row_bytes: usize) -> Vec<Range<usize>> {
    divide(images, row_bytes, least_bytes())
}

/// [`LEAST_BYTES`], but for builds with debug assertions in which `CODA_GROUP_BYTES` is a number: a test's data are small.
fn least_bytes() -> u64 {
    #[cfg(debug_assertions)]
    if let Some(bytes) = std::env::var("CODA_GROUP_BYTES").ok().and_then(|text| text.parse().ok()) {
        return bytes;
    }
    LEAST_BYTES
}

fn divide(images: &[usize], row_bytes: usize, least_bytes: u64) -> Vec<Range<usize>> {
    let bytes = |images: usize| (images as u64).saturating_mul(row_bytes as u64 + ABOUT_BYTES);
    let total = images.iter().fold(0u64, |sum, own| sum.saturating_add(bytes(*own)));
    // A group ends with the class that fills it: none but the last is smaller than this.
    let least = least_bytes.max(total.div_ceil(MOST));
    let (mut groups, mut start, mut held) = (Vec::new(), 0, 0u64);
    for (class, own) in images.iter().enumerate() {
        held = held.saturating_add(bytes(*own));
        if held >= least || class + 1 == images.len() {
            groups.push(start..class + 1);
            (start, held) = (class + 1, 0);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_data_are_one_file_and_large_ones_at_most_64() {
        assert_eq!(divide(&[400; 10], 128, LEAST_BYTES), [0..10]);
        assert!(divide(&[], 128, LEAST_BYTES).is_empty());
        for (classes, images, row_bytes) in
            [(1000, 1281, 128), (1000, 1281, 131_072), (21_841, 650, 8192), (7, 1 << 20, 4096)]
        {
            let groups = divide(&vec![images; classes], row_bytes, LEAST_BYTES);
            assert!(groups.len() as u64 <= MOST, "{} groups", groups.len());
            let all: Vec<usize> = groups.iter().cloned().flatten().collect();
            assert_eq!(all, (0..classes).collect::<Vec<_>>(), "each class in one group");
            let sizes = groups.iter().rev().skip(1).map(|group| (group.len() * images) as u64);
            assert!(sizes.into_iter().all(|n| n * (row_bytes as u64 + 128) >= LEAST_BYTES));
        }
    }

    #[test]
    fn a_large_class_does_not_take_small_ones_that_come_behind_it() {
        let huge = 1 << 30;
        assert_eq!(divide(&[1, huge, 1, 1], 1, LEAST_BYTES), [0..2, 2..4]);
    }
}
