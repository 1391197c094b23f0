//! The audit as a whole: both halves over what a run has left.

use super::images::AuditImages;
use super::{Copies, SUMMARY};
use crate::engine::{FlowError, RunOptions, plan_stage, run_stage};
use crate::inspect::class_major::class_major;
use crate::pipeline::context::Context;
use crate::pipeline::encode;
use crate::pipeline::encoded::Encoded;
use crate::pipeline::error::StageError;
use crate::run::driver::planning;
use crate::similarity::Summary;
use crate::store::{Receipt, RunDir, StoreError};
use std::sync::Arc;

/// Compares every generated image of the run directory with all real ones; what was done before and still holds is
/// left alone. Images nearer to a real one than `threshold` × the median spacing of its class are flagged.
///
/// # Errors
/// If nothing is encoded or generated yet, or something can't be read, encoded or written.
pub async fn audit(
    context: Arc<Context>,
    options: &RunOptions<'_>,
    threshold: f64,
) -> Result<Summary, FlowError<StageError>> {
    // Stale audit results are redone without asking.
    let options = RunOptions { force: true, ..options.clone() };
    let failed = |error| planning("audit", error);
    let encoded: Vec<Receipt> =
        context.run_dir.receipts(encode::INFO.name)?.into_values().collect();
    let classes = classes(&context, &encoded).map_err(failed)?;
    let images = AuditImages::new(context.clone(), classes.clone()).map_err(failed)?;
    let planned = plan_stage(&images, &context.run_dir).map_err(failed)?;
    let images: Vec<Receipt> =
        run_stage(&images, planned, &options).await?.receipts.into_values().collect();
    if images.iter().all(|receipt| receipt.samples == 0) {
        let root = context.run_dir.root().display();
        let message = format!("no generated image in {root}/generate: finish the run first");
        return Err(failed(StageError::Other(message)));
    }
    let run_dir = context.run_dir.clone();
    let compacted = class_major(&run_dir, &encoded).map_err(failed)?;
    let copies = Copies { context, classes, threshold, compacted, images };
    let planned = plan_stage(&copies, &run_dir).map_err(failed)?;
    run_stage(&copies, planned, &options).await?;
    Ok(read_summary(&run_dir).map_err(failed)?.unwrap_or_default())
}

/// The classes to look at, in order.
pub(crate) fn classes(context: &Context, encoded: &[Receipt]) -> Result<Vec<String>, StageError> {
    if let Some(list) = &context.classes {
        return Ok(list.classes().iter().map(|class| class.key.clone()).collect());
    }
    Ok(Encoded::of(&context.run_dir, None, encoded)?.by_key().into_keys().collect())
}

/// The threshold of the last audit, if there was one that can be read.
pub fn audit_threshold(run_dir: &RunDir) -> Option<f64> {
    read_summary(run_dir).ok().flatten().map(|summary| summary.threshold)
}

/// What the last audit found, if there was one.
///
/// # Errors
/// If it can't be read.
pub(crate) fn read_summary(run_dir: &RunDir) -> Result<Option<Summary>, StageError> {
    let path = run_dir.path(SUMMARY);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io("read", &path)(e).into()),
    };
    let summary = serde_json::from_slice(&text)
        .map_err(|e| StoreError::Malformed { path, message: e.to_string() })?;
    Ok(Some(summary))
}
