//! Finds the stages that were made with other settings, from receipts alone: without planning them, which takes what the
//! stages before them leave.

use crate::engine::{StaleReason, StaleStage};
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::store::{Receipt, RunDir};
use serde_json::Value;
use std::collections::BTreeSet;

/// The stages of `stages` with receipts of other settings; the settings are named like pipeline keys.
///
/// # Errors
/// If a receipt can't be read.
pub(crate) fn changed_settings(
    context: &Context,
    stages: &[&'static str],
) -> Result<Vec<StaleStage>, StageError> {
    let run_dir = &context.run_dir;
    let settings = Settings::of(context)?;
    let mut changed = Vec::new();
    for &stage in stages {
        let (mut units, mut lines) = (0, BTreeSet::new());
        for receipt in run_dir.receipts(stage)?.values() {
            let differs = settings.changes_since(receipt);
            units += usize::from(!differs.is_empty());
            lines.extend(differs);
        }
        if units > 0 {
            let reasons = vec![StaleReason::Settings(lines.into_iter().collect())];
            changed.push(StaleStage { stage, units, reasons });
        }
    }
    Ok(changed)
}

/// The stages of `stages` that have results.
pub(crate) fn with_results(
    run_dir: &RunDir,
    stages: &[&'static str],
) -> Result<Vec<&'static str>, StageError> {
    let mut found = Vec::new();
    for &stage in stages {
        if !run_dir.receipt_names(stage)?.is_empty() {
            found.push(stage);
        }
    }
    Ok(found)
}

/// The current settings, and those settings of the last run that results depend on through the data.
struct Settings {
    today: Value,
    last_ipc: Value,
}

impl Settings {
    fn of(context: &Context) -> Result<Self, StageError> {
        let text = serde_json::to_string(&context.pipeline);
        // By way of text, as receipts came: a float is then read by the same rule.
        let today = text.and_then(|text| serde_json::from_str(&text));
        let today = today.map_err(|e| StageError::Other(format!("the settings: {e}")))?;
        let last = context.run_dir.record().unwrap_or_default().settings;
        Ok(Self { today, last_ipc: last["discover"]["ipc"].clone() })
    }

    fn changes_since(&self, receipt: &Receipt) -> Vec<String> {
        let Value::Object(before) = &receipt.settings else { return Vec::new() };
        let pairs = before.iter().filter_map(|(name, old)| {
            let (section, key) = name.split_once('.')?;
            let new = self.today.get(section)?.get(key)?;
            let old = match name.as_str() {
                // The receipt has what a class could give.
                "discover.ipc" => &self.last_ipc,
                _ => old,
            };
            (old != new).then(|| format!("{name}: {old} → {new}"))
        });
        pairs.collect()
    }
}
