//! What the page's script reads. Names here are names there.

use super::points::Points;
use super::workers::WorkerView;
use crate::similarity::{Below, Histogram};
use serde::Serialize;
use serde_json::Value;

/// All but the classes' own data.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Head {
    /// What the set is called.
    pub name: String,
    /// What made it, in a line.
    pub about: String,
    /// Figures of the whole run.
    pub totals: Totals,
    /// Stage by stage.
    pub stages: Vec<StageView>,
    /// The processes that shared the run; none where it had one at a time.
    pub workers: Vec<WorkerView>,
    /// Seconds at work.
    pub span: f64,
    /// Seconds at work after which a run ended and another began.
    pub stops: Vec<f64>,
    /// What may be wrong, a sentence each.
    pub warnings: Vec<String>,
    /// Class by class, in order.
    pub classes: Vec<ClassAbout>,
    /// Names of all shards that classes refer to by number.
    pub shards: Vec<String>,
    /// Said where not all images have pictures.
    pub pictures_note: String,
    /// What the audit found; absent where none was made.
    pub audit: Option<AuditView>,
    /// Why there is none.
    pub audit_note: String,
    /// `evaluate/evaluation.json`, as it is.
    pub evaluation: Option<Value>,
    /// `stability/stability.json`, as it is.
    pub stability: Option<Value>,
    /// What was left out.
    pub quarantine: Quarantine,
    /// What was run, and with what.
    pub facts: Vec<(String, String)>,
    /// Section → key → value.
    pub settings: Vec<(String, Vec<(String, String)>)>,
}

/// Figures of the whole run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Classes.
    pub classes: usize,
    /// Real images.
    pub images: u64,
    /// Cores.
    pub cores: usize,
    /// Generated images.
    pub generated: usize,
    /// Seconds at work.
    pub seconds: f64,
    /// Bytes of all outputs.
    pub bytes: u64,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageView {
    /// Its name.
    pub name: String,
    /// Units done.
    pub done: usize,
    /// Units in all; absent until it was reached.
    pub total: Option<u64>,
    /// Samples produced.
    pub samples: u64,
    /// Samples left out.
    pub skipped: u64,
    /// Seconds of all its units, one after another.
    pub seconds: f64,
    /// Seconds by the clock.
    pub wall: Option<f64>,
    /// Bytes of its outputs.
    pub bytes: u64,
    /// When it was worked on, in seconds at work.
    pub spans: Vec<(f64, f64)>,
}

/// A class, in the gallery and in the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ClassAbout {
    /// Its key.
    pub key: String,
    /// What it is called in prompts.
    pub name: String,
    /// Real images.
    pub images: usize,
    /// Clusters found.
    pub clusters: usize,
    /// Images in none.
    pub noise: usize,
    /// Cores.
    pub cores: usize,
    /// Generated images.
    pub generated: usize,
    /// Generated images flagged as copies; absent without an audit.
    pub flagged: Option<usize>,
    /// Least distance to a real image over the spacing.
    pub least_ratio: Option<f64>,
}

/// What a class's own page shows.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ClassView {
    /// What discovery decided, a line each.
    pub log: Vec<String>,
    /// Cores by what chose them.
    pub origins: Vec<(String, usize)>,
    /// Cores and what was made of them, by rank.
    pub cores: CoreColumns,
    /// All pictures in one.
    pub pictures: Pictures,
    /// The embedding.
    pub points: Points,
}

/// Cores column by column.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(missing_docs, reason = "columns of the cores table and of the audit's")]
pub struct CoreColumns {
    pub rank: Vec<u32>,
    pub key: Vec<String>,
    /// Number among the head's shards.
    pub shard: Vec<usize>,
    pub origin: Vec<String>,
    pub size: Vec<u64>,
    pub probability: Vec<f64>,
    /// Whether its image is there.
    pub generated: Vec<bool>,
    /// Whether that took a second seed.
    pub retried: Vec<bool>,
    /// Bits: 1 the core, 2 its image, 4 the nearest real image has a picture; from 8 on the first members of its anchor.
    pub pictures: Vec<u8>,
    pub near_key: Vec<Option<String>>,
    pub near_shard: Vec<Option<usize>>,
    /// The nearest real image's class, where it is another.
    pub near_class: Vec<Option<String>>,
    pub distance: Vec<Option<f32>>,
    pub ratio: Vec<Option<f64>>,
    pub flagged: Vec<bool>,
    pub own_key: Vec<Option<String>>,
    pub own_distance: Vec<Option<f32>>,
    /// Keys of the images that its anchor is made of, nearest first, as far as there is room; no column where anchors are
    /// single images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Vec<String>>,
    /// How many those images are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub member_count: Vec<usize>,
    /// Images of the group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub group_size: Vec<u64>,
}

/// The pictures of a class in one: a column a rank; rows of cores, of generated images, of nearest real ones, then of
/// the first members of their anchors.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Pictures {
    /// Side of one, in pixels.
    pub edge: usize,
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// MIME type.
    #[serde(rename = "type")]
    pub mime: String,
    /// The file in base64; empty where there is none.
    pub data: String,
}

/// The audit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "as in the audit's summary")]
pub struct AuditView {
    pub images: usize,
    pub real: usize,
    pub values: usize,
    pub threshold: f64,
    pub flagged_count: usize,
    pub below: Vec<Below>,
    pub median_ratio: Option<f64>,
    pub within_one_percent: usize,
    pub nearest_of_another_class: usize,
    pub histogram: Histogram,
    /// The nearest pairs, nearest first.
    pub nearest: Vec<Pair>,
}

/// A generated image and the real one nearest to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The class's place in the list.
    pub place: usize,
    /// The image's column among the class's pictures.
    pub at: usize,
    /// Its rank.
    pub rank: u32,
    /// Distance over the spacing.
    pub ratio: f64,
    /// Distance.
    pub distance: f32,
    /// The real image's sample key.
    pub near_key: String,
    /// Whether it is flagged.
    pub flagged: bool,
}

/// What was left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Quarantine {
    /// How many.
    pub total: usize,
    /// Stage, shard, key and reason of the first.
    pub rows: Vec<[String; 4]>,
}
