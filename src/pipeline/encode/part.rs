//! From latents in shard order to a part in class order, a row group in memory at a time.

use crate::config::ClassList;
use crate::engine::Scope;
use crate::pipeline::error::StageError;
use crate::store::tables::{LatentRow, PartContents, PartFormat, write_latents};
use crate::store::{Contents, Spill};
use std::path::PathBuf;

/// Bytes that are written at once.
const AT_ONCE: usize = 1 << 20;

/// Collects a shard's latents in a temporary file, then writes them sorted: the shard's size never shows in memory.
pub(crate) struct PartWriter {
    scope: Scope,
    part: PathBuf,
    spill: Spill,
    /// What is not written yet.
    buffer: Vec<u8>,
    rows: Vec<LatentRow>,
    format: PartFormat,
    compress: bool,
}

impl PartWriter {
    pub(crate) fn create(
        scope: Scope,
        (parts_folder, number): (&str, usize),
        (format, compress): (PartFormat, bool),
    ) -> Result<Self, StageError> {
        let part = scope.path(&format!("{parts_folder}/part-{number:06}.parquet"));
        let spill = Spill::create(&part.with_extension("latents"))?;
        let (buffer, rows) = (Vec::with_capacity(AT_ONCE), Vec::new());
        Ok(Self { scope, part, spill, buffer, rows, format, compress })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn push(
        &mut self,
        row: LatentRow,
        latent: &[f32],
        feature: &[f32],
    ) -> Result<(), StageError> {
        if latent.len() != self.format.latent.values() {
            return Err(StageError::Other(format!(
                "vae_encoder returned {} values for an image, and {:?} were expected; check that [encode] size fits the model",
                latent.len(),
                self.format.latent.shape
            )));
        }
        if let Some(bad) = latent.iter().find(|v| !v.is_finite()) {
            return Err(StageError::Other(format!(
                "vae_encoder returned {bad} for sample {:?}: the graph overflows; use an fp32 or fp16-safe VAE",
                row.key
            )));
        }
        self.format.encode(latent, feature, &mut self.buffer);
        self.rows.push(row);
        if self.buffer.len() >= AT_ONCE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StageError> {
        self.spill.append(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes the part and removes the temporary file; what is in the part.
    pub(crate) fn finish(
        mut self,
        shard: &str,
        classes: Option<&ClassList>,
    ) -> Result<Contents, StageError> {
        self.flush()?;
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|&i| {
            let class = &self.rows[i].class;
            (classes.and_then(|list| list.position(class)), class, self.rows[i].index)
        });
        let sorted: Vec<LatentRow> = order.iter().map(|&i| self.rows[i].clone()).collect();
        let (width, spill) = (self.format.bytes(), &self.spill);
        let written = write_latents(
            &self.part,
            self.scope.run_dir().root(),
            shard,
            (self.format, self.compress),
            &sorted,
            |i, raw| {
                let start = raw.len();
                raw.resize(start + width, 0);
                spill.read_at((order[i] * width) as u64, &mut raw[start..])
            },
        )?;
        self.scope.record(written);
        let contents = Contents::of(&PartContents::new(self.format, &sorted));
        contents.map_err(|e| StageError::Other(e.to_string()))
    }
}
