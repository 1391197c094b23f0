//! Density and coverage (Naeem et al. 2020): how a set lies among the real rows, each of which owns the ball that
//! reaches to its k-th nearest real neighbour.

use super::metric::{Compare, Format, Measure, Metric};
use crate::linalg::distance::squared_norm;
use crate::linalg::gemm::{loss, rows_by_rows};
use crate::linalg::knn::BruteForce;
use crate::linalg::points::{Points, squared_distance};
use crate::linalg::{Matrix, MatrixError};
use rayon::prelude::*;
use std::sync::Arc;

/// Neighbours whose ball a real image owns, for coverage and density (Naeem et al. 2020).
const BALL: usize = 5;

/// Coverage and density of a set among the real images.
pub(super) const MEASURE: Measure = Measure::Comparison(
    &[
        Metric { key: "coverage", title: "coverage", format: Format::Percent },
        Metric { key: "density", title: "density", format: Format::Decimals(3) },
    ],
    |reference| Ok(Box::new(Manifold::new(reference, BALL)?)),
);

impl Compare for Manifold {
    fn compare(&self, set: &Points) -> Result<Vec<Option<f64>>, MatrixError> {
        let Covered { coverage, density } = self.holds(set)?;
        Ok(vec![Some(coverage), Some(density)])
    }
}

/// Real rows, and rows of a set, whose products are made at once.
const BLOCK: usize = 64;
const TILE: usize = 1024;

/// The real rows and their balls.
#[derive(Debug)]
pub struct Manifold {
    reference: Arc<Points>,
    /// The columns' means, and the rows less these, narrowed: their products tell which rows to measure.
    means: Vec<f64>,
    narrow: Matrix,
    /// Squared radii.
    radii: Vec<f64>,
    k: usize,
}

/// How a set lies among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Covered {
    /// Balls that hold a row of the set, as a share of all: 0 to 1.
    pub coverage: f64,
    /// Balls that a row of the set lies in, on average, over k: about 1 for real rows.
    pub density: f64,
}

impl Manifold {
    /// Measures the balls of `reference` (two rows at least); `k` is at most the other rows.
    ///
    /// # Errors
    /// Rows that can't be compared.
    pub fn new(reference: Arc<Points>, k: usize) -> Result<Self, MatrixError> {
        let k = k.clamp(1, reference.rows().saturating_sub(1).max(1));
        let means = reference.means();
        let narrow = reference.narrow(&means);
        // The row itself, and as many others.
        let near = BruteForce::new(&narrow)?.candidates(&narrow, k + 1)?;
        let radius = |(own, near): (usize, Vec<u32>)| {
            let others = near.into_iter().map(|other| other as usize).filter(|other| *other != own);
            let mut distances: Vec<f64> = others
                .map(|other| squared_distance(reference.row(own), reference.row(other)))
                .collect();
            match distances.len() < k {
                true => 0.0,
                false => *distances.select_nth_unstable_by(k - 1, f64::total_cmp).1,
            }
        };
        let radii = near.into_par_iter().enumerate().map(radius).collect();
        Ok(Self { reference, means, narrow, radii, k })
    }

    /// How the rows of `set` lie. On a ball's rim is outside.
    ///
    /// # Errors
    /// Rows that can't be compared.
    pub fn holds(&self, set: &Points) -> Result<Covered, MatrixError> {
        let narrow = set.narrow(&self.means);
        narrow.check()?;
        let norms = norms(narrow.as_slice(), narrow.cols());
        let firsts: Vec<usize> = (0..self.reference.rows()).step_by(BLOCK).collect();
        let inside: Vec<usize> = firsts
            .into_par_iter()
            .flat_map_iter(|first| self.inside(first, set, (&narrow, &norms)))
            .collect();
        let covered = inside.iter().filter(|count| **count > 0).count();
        let (balls, rows) = (inside.len().max(1) as f64, set.rows().max(1) as f64);
        Ok(Covered {
            coverage: covered as f64 / balls,
            density: inside.iter().sum::<usize>() as f64 / (self.k as f64 * rows),
        })
    }

