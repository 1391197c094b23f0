//! Vectors that are orthogonal and of length 1.

use crate::linalg::rng::Rng;
use rayon::prelude::*;

/// Vectors that are handled together.
pub const PANEL: usize = 8;

/// Gram-Schmidt, twice per vector; one that vanishes is drawn anew. A panel of vectors is freed of
/// all before it at once, each on its own thread, then each of the others in the panel.
pub fn orthonormalize(basis: &mut [Vec<f64>], rng: &mut Rng) {
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
pub fn dot(left: &[f64], right: &[f64]) -> f64 {
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
