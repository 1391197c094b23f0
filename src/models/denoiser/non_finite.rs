//! Images whose prediction is NaN or infinite.

/// Positions of the images, of which `rows` hold `copies` each, with a value that isn't finite.
pub(super) fn non_finite(output: &[f32], rows: usize, copies: usize) -> Vec<usize> {
    let size = (output.len() / rows.max(1)).max(1);
    let images = rows / copies.max(1);
    let bad = |row: &[f32]| row.iter().any(|value| !value.is_finite());
    let mut found: Vec<usize> = output
        .chunks(size)
        .enumerate()
        .filter(|(_, row)| bad(row))
        .map(|(row, _)| row % images.max(1))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_are_laid_to_their_image_in_either_half() {
        let mut output = vec![0.0f32; 12];
        assert!(non_finite(&output, 6, 2).is_empty());
        output[3] = f32::NAN;
        output[11] = f32::INFINITY;
        assert_eq!(non_finite(&output, 6, 2), [1, 2]);
        assert_eq!(non_finite(&output, 6, 1), [1, 5]);
    }
}
