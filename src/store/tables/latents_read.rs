//! Reading the encoded parts back, one class at a time.

use super::contents::FileContents;
use super::latent_format::PartFormat;
use super::latent_part::{ClassRows, Numbers, Part, Run};
use super::latent_source::Source;
use crate::store::{RunDir, StoreError};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// All parts of the encode stage. What a part holds is known from its receipt; it is brought and opened when rows of it
/// are read, and its footer alone is held then.
pub struct LatentTable {
    sources: Vec<Source>,
    /// Where parts are brought from that are not open.
    run_dir: Option<RunDir>,
    format: PartFormat,
    /// Where each class stands: parts in order.
    classes: BTreeMap<String, Vec<Stand>>,
}

/// A class's rows in one part.
#[derive(Debug, Clone, Copy)]
struct Stand {
    part: usize,
    first: usize,
    rows: usize,
}

/// What the part `name` holds, by its own metadata.
///
/// # Errors
/// If it can't be read, or is not ours.
pub fn part_contents(run_dir: &RunDir, name: &str) -> Result<FileContents, StoreError> {
    let part = Part::open(run_dir.open_ranged(name)?)?;
    let classes = part.runs()?.into_iter().map(|(class, _, rows)| (class, rows)).collect();
    Ok(FileContents { classes, format: part.format() })
}

impl LatentTable {
    /// Opens the parts at `paths`, in this order.
    ///
    /// # Errors
    /// If one can't be read, is not ours, or differs from the first in its latents' type or shape or in its features.
    pub fn open(paths: &[PathBuf]) -> Result<Self, StoreError> {
        let opened = paths.iter().map(|path| {
            let name = path.display().to_string();
            Source::open(path).map(|(source, runs)| (name, source, runs))
        });
        Self::from_sources(opened.collect::<Result<_, _>>()?, None)
    }

    /// The parts of these names in `run_dir`, in this order, by what their receipts say. Those of which they say nothing
    /// are brought and opened.
    ///
    /// # Errors
    /// As [`LatentTable::open`], of those that are opened.
    pub fn of_run(
        run_dir: &RunDir,
        parts: Vec<(String, Option<FileContents>)>,
    ) -> Result<Self, StoreError> {
        let unknown = parts.iter().filter(|(_, contents)| contents.is_none());
        run_dir.local_all(unknown.map(|(name, _)| name.as_str()))?;
        let sources = parts.into_iter().map(|(name, contents)| {
            let (source, runs) = match contents {
                Some(contents) => Source::described(name.clone(), contents),
                None => Source::open(&run_dir.local(&name)?)?,
            };
            Ok((name, source, runs))
        });
        let sources = sources.collect::<Result<_, StoreError>>()?;
        Self::from_sources(sources, Some(run_dir.clone()))
    }

    fn from_sources(
        parts: Vec<(String, Source, Vec<Run>)>,
        run_dir: Option<RunDir>,
    ) -> Result<Self, StoreError> {
        let mut classes: BTreeMap<String, Vec<Stand>> = BTreeMap::new();
        let (mut sources, mut format) = (Vec::with_capacity(parts.len()), None);
        for (part, (name, source, runs)) in parts.into_iter().enumerate() {
            let own = source.format();
            let known = *format.get_or_insert(own);
            if known != own {
                let message = format!("its latents are {own:?}, the other parts' {known:?}");
                return Err(StoreError::table(name.as_ref())(message));
            }
            for (class, first, rows) in runs {
                classes.entry(class).or_default().push(Stand { part, first, rows });
            }
            sources.push(source);
        }
        let none = || StoreError::Absent { what: "no encoded part: run the encode stage".into() };
        let format = format.ok_or_else(none)?;
        Ok(Self { sources, run_dir, format, classes })
    }

    /// What a latent looks like.
    pub fn format(&self) -> PartFormat {
        self.format
    }

    /// Classes and their number of samples, by class key.
    pub fn classes(&self) -> BTreeMap<String, usize> {
        let count = |stands: &Vec<Stand>| stands.iter().map(|stand| stand.rows).sum();
        self.classes.iter().map(|(class, stands)| (class.clone(), count(stands))).collect()
    }

    /// The parts that hold samples of `class`, by their place in the list that was opened.
    pub fn parts_of(&self, class: &str) -> impl Iterator<Item = usize> {
        self.stands(class).iter().map(|stand| stand.part)
    }

    fn stands(&self, class: &str) -> &[Stand] {
        self.classes.get(class).map_or(&[], Vec::as_slice)
    }

    /// Samples `range` of `class`, in encoding order.
    ///
    /// # Errors
    /// If a part can't be brought or read.
    pub fn read_range(
        &self,
        class: &str,
        range: Range<usize>,
        numbers: Numbers,
    ) -> Result<ClassRows, StoreError> {
        let (mut wanted, mut before) = (Vec::new(), 0);
        for stand in self.stands(class) {
            let (from, to) = (range.start.max(before), range.end.min(before + stand.rows));
            if from < to {
                let own = std::iter::once(from - before..to - before);
                wanted.push((*stand, own.collect()));
            }
            before += stand.rows;
        }
        self.read(&wanted, numbers)
    }

    /// Single samples of `class` with their numbers: `wanted` are rows as [`LatentTable::read_range`] numbers them, in any order; the
    /// answer is in that order. Only the pages that hold them are read, and only the parts that do are brought.
    ///
    /// # Errors
    /// If a part can't be brought or read, or a row does not exist.
    pub fn read_rows(
        &self,
        class: &str,
        wanted: &[usize],
        numbers: Numbers,
    ) -> Result<ClassRows, StoreError> {
        let mut sorted: Vec<usize> = wanted.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let (mut places, mut before, mut left) = (Vec::new(), 0, sorted.as_slice());
        for stand in self.stands(class) {
            let (own, others) =
                left.split_at(left.partition_point(|row| *row < before + stand.rows));
            if !own.is_empty() {
                places
                    .push((*stand, own.iter().map(|row| row - before..row - before + 1).collect()));
            }
            (before, left) = (before + stand.rows, others);
        }
        let rows = self.read(&places, numbers)?;
        self.in_order((class, numbers), rows, &sorted, wanted)
    }

    fn read(
        &self,
        wanted: &[(Stand, Vec<Range<usize>>)],
        numbers: Numbers,
    ) -> Result<ClassRows, StoreError> {
        let parts = self.at_hand(wanted.iter().map(|(stand, _)| stand.part))?;
        let mut rows = ClassRows::default();
        for (part, (stand, ranges)) in parts.iter().zip(wanted) {
            part.read(stand.first, ranges, numbers, &mut rows)?;
        }
        Ok(rows)
    }

    /// These parts, opened; several are brought at once.
    fn at_hand(
        &self,
        parts: impl Iterator<Item = usize> + Clone,
    ) -> Result<Vec<Arc<Part>>, StoreError> {
        let sources = || parts.clone().filter_map(|part| self.sources.get(part));
        if let Some(run_dir) = self.run_dir.as_ref().filter(|run_dir| run_dir.is_remote()) {
            let closed: Vec<&Source> = sources().filter(|source| !source.is_open()).collect();
            crate::store::parallel::for_each(&closed, |source| {
                source.part(Some(run_dir)).map(drop)
            })?;
        }
        sources().map(|source| source.part(self.run_dir.as_ref())).collect()
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
