//! An audit in a few numbers, for `audit/summary.json` and the report.

use super::{Audit, AuditSettings, Comparison};
use serde::{Deserialize, Serialize};

/// Width of a histogram's bars, in ratios.
const STEP: f64 = 0.05;
/// Bars; the last counts all beyond.
const BARS: usize = 61;

/// Shares of the median spacing below which images are counted, whatever the threshold of the flags: a copy's, and that of
/// an image nearer to a real one than half of what real images are to each other.
pub const LEVELS: [f64; 2] = [0.1, 0.5];

/// What an audit found, over all classes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Generated images compared.
    pub images: usize,
    /// Real images they were compared with.
    pub real: usize,
    /// Values that an image was compared by.
    pub values: usize,
    /// Ratio below which an image is flagged.
    pub threshold: f64,
    /// The flagged images, nearest first.
    pub flagged: Vec<Flag>,
    /// How many images are below each of the [`LEVELS`].
    #[serde(default)]
    pub below: Vec<Below>,
    /// The median ratio; absent where nothing was compared.
    #[serde(default)]
    pub median_ratio: Option<f64>,
    /// Images nearer to a real one than all but a hundredth of its class's real images are to each other.
    pub within_one_percent: usize,
    /// Images whose nearest real image is of another class.
    pub nearest_of_another_class: usize,
    /// How the ratios are distributed.
    pub histogram: Histogram,
    /// Class by class.
    pub classes: Vec<ClassSummary>,
    /// What was done, for people.
    pub log: Vec<String>,
}

/// Images whose ratio is below a level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Below {
    /// The level, as a share of the median spacing.
    pub ratio: f64,
    /// How many images.
    pub images: usize,
    /// Their share of all, 0 to 1.
    pub share: f64,
}

/// A flagged image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flag {
    /// Class key.
    pub class: String,
    /// Rank of the image in its class.
    pub rank: u32,
    /// The real image it is near to: sample key.
    pub key: String,
    /// That one's shard.
    pub shard: String,
    /// Euclidean distance of the features.
    pub distance: f32,
    /// Distance over the median spacing.
    pub ratio: f64,
}

/// Numbers of images by ratio: bar `i` from `i × step` to `(i + 1) × step`, the last without an end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Width of a bar.
    pub step: f64,
    /// Generated images.
    pub generated: Vec<u64>,
    /// Sampled real images: spacing over the median spacing of their class.
    pub real: Vec<u64>,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassSummary {
    /// Class key.
    pub class: String,
    /// Generated images.
    pub images: usize,
    /// Flagged ones.
    pub flagged: usize,
    /// Median distance of a real image of the class to its nearest neighbour of the class; 0 for a class of one.
    pub spacing: f64,
    /// The least ratio; absent where nothing was compared.
    pub least_ratio: Option<f64>,
}

impl Summary {
    /// Sums up `audit`. `classes` are the class keys; `values` the features' width; `real` the number of real images.
    /// The flagged images are the caller's to name: it knows ranks and keys.
    pub fn new(
        audit: &Audit,
        settings: &AuditSettings,
        classes: &[String],
        (real, values): (usize, usize),
    ) -> Self {
        let compared = &audit.compared;
        let foreign = |c: &&Comparison| c.nearest.first().is_some_and(|n| n.class != c.class);
        Self {
            images: compared.len(),
            real,
            values,
            threshold: settings.threshold,
            flagged: Vec::new(),
            below: LEVELS.map(|level| below(compared, level)).to_vec(),
            median_ratio: median(compared.iter().map(|c| c.ratio).collect()),
            within_one_percent: compared.iter().filter(|c| c.percentile < 0.01).count(),
            nearest_of_another_class: compared.iter().filter(foreign).count(),
            histogram: Histogram {
                step: STEP,
                generated: bars(compared.iter().map(|c| c.ratio)),
                real: bars(audit.spacings.iter().flat_map(super::Spacing::ratios)),
            },
            classes: classes.iter().enumerate().map(|(i, key)| class(audit, i, key)).collect(),
            log: audit.log.clone(),
        }
    }
}

fn below(compared: &[Comparison], ratio: f64) -> Below {
    let images = compared.iter().filter(|c| c.ratio < ratio).count();
    Below { ratio, images, share: images as f64 / compared.len().max(1) as f64 }
}

/// The median, where it is a number.
fn median(mut ratios: Vec<f64>) -> Option<f64> {
    ratios.sort_unstable_by(f64::total_cmp);
    let half = ratios.len() / 2;
    let (&above, odd) = (ratios.get(half)?, ratios.len() % 2 == 1);
    let median = if odd { above } else { f64::midpoint(ratios[half - 1], above) };
    Some(median).filter(|ratio| ratio.is_finite())
}

fn class(audit: &Audit, place: usize, key: &str) -> ClassSummary {
    let own = || audit.compared.iter().filter(|c| c.class == place);
    let least = own().map(|c| c.ratio).min_by(f64::total_cmp);
    ClassSummary {
        class: key.to_owned(),
        images: own().count(),
        flagged: own().filter(|c| c.flagged).count(),
        spacing: audit.spacings.get(place).map_or(0.0, super::Spacing::median),
        least_ratio: least.filter(|ratio| ratio.is_finite()),
    }
}

fn bars(ratios: impl Iterator<Item = f64>) -> Vec<u64> {
    let mut bars = vec![0; BARS];
    for ratio in ratios {
        // A ratio beyond all bars, infinite ones too, is cut to the last.
        bars[((ratio / STEP) as usize).min(BARS - 1)] += 1;
    }
    bars
}
