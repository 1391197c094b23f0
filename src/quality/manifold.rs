//! Density and coverage (Naeem et al. 2020): how a set lies among the real rows, each of which owns the ball that
//! reaches to its k-th nearest real neighbour.

use super::points::{Points, squared_distance};
use rayon::prelude::*;
use std::sync::Arc;

/// The real rows and their balls.
#[derive(Debug)]
pub struct Manifold {
    reference: Arc<Points>,
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
    pub fn new(reference: Arc<Points>, k: usize) -> Self {
        let k = k.clamp(1, reference.rows().saturating_sub(1).max(1));
        let radius = |own: usize| {
            let others = (0..reference.rows()).filter(|other| *other != own);
            let mut distances: Vec<f64> = others
                .map(|other| squared_distance(reference.row(own), reference.row(other)))
                .collect();
            if distances.is_empty() {
                return 0.0;
            }
            *distances.select_nth_unstable_by(k - 1, f64::total_cmp).1
        };
        let radii = (0..reference.rows()).into_par_iter().map(radius).collect();
        Self { reference, radii, k }
    }

    /// How the rows of `set` lie. On a ball's rim is outside.
    pub fn holds(&self, set: &Points) -> Covered {
        let inside: Vec<usize> = self
            .reference
            .values()
            .par_chunks(self.reference.cols().max(1))
            .zip(&self.radii)
            .map(|(real, radius)| {
                set.iter().filter(|row| squared_distance(real, row) < *radius).count()
            })
            .collect();
        let covered = inside.iter().filter(|count| **count > 0).count();
        let (balls, rows) = (inside.len().max(1) as f64, set.rows().max(1) as f64);
        Covered {
            coverage: covered as f64 / balls,
            density: inside.iter().sum::<usize>() as f64 / (self.k as f64 * rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_points_by_hand() {
        // Radii with k = 1: 1, 1, 2, 4; squared 1, 1, 4, 16.
        let real = Points::new(1, vec![0.0, 1.0, 3.0, 7.0]);
        let real = Arc::new(real);
        let manifold = Manifold::new(real.clone(), 1);
        assert_eq!(manifold.radii, [1.0, 1.0, 4.0, 16.0]);
        // 0.5 lies in the first two balls; 11 on the last one's rim.
        let found = manifold.holds(&Points::new(1, vec![0.5, 11.0]));
        assert_eq!(found, Covered { coverage: 0.5, density: 1.0 });
        let twins = Manifold::new(real, 99);
        assert_eq!(twins.k, 3);
    }
}
