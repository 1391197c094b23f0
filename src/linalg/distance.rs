//! Euclidean distances between rows, twice: fast for searching, and term by term in f64 where ties
//! decide.

/// Values summed in f32 before the sum moves to f64.
pub const CHUNK: usize = 1024;
/// Independent partial sums, so that the compiler can use vector registers.
pub const SQUARED_LANES: usize = 16;

/// Squared Euclidean distance from f32 differences. Relative error about 1e-6 at any length.
pub fn squared(left: &[f32], right: &[f32]) -> f64 {
    let mut total = 0.0f64;
    for (a, b) in left.chunks(CHUNK).zip(right.chunks(CHUNK)) {
        let mut lanes = [0.0f32; SQUARED_LANES];
        let (mut a_lanes, mut b_lanes) =
            (a.chunks_exact(SQUARED_LANES), b.chunks_exact(SQUARED_LANES));
        for (a, b) in a_lanes.by_ref().zip(b_lanes.by_ref()) {
            for lane in 0..SQUARED_LANES {
                let difference = a[lane] - b[lane];
                lanes[lane] += difference * difference;
            }
        }
        for (lane, (a, b)) in a_lanes.remainder().iter().zip(b_lanes.remainder()).enumerate() {
            let difference = a - b;
            lanes[lane] += difference * difference;
        }
        total += lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
    }
    total
}

/// Euclidean distance in f64, terms added in column order: bit for bit what HDBSCAN's reference
/// computes, whose ties decide the tree.
pub fn exact(left: &[f32], right: &[f32]) -> f64 {
    let mut total = 0.0f64;
    for (&a, &b) in left.iter().zip(right) {
        let difference = f64::from(a) - f64::from(b);
        total += difference * difference;
    }
    total.sqrt()
}

/// Squared length of a row, in f64.
pub fn squared_norm(row: &[f32]) -> f64 {
    row.iter().map(|&value| f64::from(value) * f64::from(value)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_agree_at_every_length() {
        for length in [0, 1, 15, 16, 17, 1023, 1024, 1025, 5000] {
            let left: Vec<f32> = (0..length).map(|i| (i as f32 * 0.37).sin()).collect();
            let right: Vec<f32> = (0..length).map(|i| (i as f32 * 0.11).cos()).collect();
            let (fast, slow) = (squared(&left, &right).sqrt(), exact(&left, &right));
            assert!((fast - slow).abs() <= 1e-6 * slow.max(1.0), "{length}: {fast} {slow}");
        }
    }
}
