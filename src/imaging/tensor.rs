//! Images to model input and back: planes of f32 in [-1, 1].

use image::RgbImage;

use super::error::ImagingError;

const CHANNELS: usize = 3;

/// Writes an image as (3, height, width), row-major, each level x as x/127.5 − 1.
///
/// # Errors
/// [`ImagingError::TensorLength`] if `out` does not have 3 · height · width values.
pub fn write_tensor(image: &RgbImage, out: &mut [f32]) -> Result<(), ImagingError> {
    write_planes(image, out, |_, level| f32::from(level) / 127.5 - 1.0)
}

/// As [`write_tensor`], each level x of channel c as (x/255 − `mean`\[c\]) / `std`\[c\].
///
/// # Errors
/// As [`write_tensor`].
pub fn write_normalized(
    image: &RgbImage,
    (mean, std): ([f64; 3], [f64; 3]),
    out: &mut [f32],
) -> Result<(), ImagingError> {
    write_planes(image, out, |channel, level| {
        ((f64::from(level) / 255.0 - mean[channel]) / std[channel]) as f32
    })
}

fn write_planes(
    image: &RgbImage,
    out: &mut [f32],
    value_of: impl Fn(usize, u8) -> f32,
) -> Result<(), ImagingError> {
    let plane = image.width() as usize * image.height() as usize;
    check_length(CHANNELS * plane, out.len())?;
    let (pixels, _) = image.as_raw().as_chunks::<CHANNELS>();
    for (channel, values) in out.chunks_exact_mut(plane.max(1)).enumerate() {
        for (value, pixel) in values.iter_mut().zip(pixels) {
            *value = value_of(channel, pixel.get(channel).copied().unwrap_or_default());
        }
    }
    Ok(())
}

/// The image of a (3, height, width) tensor in [-1, 1]: round((x/2 + ½) · 255), clamped, ties to
/// even, as the published program's image processor does.
///
/// # Errors
/// [`ImagingError::TensorLength`] if the length does not fit, [`ImagingError::NotFinite`] if a
/// value is NaN or infinite.
pub fn image_from_tensor(
    values: &[f32],
    width: u32,
    height: u32,
) -> Result<RgbImage, ImagingError> {
    let plane = width as usize * height as usize;
    check_length(CHANNELS * plane, values.len())?;
    let count = values.iter().filter(|value| !value.is_finite()).count();
    if count > 0 {
        return Err(ImagingError::NotFinite { count, total: values.len() });
    }
    let mut pixels = vec![0u8; values.len()];
    for (channel, plane_values) in values.chunks_exact(plane.max(1)).enumerate() {
        let levels = pixels.iter_mut().skip(channel).step_by(CHANNELS);
        for (level, value) in levels.zip(plane_values) {
            *level = ((value / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u8;
        }
    }
    RgbImage::from_raw(width, height, pixels).ok_or(ImagingError::BadSize { width, height })
}

fn check_length(expected: usize, actual: usize) -> Result<(), ImagingError> {
    if expected == actual { Ok(()) } else { Err(ImagingError::TensorLength { expected, actual }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_become_planes_in_the_models_range() {
        let image = RgbImage::from_raw(2, 1, vec![0, 51, 255, 255, 0, 102]).unwrap();
        let mut tensor = [9.0; 6];
        write_tensor(&image, &mut tensor).unwrap();
        assert_eq!(tensor, [-1.0, 1.0, -0.6, -1.0, 1.0, 102.0 / 127.5 - 1.0]);
    }

    #[test]
    fn other_encoders_have_their_own_range() {
        let image = RgbImage::from_raw(1, 1, vec![0, 51, 255]).unwrap();
        let mut tensor = [9.0; 3];
        write_normalized(&image, ([0.5, 0.2, 0.0], [0.25, 2.0, 0.5]), &mut tensor).unwrap();
        assert_eq!(tensor, [-2.0, 0.0, 2.0]);
    }

    #[test]
    fn every_level_survives_the_round_trip() {
        let levels: Vec<u8> = (0..=255u8).flat_map(|v| [v, 255 - v, v.wrapping_mul(7)]).collect();
        let image = RgbImage::from_raw(16, 16, levels).unwrap();
        let mut tensor = vec![0.0; 768];
        write_tensor(&image, &mut tensor).unwrap();
        assert_eq!(image_from_tensor(&tensor, 16, 16).unwrap(), image);
    }

    #[test]
    fn clamps_overshoot_and_refuses_what_is_not_a_number() {
        let image = image_from_tensor(&[-7.0, 1.5, 0.0], 1, 1).unwrap();
        assert_eq!(image.as_raw(), &[0, 255, 128]);
        let error = image_from_tensor(&[0.0, f32::NAN, f32::INFINITY], 1, 1).unwrap_err();
        assert_eq!(error, ImagingError::NotFinite { count: 2, total: 3 });
    }

    #[test]
    fn lengths_are_checked() {
        assert!(write_tensor(&RgbImage::new(2, 2), &mut [0.0; 11]).is_err());
        assert!(image_from_tensor(&[0.0; 11], 2, 2).is_err());
        assert!(write_tensor(&RgbImage::new(0, 0), &mut []).is_ok());
    }
}
