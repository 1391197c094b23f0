//! Images (stand-in until the room is done).
#![allow(missing_docs)]
pub use image::RgbImage;
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ImagingError(pub String);
#[derive(Debug, Clone, Copy)]
pub struct Limits(u64);
impl Default for Limits {
    fn default() -> Self {
        Self(128_000_000)
    }
}
impl Limits {
    pub fn megapixels(n: usize) -> Self {
        Self(n as u64 * 1_000_000)
    }
}
pub fn decode(bytes: &[u8], _: &Limits) -> Result<RgbImage, ImagingError> {
    image::load_from_memory(bytes)
        .map(|i| i.to_rgb8())
        .map_err(|e| ImagingError(format!("PNG {e}")))
}
pub fn resize_square(i: &RgbImage, s: usize) -> Result<RgbImage, ImagingError> {
    Ok(image::imageops::resize(i, s as u32, s as u32, image::imageops::FilterType::Lanczos3))
}
pub fn to_tensor(i: &RgbImage, out: &mut [f32]) -> Result<(), ImagingError> {
    let n = out.len() / 3;
    for (p, px) in i.pixels().enumerate() {
        for c in 0..3 {
            out[c * n + p] = f32::from(px.0[c]) / 127.5 - 1.0;
        }
    }
    Ok(())
}
pub fn encode_png(i: &RgbImage) -> Result<Vec<u8>, ImagingError> {
    let mut v = std::io::Cursor::new(Vec::new());
    i.write_to(&mut v, image::ImageFormat::Png).map_err(|e| ImagingError(e.to_string()))?;
    Ok(v.into_inner())
}
pub fn contact_sheet(
    images: &[RgbImage],
    columns: usize,
    gap: u32,
) -> Result<RgbImage, ImagingError> {
    let (w, h) = images[0].dimensions();
    let rows = images.len().div_ceil(columns) as u32;
    let mut s = RgbImage::from_pixel(
        columns as u32 * (w + gap) + gap,
        rows * (h + gap) + gap,
        image::Rgb([255; 3]),
    );
    for (k, i) in images.iter().enumerate() {
        let (x, y) = ((k % columns) as u32, (k / columns) as u32);
        image::imageops::replace(
            &mut s,
            i,
            i64::from(gap + x * (w + gap)),
            i64::from(gap + y * (h + gap)),
        );
    }
    Ok(s)
}
