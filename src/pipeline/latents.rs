//! The encoded data set, as the stages after `encode` see it.

use super::context::Context;
use super::encoded::{Encoded, open_class_major};
use super::error::StageError;
use super::excluded::enough_of_each;
use crate::config::{ClassList, Features, LabelPurity};
use crate::discovery::{DiscoveryError, Matrix, features};
use crate::engine::Input;
use crate::store::Receipt;
use crate::store::tables::{ClassRows, LatentTable, LeftOut, Numbers, PartFormat, read_purity};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// The table that `purity` leaves, below the run directory.
pub(crate) const PURITY: &str = "purity/purity.parquet";

/// Bytes of latents read at once where only their features are kept.
const CHUNK_BYTES: usize = 64 << 20;

/// The encoded data set.
#[derive(Clone)]
pub struct Latents {
    /// The class-major files.
    pub(crate) table: Arc<LatentTable>,
    /// The classes to distil, in order.
    pub(crate) classes: ClassList,
    /// Images of each class.
    counts: BTreeMap<String, usize>,
    /// The digest of each class's rows.
    digests: Arc<BTreeMap<String, String>>,
    /// Digests of encode's parts, in order.
    parts: Arc<[String]>,
    /// What the comparison of all classes leaves of each; `None` where it is off.
    kept: Option<Arc<BTreeMap<String, Kept>>>,
    ipc: usize,
    /// Images to make of the classes before each, and of all.
    starts: Arc<[usize]>,
}

/// The images of a class that the comparison of all classes leaves.
#[derive(Debug, Default)]
struct Kept {
    /// Rows whose label counts as right, ascending.
    rows: Vec<usize>,
    /// Whether each of them is sparse in its class; empty where density was not asked for.
    sparse: Vec<bool>,
}

/// One image to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Position of the class in the list.
    pub class: usize,
    /// Rank of the core.
    pub rank: usize,
}

/// A class's images as discovery takes them: who they are, and one row of features each.
pub(crate) struct ClassFeatures {
    /// Keys, shards and offsets.
    pub(crate) rows: ClassRows,
    /// Each one's row in the table.
    pub(crate) numbers: Vec<usize>,
    /// Their features.
    pub(crate) features: Matrix,
    /// Whether each is sparse in its class, where that is known.
    pub(crate) sparse: Option<Vec<bool>>,
}

impl Latents {
    /// The images that `encode` left, in the files that `compact` left of them by these receipts: nothing is brought or
    /// opened before rows are read.
    pub(crate) fn open<'a>(
        context: &Context,
        encoded: &Encoded,
        compacted: impl IntoIterator<Item = &'a Receipt>,
    ) -> Result<Self, StageError> {
        let (table, digests) = open_class_major(&context.run_dir, compacted)?;
        let (counts, classes) = (table.classes(), encoded.classes.clone());
        let parts = encoded.parts.iter().map(|part| part.digest.clone()).collect();
        let (table, digests) = (Arc::new(table), Arc::new(digests));
        let (ipc, starts) = (context.pipeline.discover.ipc, Arc::from([]));
        let latents = Self { table, classes, counts, digests, parts, kept: None, ipc, starts };
        latents.refuse_small(context)?;
        Ok(latents.counted())
    }

    /// With the numbers of images to make.
    fn counted(self) -> Self {
        let mut starts = vec![0];
        let mut before = 0;
        for class in self.classes.classes() {
            before += self.cores(&class.key);
            starts.push(before);
        }
        Self { starts: starts.into(), ..self }
    }

    /// Leaves out what `purity` found to carry a wrong label, and keeps what it found to be sparse.
    pub(crate) fn without_impure(&self, context: &Context) -> Result<Self, StageError> {
        let discover = &context.pipeline.discover;
        let path = context.run_dir.local(PURITY)?;
        let mut rows = read_purity(&path)?;
        if discover.label_check() == LabelPurity::Auto {
            enough_of_each(&mut rows, discover.ipc);
        }
        let mut kept: BTreeMap<String, Kept> = BTreeMap::new();
        for row in rows.into_iter().filter(|row| row.reason != Some(LeftOut::WrongLabel)) {
            let images = self.counts.get(&row.class).copied().unwrap_or(0);
            if row.row >= images as u64 {
                return Err(StageError::Other(format!(
                    "{} has row {} of class {:?}, which has {images} images: delete purity/ and run again",
                    path.display(),
                    row.row,
                    row.class
                )));
            }
            let kept = kept.entry(row.class).or_default();
            kept.rows.push(row.row as usize);
            if discover.algorithm.wants_density() {
                kept.sparse.push(row.reason == Some(LeftOut::Sparse));
            }
        }
        let pure = Self { kept: Some(Arc::new(kept)), ..self.clone() };
        pure.refuse_small(context)?;
        Ok(pure.counted())
    }

    /// Images of `class` that can become cores.
    pub(crate) fn images(&self, class: &str) -> usize {
        match &self.kept {
            Some(kept) => kept.get(class).map_or(0, |kept| kept.rows.len()),
            None => self.counts.get(class).copied().unwrap_or(0),
        }
    }

    /// Images of all classes that can become cores.
    pub(crate) fn total(&self) -> usize {
        self.classes.classes().iter().map(|class| self.images(&class.key)).sum()
    }

    /// Cores that `class` gets.
    pub(crate) fn cores(&self, class: &str) -> usize {
        self.ipc.min(self.images(class))
    }

    /// Every image to make, class by class.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        let classes = self.classes.classes().iter().enumerate();
        classes
            .flat_map(|(class, about)| {
                (0..self.cores(&about.key)).map(move |rank| Slot { class, rank })
            })
            .collect()
    }

    /// Where the images of the class at this position stand among [`Latents::slots`].
    pub(crate) fn slots_of(&self, class: usize) -> Range<usize> {
        let start = |at: usize| self.starts.get(at).or(self.starts.last()).copied().unwrap_or(0);
        start(class)..start(class + 1)
    }

    fn refuse_small(&self, context: &Context) -> Result<(), StageError> {
        refuse_small(context, &self.classes, self.kept.is_some(), |class| self.images(class))
    }

    /// The digest of all that is stored of the images of `class`: what its cores depend on.
    pub(crate) fn digest_of(&self, class: &str) -> Input {
        serde_json::json!(self.digests.get(class)).into()
    }

    /// Digest of the part of the shard of this number.
    pub(crate) fn part_digest(&self, number: usize) -> Option<&String> {
        self.parts.get(number)
    }

    /// A digest of what the label check left of `class`; nothing where it is off.
    pub(crate) fn kept_digest(&self, class: &str) -> Option<String> {
        let kept = self.kept.as_ref()?.get(class)?;
        let mut hash = Xxh3::new();
        kept.rows.iter().for_each(|row| hash.update(&(*row as u64).to_le_bytes()));
        kept.sparse.iter().for_each(|sparse| hash.update(&[u8::from(*sparse)]));
        Some(format!("{:016x}", hash.digest()))
    }

    /// The images of `class` with their features under the run's settings.
    pub(crate) fn features(
        &self,
        context: &Context,
        class: &str,
    ) -> Result<ClassFeatures, StageError> {
        self.features_by(context, class, context.pipeline.discover.features)
    }

    /// As [`Latents::features`], from latents reduced as `how` says where there is no second encoder.
    pub(crate) fn features_by(
        &self,
        context: &Context,
        class: &str,
        how: Features,
    ) -> Result<ClassFeatures, StageError> {
        let from = if context.pipeline.features.model.is_some() {
            Numbers::Feature
        } else {
            Numbers::Latent
        };
        let images = self.counts.get(class).copied().unwrap_or(0);
        let (rows, values) = read_reduced(&self.table, class, images, from, how)?;
        let features = Matrix::new(images, values.len() / images.max(1), values);
        let features = features.map_err(|e| named(class, e.into()))?;
        let all = ClassFeatures { rows, numbers: (0..images).collect(), features, sparse: None };
        Ok(match self.kept.as_ref().map(|kept| kept.get(class)) {
            None => all,
            Some(kept) => all.select(kept.unwrap_or(&Kept::default())),
        })
    }
}

