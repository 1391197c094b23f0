//! Estimates the sizes of a run's files: writes each kind of file with made-up numbers and the data set's own names, by
//! the run's own code.

use super::count::Counted;
use crate::config::Features;
use crate::discovery::hnsw::Index;
use crate::discovery::{HnswSettings, Matrix, NeighborSearch};
use crate::estimate::{Line, Sizes, Work};
use crate::models::noise::Noise;
use crate::pipeline::anchor::anchors;
use crate::pipeline::context::Context;
use crate::pipeline::encode::kept;
use crate::pipeline::error::StageError;
use crate::pipeline::purity::GRID;
use crate::store::tables::{
    ClassMajorFile, CoreRow, EmbeddedRow, LatentFormat, LatentRow, MemberRow, PartFormat,
    PurityRow, Span, write_anchors, write_cores, write_embedding, write_latents, write_members,
    write_purity,
};
use crate::store::{RunDir, Written};
use std::path::{Path, PathBuf};

/// Bytes of latents in a probe part.
const PART_BYTES: usize = 32 << 20;
/// Rows of a probe embedding.
const EMBEDDED: u64 = 5000;
/// Rows of a probe index: building an index takes time.
const INDEXED: u64 = 300;
/// Members in a probe table.
const MEMBERS: u64 = 200;
/// Values of a second encoder's feature where the encoder was not opened: as in DINOv2's and CLIP's base models.
pub(crate) const FEATURE_WIDTH: usize = 768;

/// Sizes known from a measurement, in place of the rule's estimate.
#[derive(Default)]
pub(crate) struct MeasuredSizes {
    /// Anchors' latents, one after another.
    pub(crate) latents: Vec<f32>,
    /// Generated images.
    pub(crate) pngs: Vec<Vec<u8>>,
    /// A class's embedding and index, by its images.
    pub(crate) discovered: Option<(Line, Line)>,
    /// Values of a second encoder's feature.
    pub(crate) feature_width: Option<usize>,
}

/// Columns that discovery works on.
pub(crate) fn feature_columns(context: &Context, format: PartFormat) -> usize {
    let discover = &context.pipeline.discover;
    let [channels, height, width] = format.latent.shape;
    let all = match (format.feature, discover.features) {
        (Some(width), _) => width,
        (None, Features::Grid(cells)) => channels * height.min(cells) * width.min(cells),
        (None, _) => format.latent.values(),
    };
    if discover.pca == 0 { all } else { discover.pca.min(all) }
}

/// Columns of an image's features where all classes are compared.
pub(crate) fn compared_columns(format: PartFormat) -> usize {
    let [channels, height, width] = format.latent.shape;
    format.feature.unwrap_or(channels * height.min(GRID) * width.min(GRID))
}

/// The format of a part.
pub(crate) fn part_format(
    context: &Context,
    measured_sizes: &MeasuredSizes,
) -> Result<PartFormat, StageError> {
    let encode = &context.pipeline.encode;
    let shape = kept(context.model.latent_shape(encode.size)?, context.pipeline.kept());
    let second = context.pipeline.features.model.as_ref();
    let feature = second.map(|_| measured_sizes.feature_width.unwrap_or(FEATURE_WIDTH));
    Ok(PartFormat { latent: LatentFormat { dtype: encode.dtype, shape }, feature })
}

/// Makes a class-major file of so many parts that all have these rows.
pub(crate) fn compact_part(
    folder: &Path,
    rows: &[LatentRow],
    (part, parts): (&Written, usize),
    (format, compress): (PartFormat, bool),
) -> Result<Written, StageError> {
    let runs = rows.chunk_by(|a, b| a.class == b.class);
    let classes: Vec<_> = runs.map(|run| (run[0].class.clone(), run.len() * parts)).collect();
    let (mut spans, mut first) = (Vec::with_capacity(classes.len()), 0);
    for (class, (_, all)) in classes.iter().enumerate() {
        let rows = all / parts.max(1);
        spans.push(Span { class, first, rows });
        first += rows;
    }
    let mut file = ClassMajorFile::create(&folder.join("class-major"), format, classes)?;
    file.add(&RunDir::new(folder), &vec![(&part.file[..], spans); parts])?;
    Ok(file.finish(folder, compress)?.0)
}

/// The inputs of the probe files.
pub(crate) struct SizeProbe<'a> {
    pub(crate) context: &'a Context,
    pub(crate) work: &'a Work,
    pub(crate) counted: &'a Counted,
    /// Source images as PNGs of the sets.
    pub(crate) real: &'a [Vec<u8>],
    pub(crate) sizes: &'a [(u32, u32)],
    pub(crate) measured_sizes: &'a MeasuredSizes,
    pub(crate) folder: &'a Path,
}

