//! Strips: rows of an image side by side, so that one instruction does the same to several of them.

/// Rows in a strip.
pub(super) const LANES: usize = 32;
/// Bytes in a word, and the side of the squares in which rows are turned into columns.
const SIDE: usize = 8;

/// Turns up to [`LANES`] rows of `strip.len()` levels into columns; rows that are not there are black.
#[inline(always)]
pub(super) fn to_strip(rows: &[u8], strip: &mut [[u8; LANES]]) {
    let width = strip.len();
    for group in (0..LANES).step_by(SIDE) {
        let rows = rows.get(group * width..).unwrap_or(&[]);
        let (squares, rest) = strip.as_chunks_mut::<SIDE>();
        let rest_at = squares.len() * SIDE;
        for (square, columns) in squares.iter_mut().enumerate() {
            let mut words = [0; SIDE];
            for (row, word) in words.iter_mut().enumerate() {
                let place = rows.get(row * width + square * SIDE..);
                let levels = place.and_then(|levels| levels.first_chunk());
                *word = u64::from_le_bytes(levels.copied().unwrap_or_default());
            }
            transpose(&mut words);
            for (column, word) in columns.iter_mut().zip(words) {
                column[group..group + SIDE].copy_from_slice(&word.to_le_bytes());
            }
        }
        for (column, lanes) in rest.iter_mut().enumerate() {
            for (row, level) in lanes[group..group + SIDE].iter_mut().enumerate() {
                *level = rows.get(row * width + rest_at + column).copied().unwrap_or_default();
            }
        }
    }
}

/// The other way round; `rows` may be fewer than [`LANES`].
#[inline(always)]
pub(super) fn from_strip(strip: &[[u8; LANES]], rows: &mut [u8]) {
    let width = strip.len();
    let (squares, rest) = strip.as_chunks::<SIDE>();
    for (group, rows) in rows.chunks_mut(SIDE * width).enumerate() {
        let lanes = group * SIDE..(group + 1) * SIDE;
        for (square, columns) in squares.iter().enumerate() {
            let mut words = [0; SIDE];
            for (word, column) in words.iter_mut().zip(columns) {
                let levels = column[lanes.clone()].first_chunk();
                *word = u64::from_le_bytes(levels.copied().unwrap_or_default());
            }
            transpose(&mut words);
            for (row, word) in rows.chunks_exact_mut(width).zip(words) {
                row[square * SIDE..(square + 1) * SIDE].copy_from_slice(&word.to_le_bytes());
            }
        }
        for (row, out) in rows.chunks_exact_mut(width).enumerate() {
            let end = out.iter_mut().skip(squares.len() * SIDE);
            for (level, column) in end.zip(rest) {
                *level = column[lanes.start + row];
            }
        }
    }
}

/// A square of bytes, a word a row, with rows and columns exchanged: in three steps, which exchange the off-diagonal
/// quarters of ever larger squares.
#[inline(always)]
fn transpose(words: &mut [u64; SIDE]) {
    exchange::<1>(words, 0x00ff_00ff_00ff_00ff);
    exchange::<2>(words, 0x0000_ffff_0000_ffff);
    exchange::<4>(words, 0x0000_0000_ffff_ffff);
}

/// Exchanges the bytes of each row, `DISTANCE` further right than `mask`, with those under `mask` of the row
/// `DISTANCE` further down.
#[inline(always)]
fn exchange<const DISTANCE: usize>(words: &mut [u64; SIDE], mask: u64) {
    for upper in 0..SIDE {
        if upper & DISTANCE == 0 {
            let lower = upper + DISTANCE;
            let exchanged = ((words[upper] >> (8 * DISTANCE)) ^ words[lower]) & mask;
            words[lower] ^= exchanged;
            words[upper] ^= exchanged << (8 * DISTANCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_come_back_whatever_their_width_and_height() {
        for (width, height) in
            [(1, 1), (7, 3), (8, 8), (9, 8), (30, 5), (64, 1), (19, 31), (24, 32)]
        {
            let rows: Vec<u8> = (0..width * height).map(|i| (i * 37 % 251) as u8).collect();
            let mut strip = vec![[9; LANES]; width];
            to_strip(&rows, &mut strip);
            for (column, lanes) in strip.iter().enumerate() {
                for (row, &level) in lanes.iter().enumerate() {
                    let expected = if row < height { rows[row * width + column] } else { 0 };
                    assert_eq!(level, expected, "{width} × {height}: {column}, {row}");
                }
            }
            let mut back = vec![0; rows.len()];
            from_strip(&strip, &mut back);
            assert_eq!(back, rows, "{width} × {height}");
        }
    }
}
