//! From latents in shard order to a part in class order, a row group in memory at a time.

use crate::config::ClassList;
use crate::engine::Scope;
use crate::pipeline::error::StageError;
use crate::store::tables::{LatentRow, PartContents, PartFormat, write_latents};
use crate::store::{StoreError, temporary};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Collects a shard's latents in a temporary file, then writes them sorted: the shard's size never shows in memory.
pub(crate) struct PartWriter {
    scope: Scope,
    part: PathBuf,
    spill: PathBuf,
    out: BufWriter<File>,
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
        let folder = scope.path(parts_folder);
        std::fs::create_dir_all(&folder).map_err(StoreError::io("create the folder", &folder))?;
        let spill = temporary(&folder.join(format!("part-{number:06}.latents")));
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&spill);
        let out =
            BufWriter::with_capacity(1 << 20, file.map_err(StoreError::io("create", &spill))?);
        let part = folder.join(format!("part-{number:06}.parquet"));
        Ok(Self { scope, part, spill, out, rows: Vec::new(), format, compress })
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
        let mut raw = Vec::with_capacity(self.format.bytes());
        self.format.encode(latent, feature, &mut raw);
        self.out.write_all(&raw).map_err(StoreError::io("write", &self.spill))?;
        self.rows.push(row);
        Ok(())
    }

    /// Writes the part and removes the temporary file; what is in the part.
    pub(crate) fn finish(
        mut self,
        shard: &str,
        classes: Option<&ClassList>,
    ) -> Result<PartContents, StageError> {
        self.out.flush().map_err(StoreError::io("write", &self.spill))?;
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|&i| {
            let class = &self.rows[i].class;
            (classes.and_then(|list| list.position(class)), class, self.rows[i].index)
        });
        let sorted: Vec<LatentRow> = order.iter().map(|&i| self.rows[i].clone()).collect();
        let (width, spill, file) = (self.format.bytes(), &self.spill, self.out.get_ref());
        let written = write_latents(
            &self.part,
            self.scope.run_dir().root(),
            shard,
            (self.format, self.compress),
            &sorted,
            |i, raw| {
                let start = raw.len();
                raw.resize(start + width, 0);
                let from = (order[i] * width) as u64;
                file.read_exact_at(&mut raw[start..], from).map_err(StoreError::io("read", spill))
            },
        )?;
        self.scope.record(written);
        Ok(PartContents::new(self.format, &sorted))
    }
}

impl Drop for PartWriter {
    fn drop(&mut self) {
        // Best effort: a leftover is swept when the next run starts.
        let _ = std::fs::remove_file(&self.spill);
    }
}
