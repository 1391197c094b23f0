//! How a stage can fail, in words.

use super::cancel::Cancelled;
use super::plan::StaleReason;
use crate::store::StoreError;

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
        failures: Vec<(String, E)>,
    },
    /// Earlier outputs were made with other settings or inputs.
    #[error("{}", stale(stage, *units, reasons))]
    Stale {
        /// The stage.
        stage: &'static str,
        /// Units concerned.
        units: usize,
        /// Why, each reason once.
        reasons: Vec<StaleReason>,
    },
}

fn failed<E: std::error::Error>(stage: &str, units: usize, failures: &[(String, E)]) -> String {
    let mut text = format!("{stage}: {} of {units} units failed:", failures.len());
    let mut said = Vec::new();
    for (unit, error) in failures {
        let error = error.to_string();
        // One cause often fails many units: it is said once.
        if !said.contains(&error) && said.len() < 10 {
            text.push_str(&format!("\n  {unit}: {error}"));
            said.push(error);
        }
    }
    if failures.len() > said.len() {
        text.push_str(&format!("\n  … and {} more, in events.jsonl", failures.len() - said.len()));
    }
    text.push_str("\nwhat was done is kept: mend the cause and run the same command again");
    text
}

fn stale(stage: &str, units: usize, reasons: &[StaleReason]) -> String {
    let mut text =
        format!("{stage}: {units} units were made from other settings or inputs than today's:");
    for reason in reasons {
        match reason {
            StaleReason::Settings(changes) => {
                changes.iter().for_each(|change| text.push_str(&format!("\n  {change}")));
            }
            StaleReason::Inputs => {
                text.push_str("\n  an input changed (a shard, the model, or an earlier stage)")
            }
            StaleReason::Orphan => text.push_str("\n  units that this pipeline no longer has"),
        }
    }
    text.push_str(&format!(
        "\n{stage} and every stage after it would be redone. Add --force to do that, \
         or --run-dir to keep both"
    ));
    text
}
