//! The sizes of a run's files.

/// A size that grows linearly with a count.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Line {
    /// The size at a count of 0.
    pub fixed: f64,
    /// The growth for each count.
    pub each: f64,
}

impl Line {
    /// The line through two measured points; through the origin if the points have one count.
    pub fn through((few, short): (u64, u64), (many, long): (u64, u64)) -> Self {
        if many <= few {
            return Self { fixed: 0.0, each: long as f64 / many.max(1) as f64 };
        }
        let each = (long as f64 - short as f64) / (many - few) as f64;
        Self { fixed: (short as f64 - each * few as f64).max(0.0), each: each.max(0.0) }
    }

    /// The size at `count`.
    pub fn at(&self, count: f64) -> f64 {
        self.fixed + self.each * count
    }
}

/// The sizes of a run's files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sizes {
    /// A part of `encode`, by its images.
    pub part: Line,
    /// A class-major file of `compact`, by its images.
    pub class_major: Line,
    /// The table of `purity`, by all images.
    pub purity: Line,
    /// The neighbour index of `purity`, by all images; zero if none is built.
    pub purity_index: Line,
    /// A class's table of cores, by its cores.
    pub cores: Line,
    /// A class's embedding, by its images.
    pub embedding: Line,
    /// A class's neighbour index, by its images; zero if no index is kept.
    pub index: Line,
    /// A tar of `fetch`, by its images.
    pub fetched: Line,
    /// A class's anchors, by its cores.
    pub anchors: Line,
    /// A class's table of members, by its members; zero where there is none.
    pub members: Line,
    /// A member's key in the table of anchors.
    pub member_key: f64,
    /// A generated PNG.
    pub png: f64,
    /// A tar of the distilled set with its index, by its samples.
    pub distilled: Line,
    /// A tar of the real cores with its index, by its samples.
    pub real: Line,
}
