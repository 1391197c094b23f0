//! Contact sheets: many images of one size in one, to look at.

use image::{GenericImage, Rgb, RgbImage};

use super::error::ImagingError;

/// How a sheet is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SheetLayout {
    /// Images in a row.
    pub columns: usize,
    /// Pixels between images and around them.
    pub gap: u32,
    /// Colour of the gaps and of places without an image.
    pub background: [u8; 3],
}

/// Puts images into a grid, row by row from the top left.
///
/// # Errors
/// [`ImagingError::BadSheet`] for no images, no columns, or images that differ in size;
/// [`ImagingError::BadSize`] if the sheet would be too large.
pub fn contact_sheet(images: &[RgbImage], layout: SheetLayout) -> Result<RgbImage, ImagingError> {
    let bad = |detail: String| ImagingError::BadSheet { detail };
    let first = images.first().ok_or_else(|| bad("there are no images".to_owned()))?;
    let (width, height) = first.dimensions();
    if layout.columns == 0 || width == 0 || height == 0 {
        return Err(bad(format!("{} columns of {width} × {height}", layout.columns)));
    }
    if let Some(other) = images.iter().find(|image| image.dimensions() != (width, height)) {
        let (w, h) = other.dimensions();
        return Err(bad(format!("{width} × {height} and {w} × {h}")));
    }
    let columns = layout.columns.min(images.len());
    let (sheet_width, sheet_height) = (
        side(columns, width, layout.gap)?,
        side(images.len().div_ceil(columns), height, layout.gap)?,
    );
    let too_large = ImagingError::BadSize { width: sheet_width, height: sheet_height };
    if u64::from(sheet_width) * u64::from(sheet_height) > MAX_SHEET_PIXELS {
        return Err(too_large);
    }
    let mut sheet = RgbImage::from_pixel(sheet_width, sheet_height, Rgb(layout.background));
    for (place, image) in images.iter().enumerate() {
        let x = side(place % columns, width, layout.gap)?;
        let y = side(place / columns, height, layout.gap)?;
        sheet.copy_from(image, x, y).map_err(|_| too_large.clone())?;
    }
    Ok(sheet)
}

/// A sheet beyond this is not something to look at any more.
const MAX_SHEET_PIXELS: u64 = 256 << 20;

/// Length of `count` images with a gap before each and one behind: also where the next begins.
fn side(count: usize, length: u32, gap: u32) -> Result<u32, ImagingError> {
    let pixels = count as u64 * (u64::from(length) + u64::from(gap)) + u64::from(gap);
    u32::try_from(pixels).map_err(|_| ImagingError::BadSheet {
        detail: format!("{count} images of {length} pixels don't fit one sheet"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(level: u8) -> RgbImage {
        RgbImage::from_pixel(3, 2, Rgb([level; 3]))
    }

    fn layout(columns: usize) -> SheetLayout {
        SheetLayout { columns, gap: 1, background: [255, 0, 0] }
    }

    #[test]
    fn images_go_row_by_row_with_gaps() {
        let sheet = contact_sheet(&[flat(10), flat(20), flat(30)], layout(2)).unwrap();
        assert_eq!(sheet.dimensions(), (9, 7));
        for (x, y, expected) in [
            (0, 0, [255, 0, 0]),
            (1, 1, [10; 3]),
            (3, 2, [10; 3]),
            (4, 1, [255, 0, 0]),
            (5, 1, [20; 3]),
            (1, 4, [30; 3]),
            (5, 4, [255, 0, 0]),
            (8, 6, [255, 0, 0]),
        ] {
            assert_eq!(sheet.get_pixel(x, y).0, expected, "at {x}, {y}");
        }
        assert_eq!(contact_sheet(&[flat(1)], layout(5)).unwrap().dimensions(), (5, 4));
    }

    #[test]
    fn what_makes_no_sheet_is_an_error() {
        for (images, columns) in [
            (vec![], 2),
            (vec![flat(1)], 0),
            (vec![flat(1), RgbImage::new(2, 2)], 2),
            (vec![RgbImage::new(0, 0)], 2),
        ] {
            assert!(contact_sheet(&images, layout(columns)).is_err());
        }
        let huge = SheetLayout { columns: 1, gap: u32::MAX, background: [0; 3] };
        assert!(contact_sheet(&[flat(1)], huge).is_err());
    }
}