    /// How many rows of the set lie in each ball of a block, from the ball `first` on.
    fn inside(
        &self,
        first: usize,
        set: &Points,
        (narrow, norms_of_set): (&Matrix, &[f32]),
    ) -> Vec<usize> {
        let (cols, end) = (narrow.cols(), self.reference.rows().min(first + BLOCK));
        let block = self.narrow.row_range(first, end);
        let own_norms = norms(block, cols);
        let (mut counts, mut products) = (vec![0; end - first], Vec::new());
        for from in (0..narrow.rows()).step_by(TILE) {
            let to = narrow.rows().min(from + TILE);
            rows_by_rows(block, narrow.row_range(from, to), cols, &mut products);
            for (at, products) in products.chunks_exact(to - from).enumerate() {
                let (own, radius) = (own_norms[at], self.radii[first + at]);
                let norms = &norms_of_set[from..to];
                let holds = |(row, (product, norm)): (usize, (&f32, &f32))| {
                    let lengths = own + norm;
                    let error = 2.0 * loss(cols) * lengths;
                    let about = lengths - 2.0 * product;
                    // Where rounding could decide, the distance does.
                    match (f64::from(about + error) < radius, f64::from(about - error) < radius) {
                        (true, _) => true,
                        (_, false) => false,
                        _ => {
                            let (real, row) = (self.reference.row(first + at), set.row(from + row));
                            squared_distance(real, row) < radius
                        }
                    }
                };
                counts[at] += products.iter().zip(norms).enumerate().filter(|x| holds(*x)).count();
            }
        }
        counts
    }
}

fn norms(rows: &[f32], cols: usize) -> Vec<f32> {
    rows.chunks_exact(cols.max(1)).map(|row| squared_norm(row) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_points_by_hand() {
        // Radii with k = 1: 1, 1, 2, 4; squared 1, 1, 4, 16.
        let real = Points::new(1, vec![0.0, 1.0, 3.0, 7.0]);
        let real = Arc::new(real);
        let manifold = Manifold::new(real.clone(), 1).unwrap();
        assert_eq!(manifold.radii, [1.0, 1.0, 4.0, 16.0]);
        // 0.5 lies in the first two balls; 11 on the last one's rim.
        let found = manifold.holds(&Points::new(1, vec![0.5, 11.0])).unwrap();
        assert_eq!(found, Covered { coverage: 0.5, density: 1.0 });
        let twins = Manifold::new(real, 99).unwrap();
        assert_eq!(twins.k, 3);
    }

    #[test]
    fn many_rows_count_as_each_distance_does() {
        let cloud = |from: usize, rows: usize| {
            let value = |at: usize| ((at * 7919 + from) % 1009) as f64 / 504.0 + 100.0;
            Points::new(5, (0..5 * rows).map(value).collect())
        };
        let (real, set) = (Arc::new(cloud(1, 300)), cloud(77, 1500));
        let manifold = Manifold::new(real.clone(), 3).unwrap();
        for own in [0, 63, 64, 299] {
            let others = (0..300).filter(|other| *other != own);
            let mut all: Vec<f64> =
                others.map(|other| squared_distance(real.row(own), real.row(other))).collect();
            all.sort_by(f64::total_cmp);
            assert_eq!(manifold.radii[own], all[2]);
        }
        let balls = real.iter().zip(&manifold.radii);
        let inside: Vec<usize> = balls
            .map(|(real, radius)| {
                set.iter().filter(|row| squared_distance(real, row) < *radius).count()
            })
            .collect();
        let covered = inside.iter().filter(|count| **count > 0).count();
        let density = inside.iter().sum::<usize>() as f64 / 4500.0;
        let found = manifold.holds(&set).unwrap();
        assert_eq!(found, Covered { coverage: covered as f64 / 300.0, density });
    }
}
