//! A part that is brought and opened when its rows are first read, and not before.

use super::contents::FileContents;
use super::latent_format::PartFormat;
use super::latent_part::{Part, Run};
use crate::store::{Ranged, RunDir, StoreError};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use xxhash_rust::xxh3::Xxh3;

const OTHER: &str = "it holds other images than its receipt says: delete both and run again, or see `coda-pipe verify`";

pub(super) struct Source {
    /// Below the run directory, where that is known.
    name: String,
    format: PartFormat,
    /// A digest of what its receipt says of its classes.
    expected: u64,
    opened: Mutex<Option<Arc<Part>>>,
}

impl Source {
    /// A part of which its receipt tells all but the rows themselves; and where each class stands in it.
    pub(super) fn described(name: String, contents: FileContents) -> (Self, Vec<Run>) {
        let format = contents.format;
        let mut first = 0usize;
        let mut runs = Vec::with_capacity(contents.classes.len());
        for (class, rows) in contents.classes {
            runs.push((class, first, rows));
            first = first.saturating_add(rows);
        }
        let (expected, opened) = (digest(&runs), Mutex::default());
        (Self { name, format, expected, opened }, runs)
    }

    /// The part at `path`, opened.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Run>), StoreError> {
        let part = Part::open(Ranged::local(path)?)?;
        let runs = part.runs()?;
        let (format, expected) = (part.format(), digest(&runs));
        let opened = Mutex::new(Some(Arc::new(part)));
        Ok((Self { name: String::new(), format, expected, opened }, runs))
    }

    /// What its images' numbers look like.
    pub(super) fn format(&self) -> PartFormat {
        self.format
    }

    /// Whether it has been brought and opened.
    pub(super) fn is_open(&self) -> bool {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The part, brought and opened if it was not; whoever else wants it meanwhile waits for that.
    pub(super) fn part(&self, run_dir: Option<&RunDir>) -> Result<Arc<Part>, StoreError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = &*opened {
            return Ok(part.clone());
        }
        let lost = || StoreError::Absent { what: format!("no encoded part {}", self.name) };
        let part = Part::open(run_dir.ok_or_else(lost)?.open_ranged(&self.name)?)?;
        if part.format() != self.format || digest(&part.runs()?) != self.expected {
            return Err(StoreError::table(part.path())(OTHER));
        }
        Ok(opened.insert(Arc::new(part)).clone())
    }
}

fn digest(runs: &[Run]) -> u64 {
    let mut hash = Xxh3::new();
    for (class, first, rows) in runs {
        hash.update(class.as_bytes());
        hash.update(&[0]);
        hash.update(&(*first as u64).to_le_bytes());
        hash.update(&(*rows as u64).to_le_bytes());
    }
    hash.digest()
}
