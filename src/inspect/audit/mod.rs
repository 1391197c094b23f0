//! The second half of the audit: every generated image held against all real ones. One unit.

pub(crate) mod command;
pub(crate) mod images;

use crate::config::Features;
use crate::discovery::{HnswSettings, Matrix};
use crate::engine::{Done, Fingerprint, Scope, Stage};
use crate::pipeline::context::Context;
use crate::pipeline::encoded::open_class_major;
use crate::pipeline::error::StageError;
use crate::pipeline::latents::read_reduced;
use crate::similarity::{
    Audit, AuditSettings, ByClass, Comparison, Flag, LEVELS, Neighbor, Summary, audit,
};
use crate::store::tables::{AuditRow, ClassRows, Numbers, read_anchors, write_audit};
use crate::store::{Receipt, StoreError};
use images::{GRID, encoded_path, generated_images};
use serde_json::{Value, json};
use std::sync::Arc;

/// The table and the summary, below the run directory.
pub(crate) const COPIES: &str = "audit/copies.parquet";
pub(crate) const SUMMARY: &str = "audit/summary.json";

/// The stage.
pub struct Copies {
    pub(crate) context: Arc<Context>,
    pub(crate) classes: Vec<String>,
    pub(crate) threshold: f64,
    /// Receipts of `compact`, and of the generated images' encoding.
    pub(crate) compacted: Vec<Receipt>,
    pub(crate) images: Vec<Receipt>,
}

/// Images of one side, and who they are.
struct Side<Who> {
    images: ByClass,
    who: Vec<Who>,
}

/// A real image.
struct Real {
    key: String,
    shard: String,
    offset: u64,
}

impl Copies {
    fn settings(&self) -> AuditSettings {
        let d = &self.context.pipeline.discover;
        let index = HnswSettings { recall_floor: d.min_recall, ..HnswSettings::default() };
        AuditSettings {
            threshold: self.threshold,
            search: d.neighbors,
            index,
            ..AuditSettings::default()
        }
    }

    fn real(&self) -> Result<Side<Real>, StageError> {
        let (table, _) = open_class_major(&self.context.run_dir, &self.compacted)?;
        let counts = table.classes();
        let counts: Vec<usize> =
            self.classes.iter().map(|class| counts.get(class).copied().unwrap_or(0)).collect();
        let (mut who, mut values) = (Vec::new(), Vec::new());
        for (class, &count) in self.classes.iter().zip(&counts) {
            let how = Features::Grid(GRID);
            let (rows, own) = read_reduced(&table, class, count, Numbers::Latent, how)?;
            values.extend(own);
            let ClassRows { keys, shards, offsets, .. } = rows;
            let places = keys.into_iter().zip(shards).zip(offsets);
            who.extend(places.map(|((key, shard), offset)| Real { key, shard, offset }));
        }
        Ok(Side { images: by_class(values, who.len(), counts)?, who })
    }

