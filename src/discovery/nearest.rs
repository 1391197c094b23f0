//! The nearest free row and the farthest next row: how points that aren't images become images.

use rayon::prelude::*;

use super::Matrix;
use crate::linalg::distance::squared;

/// The one of `rows` nearest to `centre` that isn't taken, the first such.
pub fn nearest_free(
    data: &Matrix,
    rows: impl IntoIterator<Item = usize>,
    centre: &[f32],
    taken: &[bool],
) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for row in rows.into_iter().filter(|&row| !taken[row]) {
        let distance = squared(data.row(row), centre);
        if best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, row));
        }
    }
    best.map(|(_, row)| row)
}

/// Extends `chosen` (not empty) to `count` distinct rows, each the farthest from those before it,
/// ties by row order.
pub fn farthest_first(data: &Matrix, chosen: &mut Vec<usize>, count: usize) {
    let mut gaps = vec![f64::INFINITY; data.rows()];
    let mut seen = 0;
    while chosen.len() < count.min(data.rows()) {
        for &row in &chosen[seen..] {
            let distances = distances(data, data.row(row));
            gaps.iter_mut().zip(distances).for_each(|(gap, distance)| *gap = gap.min(distance));
            // Below every distance, so that it is never the farthest again.
            gaps[row] = -1.0;
        }
        seen = chosen.len();
        let mut best: Option<usize> = None;
        for row in (0..gaps.len()).filter(|&row| gaps[row] >= 0.0) {
            if best.is_none_or(|best| gaps[row] > gaps[best]) {
                best = Some(row);
            }
        }
        let Some(row) = best else { break };
        chosen.push(row);
    }
}

/// Squared distances of all rows to a point.
fn distances(data: &Matrix, point: &[f32]) -> Vec<f64> {
    (0..data.rows()).into_par_iter().map(|row| squared(data.row(row), point)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn farthest_rows_spread_and_never_repeat() {
        let data = Matrix::from_fn(5, 1, |row, _| [0.0, 1.0, 10.0, 10.0, 4.0][row]);
        let mut chosen = vec![0];
        farthest_first(&data, &mut chosen, 9);
        assert_eq!(chosen, [0, 2, 4, 1, 3]);
    }

    #[test]
    fn a_taken_row_is_passed_over() {
        let data = Matrix::from_fn(3, 1, |row, _| row as f32);
        assert_eq!(nearest_free(&data, 0..3, &[0.6], &[false, true, false]), Some(0));
        assert_eq!(nearest_free(&data, [2], &[0.6], &[false; 3]), Some(2));
        assert_eq!(nearest_free(&data, 0..3, &[0.6], &[true; 3]), None);
    }
}
