//! Equal cells over a side of pixels: area means, and the way back.

/// For each of `count` equal cells of a side, the pixels it covers and each one's share of it.
pub fn cells(side: usize, count: usize) -> Vec<Vec<(usize, f64)>> {
    // In units of 1 / count of a pixel, borders are whole numbers.
    let cell = |at: usize| {
        let (from, to) = (at * side, (at + 1) * side);
        (from / count..to.div_ceil(count))
            .map(|pixel| {
                let covered = ((pixel + 1) * count).min(to) - (pixel * count).max(from);
                (pixel, covered as f64 / side as f64)
            })
            .collect()
    };
    (0..count).map(cell).collect()
}

/// For each of `side` pixels, the two cells of `count` that it lies between and their weights: linear interpolation between
/// the cells' centres, constant beyond the outermost (torch's `interpolate` without `align_corners`).
pub fn between_cells(count: usize, side: usize) -> Vec<[(usize, f64); 2]> {
    let last = count.saturating_sub(1);
    let pixel = |at: usize| {
        let place = ((at as f64 + 0.5) * count as f64 / side as f64 - 0.5).max(0.0);
        let first = (place as usize).min(last);
        let second = (first + 1).min(last);
        let share = (place - first as f64).min(1.0);
        [(first, 1.0 - share), (second, share)]
    };
    (0..side).map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_of_cells_comes_back_as_a_ramp_between_its_outermost_centres() {
        let value = |cells: &[(usize, f64); 2]| {
            cells.iter().map(|(cell, weight)| *cell as f64 * weight).sum::<f64>()
        };
        let found: Vec<f64> = between_cells(2, 4).iter().map(value).collect();
        assert_eq!(found, [0.0, 0.25, 0.75, 1.0]);
        let same: Vec<f64> = between_cells(3, 3).iter().map(value).collect();
        assert_eq!(same, [0.0, 1.0, 2.0]);
        assert_eq!(between_cells(1, 2).iter().map(value).collect::<Vec<_>>(), [0.0, 0.0]);
    }
}
