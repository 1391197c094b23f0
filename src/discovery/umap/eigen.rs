//! The leading eigenvectors of a sparse symmetric operator, by subspace iteration with a Chebyshev
//! filter (Zhou, Saad 2006). Deterministic: a seeded start, and no sum crosses threads.

use rayon::prelude::*;

use crate::discovery::rng::Rng;

/// Degree of the filter polynomial.
const DEGREE: usize = 10;
/// Filtered rounds at most: this is a starting point for a layout, not an end in itself.
const ROUNDS: usize = 40;
/// The residual |A·x − θ·x| at which an eigenvector is good enough (umap-learn's tolerance).
const TOLERANCE: f64 = 1e-4;
/// Jacobi sweeps at most; convergence is quadratic after the first few.
const SWEEPS: usize = 30;

/// Vectors an operator takes at once, side by side: each of its weights is read once for all.
pub const PANEL: usize = 8;
/// One entry of each of a panel's vectors.
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

/// Gram-Schmidt, twice per vector; one that vanishes is drawn anew. A panel of vectors is freed of
/// all before it at once, each on its own thread, then each of the others in the panel.
pub(in crate::discovery) fn orthonormalize(basis: &mut [Vec<f64>], rng: &mut Rng) {
    for start in (0..basis.len()).step_by(PANEL) {
        let end = (start + PANEL).min(basis.len());
        let (done, rest) = basis.split_at_mut(start);
        let lengths: Vec<f64> = rest[..end - start]
            .par_iter_mut()
            .map(|vector| {
                let before = dot(vector, vector).sqrt();
                project_out(vector, done);
                before
            })
            .collect();
        for (at, mut before) in (start..end).zip(lengths) {
            let (done, rest) = basis.split_at_mut(at);
            let done: &[Vec<f64>] = done;
            let (vector, mut others) = (&mut rest[0], &done[start..]);
            // A vector drawn at random is never inside a smaller subspace twice in a row.
            for _ in 0..3 {
                project_out(vector, others);
                let length = dot(vector, vector).sqrt();
                if length.is_finite() && length > 1e-10 * before {
                    vector.iter_mut().for_each(|value| *value /= length);
                    break;
                }
                vector.iter_mut().for_each(|value| *value = rng.normal());
                (before, others) = (dot(vector, vector).sqrt(), done);
            }
        }
    }
}

/// Takes off `vector`, twice, what lies along `others`.
fn project_out(vector: &mut [f64], others: &[Vec<f64>]) {
    for _ in 0..2 {
        for other in others {
            let overlap = dot(other, vector);
            vector.iter_mut().zip(other).for_each(|(value, o)| *value -= overlap * o);
        }
    }
}

/// Dot product over four partial sums.
pub(in crate::discovery) fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut lanes = [0.0f64; 4];
    let (mut a, mut b) = (left.chunks_exact(4), right.chunks_exact(4));
    for (a, b) in a.by_ref().zip(b.by_ref()) {
        for lane in 0..4 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + rest
}

/// Eigenvalues (largest first) and eigenvectors of a dense symmetric matrix, by cyclic Jacobi.
pub(in crate::discovery) fn symmetric_eigen(
    mut matrix: Vec<f64>,
    size: usize,
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut vectors: Vec<Vec<f64>> =
        (0..size).map(|row| (0..size).map(|col| f64::from(row == col)).collect()).collect();
    for _ in 0..SWEEPS {
        let mut off = 0.0f64;
        for p in 0..size {
            for q in p + 1..size {
                let coupling = matrix[p * size + q];
                off = off.max(coupling.abs());
                if coupling.abs() < 1e-300 {
                    continue;
                }
                let theta = (matrix[q * size + q] - matrix[p * size + p]) / (2.0 * coupling);
                let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
                rotate_plane(&mut matrix, size, (p, q), (cosine, tangent * cosine));
                let (left, right) = vectors.split_at_mut(q);
                for (a, b) in left[p].iter_mut().zip(right[0].iter_mut()) {
                    let (x, y) = (*a, *b);
                    *a = cosine * x - tangent * cosine * y;
                    *b = tangent * cosine * x + cosine * y;
                }
            }
        }
        if off < 1e-14 {
            break;
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| matrix[b * size + b].total_cmp(&matrix[a * size + a]));
    let values = order.iter().map(|&at| matrix[at * size + at]).collect();
    (values, order.into_iter().map(|at| std::mem::take(&mut vectors[at])).collect())
}

/// Rotates rows and columns p and q of a symmetric matrix.
fn rotate_plane(matrix: &mut [f64], size: usize, (p, q): (usize, usize), (c, s): (f64, f64)) {
    for at in 0..size {
        let (x, y) = (matrix[at * size + p], matrix[at * size + q]);
        matrix[at * size + p] = c * x - s * y;
        matrix[at * size + q] = s * x + c * y;
    }
    for at in 0..size {
        let (x, y) = (matrix[p * size + at], matrix[q * size + at]);
        matrix[p * size + at] = c * x - s * y;
        matrix[q * size + at] = s * x + c * y;
    }
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