/// Refuses classes with too few of the images that `images` counts.
pub(crate) fn refuse_small(
    context: &Context,
    classes: &ClassList,
    pure: bool,
    images: impl Fn(&str) -> usize,
) -> Result<(), StageError> {
    if classes.classes().is_empty() {
        let message = "no image was encoded: nothing can be distilled";
        return Err(StageError::Other(message.into()));
    }
    let discover = &context.pipeline.discover;
    let least = if discover.allow_fewer { 1 } else { discover.ipc };
    let small: Vec<(String, usize)> = classes
        .classes()
        .iter()
        .map(|class| (class.key.clone(), images(&class.key)))
        .filter(|(_, images)| *images < least)
        .collect();
    if small.is_empty() {
        return Ok(());
    }
    Err(StageError::TooSmall { ipc: discover.ipc, classes: small, pure })
}

/// All `images` of `class` by what is kept of them, reduced as `how` says while they are read: who they are, and their
/// values row by row.
pub(crate) fn read_reduced(
    table: &LatentTable,
    class: &str,
    images: usize,
    from: Numbers,
    how: Features,
) -> Result<(ClassRows, Vec<f32>), StageError> {
    let format = table.format();
    let width = from.count(format).max(1);
    let chunk = (CHUNK_BYTES / (4 * width)).max(1);
    let (mut rows, mut values) = (ClassRows::default(), Vec::new());
    for start in (0..images).step_by(chunk) {
        let read = table.read_range(class, start..images.min(start + chunk), from)?;
        rows.keys.extend(read.keys);
        rows.shards.extend(read.shards);
        rows.offsets.extend(read.offsets);
        let reduced = reduced(read.values, format, from, how);
        values.extend(reduced.map_err(|e| named(class, e))?);
    }
    Ok((rows, values))
}

/// Whole rows of `from` as `how` has discovery take them.
pub(crate) fn reduced(
    values: Vec<f32>,
    format: PartFormat,
    from: Numbers,
    how: Features,
) -> Result<Vec<f32>, DiscoveryError> {
    let width = from.count(format).max(1);
    match how {
        Features::Grid(cells) if from == Numbers::Latent => {
            let [c, h, w] = format.latent.shape;
            let latents = Matrix::new(values.len() / width, width, values)?;
            Ok(features::grid(&latents, c, h, w, cells)?.into_values())
        }
        _ => Ok(values),
    }
}

impl ClassFeatures {
    fn select(self, of: &Kept) -> Self {
        let kept = &of.rows;
        let texts = |from: &[String]| kept.iter().map(|&row| from[row].clone()).collect();
        let rows = ClassRows {
            keys: texts(&self.rows.keys),
            shards: texts(&self.rows.shards),
            offsets: kept.iter().map(|&row| self.rows.offsets[row]).collect(),
            values: Vec::new(),
        };
        let sparse = (of.sparse.len() == kept.len()).then(|| of.sparse.clone());
        Self { rows, numbers: kept.clone(), features: self.features.select(kept), sparse }
    }
}

fn named(class: &str, source: DiscoveryError) -> StageError {
    StageError::Discovery { class: class.to_owned(), source }
}
