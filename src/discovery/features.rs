//! Transforms of latents before the search for cores.

use super::{DiscoveryError, Matrix};
use crate::linalg::cells::cells;

/// Mean-pools every channel of every latent to `g × g` cells: rows × (channels·h·w) becomes
/// rows × (channels·g·g), channel-major.
///
/// Where `g` doesn't divide a side, the pixels on a border count in both cells by the area they
/// cover. A side no longer than `g` stays as it is: pooling never enlarges.
///
/// # Errors
/// [`DiscoveryError::Latent`] if a row is not `channels · h · w` long, [`DiscoveryError::Setting`]
/// if `g` is 0.
pub fn grid(
    latents: &Matrix,
    channels: usize,
    h: usize,
    w: usize,
    g: usize,
) -> Result<Matrix, DiscoveryError> {
    let cols = latents.cols();
    if channels.checked_mul(h).and_then(|c| c.checked_mul(w)) != Some(cols) || cols == 0 {
        return Err(DiscoveryError::Latent { cols, channels, height: h, width: w });
    }
    if g == 0 {
        let rule = "at least 1";
        return Err(DiscoveryError::Setting { name: "grid", value: "0".into(), rule });
    }
    if g >= h && g >= w {
        return Ok(latents.clone());
    }
    let (down, across) = (cells(h, g.min(h)), cells(w, g.min(w)));
    let mut pooled = Vec::with_capacity(latents.rows() * channels * down.len() * across.len());
    for row in 0..latents.rows() {
        for channel in latents.row(row).chunks_exact(h * w) {
            for vertical in &down {
                pooled.extend(across.iter().map(|horizontal| {
                    let mut sum = 0.0f64;
                    for &(y, weight_y) in vertical {
                        for &(x, weight_x) in horizontal {
                            sum += f64::from(channel[y * w + x]) * weight_y * weight_x;
                        }
                    }
                    sum as f32
                }));
            }
        }
    }
    Ok(Matrix::new(latents.rows(), channels * down.len() * across.len(), pooled)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_plain_means_where_the_grid_divides() {
        let latents = Matrix::from_fn(2, 2 * 4 * 4, |row, col| (row * 100 + col) as f32);
        let pooled = grid(&latents, 2, 4, 4, 2).unwrap();
        assert_eq!(pooled.cols(), 8);
        assert_eq!(pooled.row(0)[..4], [2.5, 4.5, 10.5, 12.5]);
        assert_eq!(pooled.row(1)[4], 100.0 + 16.0 + 2.5);
    }

    #[test]
    fn a_grid_that_does_not_divide_weighs_by_area() {
        let latents = Matrix::from_fn(1, 3, |_, col| [0.0, 3.0, 9.0][col]);
        let pooled = grid(&latents, 1, 1, 3, 2).unwrap();
        assert_eq!(pooled.row(0), [1.0, 7.0]);
    }

    #[test]
    fn the_mean_of_a_channel_is_kept() {
        let latents = Matrix::from_fn(1, 5 * 7, |_, col| (col * col % 17) as f32);
        let mean = |row: &[f32]| row.iter().sum::<f32>() / row.len() as f32;
        for g in 1..=5 {
            let pooled = grid(&latents, 1, 5, 7, g).unwrap();
            assert_eq!(pooled.cols(), g * g);
            assert!((mean(pooled.row(0)) - mean(latents.row(0))).abs() < 1e-4, "{g}");
        }
    }

    #[test]
    fn a_wrong_shape_is_refused() {
        let latents = Matrix::from_fn(1, 10, |_, _| 0.0);
        assert!(grid(&latents, 2, 2, 2, 1).is_err());
        assert!(grid(&latents, 2, 5, 1, 0).is_err());
        assert_eq!(grid(&latents, 2, 5, 1, 9).unwrap(), latents);
    }
}
