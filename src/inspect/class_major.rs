//! The images of a run as `compact` left them, for what looks back at it.

use crate::pipeline::compact;
use crate::pipeline::error::StageError;
use crate::store::{Receipt, RunDir, StoreError};

/// The receipts of `compact`, which must hold every image that those of `encode` name.
///
/// # Errors
/// [`StoreError::Absent`] if they do not.
pub(crate) fn class_major(
    run_dir: &RunDir,
    encoded: &[Receipt],
) -> Result<Vec<Receipt>, StageError> {
    let receipts: Vec<Receipt> = run_dir.receipts(compact::INFO.name)?.into_values().collect();
    let images = |receipts: &[Receipt]| receipts.iter().map(|r| r.samples).sum::<u64>();
    let (there, all) = (images(&receipts), images(encoded));
    if there != all || all == 0 {
        let what = format!(
            "no class-major data of {} of {all} images in {run_dir}: continue the run first (coda-pipe run)",
            all.saturating_sub(there)
        );
        return Err(StoreError::Absent { what }.into());
    }
    Ok(receipts)
}
