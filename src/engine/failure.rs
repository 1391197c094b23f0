//! The errors of a stage and their messages.

use super::cancel::Cancelled;
use super::plan::StaleReason;
use crate::store::StoreError;
use std::collections::BTreeSet;

/// The error of a stage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError<E: std::error::Error + 'static> {
    /// The run was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The run directory could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stage's units could not be listed.
    #[error("{stage}: {source}")]
    Planning {
        /// The stage.
        stage: &'static str,
        /// The cause.
        source: Box<E>,
    },
    /// Units failed; the other units are done.
    #[error("{}", failed(stage, *units, failures))]
    Units {
        /// The stage.
        stage: &'static str,
        /// The number of units.
        units: usize,
        /// The failed units, by name.
        failures: Vec<UnitFailure<E>>,
    },
    /// The next stage needs units of other workers that are not done.
    #[error("{}", incomplete(stage, *units, missing))]
    Incomplete {
        /// The stage.
        stage: &'static str,
        /// The number of units.
        units: usize,
        /// The units that are not done, each with the worker that has claimed it.
        missing: Vec<String>,
    },
    /// Earlier outputs were made with other settings or inputs.
    #[error("{}", stale(stages, after))]
    Stale {
        /// The stages concerned, in order.
        stages: Vec<StaleStage>,
        /// Stages of this run that depend on them and have results.
        after: Vec<&'static str>,
    },
}

/// A unit that failed.
#[derive(Debug)]
pub struct UnitFailure<E> {
    /// `stage/name`.
    pub unit: String,
    /// The shard or images of the unit; may be empty.
    pub about: String,
    /// The cause.
    pub error: E,
}

/// A stage with outputs of other settings or inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleStage {
    /// The stage.
    pub stage: &'static str,
    /// Units concerned.
    pub units: usize,
    /// Why, each reason once.
    pub reasons: Vec<StaleReason>,
}

fn failed<E: std::error::Error>(stage: &str, units: usize, failures: &[UnitFailure<E>]) -> String {
    let mut text = format!("{stage}: {} of {units} units failed:", failures.len());
    let mut shown = Vec::new();
    for UnitFailure { unit, about, error } in failures {
        let error = error.to_string();
        // One cause often fails many units; the message shows each cause once.
        if !shown.contains(&error) && shown.len() < 10 {
            let about = if about.is_empty() { String::new() } else { format!(" ({about})") };
            text.push_str(&format!("\n  {unit}{about}: {error}"));
            shown.push(error);
        }
    }
    if failures.len() > shown.len() {
        text.push_str(&format!("\n  … and {} more, in events.jsonl", failures.len() - shown.len()));
    }
    text.push_str("\nfinished units are kept: fix the cause and run the same command again");
    text
}

fn incomplete(stage: &str, units: usize, missing: &[String]) -> String {
    let mut text = format!("{stage}: {} of {units} units are not done yet:", missing.len());
    missing.iter().take(10).for_each(|unit| text.push_str(&format!("\n  {unit}")));
    if missing.len() > 10 {
        text.push_str(&format!("\n  … and {} more", missing.len() - 10));
    }
    text.push_str("\nrun the same command again when the other workers have finished these units");
    text
}

impl std::fmt::Display for StaleStage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stage, units, reasons } = self;
        write!(f, "{stage}: {units} units")?;
        for reason in reasons {
            match reason {
                StaleReason::Settings(changes) => {
                    changes.iter().try_for_each(|change| write!(f, "\n  {change}"))?;
                }
                StaleReason::Inputs(names) if names.is_empty() => f.write_str(
                    "\n  an input changed (a shard, the model, or an earlier stage), or an earlier version of this \
                     program made the results by another computation",
                )?,
                StaleReason::Inputs(names) => {
                    let inputs: BTreeSet<String> = names.iter().map(|name| input(name)).collect();
                    inputs.iter().try_for_each(|input| write!(f, "\n  {input}"))?;
                }
                StaleReason::Orphan => f.write_str("\n  units that this pipeline no longer has")?,
            }
        }
        Ok(())
    }
}

/// An input of a fingerprint, by the setting that names it where there is one.
fn input(name: &str) -> String {
    match name {
        "model" => "model.path: the content or names of the model's files changed".to_owned(),
        "refiner" => {
            "model.refiner: the content or names of the refiner's files changed".to_owned()
        }
        "shard" | "bytes" | "modified" => {
            "data.shards: the name, size or modification time of a shard changed".to_owned()
        }
        "classes" => "data.classes: the classes changed".to_owned(),
        "images" => "the classes, prompts or anchors of these images changed".to_owned(),
        other => format!("the output of an earlier stage changed ({other})"),
    }
}

fn stale(stages: &[StaleStage], after: &[&str]) -> String {
    let mut text =
        "these results were made from other settings or inputs than the current ones:".to_owned();
    stages.iter().for_each(|stage| text.push_str(&format!("\n{stage}")));
    text.push_str("\nAdd --force to redo them");
    if !after.is_empty() {
        let after = after.join(", ");
        text.push_str(&format!(" (and the results of {after} that depend on changed files)"));
    }
    text.push_str(", or --run-dir to keep both results");
    text
}
