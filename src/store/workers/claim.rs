//! Claims: which worker is working on a unit. `STAGE/UNIT.claim` holds the worker's name.
//!
//! They save work, no more: two workers on one unit write the same bytes, so a claim that is lost or taken wrongly costs
//! time and nothing else.

use crate::store::backend::Depth;
use crate::store::error::StoreError;
use crate::store::run_dir::RunDir;
use std::collections::BTreeMap;

/// Ending of claims' names.
pub(in crate::store) const CLAIM: &str = ".claim";

pub(super) fn claim_name(unit: &str) -> String {
    format!("{unit}{CLAIM}")
}

/// Whom a claim names.
pub(super) fn claimant(text: &[u8]) -> String {
    String::from_utf8_lossy(text).trim().to_owned()
}

/// What was found in a stage's folder.
#[derive(Debug, Default)]
pub struct StageSnapshot {
    /// Units with a receipt, as `stage/name`.
    pub receipts: Vec<String>,
    /// Units with a claim.
    pub claims: Vec<String>,
}

impl RunDir {
    /// Receipts and claims of a stage, by one look at its folder.
    ///
    /// # Errors
    /// If it can't be listed.
    pub fn snapshot(&self, stage: &str) -> Result<StageSnapshot, StoreError> {
        let mut found = StageSnapshot::default();
        for name in self.backend().list(stage, Depth::Folder)? {
            let of = |ending: &str| name.strip_suffix(ending).map(str::to_owned);
            found.receipts.extend(of(crate::store::run_dir::RECEIPT));
            found.claims.extend(of(CLAIM));
        }
        Ok(found)
    }

    /// Who claims `unit`, if anyone.
    pub(super) fn claimant(&self, unit: &str) -> Result<Option<String>, StoreError> {
        let text = self.backend().read(&claim_name(unit))?;
        Ok(text.map(|text| claimant(&text)))
    }

    /// Units of `stage` that are under way, with who claims them.
    ///
    /// # Errors
    /// If the claims can't be read.
    pub fn claims(&self, stage: &str) -> Result<BTreeMap<String, String>, StoreError> {
        let units = self.snapshot(stage)?.claims;
        let names: Vec<String> = units.iter().map(|unit| claim_name(unit)).collect();
        let texts = self.backend().read_many(&names)?;
        let claims = units.into_iter().zip(texts);
        Ok(claims.filter_map(|(unit, text)| Some((unit, claimant(&text?)))).collect())
    }
}
