//! Whether generated images are copies of real ones: numbers in, numbers out.
//!
//! Each generated image's nearest real images are looked up over the whole data set, and the distance to the nearest is
//! held against how far real images of that one's class are from each other: their *spacing*, the distance of each
//! (of a sample) to its nearest neighbour of the class. An image nearer than `threshold` × the median spacing is flagged. The median,
//! and not a low quantile, is the measure, because data sets hold duplicates, and among duplicates no copy would show.

mod spacing;
mod summary;

pub use spacing::Spacing;
pub use summary::{Below, Flag, Histogram, LEVELS, Summary};

use crate::discovery::knn_query::knn_query;
use crate::discovery::{DiscoveryError, HnswSettings, Matrix, NeighborSearch};
use std::ops::Range;

/// What an audit goes by.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditSettings {
    /// Nearest real images told of each generated one.
    pub neighbors: usize,
    /// An image is flagged when its distance is below this share of the median spacing.
    pub threshold: f64,
    /// Real images of a class whose spacing is measured.
    pub sample: usize,
    /// How neighbours over the whole data set are found.
    pub search: NeighborSearch,
    /// The index's parameters.
    pub index: HnswSettings,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            neighbors: 3,
            threshold: 0.1,
            sample: 200,
            search: NeighborSearch::Auto,
            index: HnswSettings::default(),
        }
    }
}

/// Images class by class: all rows of the first class, then of the second, and so on.
#[derive(Debug, Clone, PartialEq)]
pub struct ByClass {
    /// One row an image.
    pub features: Matrix,
    /// Images of each class.
    pub counts: Vec<usize>,
}

impl ByClass {
    /// The rows of each class.
    pub fn rows(&self) -> impl Iterator<Item = Range<usize>> {
        let mut before = 0;
        self.counts.iter().map(move |count| {
            before += count;
            before - count..before
        })
    }

    fn class(&self, rows: Range<usize>) -> Matrix {
        self.features.select(&rows.collect::<Vec<_>>())
    }

    /// The class of each row.
    fn classes(&self) -> Vec<usize> {
        let of = |(class, &count): (usize, &usize)| std::iter::repeat_n(class, count);
        self.counts.iter().enumerate().flat_map(of).collect()
    }
}

/// A real image near a generated one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    /// Its row among all real images.
    pub row: usize,
    /// Its class.
    pub class: usize,
    /// Euclidean distance of the features.
    pub distance: f32,
}

/// What was found of one generated image.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Its class.
    pub class: usize,
    /// The nearest real images over all classes, nearest first.
    pub nearest: Vec<Neighbor>,
    /// The nearest of its own class; `None` if that has no real image.
    pub same_class: Option<Neighbor>,
    /// Distance to the nearest over the median spacing of that one's class.
    pub ratio: f64,
    /// Share of that class's sampled images whose spacing is less than the distance, 0 to 1.
    pub percentile: f64,
    /// Whether the ratio is below the threshold.
    pub flagged: bool,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// One a generated image, in the order of the rows given.
    pub compared: Vec<Comparison>,
    /// How far real images of each class are from each other.
    pub spacings: Vec<Spacing>,
    /// What was done, for people.
    pub log: Vec<String>,
}

/// Compares every generated image with every real one. Both have the same classes in the same order.
///
/// # Errors
/// Rows that can't be compared, or index settings out of range.
pub fn audit(
    real: &ByClass,
    generated: &ByClass,
    settings: &AuditSettings,
) -> Result<Audit, DiscoveryError> {
    let spacings = real
        .rows()
        .map(|rows| Spacing::measure(&real.class(rows), settings.sample))
        .collect::<Result<Vec<_>, _>>()?;
    let overall = Spacing::of_all(&spacings);
    let found = knn_query(
        &real.features,
        &generated.features,
        settings.neighbors,
        settings.search,
        &settings.index,
    )?;
    let same_class = nearest_of_same_class(real, generated)?;
    let real_classes = real.classes();
    let places = generated.classes().into_iter().zip(same_class);
    let compared = found.nearest.iter().zip(places).map(|(near, (class, same_class))| {
        let nearest = near.iter().map(|&(distance, row)| {
            let row = row as usize;
            Neighbor { row, class: real_classes.get(row).copied().unwrap_or(0), distance }
        });
        let nearest = with_same_class(nearest.collect(), same_class, settings.neighbors);
        let (mut ratio, mut percentile) = (f64::INFINITY, 1.0);
        if let Some(first) = nearest.first() {
            let spacing = spacings.get(first.class).filter(|s| s.median() > 0.0);
            let spacing = spacing.unwrap_or(&overall);
            ratio = spacing.ratio(first.distance);
            percentile = spacing.percentile(first.distance);
        }
        Comparison {
            class,
            nearest,
            same_class,
            ratio,
            percentile,
            flagged: ratio < settings.threshold,
        }
    });
    Ok(Audit { compared: compared.collect(), spacings, log: found.log })
}

/// `nearest` with the nearest of its own class, which is found exactly: an index may have missed it, and a copy of a core
/// must not go unseen.
fn with_same_class(
    mut nearest: Vec<Neighbor>,
    same_class: Option<Neighbor>,
    most: usize,
) -> Vec<Neighbor> {
    if let Some(same_class) = same_class
        && nearest.first().is_none_or(|first| same_class.distance < first.distance)
    {
        nearest.retain(|near| near.row != same_class.row);
        nearest.insert(0, same_class);
        nearest.truncate(most);
    }
    nearest
}

/// The nearest real image of the same class, for each generated one.
fn nearest_of_same_class(
    real: &ByClass,
    generated: &ByClass,
) -> Result<Vec<Option<Neighbor>>, DiscoveryError> {
    let mut found = Vec::with_capacity(generated.features.rows());
    for (class, (rows, points)) in real.rows().zip(generated.rows()).enumerate() {
        let first = rows.start;
        let (rows, points) = (real.class(rows), generated.class(points));
        // A class lies within what is compared exactly.
        let index = HnswSettings::default();
        let nearest = knn_query(&rows, &points, 1, NeighborSearch::Exact, &index)?.nearest;
        found.extend(nearest.iter().map(|near| {
            let &(distance, row) = near.first()?;
            Some(Neighbor { row: first + row as usize, class, distance })
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
