//! How much memory the stages take at their peak.

use super::per_stage::PerStage;
use super::work::Work;

/// What takes memory, in bytes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Footprint {
    /// The program with ONNX Runtime.
    pub program: f64,
    /// The image encoders, loaded; with what a run of one takes, where that was measured.
    pub encoder: f64,
    /// The text-to-image model, likewise.
    pub generator: f64,
    /// Devices on the host's own memory that hold the model; 0 where cards hold it.
    pub copies: f64,
    /// A decoded source image.
    pub picture: f64,
    /// An image as the encoder takes it.
    pub pixels: f64,
    /// A row of a part.
    pub row: f64,
    /// A row group of a part.
    pub group: f64,
    /// An image's features in discovery.
    pub features: f64,
    /// Workers, and shards and classes at once.
    pub workers: f64,
    /// Shards worked on at once.
    pub shards: f64,
    /// Classes worked on at once.
    pub classes: f64,
}

/// Features of a class, standardised beside the original, and half as much again for products and neighbours.
const FEATURE_COPIES: f64 = 2.5;
/// Features of the label check: 8 × 8 cells of at most 4 channels, as f32.
const PURITY_ROW: f64 = 4.0 * 256.0;

/// Peak memory of each stage.
pub fn memory(work: &Work, of: &Footprint) -> PerStage<f64> {
    let shard = work.shards.iter().max().copied().unwrap_or(0) as f64;
    let class = work.classes.iter().max().copied().unwrap_or(0) as f64;
    let group = of.group.min(shard * of.row);
    let pixels = of.pixels * work.encode_batch as f64;
    let encoding = of.copies * of.encoder + of.workers * of.picture;
    let holding = of.classes * class * of.features * FEATURE_COPIES + of.group.min(class * of.row);
    PerStage {
        // A group waits, one is on the device, one is being written; a part is put in order by row groups.
        encode: of.program + encoding + of.shards * (3.0 * pixels + 2.0 * group),
        purity: match work.purity {
            true => of.program + 2.0 * work.images() as f64 * PURITY_ROW,
            false => 0.0,
        },
        discover: of.program + holding,
        fetch: of.program + of.shards * of.picture,
        anchor: of.program
            + if work.encoded_again { encoding } else { 0.0 }
            + of.workers * work.ipc.min(class as u64) as f64 * of.row,
        generate: of.program + of.copies * of.generator,
        assemble: of.program + 2.0 * of.picture,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encode_depends_on_settings_and_discover_on_the_largest_class() {
        let of = Footprint {
            encoder: 100.0,
            copies: 1.0,
            row: 10.0,
            group: 50.0,
            features: 8.0,
            shards: 2.0,
            classes: 2.0,
            ..Footprint::default()
        };
        let work =
            |shard, class| Work { shards: vec![shard], classes: vec![class, 1], ..Work::default() };
        assert_eq!(memory(&work(5, 5), &of).encode, 100.0 + 2.0 * 2.0 * 50.0);
        assert_eq!(memory(&work(500, 5), &of).encode, 100.0 + 2.0 * 2.0 * 50.0);
        let [small, large] = [5, 50].map(|class| memory(&work(5, class), &of).discover);
        assert_eq!((small, large), (2.0 * 5.0 * 20.0 + 50.0, 2.0 * 50.0 * 20.0 + 50.0));
    }
}
