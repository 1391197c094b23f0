//! `purity`: which images mostly have neighbours of another label. One unit, over all classes; none where it is off.

mod cost;
use super::context::Context;
use super::error::StageError;
use super::info::{ModelUse, StageInfo, no_check};
use super::latents::{Latents, PURITY};
use super::stage::RunStage;
use super::state::{Receipts, RunState};
use crate::config::Features;
use crate::discovery::purity::{Purity as Measured, purity};
use crate::discovery::{DiscoveryError, HnswSettings, Matrix};
use crate::engine::{Done, Fingerprint, Input, Scope, Stage};
use crate::slurm;
use crate::store::Written;
use crate::store::tables::{PurityRow, write_purity};
use serde_json::json;
use std::sync::Arc;

/// Cells a side that latents are averaged over: coarse, since all classes are in memory at once.
const GRID: usize = 8;

/// The stage.
pub struct Purity {
    context: Arc<Context>,
    latents: Arc<Latents>,
}

impl Purity {
    pub(crate) fn new(context: Arc<Context>, latents: Arc<Latents>) -> Self {
        Self { context, latents }
    }
}

/// What the stage declares.
pub(crate) static INFO: StageInfo = StageInfo {
    name: "purity",
    unit: "label check",
    folders: &[],
    views: &[],
    model: ModelUse::Nothing,
    optional: true,
    leaves_out: false,
    job: &slurm::DISCOVER,
    check: no_check,
    cost: &cost::COST,
};

impl RunStage for Purity {
    const INFO: &'static StageInfo = &INFO;

    fn open(run: &mut RunState<'_>) -> Result<Self, StageError> {
        Ok(Self::new(run.context.clone(), run.latents()?))
    }

    fn finish(&self, run: &mut RunState<'_>, receipts: &Receipts) -> Result<(), StageError> {
        if !receipts.is_empty() {
            let kept = self.latents.without_impure(&self.context)?;
            run.findings.impure = self.latents.total().saturating_sub(kept.total());
            run.set_latents(kept);
        }
        Ok(())
    }
}

impl Stage for Purity {
    type Unit = ();
    type Error = StageError;

    fn name(&self) -> &'static str {
        INFO.name
    }

    fn units(&self) -> Result<Vec<()>, StageError> {
        let on = self.context.pipeline.discover.min_label_purity > 0.0;
        Ok(if on { vec![()] } else { Vec::new() })
    }

    fn unit_name(&self, (): &()) -> String {
        INFO.name.into()
    }

    fn fingerprint(&self, (): &()) -> Result<Fingerprint, StageError> {
        let d = &self.context.pipeline.discover;
        let classes = self.latents.classes.classes().iter();
        let inputs = classes
            .map(|c| Input::List(vec![c.key.clone().into(), self.latents.digest_of(&c.key)]))
            .collect();
        Ok(Fingerprint {
            settings: json!({
                "discover.min_label_purity": d.min_label_purity, "discover.neighbors": d.neighbors,
                "discover.min_recall": d.min_recall,
                "features": self.context.pipeline.features.model.is_some(),
            }),
            inputs: Input::Object(vec![("classes", Input::List(inputs))]),
        })
    }

    fn concurrency(&self) -> usize {
        1
    }

    async fn process(&self, (): &(), scope: &Scope) -> Result<Done, StageError> {
        let (context, latents) = (self.context.clone(), self.latents.clone());
        let task = tokio::task::spawn_blocking(move || measure(&context, &latents));
        let (written, samples, log) = task.await??;
        scope.record(written);
        scope.tick(samples);
        Ok(Done { samples, log, ..Done::default() })
    }
}

fn measure(
    context: &Context,
    latents: &Latents,
) -> Result<(Written, u64, Vec<String>), StageError> {
    let d = &context.pipeline.discover;
    let (mut rows, mut labels, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (label, class) in (0u32..).zip(latents.classes.classes()) {
        let found = latents.features_by(context, &class.key, Features::Grid(GRID))?;
        for (i, row) in found.numbers.iter().enumerate() {
            rows.push(PurityRow {
                class: class.key.clone(),
                row: *row as u64,
                key: found.rows.keys[i].clone(),
                shard: found.rows.shards[i].clone(),
                purity: 1.0,
                kept: true,
            });
            labels.push(label);
        }
        values.extend(found.features.into_values());
    }
    let index = HnswSettings { recall_floor: d.min_recall, ..HnswSettings::default() };
    let features = Matrix::new(rows.len(), values.len() / rows.len().max(1), values);
    let measured = features
        .map_err(DiscoveryError::from)
        .and_then(|f| purity(&f, &labels, d.neighbors, &index));
    let Measured { shares, mut log } = measured
        .map_err(|error| StageError::Other(format!("the labels can't be checked: {error}")))?;
    for (row, share) in rows.iter_mut().zip(shares) {
        (row.purity, row.kept) = (share, f64::from(share) >= d.min_label_purity);
    }
    let dropped = rows.iter().filter(|row| !row.kept).count();
    log.push(format!(
        "{dropped} of {} images left out: most of their neighbours have another label",
        rows.len()
    ));
    // Rows stand class by class.
    for of in rows.chunk_by(|a, b| a.class == b.class) {
        let out = of.iter().filter(|row| !row.kept).count();
        if out > 0 {
            log.push(format!("{}: {out} of {}", of[0].class, of.len()));
        }
    }
    let run_dir = &context.run_dir;
    let written = write_purity(&run_dir.path(PURITY), run_dir.root(), &rows)?;
    Ok((written, (rows.len() - dropped) as u64, log))
}
