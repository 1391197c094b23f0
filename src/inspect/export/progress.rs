//! How far a run has come, for who wants the end of it.

use super::error::ExportError;
use crate::pipeline::{STAGES, assemble};
use crate::store::{Receipt, RunDir};
use std::collections::BTreeMap;

/// Requires that all that `assemble` is to leave is there; `receipts` are its own.
///
/// # Errors
/// [`ExportError::Unfinished`], which says what is missing.
pub(super) fn require_whole(
    run_dir: &RunDir,
    receipts: &BTreeMap<String, Receipt>,
) -> Result<(), ExportError> {
    let record = run_dir.record().map_err(ExportError::Run)?;
    let done = run_dir.with_outputs(receipts.values()).map_err(ExportError::Run)?.len() as u64;
    let units = |stage: &str| record.stages.get(stage).map(|stage| stage.units);
    if done > 0 && units(assemble::INFO.name) == Some(done) {
        return Ok(());
    }
    let mut missing = Vec::new();
    for stage in STAGES {
        let Some(units) = units(stage.name) else { continue };
        let receipts = run_dir.receipts(stage.name).map_err(ExportError::Run)?;
        let done = run_dir.with_outputs(receipts.values()).map_err(ExportError::Run)?.len() as u64;
        if done < units {
            missing.push(format!(
                "{} of {units} units of {} are missing",
                units - done,
                stage.name
            ));
        }
    }
    let begun =
        |stage: &&&crate::pipeline::info::StageInfo| units(stage.name).is_none() && !stage.optional;
    let later: Vec<&str> = STAGES.iter().filter(begun).map(|stage| stage.name).collect();
    match later.as_slice() {
        [] => {}
        [one] => missing.push(format!("{one} was not begun")),
        many => missing.push(format!("{} were not begun", many.join(", "))),
    }
    if missing.is_empty() {
        missing.push("its tars are of other settings than those of its last stage".to_owned());
    }
    Err(ExportError::Unfinished { run: run_dir.to_string(), missing: missing.join("; ") })
}
