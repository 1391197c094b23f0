//! How far the real images of a class are from each other.

use crate::linalg::{Matrix, MatrixError, knn::exact_for};

/// Distances of sampled images of a class to their nearest neighbours of the class.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spacing {
    /// Ascending.
    sorted: Vec<f32>,
}

impl Spacing {
    /// Of at most `sample` rows, spread evenly, over all rows. A class of one image has none.
    ///
    /// # Errors
    /// Rows that can't be compared.
    pub fn measure(rows: &Matrix, sample: usize) -> Result<Self, MatrixError> {
        if rows.rows() < 2 {
            return Ok(Self::default());
        }
        let sample = sample.clamp(1, rows.rows());
        let queries: Vec<usize> = (0..sample).map(|at| at * rows.rows() / sample).collect();
        let found = exact_for(rows, &queries, 2)?;
        // The first is the row itself.
        let distances = (0..sample).filter_map(|at| found.distances_of(at).get(1).copied());
        Ok(Self::new(distances.collect()))
    }

    fn new(mut distances: Vec<f32>) -> Self {
        distances.sort_unstable_by(f32::total_cmp);
        Self { sorted: distances }
    }

    /// Of all classes together, for those that have none of their own.
    pub fn of_all(classes: &[Self]) -> Self {
        Self::new(classes.iter().flat_map(|class| class.sorted.iter().copied()).collect())
    }

    /// The median, 0 where there is no distance.
    pub fn median(&self) -> f64 {
        let (half, odd) = (self.sorted.len() / 2, self.sorted.len() % 2 == 1);
        match (self.sorted.get(half), odd) {
            (Some(&middle), true) => f64::from(middle),
            (Some(&above), false) => {
                f64::midpoint(f64::from(self.sorted[half - 1]), f64::from(above))
            }
            (None, _) => 0.0,
        }
    }

    /// `distance` over the median; 0 for no distance at all, even where the median is 0 too.
    pub fn ratio(&self, distance: f32) -> f64 {
        if distance == 0.0 { 0.0 } else { f64::from(distance) / self.median() }
    }

    /// Share of the distances that are less than `distance`, 0 to 1.
    pub fn percentile(&self, distance: f32) -> f64 {
        let less = self.sorted.partition_point(|&own| own < distance);
        if self.sorted.is_empty() { 1.0 } else { less as f64 / self.sorted.len() as f64 }
    }

    /// Each distance over the median.
    pub fn ratios(&self) -> impl Iterator<Item = f64> {
        self.sorted.iter().map(|&distance| self.ratio(distance))
    }
}
