//! The first half of the audit: generated images encoded as the data set was, a class a unit.
//!
//! What is encoded are the files as they lie in `generate/` now, by name, length and time, and not what receipts say of
//! them: an audit is to see what is there.

use crate::config::Features;
use crate::discovery::{DiscoveryError, Matrix, features};
use crate::engine::{Done, Fingerprint, Scope, Stage};
use crate::pipeline::anchor::device::{Pool, start_pool};
use crate::pipeline::context::Context;
use crate::pipeline::core_images::decode_resized;
use crate::pipeline::encode::kept;
use crate::pipeline::error::StageError;
use crate::pipeline::model::encoder_digest;
use crate::store::tables::{Anchors, LatentFormat, LatentType, write_anchors};
use crate::store::{RunDir, StoreError, file_stem};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::UNIX_EPOCH;
use tokio::sync::OnceCell;

/// Cells a side that latents are averaged over: coarse, since all classes are in memory at once.
pub(crate) const GRID: usize = 8;

/// The stage.
pub struct AuditImages {
    context: Arc<Context>,
    classes: Vec<String>,
    encoder: String,
    pool: OnceCell<Pool>,
}

/// A generated image as a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct ImageFile {
    pub(crate) rank: u32,
    /// Below the run directory.
    pub(crate) name: String,
    bytes: u64,
    /// Nanoseconds since 1970.
    modified: u128,
}

/// The generated images of `class` that are there, by rank.
pub(crate) fn generated_images(
    run_dir: &RunDir,
    class: &str,
) -> Result<Vec<ImageFile>, StageError> {
    let below = format!("generate/{}", file_stem(class));
    let folder = run_dir.path(&below);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(StoreError::io("list", &folder)(e).into()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", &folder))?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let Some(rank) = file.strip_suffix(".png").and_then(|stem| stem.parse().ok()) else {
            continue;
        };
        let about = entry.metadata().map_err(StoreError::io("examine", &entry.path()))?;
        let modified = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified = modified.unwrap_or_default().as_nanos();
        found.push(ImageFile {
            rank,
            name: format!("{below}/{file}"),
            bytes: about.len(),
            modified,
        });
    }
    found.sort_by_key(|image| image.rank);
    Ok(found)
}

/// Where the encoded images of `class` are.
pub(crate) fn encoded_path(run_dir: &RunDir, class: &str) -> PathBuf {
    run_dir.path(&format!("audit/images/{}.parquet", file_stem(class)))
}

impl AuditImages {
    pub(crate) fn new(context: Arc<Context>, classes: Vec<String>) -> Result<Self, StageError> {
        let encoder = encoder_digest(&context.model.paths)?;
        Ok(Self { context, classes, encoder, pool: OnceCell::new() })
    }
}

impl Stage for AuditImages {
    type Unit = String;
    type Error = StageError;

    fn name(&self) -> &'static str {
        "audit/images"
    }

    fn units(&self) -> Result<Vec<String>, StageError> {
        Ok(self.classes.clone())
    }

    fn unit_name(&self, class: &String) -> String {
        file_stem(class)
    }

    fn fingerprint(&self, class: &String) -> Result<Fingerprint, StageError> {
        let pipeline = &self.context.pipeline;
        Ok(Fingerprint {
            settings: json!({
                "encode.size": pipeline.encode.size, "encode.batch": pipeline.encode.batch,
                "encode.dtype": pipeline.encode.dtype, "encode.keep": pipeline.kept(),
            }),
            inputs: json!({
                "images": generated_images(&self.context.run_dir, class)?, "model": self.encoder,
                "cells": GRID,
            })
            .into(),
        })
    }

    fn concurrency(&self) -> usize {
        // One is decoded while the device works on another.
        2
    }

    async fn process(&self, class: &String, scope: &Scope) -> Result<Done, StageError> {
        let context = self.context.clone();
        let encode = &context.pipeline.encode;
        let permit = context.worker().await?;
        let (own, class) = (context.clone(), class.clone());
        let (key, out) = (class.clone(), scope.clone());
        let decoded = tokio::task::spawn_blocking(move || {
            let listed = generated_images(&own.run_dir, &class)?;
            let decode = |image: &ImageFile| {
                let path = own.run_dir.path(&image.name);
                let bytes = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
                decode_resized(&own, &bytes, own.pipeline.encode.size).map_err(|e| {
                    StageError::Other(format!("{}: {e}; delete it and run again", path.display()))
                })
            };
            let images = listed.iter().map(decode).collect::<Result<Vec<_>, StageError>>();
            drop(permit);
            Ok::<_, StageError>((images?, listed))
        });
        let (images, files) = decoded.await??;
        let mut latents = Vec::new();
        if !images.is_empty() {
            let start = || start_pool(&context, encode.size, encode.batch);
            latents = self.pool.get_or_try_init(start).await?.run(images).await?;
        }
        let samples = files.len() as u64;
        let task = tokio::task::spawn_blocking(move || {
            let pooled = pooled(&context, latents, files.len())?;
            let shards = vec![String::new(); files.len()];
            let keys = files.into_iter().map(|image| image.name).collect();
            let path = encoded_path(&context.run_dir, &key);
            let anchors = Anchors { keys, shards, ..pooled };
            out.record(write_anchors(&path, context.run_dir.root(), &key, &anchors)?);
            Ok::<_, StageError>(())
        });
        task.await??;
        scope.tick(samples);
        Ok(Done { samples, ..Done::default() })
    }
}

/// `count` latents as they would be read back from a part, averaged over the audit's cells.
fn pooled(context: &Context, latents: Vec<f32>, count: usize) -> Result<Anchors, StageError> {
    let pipeline = &context.pipeline;
    let wrong = |error: DiscoveryError| {
        StageError::Other(format!("the generated images' latents: {error}"))
    };
    let [channels, height, width] = context.model.latent_shape(pipeline.encode.size)?;
    let mut values = Matrix::new(count, channels * height * width, latents)
        .map_err(|error| wrong(error.into()))?;
    let mut shape = [channels, height, width];
    let reduce = |values: &mut Matrix, shape: &mut [usize; 3], how| {
        if let Features::Grid(cells) = how {
            let [c, h, w] = *shape;
            *values = features::grid(values, c, h, w, cells).map_err(wrong)?;
            *shape = kept(*shape, how);
        }
        Ok::<_, StageError>(())
    };
    reduce(&mut values, &mut shape, pipeline.kept())?;
    // Through the numbers' type that parts are kept in.
    let stored = LatentFormat { dtype: pipeline.encode.dtype, shape };
    let (mut raw, mut rounded) = (Vec::new(), Vec::new());
    stored.encode(values.as_slice(), &mut raw);
    stored.decode(&raw, &mut rounded);
    values = Matrix::new(count, stored.values(), rounded).map_err(|error| wrong(error.into()))?;
    reduce(&mut values, &mut shape, Features::Grid(GRID))?;
    let format = LatentFormat { dtype: LatentType::F32, shape };
    raw.clear();
    format.encode(values.as_slice(), &mut raw);
    Ok(Anchors { keys: Vec::new(), shards: Vec::new(), members: Vec::new(), latents: raw, format })
}
