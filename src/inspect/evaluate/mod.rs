//! `evaluate`: what a finished run's sets are worth to small classifiers on features, beside random real images.
//!
//! Stages like a run's, in folders below `evaluate/`: features of each shard, then the measures of each set. A call goes
//! on where the last one stopped; what it finds of other shards or features it replaces.

mod answer;
mod features;
mod image_set;
mod measure;
mod parts;
mod tables;

pub use answer::{Evaluation, MetricValue};

use crate::config::{ClassList, FeatureModel, Patterns};
use crate::engine::{FlowError, RunOptions, Stage, StageResult, plan_stage, run_stage};
use crate::inspect::class_major::class_major;
use crate::objects::without_secrets_in;
use crate::pipeline::assemble;
use crate::pipeline::context::Context;
use crate::pipeline::encode;
use crate::pipeline::encoded::Encoded;
use crate::pipeline::error::StageError;
use crate::run::driver::planning;
use crate::run::open_run::{require, state_of};
use crate::store::Receipt;
use answer::assemble;
use measure::Measure;
use parts::{HELD_OUT, Parts};
use std::sync::Arc;
use tables::Tables;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// Held-out shards.
    pub against: Patterns,
    /// The encoder of the features; left out, what the run's own search looked at.
    pub encoder: Option<FeatureModel>,
    /// Random draws of real images.
    pub seeds: usize,
}

/// Answers `question` about the run of `context`, and leaves the answer in `evaluate/evaluation.json`.
///
/// # Errors
/// If the run is not finished, or a shard, an image or the encoder can't be used; what was computed is kept.
pub async fn evaluate(
    context: Arc<Context>,
    options: &RunOptions<'_>,
    question: &Question,
) -> Result<Evaluation, FlowError<StageError>> {
    require(options.run_dir, assemble::INFO.name)?;
    let encoded: Vec<Receipt> =
        options.run_dir.receipts(encode::INFO.name)?.into_values().collect();
    let classes = classes(&context, &encoded).map_err(|e| planning("evaluate", e))?;
    let parts = Parts { context: &context, options, question, classes: &classes };
    let held_out = parts.held_out().await?;
    let left_out = parts.judge_faults(&held_out)?;
    let tables = Tables {
        held_out: parts.table(&held_out)?,
        distilled: parts.table(&parts.set("distilled").await?)?,
        cores: parts.table(&parts.set("cores").await?)?,
        training: match question.encoder {
            Some(_) => parts.table(&parts.training().await?)?,
            None => {
                let compacted = class_major(options.run_dir, &encoded);
                parts.class_major(&compacted.map_err(|e| planning("evaluate", e))?)?
            }
        },
        classes: classes.clone(),
    };
    let test_images = tables.held_out.images(&classes);
    if test_images == 0 {
        let message = "no image of the run's classes is in the held-out shards (--against)";
        return Err(planning(HELD_OUT, StageError::Other(message.into())));
    }
    let measure = Measure::new(tables, question.seeds);
    let measured = complete(&measure, options).await?;
    let (sets, whole) = assemble(options.run_dir, &measured.receipts, question.seeds)?;
    let answer = Evaluation {
        state: state_of(options.run_dir, assemble::INFO.name)?,
        features: parts.about(),
        against: question.against.patterns.iter().map(|p| without_secrets_in(p)).collect(),
        seeds: question.seeds,
        test_images,
        left_out,
        sets,
        whole,
    };
    let mut text = serde_json::to_vec_pretty(&answer)
        .map_err(|e| planning("evaluate", StageError::Other(e.to_string())))?;
    text.push(b'\n');
    options.run_dir.write("evaluate/evaluation.json", &text)?;
    Ok(answer)
}

/// The classes that were distilled, in order.
fn classes(context: &Context, encoded: &[Receipt]) -> Result<ClassList, StageError> {
    if let Some(list) = &context.classes {
        return Ok(list.clone());
    }
    Ok(Encoded::of(&context.run_dir, None, encoded)?.classes)
}

/// Plans `stage`, replaces what is of other settings or inputs, and does what is left.
pub(crate) async fn complete<S>(
    stage: &S,
    options: &RunOptions<'_>,
) -> Result<StageResult, FlowError<StageError>>
where
    S: Stage<Error = StageError>,
{
    let plan = plan_stage(stage, options.run_dir).map_err(|e| planning(stage.name(), e))?;
    if plan.stale() > 0 {
        let (name, units) = (stage.name(), plan.stale());
        options
            .progress
            .say(&format!("{name}: {units} units are of other shards or settings: replaced"));
    }
    run_stage(stage, plan, &RunOptions { force: true, ..options.clone() }).await
}