impl SizeProbe<'_> {
    /// Writes each kind of file at two lengths.
    pub(crate) fn sizes(&self) -> Result<Sizes, StageError> {
        let format = part_format(self.context, self.measured_sizes)?;
        let ipc = self.work.ipc.min(self.work.classes.iter().max().copied().unwrap_or(1)).max(1);
        let class = self.work.images() / (self.work.classes.len() as u64).max(1);
        let class = class.clamp(2, EMBEDDED);
        let rows = self.counted.rows.len().max(2);
        let discover = &self.context.pipeline.discover;
        let rows = rows.min((PART_BYTES / format.bytes().max(1)).max(2)) as u64;
        let (embedding, index) = match self.measured_sizes.discovered {
            Some(measured) => measured,
            None => (
                self.line(1, class, |n| self.embedding(n, format))?,
                self.index(discover.neighbors, class, feature_columns(self.context, format))?,
            ),
        };
        let generated =
            if self.measured_sizes.pngs.is_empty() { self.real } else { &self.measured_sizes.pngs };
        let png = generated.iter().map(Vec::len).sum::<usize>() as f64;
        let tar = ipc.clamp(2, 50);
        Ok(Sizes {
            part: self.line(1, rows, |n| self.part(n, format))?,
            class_major: self.line(1, rows, |n| self.class_major(n, format))?,
            purity: self.line(1, rows, |n| self.purity(n))?,
            purity_index: self.purity_index(format)?,
            cores: self.line(1, ipc, |n| self.cores(n))?,
            embedding,
            index,
            fetched: Line { fixed: 1024.0, each: self.counted.stored_each() },
            anchors: self.line(1, ipc, |n| self.anchors(n, 0))?,
            members: self.line(1, MEMBERS, |n| self.members(n))?,
            member_key: (self.anchors(1, MEMBERS)? as f64 - self.anchors(1, 0)? as f64)
                / MEMBERS as f64,
            png: png / generated.len().max(1) as f64,
            distilled: self.line(1, tar, |n| self.set(n, generated, true))?,
            real: self.line(1, tar, |n| self.set(n, self.real, false))?,
        })
    }

    fn line(
        &self,
        few: u64,
        many: u64,
        length: impl Fn(u64) -> Result<u64, StageError>,
    ) -> Result<Line, StageError> {
        Ok(Line::through((few, length(few)?), (many, length(many)?)))
    }

    fn file(&self) -> PathBuf {
        self.folder.join("probe")
    }

    /// The i-th made-up row.
    pub(crate) fn row(&self, i: u64) -> LatentRow {
        let known = &self.counted.rows;
        let mut row = known.get(i as usize % known.len().max(1)).cloned().unwrap_or(LatentRow {
            key: format!("{i:06}"),
            class: "0".into(),
            index: i as u32,
            offset: 4096 * i,
            ..LatentRow::default()
        });
        if let Some(size) = self.sizes.get(i as usize % self.sizes.len().max(1)) {
            (row.width, row.height) = *size;
        }
        row
    }

    fn part(&self, n: u64, format: PartFormat) -> Result<u64, StageError> {
        Ok(self.write_part(n, format)?.1.bytes)
    }

    /// As `compact` makes it of one part.
    fn class_major(&self, n: u64, format: PartFormat) -> Result<u64, StageError> {
        let (rows, part) = self.write_part(n, format)?;
        Ok(compact_part(self.folder, &rows, (&part, 1), (format, self.compress()))?.bytes)
    }

    fn compress(&self) -> bool {
        self.context.pipeline.encode.compress
    }

    pub(crate) fn write_part(
        &self,
        n: u64,
        format: PartFormat,
    ) -> Result<(Vec<LatentRow>, Written), StageError> {
        let mut rows: Vec<LatentRow> = (0..n).map(|i| self.row(i)).collect();
        let order = self.context.classes.as_ref();
        rows.sort_by_key(|row| {
            (order.and_then(|list| list.position(&row.class)), row.class.clone(), row.index)
        });
        let compress = self.compress();
        let noise = |row: usize| Noise::Native.values(row as u64, format.latent.values());
        let feature = vec![0.0; format.feature.unwrap_or(0)];
        let store = (format, compress);
        let written =
            write_latents(&self.file(), self.folder, "shard", store, &rows, |row, raw| {
                if compress {
                    // Latents compress about as noise of unit variance does.
                    format.encode(&noise(row), &feature, raw);
                } else {
                    raw.resize(raw.len() + format.bytes(), 0);
                }
                Ok(())
            })?;
        Ok((rows, written))
    }

    fn purity(&self, n: u64) -> Result<u64, StageError> {
        if !self.work.purity {
            return Ok(0);
        }
        let by_density = self.context.pipeline.discover.algorithm.wants_density();
        let rows = (0..n).map(|i| {
            let LatentRow { key, class, .. } = self.row(i);
            let purity = (i % 16) as f32 / 15.0;
            let core_distance = by_density.then_some(1.0 + purity);
            let (shard, other) = ("shard".into(), 1.0 - purity);
            PurityRow {
                class,
                row: i,
                key,
                shard,
                purity,
                other,
                core_distance,
                kept: true,
                reason: None,
            }
        });
        let rows: Vec<PurityRow> = rows.collect();
        Ok(write_purity(&self.file(), self.folder, &rows)?.bytes)
    }

    pub(crate) fn core(&self, rank: u64) -> CoreRow {
        let row = self.row(7 * rank);
        CoreRow {
            rank: rank as u32,
            key: row.key,
            shard: self.shard_name(),
            offset: row.offset,
            origin: "hdbscan_initial".into(),
            cluster_size: 20 + rank,
            probability: 1.0 / (1.0 + rank as f64),
            row: 7 * rank,
        }
    }

    /// A name as long as the shards' own.
    fn shard_name(&self) -> String {
        self.context.pipeline.data.shards.patterns.first().cloned().unwrap_or_default()
    }

    fn cores(&self, n: u64) -> Result<u64, StageError> {
        let rows: Vec<CoreRow> = (0..n).map(|rank| self.core(rank)).collect();
        Ok(write_cores(&self.file(), self.folder, "0", &rows)?.bytes)
    }

    fn embedding(&self, n: u64, format: PartFormat) -> Result<u64, StageError> {
        let settings = crate::pipeline::discover::settings(self.context, 1);
        let columns = settings.embedding_cols(feature_columns(self.context, format));
        let shares = Noise::Native.values(1, n as usize);
        let rows = shares.iter().zip(0..).map(|(share, i)| EmbeddedRow {
            key: self.row(i).key,
            shard: "shard".into(),
            label: (i % 12) as i32,
            probability: f64::from(share.abs()).min(1.0),
        });
        let rows: Vec<EmbeddedRow> = rows.collect();
        let values = Noise::Native.values(2, n as usize * columns);
        Ok(write_embedding(&self.file(), self.folder, "0", &rows, values, columns)?.bytes)
    }

    fn purity_index(&self, format: PartFormat) -> Result<Line, StageError> {
        if !self.work.purity {
            return Ok(Line::default());
        }
        let search = self.context.pipeline.discover.search_of_classes();
        self.index(search, self.work.images(), compared_columns(format))
    }

    /// The files of an index over so many images, if `search` builds one.
    fn index(
        &self,
        search: NeighborSearch,
        images: u64,
        columns: usize,
    ) -> Result<Line, StageError> {
        if !search.uses_index(images as usize, columns) {
            return Ok(Line::default());
        }
        let rows = images.min(INDEXED);
        let values = Noise::Native.values(3, rows as usize * columns);
        let named = |source| StageError::Discovery { class: "of the probe".into(), source };
        let data = Matrix::new(rows as usize, columns, values).map_err(|e| named(e.into()))?;
        let index = Index::build(&data, &HnswSettings::default()).map_err(named)?;
        let files = index.dump(self.folder, "probe").map_err(named)?;
        let lengths =
            files.iter().map(|file| std::fs::metadata(file).map_or(0, |about| about.len()));
        Ok(Line { fixed: 0.0, each: lengths.sum::<u64>() as f64 / rows as f64 })
    }

    /// The i-th made-up member of a core.
    pub(crate) fn member(&self, rank: u64, position: u64) -> MemberRow {
        let at = 7 * rank + 3 * position;
        let row = self.row(at);
        MemberRow {
            rank: rank as u32,
            position: position as u32,
            key: row.key,
            shard: self.shard_name(),
            offset: row.offset,
            row: at,
            distance: 1.0 + 1.0 / (3.0 + position as f64),
            group_size: 20 + rank,
            ratio: 0.7,
        }
    }

    fn members(&self, n: u64) -> Result<u64, StageError> {
        if self.work.members.is_none() {
            return Ok(0);
        }
        let rows: Vec<MemberRow> = (0..n).map(|i| self.member(i / 20, i % 20)).collect();
        Ok(write_members(&self.file(), self.folder, "0", &rows)?.bytes)
    }

    /// Of `n` cores with `members` members each.
    fn anchors(&self, n: u64, members: u64) -> Result<u64, StageError> {
        let shape = self.context.model.latent_shape(self.context.size())?;
        let format = LatentFormat { dtype: self.context.pipeline.encode.dtype, shape };
        let values = n as usize * format.values();
        let latents = match self.measured_sizes.latents.is_empty() {
            true => Noise::Native.values(4, values),
            false => self.latents(values),
        };
        let cores = (0..n).map(|rank| self.core(rank)).collect();
        let path = self.file();
        let mut anchors = anchors(cores, &latents, format);
        if members > 0 {
            let keys = |rank| (0..members).map(|at| self.member(rank, at).key).collect();
            anchors.members = (0..n).map(keys).collect();
        }
        Ok(write_anchors(&path, self.folder, "0", &anchors)?.bytes)
    }

    /// As many values of measured latents; those that come again a little larger, or they would compress too well.
    fn latents(&self, values: usize) -> Vec<f32> {
        let known = &self.measured_sizes.latents;
        let scale = |i: usize| 1.0 + 0.013 * (i / known.len()) as f32;
        known.iter().cycle().take(values).enumerate().map(|(i, value)| value * scale(i)).collect()
    }
}
