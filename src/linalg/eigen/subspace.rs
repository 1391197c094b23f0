//! The leading eigenvectors of a sparse symmetric operator, by subspace iteration with a Chebyshev
//! filter (Zhou, Saad 2006). Deterministic: a seeded start, and no sum crosses threads.

use super::basis::{PANEL, dot, orthonormalize};
use super::jacobi::symmetric_eigen;
use crate::linalg::rng::Rng;
use rayon::prelude::*;

/// Degree of the filter polynomial.
const DEGREE: usize = 10;
/// Filtered rounds at most: this is a starting point for a layout, not an end in itself.
const ROUNDS: usize = 40;
/// The residual |A·x − θ·x| at which an eigenvector is good enough (umap-learn's tolerance).
const TOLERANCE: f64 = 1e-4;

/// One entry of each of a panel's vectors, side by side: an operator reads each of its weights once for all.
pub type Entry = [f64; PANEL];

/// A symmetric operator on vectors of `size` values, its spectrum within [−1, 1].
pub trait Operator: Sync {
    /// Length of the vectors.
    fn size(&self) -> usize;
    /// Writes A·`input` to `output` for every vector of a panel.
    fn apply(&self, input: &[Entry], output: &mut [Entry]);
}

/// Orthonormal approximations of the `count` eigenvectors with the largest eigenvalues, largest
/// first; fewer if the operator is smaller.
pub fn leading(operator: &impl Operator, count: usize, seed: u64) -> Vec<Vec<f64>> {
    let size = operator.size();
    let width = (count + (count / 3).max(8)).min(size);
    let mut rng = Rng::new(seed, &[0x5EC7]);
    let mut basis: Vec<Vec<f64>> =
        (0..width).map(|_| (0..size).map(|_| rng.normal()).collect()).collect();
    orthonormalize(&mut basis, &mut rng);
    let mut lowest = rotate(operator, &mut basis, count).0;
    for _ in 0..ROUNDS {
        basis.par_chunks_mut(PANEL).for_each(|vectors| filter(operator, vectors, lowest));
        orthonormalize(&mut basis, &mut rng);
        let residual;
        (lowest, residual) = rotate(operator, &mut basis, count);
        if residual < TOLERANCE {
            break;
        }
    }
    basis.truncate(count);
    basis
}

/// Up to eight vectors side by side.
fn panel(vectors: &[Vec<f64>]) -> Vec<Entry> {
    let mut panel = vec![[0.0; PANEL]; vectors.first().map_or(0, Vec::len)];
    for (lane, vector) in vectors.iter().enumerate() {
        panel.iter_mut().zip(vector).for_each(|(entry, &value)| entry[lane] = value);
    }
    panel
}

/// Writes a panel back to its vectors.
fn unpack(panel: &[Entry], vectors: &mut [Vec<f64>]) {
    for (lane, vector) in vectors.iter_mut().enumerate() {
        vector.iter_mut().zip(panel).for_each(|(value, entry)| *value = entry[lane]);
    }
}

/// Applies the Chebyshev polynomial that stays small on [−1, `lowest`] and grows fast above.
fn filter(operator: &impl Operator, vectors: &mut [Vec<f64>], lowest: f64) {
    let half = ((lowest + 1.0) / 2.0).max(1e-3);
    let centre = (lowest - 1.0) / 2.0;
    let mut before = panel(vectors);
    let mut now = before.clone();
    let mut image = vec![[0.0; PANEL]; now.len()];
    operator.apply(&before, &mut image);
    for (now, image) in now.iter_mut().zip(&image) {
        for (value, image) in now.iter_mut().zip(image) {
            *value = (image - centre * *value) / half;
        }
    }
    let twice = 2.0 / half;
    for _ in 1..DEGREE {
        operator.apply(&now, &mut image);
        for ((before, now), image) in before.iter_mut().zip(&now).zip(&image) {
            for lane in 0..PANEL {
                before[lane] = twice * (image[lane] - centre * now[lane]) - before[lane];
            }
        }
        std::mem::swap(&mut before, &mut now);
    }
    unpack(&now, vectors);
}

/// Rayleigh-Ritz: turns the basis into the best eigenvector approximations within its span, largest
/// eigenvalue first. Returns the smallest Ritz value and the largest residual of the first `count`.
fn rotate(operator: &impl Operator, basis: &mut Vec<Vec<f64>>, count: usize) -> (f64, f64) {
    let width = basis.len();
    let mut images = basis.clone();
    images.par_chunks_mut(PANEL).for_each(|vectors| {
        let input = panel(vectors);
        let mut output = vec![[0.0; PANEL]; input.len()];
        operator.apply(&input, &mut output);
        unpack(&output, vectors);
    });
    let mut projected: Vec<f64> = (0..width * width)
        .into_par_iter()
        .map(|at| dot(&basis[at / width], &images[at % width]))
        .collect();
    for row in 0..width {
        for col in 0..row {
            let mean = (projected[row * width + col] + projected[col * width + row]) / 2.0;
            projected[row * width + col] = mean;
            projected[col * width + row] = mean;
        }
    }
    let (values, vectors) = symmetric_eigen(projected, width);
    *basis = combine(basis, &vectors);
    let images = combine(&images, &vectors);
    let residual = (0..count.min(width))
        .map(|at| {
            let difference = |(image, value): (&f64, &f64)| (image - values[at] * value).powi(2);
            images[at].iter().zip(&basis[at]).map(difference).sum::<f64>().sqrt()
        })
        .fold(0.0, f64::max);
    (values.last().copied().unwrap_or(0.0), residual)
}

/// The linear combinations of `vectors` that the rows of `weights` name.
fn combine(vectors: &[Vec<f64>], weights: &[Vec<f64>]) -> Vec<Vec<f64>> {
    weights
        .par_iter()
        .map(|weights| {
            let mut sum = vec![0.0; vectors.first().map_or(0, Vec::len)];
            for (weight, vector) in weights.iter().zip(vectors) {
                sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += weight * value);
            }
            sum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path's adjacency matrix, halved: eigenvalues cos(πj/(n + 1)), j = 1…n.
    struct Path(usize);

    impl Operator for Path {
        fn size(&self) -> usize {
            self.0
        }
        fn apply(&self, input: &[Entry], output: &mut [Entry]) {
            let none = [0.0; PANEL];
            for at in 0..self.0 {
                let left = if at > 0 { &input[at - 1] } else { &none };
                let right = input.get(at + 1).unwrap_or(&none);
                output[at] = std::array::from_fn(|lane| (left[lane] + right[lane]) / 2.0);
            }
        }
    }

    #[test]
    fn a_paths_eigenvectors_are_found_in_order() {
        for (size, count) in [(30, 3), (5, 5), (120, 10), (1, 1)] {
            let path = Path(size);
            let found = leading(&path, count, 1);
            assert_eq!(found.len(), count);
            for (at, vector) in found.iter().enumerate() {
                let mut image = vec![[0.0; PANEL]; size];
                path.apply(&panel(std::slice::from_ref(vector)), &mut image);
                let image: Vec<f64> = image.iter().map(|entry| entry[0]).collect();
                let value = dot(vector, &image);
                let angle = std::f64::consts::PI * (at + 1) as f64 / (size + 1) as f64;
                assert!((value - angle.cos()).abs() < 1e-6, "{size} {at}: {value}");
                assert!((dot(vector, vector) - 1.0).abs() < 1e-9);
            }
        }
    }
}
