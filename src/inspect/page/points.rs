//! A class's embedding, ready to be drawn.

use crate::discovery::Matrix;
use serde::Serialize;

/// Points of all classes together, about: each takes some 30 bytes of the file.
const POINTS: usize = 150_000;
/// Points of a class at least, and at most.
const LEAST: usize = 150;
const MOST: usize = 4_000;

/// Points to draw, column by column.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Points {
    /// Images of the class.
    pub total: usize,
    /// From the left, 0 to 1000.
    pub x: Vec<u16>,
    /// From the bottom, on the same scale.
    pub y: Vec<u16>,
    /// Cluster, −1 for noise.
    pub label: Vec<i32>,
    /// Sample keys.
    pub key: Vec<String>,
    /// The points that are cores: place among the points, rank.
    pub core: Vec<(usize, u32)>,
}

/// How many points a class gets where there are so many classes.
pub fn points_per_class(classes: usize) -> usize {
    (POINTS / classes.max(1)).clamp(LEAST, MOST)
}

/// Points for the rows of `plane` (two columns), `most` of them evenly spread and all `cores` (row and rank).
pub fn points(
    plane: &Matrix,
    labels: &[i32],
    keys: &[String],
    cores: &[(usize, u32)],
    most: usize,
) -> Points {
    let rows = plane.rows().min(labels.len()).min(keys.len());
    let mut shown: Vec<usize> = match rows <= most {
        true => (0..rows).collect(),
        false => (0..most).map(|at| at * rows / most).collect(),
    };
    shown.extend(cores.iter().map(|(row, _)| *row).filter(|row| *row < rows));
    shown.sort_unstable();
    shown.dedup();
    let place = |(row, rank): &(usize, u32)| Some((shown.binary_search(row).ok()?, *rank));
    Points {
        total: rows,
        x: scaled(plane, &shown, 0),
        y: scaled(plane, &shown, 1),
        label: shown.iter().map(|&row| labels[row]).collect(),
        key: shown.iter().map(|&row| keys[row].clone()).collect(),
        core: cores.iter().filter_map(place).collect(),
    }
}

/// One coordinate of the rows, their range spread over 0 to 1000; the middle where there is none.
fn scaled(plane: &Matrix, rows: &[usize], column: usize) -> Vec<u16> {
    let value = |&row: &usize| plane.row(row).get(column).copied().unwrap_or(0.0);
    let least = rows.iter().map(value).fold(f32::INFINITY, f32::min);
    let range = rows.iter().map(value).fold(f32::NEG_INFINITY, f32::max) - least;
    let scale = |value: f32| if range > 0.0 { 1000.0 * (value - least) / range } else { 500.0 };
    rows.iter().map(|row| scale(value(row)).round() as u16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_thinned_evenly_and_keep_all_cores() {
        let plane = Matrix::from_fn(100, 2, |row, col| if col == 0 { row as f32 } else { 7.0 });
        let labels: Vec<i32> = (0..100).map(|row| row % 3 - 1).collect();
        let keys: Vec<String> = (0..100).map(|row| format!("k{row}")).collect();
        let found = points(&plane, &labels, &keys, &[(33, 1), (99, 0)], 10);
        assert_eq!(found.total, 100);
        assert_eq!(found.x.len(), 12);
        assert_eq!((found.x[0], found.x[11], found.y[4]), (0, 1000, 500));
        let core: Vec<_> =
            found.core.iter().map(|(at, rank)| (&found.key[*at][..], *rank)).collect();
        assert_eq!(core, [("k33", 1), ("k99", 0)]);
        assert_eq!(found.label[found.core[0].0], -1);
        let none = points(&Matrix::from_fn(0, 0, |_, _| 0.0), &[], &[], &[(3, 0)], 10);
        assert!(none.x.is_empty() && none.core.is_empty());
        assert_eq!(points_per_class(1000), 150);
    }
}