    /// Generated images are known by their rank.
    fn generated(&self) -> Result<Side<u32>, StageError> {
        let (mut who, mut values, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for class in &self.classes {
            let files = generated_images(&self.context.run_dir, class)?;
            let path = encoded_path(&self.context.run_dir, class);
            let encoded = read_anchors(&path)?;
            let same = files.iter().map(|image| &image.name).eq(&encoded.keys);
            if !same {
                let message = format!(
                    "{}: the images of class {class:?} changed meanwhile; run the audit again",
                    path.display()
                );
                return Err(StageError::Other(message));
            }
            encoded.format.decode(&encoded.latents, &mut values);
            counts.push(files.len());
            who.extend(files.into_iter().map(|image| image.rank));
        }
        Ok(Side { images: by_class(values, who.len(), counts)?, who })
    }

    fn rows(&self, found: &Audit, real: &[Real], ranks: &[u32]) -> Vec<AuditRow> {
        let row = |neighbor: usize, near: &Neighbor, compared: &Comparison, rank: u32| {
            let who = real.get(near.row)?;
            Some(AuditRow {
                class: self.classes.get(compared.class)?.clone(),
                rank,
                neighbor: neighbor as u32,
                real_class: self.classes.get(near.class)?.clone(),
                key: who.key.clone(),
                shard: who.shard.clone(),
                offset: who.offset,
                distance: near.distance,
                ratio: compared.ratio,
                percentile: compared.percentile,
                flagged: compared.flagged,
            })
        };
        let each = found.compared.iter().zip(ranks).flat_map(|(compared, &rank)| {
            let nearest = compared.nearest.iter().enumerate().map(|(at, near)| (at + 1, near));
            let all = compared.same_class.iter().map(|near| (0, near)).chain(nearest);
            all.filter_map(move |(neighbor, near)| row(neighbor, near, compared, rank))
        });
        each.collect()
    }

    fn compare(&self) -> Result<(Vec<AuditRow>, Summary), StageError> {
        let (real, generated) = (self.real()?, self.generated()?);
        let settings = self.settings();
        let found = audit(&real.images, &generated.images, &settings).map_err(wrong)?;
        let rows = self.rows(&found, &real.who, &generated.who);
        let shape = (real.who.len(), real.images.features.cols());
        let mut summary = Summary::new(&found, &settings, &self.classes, shape);
        summary.flagged = flags(&rows);
        Ok((rows, summary))
    }
}

fn by_class(values: Vec<f32>, rows: usize, counts: Vec<usize>) -> Result<ByClass, StageError> {
    let features = Matrix::new(rows, values.len() / rows.max(1), values).map_err(wrong)?;
    Ok(ByClass { features, counts })
}

fn wrong(error: impl std::fmt::Display) -> StageError {
    StageError::Other(format!("generated and real images can't be compared: {error}"))
}

fn flags(rows: &[AuditRow]) -> Vec<Flag> {
    let nearest = rows.iter().filter(|row| row.flagged && row.neighbor == 1);
    let mut flags: Vec<Flag> = nearest
        .map(|row| Flag {
            class: row.class.clone(),
            rank: row.rank,
            key: row.key.clone(),
            shard: row.shard.clone(),
            distance: row.distance,
            ratio: row.ratio,
        })
        .collect();
    flags.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    flags
}

fn digests(receipts: &[Receipt]) -> Vec<Value> {
    let outputs = receipts.iter().flat_map(|receipt| &receipt.outputs);
    outputs.map(|output| json!([output.file, output.xxh3])).collect()
}

impl Stage for Copies {
    type Unit = ();
    type Error = StageError;

    fn name(&self) -> &'static str {
        "audit"
    }

    fn units(&self) -> Result<Vec<()>, StageError> {
        Ok(vec![()])
    }

    fn unit_name(&self, (): &()) -> String {
        "copies".into()
    }

    fn fingerprint(&self, (): &()) -> Result<Fingerprint, StageError> {
        let settings = self.settings();
        Ok(Fingerprint {
            settings: json!({
                "threshold": settings.threshold, "discover.neighbors": settings.search,
                "discover.min_recall": settings.index.recall_floor,
            }),
            inputs: json!({
                "classes": self.classes, "real": digests(&self.compacted),
                "generated": digests(&self.images), "neighbors": settings.neighbors,
                "sample": settings.sample, "cells": GRID, "levels": LEVELS,
            })
            .into(),
        })
    }

    fn concurrency(&self) -> usize {
        1
    }

    async fn process(&self, (): &(), scope: &Scope) -> Result<Done, StageError> {
        let own = Self {
            context: self.context.clone(),
            classes: self.classes.clone(),
            compacted: self.compacted.clone(),
            images: self.images.clone(),
            threshold: self.threshold,
        };
        let out = scope.clone();
        let task = tokio::task::spawn_blocking(move || {
            let (rows, summary) = own.compare()?;
            let run_dir = out.run_dir();
            out.record(write_audit(&run_dir.path(COPIES), run_dir.root(), &rows)?);
            let text = serde_json::to_vec_pretty(&summary).map_err(std::io::Error::from);
            let text = text.map_err(StoreError::io("write", &run_dir.path(SUMMARY)))?;
            out.write(SUMMARY, &text)?;
            Ok::<_, StageError>(summary)
        });
        let summary = task.await??;
        let samples = summary.images as u64;
        scope.tick(samples);
        Ok(Done { samples, log: summary.log, ..Done::default() })
    }
}
