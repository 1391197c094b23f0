//! Eigenvectors of a small dense symmetric matrix, by Jacobi's rotations (Golub, Van Loan, Matrix Computations, 8.5).

/// Jacobi sweeps at most; convergence is quadratic after the first few.
const SWEEPS: usize = 30;

/// Eigenvalues (largest first) and eigenvectors of a dense symmetric matrix, by cyclic Jacobi.
pub fn symmetric_eigen(mut matrix: Vec<f64>, size: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
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
