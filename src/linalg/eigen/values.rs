//! Eigenvalues of dense symmetric matrices: Householder's reflections to a tridiagonal one, then bisection (Golub, Van
//! Loan, Matrix Computations, 8.3 and 8.4).

use rayon::prelude::*;

/// All eigenvalues of the symmetric `size × size` matrix, ascending; each within rounding of the largest's magnitude.
pub fn eigenvalues(matrix: Vec<f64>, size: usize) -> Vec<f64> {
    let (diagonal, beside) = tridiagonal(matrix, size);
    let squares: Vec<f64> = beside.iter().map(|value| value * value).collect();
    let reach = |at: usize| {
        let before = if at > 0 { beside[at - 1].abs() } else { 0.0 };
        diagonal[at].abs() + before + beside.get(at).map_or(0.0, |value| value.abs())
    };
    // Gershgorin: no eigenvalue lies beyond.
    let bound = (0..size).map(reach).fold(0.0, f64::max);
    (0..size).into_par_iter().map(|rank| bisect(&diagonal, &squares, rank, bound)).collect()
}

/// Diagonal and the values beside it of a tridiagonal matrix with the same eigenvalues.
fn tridiagonal(mut matrix: Vec<f64>, size: usize) -> (Vec<f64>, Vec<f64>) {
    let mut beside = Vec::with_capacity(size.saturating_sub(1));
    for at in 0..size.saturating_sub(1) {
        let mut mirror: Vec<f64> = (at + 1..size).map(|row| matrix[row * size + at]).collect();
        let length = dot(&mirror, &mirror).sqrt();
        let signed = if mirror[0] > 0.0 { -length } else { length };
        beside.push(signed);
        mirror[0] -= signed;
        let square = dot(&mirror, &mirror);
        if square == 0.0 {
            continue;
        }
        // The rest of the matrix becomes (1 − 2vvᵀ/|v|²) · rest · (1 − 2vvᵀ/|v|²).
        let rest = &mut matrix[(at + 1) * size..];
        let images: Vec<f64> =
            rest.par_chunks(size).map(|row| 2.0 / square * dot(&row[at + 1..], &mirror)).collect();
        let half = dot(&images, &mirror) / square;
        let moved: Vec<f64> = images.iter().zip(&mirror).map(|(i, v)| i - half * v).collect();
        rest.par_chunks_mut(size).zip(&mirror).zip(&moved).for_each(|((row, v), w)| {
            for ((value, other_v), other_w) in row[at + 1..].iter_mut().zip(&mirror).zip(&moved) {
                *value -= v * other_w + w * other_v;
            }
        });
    }
    ((0..size).map(|at| matrix[at * size + at]).collect(), beside)
}

/// The eigenvalue with `rank` smaller ones, between −`bound` and `bound`.
fn bisect(diagonal: &[f64], squares: &[f64], rank: usize, bound: f64) -> f64 {
    let (mut low, mut high) = (-bound, bound);
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high || high - low <= f64::EPSILON * bound {
            return middle;
        }
        if below(diagonal, squares, middle, bound) > rank { high = middle } else { low = middle }
    }
}

/// How many eigenvalues lie below `value`: the negative pivots of the matrix less `value` (Sylvester).
fn below(diagonal: &[f64], squares: &[f64], value: f64, bound: f64) -> usize {
    let least = f64::EPSILON * f64::EPSILON * bound;
    let (mut count, mut pivot) = (0, 1.0);
    for (at, entry) in diagonal.iter().enumerate() {
        let before = if at > 0 { squares[at - 1] / pivot } else { 0.0 };
        pivot = entry - value - before;
        if pivot.abs() < least {
            pivot = -least;
        }
        count += usize::from(pivot < 0.0);
    }
    count
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn a_rings_eigenvalues_are_cosines_each_twice() {
        // Every row has 1 beside the diagonal, around the corner too: 2 cos(2πj/n).
        let size = 41;
        let ring = |at: usize| {
            let (row, col) = (at / size, at % size);
            f64::from((row + 1) % size == col || (col + 1) % size == row)
        };
        let found = eigenvalues((0..size * size).map(ring).collect(), size);
        let mut expected: Vec<f64> =
            (0..size).map(|j| 2.0 * (2.0 * PI * j as f64 / size as f64).cos()).collect();
        expected.sort_by(f64::total_cmp);
        assert!(found.iter().zip(&expected).all(|(f, e)| (f - e).abs() < 1e-13), "{found:?}");
    }

    #[test]
    fn small_constant_and_empty_matrices_have_theirs() {
        assert!(eigenvalues(Vec::new(), 0).is_empty());
        assert_eq!(eigenvalues(vec![0.0; 9], 3), [0.0; 3]);
        assert!((eigenvalues(vec![7.0], 1)[0] - 7.0).abs() < 1e-14);
        // Rank one: all but the largest are 0.
        let found =
            eigenvalues((0..36).map(|at| f64::from((at / 6 + 1) * (at % 6 + 1))).collect(), 6);
        assert!(found[..5].iter().all(|value| value.abs() < 1e-12), "{found:?}");
        assert!((found[5] - 91.0).abs() < 1e-12);
    }
}
