//! How a stage can fail, in words.

use super::cancel::Cancelled;
use super::plan::StaleReason;
use crate::store::StoreError;
use std::collections::BTreeSet;

/// A stage that did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError<E: std::error::Error + 'static> {
    /// It was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The run directory could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its units could not be listed.
    #[error("{stage}: {source}")]
    Planning {
        /// The stage.
        stage: &'static str,
        /// The cause.
        source: Box<E>,
    },
    /// Units failed; the others are done.
    #[error("{}", failed(stage, *units, failures))]
    Units {
        /// The stage.
        stage: &'static str,
        /// Units it has.
        units: usize,
        /// Those that failed, by name.
        failures: Vec<UnitFailure<E>>,
    },
    /// What comes next needs units that are other workers', and they have not done them.
    #[error("{}", incomplete(stage, *units, missing))]
    Incomplete {
        /// The stage.
        stage: &'static str,
        /// Units it has.
        units: usize,
        /// Those that are not done, by name, with what is known of each.
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
    /// What a person calls it: the shard, the images; may be empty.
    pub about: String,
    /// Why.
    pub error: E,
}

/// A stage with outputs of other settings or inputs than today's.
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
    let mut said = Vec::new();
    for UnitFailure { unit, about, error } in failures {
        let error = error.to_string();
        // One cause often fails many units: it is said once.
        if !said.contains(&error) && said.len() < 10 {
            let about = if about.is_empty() { String::new() } else { format!(" ({about})") };
            text.push_str(&format!("\n  {unit}{about}: {error}"));
            said.push(error);
        }
    }
    if failures.len() > said.len() {
        text.push_str(&format!("\n  … and {} more, in events.jsonl", failures.len() - said.len()));
    }
    text.push_str("\nwhat was done is kept: mend the cause and run the same command again");
    text
}

fn incomplete(stage: &str, units: usize, missing: &[String]) -> String {
    let mut text = format!("{stage}: {} of {units} units are not done yet:", missing.len());
    missing.iter().take(10).for_each(|unit| text.push_str(&format!("\n  {unit}")));
    if missing.len() > 10 {
        text.push_str(&format!("\n  … and {} more", missing.len() - 10));
    }
    text.push_str("\nrun the same command again when the other workers have gone on");
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
                     program made it, which computed it otherwise",
                )?,
                StaleReason::Inputs(names) => {
                    let said: BTreeSet<String> = names.iter().map(|name| input(name)).collect();
                    said.iter().try_for_each(|input| write!(f, "\n  {input}"))?;
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
        "model" => "model.path: the model's files have other content or names".to_owned(),
        "refiner" => "model.refiner: the refiner's files have other content or names".to_owned(),
        "shard" | "bytes" | "modified" => {
            "data.shards: a shard has another name, size or modification time".to_owned()
        }
        "classes" => "data.classes: the classes are others".to_owned(),
        "images" => {
            "the classes, their prompts or the anchors of these images are others".to_owned()
        }
        other => format!("an earlier stage left something else ({other})"),
    }
}

fn stale(stages: &[StaleStage], after: &[&str]) -> String {
    let mut text = "made from other settings or inputs than today's:".to_owned();
    stages.iter().for_each(|stage| text.push_str(&format!("\n{stage}")));
    text.push_str("\nAdd --force to redo them");
    if !after.is_empty() {
        let after = after.join(", ");
        text.push_str(&format!(" (and of {after} what depends on bytes that come out otherwise)"));
    }
    text.push_str(", or --run-dir to keep both");
    text
}
