//! Reading the encoded parts back, one class at a time.

use super::latent_format::PartFormat;
use super::latent_part::{ClassRows, Numbers, Part};
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All parts of the encode stage, opened once: only their footers are held.
pub struct LatentTable {
    parts: Vec<Part>,
    format: PartFormat,
}

impl LatentTable {
    /// Opens the parts at `paths`, in this order.
    ///
    /// # Errors
    /// If one can't be read, is not ours, or differs from the first in its latents' type or shape or in its features.
    pub fn open(paths: &[PathBuf]) -> Result<Self, StoreError> {
        let mut format = None;
        let mut parts = Vec::with_capacity(paths.len());
        for path in paths {
            let (part, own) = Part::open(path)?;
            let known = *format.get_or_insert(own);
            if known != own {
                let message = format!("its latents are {own:?}, the other parts' {known:?}");
                return Err(StoreError::table(path)(message));
            }
            parts.push(part);
        }
        let none = || StoreError::Absent { what: "no encoded part: run the encode stage".into() };
        let format = format.ok_or_else(none)?;
        Ok(Self { parts, format })
    }

    /// What a latent looks like.
    pub fn format(&self) -> PartFormat {
        self.format
    }

    /// Classes and their number of samples, by class key.
    pub fn classes(&self) -> BTreeMap<String, usize> {
        let mut classes = BTreeMap::new();
        for (class, (_, rows)) in self.parts.iter().flat_map(|p| &p.runs) {
            *classes.entry(class.clone()).or_default() += rows;
        }
        classes
    }

    /// The parts that hold samples of `class`, by their place in the list that was opened.
    pub fn parts_of(&self, class: &str) -> Vec<usize> {
        let holds = |(_, part): &(usize, &Part)| part.runs.contains_key(class);
        self.parts.iter().enumerate().filter(holds).map(|(place, _)| place).collect()
    }

    /// Samples `range` of `class`, in encoding order.
    ///
    /// # Errors
    /// If a part can't be read.
    pub fn read_range(
        &self,
        class: &str,
        range: std::ops::Range<usize>,
        numbers: Numbers,
    ) -> Result<ClassRows, StoreError> {
        let mut rows = ClassRows::default();
        let mut before = 0;
        for part in &self.parts {
            let Some(&(first, count)) = part.runs.get(class) else { continue };
            let (from, to) = (range.start.max(before), range.end.min(before + count));
            if from < to {
                let own = from - before..to - before;
                let format = (self.format, numbers);
                part.read(first, std::slice::from_ref(&own), format, &mut rows)?;
            }
            before += count;
        }
        Ok(rows)
    }

    /// Single samples of `class` with their numbers: `wanted` are rows as [`LatentTable::read_range`] numbers them, in any order; the
    /// answer is in that order. Only the pages that hold them are read.
    ///
    /// # Errors
    /// If a part can't be read or a row does not exist.
    pub fn read_rows(
        &self,
        class: &str,
        wanted: &[usize],
        numbers: Numbers,
    ) -> Result<ClassRows, StoreError> {
        let mut sorted: Vec<usize> = wanted.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let mut rows = ClassRows::default();
        let mut before = 0;
        for part in &self.parts {
            let Some(&(first, count)) = part.runs.get(class) else { continue };
            let own: Vec<_> = sorted
                .iter()
                .filter(|&&row| row >= before && row < before + count)
                .map(|&row| row - before..row - before + 1)
                .collect();
            if !own.is_empty() {
                part.read(first, &own, (self.format, numbers), &mut rows)?;
            }
            before += count;
        }
        self.in_order((class, numbers), rows, &sorted, wanted)
    }

    fn in_order(
        &self,
        (class, numbers): (&str, Numbers),
        rows: ClassRows,
        sorted: &[usize],
        wanted: &[usize],
    ) -> Result<ClassRows, StoreError> {
        let values = numbers.count(self.format);
        let mut ordered = ClassRows::default();
        for row in wanted {
            let at = sorted.binary_search(row).ok().filter(|&at| at < rows.keys.len());
            let at = at.ok_or_else(|| StoreError::Absent {
                what: format!("no row {row} of class {class:?} in the encoded parts: delete discover/ and run again"),
            })?;
            ordered.keys.push(rows.keys[at].clone());
            ordered.shards.push(rows.shards[at].clone());
            ordered.offsets.push(rows.offsets[at]);
            ordered.values.extend(&rows.values[at * values..(at + 1) * values]);
        }
        Ok(ordered)
    }
}

#[cfg(test)]
#[path = "latents_read_tests.rs"]
mod tests;
