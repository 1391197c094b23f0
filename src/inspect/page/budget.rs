//! How large pictures are, and how many, so that the file stays of a size that opens.

/// Sides to choose from, in pixels: whole blocks of a JPEG.
const EDGES: [usize; 4] = [96, 64, 48, 32];
/// The side where not all pictures fit.
const SMALL: usize = 48;
/// What a pixel takes as JPEG, and as PNG, in bytes.
const JPEG: f64 = 0.35;
const PNG: f64 = 2.2;
/// What base64 makes of a byte.
const BASE64: f64 = 4.0 / 3.0;
/// All pictures of a class lie in one row: no browser draws a wider picture.
const WIDEST: usize = 32_000;
/// Pictures of a core: itself, its image, the nearest real one.
pub(crate) const ROWS: usize = 3;
/// Members of an anchor that have pictures.
pub(crate) const MEMBERS: usize = 5;

/// The pictures of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PicturePlan {
    /// Side of a picture in pixels.
    pub edge: usize,
    /// Images of a class that have pictures, by rank.
    pub columns: usize,
    /// Whether there is room for pictures without loss.
    pub lossless: bool,
}

/// Pictures for `classes` × `per_class` images of `size` pixels, `rows` of each, in about `bytes` of the file.
pub fn plan_pictures(
    (classes, per_class): (usize, usize),
    rows: usize,
    size: usize,
    bytes: u64,
) -> PicturePlan {
    let budget = bytes as f64;
    let takes = |edge: usize, columns: usize, pixel: f64| {
        (classes.max(1) * columns * rows * edge * edge) as f64 * pixel * BASE64
    };
    let size = size.max(8);
    let own = Some(size).filter(|&size| size < EDGES[3]);
    let edges = own.into_iter().chain(EDGES).filter(|&edge| edge <= size);
    let fitting = edges
        .clone()
        .find(|&edge| takes(edge, per_class, JPEG) <= budget && edge * per_class <= WIDEST);
    let edge = fitting.unwrap_or(SMALL.min(size));
    let most = (budget / takes(edge, 1, JPEG)) as usize;
    let columns = per_class.min(most.max(1)).min(WIDEST / edge);
    PicturePlan { edge, columns, lossless: takes(edge, columns, PNG) <= budget }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_images_are_shown_whole_and_many_small_and_in_part() {
        let demo = plan_pictures((10, 10), ROWS, 32, 24 << 20);
        assert_eq!(demo, PicturePlan { edge: 32, columns: 10, lossless: true });
        let large = plan_pictures((1000, 50), ROWS, 1024, 24 << 20);
        assert!(large.edge == 48 && (5..50).contains(&large.columns) && !large.lossless);
        let one = plan_pictures((100, 10), ROWS, 1024, 24 << 20);
        assert!(one.edge == 96 && one.columns == 10 && !one.lossless);
        assert_eq!(plan_pictures((10, 10), ROWS, 20, 24 << 20).edge, 20);
        // A row that a browser draws, and a JPEG may have.
        assert_eq!(plan_pictures((1, 500), ROWS, 1024, 1 << 30).edge, 64);
        assert_eq!(plan_pictures((1, 1000), ROWS, 1024, 1 << 30).edge, 32);
        let wide = plan_pictures((1, 5000), ROWS, 1024, 1 << 30);
        assert_eq!((wide.edge, wide.columns), (48, 666));
        assert_eq!(plan_pictures((100_000, 50), ROWS, 1024, 1).columns, 1);
        // Members of anchors take room too.
        let members = plan_pictures((1000, 50), ROWS + MEMBERS, 1024, 24 << 20);
        assert!(members.columns < large.columns && members.columns > 0);
    }
}
