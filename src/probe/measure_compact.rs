//! Class-major files, tried on made-up parts.

use super::measure::ProbeRun;
use super::probe_files::{MeasuredSizes, compact_part, part_format};
use super::timing::repeated;
use crate::estimate::Rates;
use crate::pipeline::error::StageError;
use crate::store::Written;
use crate::store::tables::{LatentRow, PartFormat, write_latents};

/// Bytes of images' numbers in the longer part.
const PART_BYTES: usize = 4 << 20;
/// Seconds that each is tried for.
const PROBED: f64 = 0.2;
/// Parts of one file.
const PARTS: usize = 9;

impl ProbeRun<'_> {
    /// Rows of a part into a file, few and many, and one row of several parts.
    pub(crate) fn compact(&self, rates: &mut Rates) -> Result<(), StageError> {
        let format = part_format(self.context, &MeasuredSizes::default())?;
        let many = (PART_BYTES / format.bytes().max(1)).clamp(2, 4096);
        let take = |rows: usize, parts: usize| {
            let (rows, part) = self.made_up_part(rows, format)?;
            let store = (format, self.context.pipeline.encode.compress);
            repeated(PROBED, || compact_part(self.folder, &rows, (&part, parts), store).map(drop))
        };
        let (one, all, several) = (take(1, 1)?, take(many, 1)?, take(1, PARTS)?);
        rates.compact_image = (all - one).max(0.0) / (many - 1) as f64;
        rates.open_part = (several - one).max(0.0) / (PARTS - 1) as f64;
        Ok(())
    }

    fn made_up_part(
        &self,
        rows: usize,
        format: PartFormat,
    ) -> Result<(Vec<LatentRow>, Written), StageError> {
        let known = self.counted.rows.iter().cycle();
        let mut rows: Vec<LatentRow> = match self.counted.rows.is_empty() {
            true => vec![LatentRow::default(); rows],
            false => known.take(rows).cloned().collect(),
        };
        rows.sort_by(|a, b| a.class.cmp(&b.class));
        let store = (format, self.context.pipeline.encode.compress);
        let path = self.folder.join("part");
        let written = write_latents(&path, self.folder, "shard", store, &rows, |_, raw| {
            raw.resize(raw.len() + format.bytes(), 0);
            Ok(())
        })?;
        Ok((rows, written))
    }
}
