//! The pictures of a card: the first images of the first classes, a row a class.

use super::error::ExportError;
use super::set::Set;
use crate::imaging::{
    DecodeOptions, Rgb, RgbImage, SheetLayout, contact_sheet, decode_rgb, encode_png,
    resize_lanczos,
};
use std::collections::HashMap;

/// The file.
pub(super) const FILE: &str = "samples.png";
/// Classes and images of each that are shown, at most.
const SHOWN: usize = 10;
/// Longest side of a picture in pixels.
const EDGE: u32 = 96;
/// Behind pictures that are missing.
const BACKGROUND: [u8; 3] = [255; 3];

/// The sheet.
pub(super) struct Sheet {
    pub(super) png: Vec<u8>,
    /// Classes shown.
    pub(super) classes: usize,
    /// Width and height of the first image.
    pub(super) size: (u32, u32),
}

/// Makes the sheet.
pub(super) fn sheet(set: &Set) -> Result<Sheet, ExportError> {
    let classes = set.classes.len().min(SHOWN);
    let columns = set.classes.iter().take(classes).map(|class| class.images).max().unwrap_or(1);
    let columns = columns.clamp(1, SHOWN);
    let mut shown: HashMap<(usize, usize), RgbImage> = HashMap::new();
    let (mut counts, mut size) = (vec![0_usize; set.classes.len()], None);
    set.each_image(|row, bytes| {
        let Some(count) = counts.get_mut(row.class) else { return Ok(()) };
        let column = *count;
        *count += 1;
        if row.class < classes && column < columns {
            let failed = |source| ExportError::Image { key: row.key.clone(), source };
            let image = decode_rgb(&bytes, DecodeOptions::default()).map_err(failed)?;
            let whole = *size.get_or_insert(image.dimensions());
            let edge = whole.0.max(whole.1).min(EDGE);
            let small = resize_lanczos(&image, edge, edge);
            shown.insert((row.class, column), small.map_err(failed)?);
        }
        Ok(())
    })?;
    let size = size.unwrap_or((EDGE, EDGE));
    let edge = size.0.max(size.1).min(EDGE);
    let none = RgbImage::from_pixel(edge, edge, Rgb(BACKGROUND));
    let places = (0..classes).flat_map(|class| (0..columns).map(move |column| (class, column)));
    let images: Vec<RgbImage> =
        places.map(|place| shown.remove(&place).unwrap_or_else(|| none.clone())).collect();
    let layout = SheetLayout { columns, gap: 2, background: BACKGROUND };
    let failed = |source| ExportError::Image { key: FILE.to_owned(), source };
    let sheet = contact_sheet(&images, layout).map_err(failed)?;
    Ok(Sheet { png: encode_png(&sheet).map_err(failed)?, classes, size })
}
