//! How long the files come out.

use super::per_stage::PerStage;
use super::work::Work;

/// A length that grows with a count.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Line {
    /// At none.
    pub fixed: f64,
    /// For each.
    pub each: f64,
}

impl Line {
    /// The line through two measured points; with one point, or none apart, all is taken to grow.
    pub fn through((few, short): (u64, u64), (many, long): (u64, u64)) -> Self {
        if many <= few {
            return Self { fixed: 0.0, each: long as f64 / many.max(1) as f64 };
        }
        let each = (long as f64 - short as f64) / (many - few) as f64;
        Self { fixed: (short as f64 - each * few as f64).max(0.0), each: each.max(0.0) }
    }

    /// The length at `count`.
    pub fn at(&self, count: f64) -> f64 {
        self.fixed + self.each * count
    }
}

/// Lengths of the files that a run writes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sizes {
    /// A part of `encode`, by its images.
    pub part: Line,
    /// The table of `purity`, by all images.
    pub purity: Line,
    /// A class's table of cores, by its cores.
    pub cores: Line,
    /// A class's embedding, by its images.
    pub embedding: Line,
    /// A class's neighbour index, by its images; nothing where none is kept.
    pub index: Line,
    /// A tar of `fetch`, by its cores.
    pub fetched: Line,
    /// A class's anchors, by its cores.
    pub anchors: Line,
    /// A generated PNG.
    pub png: f64,
    /// A tar of the distilled set with its index, by its samples.
    pub distilled: Line,
    /// A tar of the real cores with its index, by its samples.
    pub real: Line,
}

/// A receipt without outputs, and what each output adds to it.
const RECEIPT: PerStage<Line> = PerStage {
    encode: Line { fixed: 420.0, each: 110.0 },
    purity: Line { fixed: 900.0, each: 110.0 },
    discover: Line { fixed: 620.0, each: 182.0 },
    fetch: Line { fixed: 250.0, each: 110.0 },
    anchor: Line { fixed: 160.0, each: 110.0 },
    generate: Line { fixed: 800.0, each: 110.0 },
    assemble: Line { fixed: 260.0, each: 120.0 },
};

/// Bytes that each stage leaves, receipts apart.
pub fn bytes(work: &Work, sizes: &Sizes) -> PerStage<f64> {
    let cores = work.cores() as f64;
    let per_class = |line: &Line| work.cores_of_classes().map(|n| line.at(n as f64)).sum::<f64>();
    let tars = |line: &Line| work.tars() as f64 * line.fixed + cores * line.each;
    let images = |line: &Line| work.classes.iter().map(|n| line.at(*n as f64)).sum::<f64>();
    PerStage {
        encode: work.shards.iter().map(|n| sizes.part.at(*n as f64)).sum(),
        purity: if work.purity { sizes.purity.at(work.images() as f64) } else { 0.0 },
        discover: per_class(&sizes.cores) + images(&sizes.embedding) + images(&sizes.index),
        fetch: work.shards_with_cores() * sizes.fetched.fixed + cores * sizes.fetched.each,
        anchor: per_class(&sizes.anchors),
        generate: cores * sizes.png,
        assemble: tars(&sizes.distilled) + tars(&sizes.real),
    }
}

/// Bytes of each stage's receipts.
pub fn receipts(work: &Work, sizes: &Sizes) -> PerStage<f64> {
    let units = work.units();
    let index = if sizes.index.each > 0.0 { 2.0 } else { 0.0 };
    let of = |line: Line, units: u64, outputs: f64| units as f64 * line.fixed + outputs * line.each;
    PerStage {
        encode: of(RECEIPT.encode, units.encode, units.encode as f64),
        purity: of(RECEIPT.purity, units.purity, units.purity as f64),
        discover: of(RECEIPT.discover, units.discover, units.discover as f64 * (2.0 + index)),
        fetch: of(RECEIPT.fetch, units.fetch, work.shards_with_cores()),
        anchor: of(RECEIPT.anchor, units.anchor, units.anchor as f64),
        generate: of(RECEIPT.generate, units.generate, work.cores() as f64),
        assemble: of(RECEIPT.assemble, units.assemble, 2.0 * units.assemble as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_sums() {
        let line = Line::through((1, 150), (11, 650));
        assert_eq!(line, Line { fixed: 100.0, each: 50.0 });
        assert_eq!(Line::through((5, 50), (5, 50)), Line { fixed: 0.0, each: 10.0 });
        let work = Work {
            shards: vec![10, 30],
            classes: vec![25, 15],
            ipc: 2,
            generate_batch: 4,
            samples_per_tar: 3,
            ..Work::default()
        };
        let sizes =
            Sizes { part: line, embedding: line, png: 7.0, distilled: line, ..Sizes::default() };
        let bytes = bytes(&work, &sizes);
        assert_eq!((bytes.encode, bytes.discover), (2200.0, 2200.0));
        assert_eq!((bytes.generate, bytes.assemble), (28.0, 400.0));
        assert_eq!((bytes.purity, bytes.fetch), (0.0, 0.0));
        assert_eq!(receipts(&work, &sizes).generate, 800.0 + 4.0 * 110.0);
    }
}
