//! The parts that `encode` and its like left, by their receipts.

use crate::store::tables::{LatentTable, PartContents};
use crate::store::{Receipt, RunDir, StoreError};

/// The parts of these receipts, in their order. No part is downloaded or opened before its rows are read, unless its receipt
/// is of a version that did not say what is in it.
pub(crate) fn open_parts<'a>(
    run_dir: &RunDir,
    receipts: impl IntoIterator<Item = &'a Receipt>,
) -> Result<LatentTable, StoreError> {
    let parts = receipts.into_iter().flat_map(|receipt| {
        let one = receipt.outputs.len() == 1;
        receipt.outputs.iter().map(move |output| {
            let contents = if one { PartContents::from_receipt(&receipt.contents) } else { None };
            (output.file.clone(), contents)
        })
    });
    LatentTable::of_run(run_dir, parts.collect())
}
