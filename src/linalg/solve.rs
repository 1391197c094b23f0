//! Linear equations of a small symmetric positive definite matrix.

/// Solves `matrix` · X = `right` for X, written over `right`; both are row-major, `right` has `columns` columns.
///
/// By the unpivoted Cholesky factor (Golub, Van Loan, Matrix Computations, 4.2), which needs a positive definite matrix.
pub fn solve_positive(mut matrix: Vec<f64>, size: usize, right: &mut [f64], columns: usize) {
    for column in 0..size {
        for row in column..size {
            let inner: f64 =
                (0..column).map(|at| matrix[row * size + at] * matrix[column * size + at]).sum();
            let rest = matrix[row * size + column] - inner;
            matrix[row * size + column] =
                if row == column { rest.sqrt() } else { rest / matrix[column * size + column] };
        }
    }
    for column in 0..columns {
        for row in 0..size {
            let known: f64 =
                (0..row).map(|at| matrix[row * size + at] * right[at * columns + column]).sum();
            let place = row * columns + column;
            right[place] = (right[place] - known) / matrix[row * size + row];
        }
        for row in (0..size).rev() {
            let known: f64 = (row + 1..size)
                .map(|at| matrix[at * size + row] * right[at * columns + column])
                .sum();
            let place = row * columns + column;
            right[place] = (right[place] - known) / matrix[row * size + row];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_times_the_matrix_is_the_right_side() {
        let matrix = vec![4.0, 1.0, 0.5, 1.0, 3.0, -0.25, 0.5, -0.25, 2.0];
        let right = [1.0, -2.0, 0.5, 3.0, 7.0, 0.0];
        let mut found = right;
        solve_positive(matrix.clone(), 3, &mut found, 2);
        for row in 0..3 {
            for column in 0..2 {
                let product: f64 =
                    (0..3).map(|at| matrix[row * 3 + at] * found[at * 2 + column]).sum();
                assert!((product - right[row * 2 + column]).abs() < 1e-12);
            }
        }
    }
}
