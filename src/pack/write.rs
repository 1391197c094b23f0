//! Writing the shards of a plan, several at once.

use super::error::PackError;
use super::pattern::ShardPattern;
use super::plan::{PackPlan, PackSample};
use crate::shards::{SampleMember, ShardError, ShardWriter, WriterOptions};
use crate::store::{AtomicFile, StoreError, sweep_after_the_dead};
use crate::threads;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// What the user decides beside the plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Shards written at once; 0 for two a core, since they mostly wait for the disk.
    pub workers: usize,
    /// Files that may be unreadable or empty before packing fails.
    pub max_bad: usize,
    /// Replace shards of another plan.
    pub force: bool,
}

/// What progress is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A sample is done.
    Sample,
    /// A shard is whole.
    Shard,
}

/// A file that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// What was packed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Packed {
    /// Shards there are now.
    pub shards: usize,
    /// Those of them that an earlier run had finished.
    pub already_there: usize,
    /// Samples written by this run.
    pub samples: usize,
    /// Bytes of the shards written by this run.
    pub bytes: u64,
    /// Files left out by this run.
    pub skipped: Vec<Skipped>,
}

/// `NAME.pack.json`: which plan the shards beside it belong to.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    version: u32,
    plan: String,
    shards: usize,
    samples: usize,
}

/// Writes the shards of `plan` that aren't there yet, with `NAME.classes.txt` and `NAME.pack.json`
/// beside them. A shard is whole or absent; `hear` is told of progress.
///
/// # Errors
/// [`PackError::OtherPlan`], [`PackError::TooManyBad`], and whatever keeps a shard from being
/// written.
pub fn write_shards(
    plan: &PackPlan,
    pattern: &ShardPattern,
    options: &WriteOptions,
    hear: impl Fn(Step) + Sync,
) -> Result<Packed, PackError> {
    sweep_after_the_dead(pattern.folder())?;
    claim(plan, pattern, options)?;
    let workers = match options.workers {
        0 => 2 * threads::cores(),
        workers => workers.min(threads::most_workers()),
    };
    let packed = Mutex::new(Packed { shards: plan.shards.len(), ..Packed::default() });
    let work = Work { pattern, max_bad: options.max_bad, packed: &packed, hear: &hear };
    threads::with_pool(workers, || {
        plan.shards.par_iter().enumerate().try_for_each(|(number, shard)| work.shard(number, shard))
    })?;
    let mut packed = packed.into_inner().unwrap_or_default();
    packed.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(packed)
}

/// Writes the plan's record, unless shards of another are in the way.
fn claim(plan: &PackPlan, pattern: &ShardPattern, options: &WriteOptions) -> Result<(), PackError> {
    let path = pattern.beside(".pack.json");
    let (shards, samples) = (plan.shards.len(), plan.samples());
    let record = Record { version: 1, plan: plan.digest.clone(), shards, samples };
    let earlier: Option<Record> =
        std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let any = || (0..shards).any(|number| pattern.path(number).exists());
    if earlier.as_ref() != Some(&record) && any() {
        if !options.force {
            return Err(PackError::OtherPlan { path });
        }
        remove_old(pattern, shards.max(earlier.map_or(0, |earlier| earlier.shards)))?;
    }
    let classes: String = plan.classes.iter().map(|class| format!("{class}, {class}\n")).collect();
    write_whole(&pattern.beside(".classes.txt"), classes.as_bytes())?;
    let mut text = serde_json::to_vec_pretty(&record).unwrap_or_default();
    text.push(b'\n');
    write_whole(&path, &text)
}

fn remove_old(pattern: &ShardPattern, shards: usize) -> Result<(), PackError> {
    for path in (0..shards).map(|number| pattern.path(number)).filter(|path| path.exists()) {
        std::fs::remove_file(&path).map_err(PackError::io("remove", &path))?;
    }
    Ok(())
}

fn write_whole(path: &Path, content: &[u8]) -> Result<(), PackError> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(content).map_err(PackError::io("write", path))?;
    file.publish(path)?;
    Ok(())
}

/// What all workers share.
struct Work<'a, F> {
    pattern: &'a ShardPattern,
    max_bad: usize,
    packed: &'a Mutex<Packed>,
    hear: &'a F,
}

impl<F: Fn(Step) + Sync> Work<'_, F> {
    fn shard(&self, number: usize, samples: &[PackSample]) -> Result<(), PackError> {
        let path = self.pattern.path(number);
        self.shard_at(&path, samples).map_err(|error| match error {
            PackError::Shard(ShardError::Write(source)) => {
                StoreError::io("write", &path)(source).into()
            }
            other => other,
        })
    }

    fn shard_at(&self, path: &Path, samples: &[PackSample]) -> Result<(), PackError> {
        if path.exists() {
            samples.iter().for_each(|_| (self.hear)(Step::Sample));
            (self.hear)(Step::Shard);
            self.locked(|packed| packed.already_there += 1);
            return Ok(());
        }
        let mut writer = ShardWriter::new(AtomicFile::create(path)?, WriterOptions::default());
        let mut written = 0;
        for sample in samples {
            match read(&sample.path) {
                Ok(image) => {
                    let members = [
                        SampleMember::new(&sample.extension, image),
                        SampleMember::new("cls", sample.label.as_str()),
                    ];
                    writer.write_sample(&sample.key, &members)?;
                    written += 1;
                }
                Err(reason) => self.skip(sample, reason)?,
            }
            (self.hear)(Step::Sample);
        }
        let (file, _) = writer.finish()?;
        let bytes = file.publish(path)?.bytes;
        (self.hear)(Step::Shard);
        self.locked(|packed| {
            packed.samples += written;
            packed.bytes += bytes;
        });
        Ok(())
    }

    fn skip(&self, sample: &PackSample, reason: String) -> Result<(), PackError> {
        let path = sample.path.clone();
        let bad = self.locked(|packed| {
            packed.skipped.push(Skipped { path: path.clone(), reason: reason.clone() });
            packed.skipped.len()
        });
        if bad > self.max_bad {
            return Err(PackError::TooManyBad { path, reason, bad, allowed: self.max_bad });
        }
        Ok(())
    }

    fn locked<T>(&self, change: impl FnOnce(&mut Packed) -> T) -> T {
        change(&mut self.packed.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// The image's bytes as they are. An empty file is no image.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    match std::fs::read(path) {
        Ok(bytes) if bytes.is_empty() => Err("the file is empty".to_owned()),
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(error.to_string()),
    }
}
