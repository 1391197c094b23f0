//! Writing the shards of a plan, several at once.

use super::error::PackError;
use super::image_table::{RowMembers, members};
use super::pattern::ShardPattern;
use super::plan::{Label, PackPlan, PackSample};
use super::record;
use super::record::{MissingSample, Record, write_whole};
use crate::shards::image_folder::{read, shown};
use crate::shards::{SampleMember, ShardError, ShardWriter, WriterOptions};
use crate::store::{AtomicFile, StoreError, sweep_after_the_dead};
use crate::threads;
use rayon::prelude::*;
use serde::{Serialize, Serializer};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Rows of a Parquet file that are held at once while a shard is written.
const ROWS_AT_ONCE: usize = 64;

/// The user's choices beside the plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Shards written at once; 0 for two a core, since they mostly wait for the disk.
    pub workers: usize,
    /// Files that may be unreadable or empty before packing fails.
    pub max_bad: usize,
    /// Rewrite all shards, and replace shards of another plan.
    pub force: bool,
}

/// A step of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A sample is done.
    Sample,
    /// A shard is whole.
    Shard,
}

/// A skipped file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file.
    #[serde(serialize_with = "as_shown")]
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", shown(&self.path), self.reason)
    }
}

/// What was packed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Packed {
    /// Shards there are now.
    pub shards: usize,
    /// Shards that an earlier run had finished.
    pub already_there: usize,
    /// Shards that were rewritten, because their files have changed or have become readable.
    pub made_anew: usize,
    /// Samples written by this run.
    pub samples: usize,
    /// Bytes of the shards written by this run.
    pub bytes: u64,
    /// Files that the shards lack, skipped by this run or an earlier one.
    pub skipped: Vec<Skipped>,
}

/// A path may be no text.
fn as_shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&shown(path))
}

/// Writes the shards of `plan` that aren't there yet, that hold files which have changed since, or that lack files which
/// can be read now, with `NAME.classes.txt` and `NAME.pack.json` beside them. A shard is whole or absent; `on_progress` is
/// called after each sample and each shard.
///
/// # Errors
/// [`PackError::OtherPlan`], [`PackError::TooManyBad`], and whatever keeps a shard from being
/// written.
pub fn write_shards(
    plan: &PackPlan,
    pattern: &ShardPattern,
    options: &WriteOptions,
    on_progress: impl Fn(Step) + Sync,
) -> Result<Packed, PackError> {
    sweep_after_the_dead(pattern.folder())?;
    let (record, made_anew) = claim(plan, pattern, options)?;
    let workers = match options.workers {
        0 => 2 * threads::cores(),
        workers => workers.min(threads::most_workers()),
    };
    let packed = Packed { shards: plan.shards.len(), made_anew, ..Packed::default() };
    let packed = Mutex::new(packed);
    let record = Mutex::new(record);
    let work = Work {
        pattern,
        label: plan.label,
        max_bad: options.max_bad,
        packed: &packed,
        record: &record,
        on_progress: &on_progress,
    };
    threads::with_pool(workers, || {
        plan.shards.par_iter().enumerate().try_for_each(|(number, shard)| work.shard(number, shard))
    })?;
    let mut packed = packed.into_inner().unwrap_or_default();
    packed.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(packed)
}

/// Writes the plan's record, unless shards of another are in the way, and removes those whose files have changed; answers
/// with their number.
fn claim(
    plan: &PackPlan,
    pattern: &ShardPattern,
    options: &WriteOptions,
) -> Result<(Record, usize), PackError> {
    let mut record = Record::new(plan);
    let earlier = Record::load(pattern);
    let most = record.shards.max(earlier.as_ref().map_or(0, |earlier| earlier.shards));
    let mut made_anew = 0;
    match earlier.filter(|earlier| earlier.is_of(&record)) {
        Some(earlier) if !options.force => {
            let stale = |number: &usize| !earlier.agrees(&record, *number);
            made_anew = remove(pattern, (0..most).filter(stale))?;
            record.left_out = earlier.left_out;
        }
        None if !options.force && (0..most).any(|number| pattern.path(number).exists()) => {
            return Err(PackError::OtherPlan { path: record::path(pattern) });
        }
        _ => made_anew += remove(pattern, 0..most)?,
    }
    write_whole(&pattern.beside(".classes.txt"), plan.class_list().to_text().as_bytes())?;
    record.write(pattern)?;
    Ok((record, made_anew))
}

/// Removes shards that are there, and answers with their number.
fn remove(pattern: &ShardPattern, shards: impl Iterator<Item = usize>) -> Result<usize, PackError> {
    let there = shards.map(|number| pattern.path(number)).filter(|path| path.exists());
    let mut removed = 0;
    for path in there {
        std::fs::remove_file(&path).map_err(PackError::io("remove", &path))?;
        removed += 1;
    }
    Ok(removed)
}

/// What all workers share.
struct Work<'a, F> {
    pattern: &'a ShardPattern,
    label: Label,
    max_bad: usize,
    packed: &'a Mutex<Packed>,
    record: &'a Mutex<Record>,
    on_progress: &'a F,
}

impl<F: Fn(Step) + Sync> Work<'_, F> {
    fn shard(&self, number: usize, samples: &[PackSample]) -> Result<(), PackError> {
        let path = self.pattern.path(number);
        let done = self.done_before(number, &path, samples)?;
        if done {
            samples.iter().for_each(|_| (self.on_progress)(Step::Sample));
            locked(self.packed, |packed| packed.already_there += 1);
        } else {
            self.write(number, &path, samples).map_err(|error| match error {
                PackError::Shard(ShardError::Write(source)) => {
                    StoreError::io("write", &path)(source).into()
                }
                other => other,
            })?;
        }
        (self.on_progress)(Step::Shard);
        Ok(())
    }

    /// Whether the shard is there, and what it lacks is still not to be had.
    fn done_before(
        &self,
        number: usize,
        path: &Path,
        samples: &[PackSample],
    ) -> Result<bool, PackError> {
        if !path.exists() {
            return Ok(false);
        }
        let keys: HashSet<String> = locked(self.record, |record| {
            let here = record.left_out.iter().filter(|one| one.shard == number);
            here.map(|one| one.key.clone()).collect()
        });
        let lacking = |sample: &&PackSample| keys.contains(&sample.key);
        let lacking: Vec<PackSample> = samples.iter().filter(lacking).cloned().collect();
        let mut rows = members(&lacking, self.label)?;
        let tried: Vec<_> =
            lacking.iter().map(|sample| (sample, members_of(sample, &mut rows))).collect();
        if tried.iter().any(|(_, read)| read.is_ok()) {
            std::fs::remove_file(path).map_err(PackError::io("remove", path))?;
            locked(self.packed, |packed| packed.made_anew += 1);
            return Ok(false);
        }
        for (sample, read) in tried {
            self.skip(sample, read.err().unwrap_or_default())?;
        }
        Ok(true)
    }

    fn write(&self, number: usize, path: &Path, samples: &[PackSample]) -> Result<(), PackError> {
        let mut writer = ShardWriter::new(AtomicFile::create(path)?, WriterOptions::default());
        let mut left_out = Vec::new();
        let mut rows = HashMap::new();
        for (at, sample) in samples.iter().enumerate() {
            if sample.row.is_some() && at % ROWS_AT_ONCE == 0 {
                let next = &samples[at..samples.len().min(at + ROWS_AT_ONCE)];
                rows = members(next, self.label)?;
            }
            match members_of(sample, &mut rows) {
                Ok(members) => writer.write_sample(&sample.key, &members)?,
                Err(reason) => {
                    self.skip(sample, reason.clone())?;
                    left_out.push(MissingSample { shard: number, key: sample.key.clone(), reason });
                }
            }
            (self.on_progress)(Step::Sample);
        }
        let written = samples.len() - left_out.len();
        let (file, _) = writer.finish()?;
        self.note(number, left_out)?;
        let bytes = file.publish(path)?.bytes;
        locked(self.packed, |packed| {
            packed.samples += written;
            packed.bytes += bytes;
        });
        Ok(())
    }

    /// Records what a shard lacks, before it appears.
    fn note(&self, number: usize, left_out: Vec<MissingSample>) -> Result<(), PackError> {
        locked(self.record, |record| {
            let before = record.left_out.clone();
            record.left_out.retain(|one| one.shard != number);
            record.left_out.extend(left_out);
            record.left_out.sort_by(|a, b| (a.shard, &a.key).cmp(&(b.shard, &b.key)));
            if record.left_out == before { Ok(()) } else { record.write(self.pattern) }
        })
    }

    fn skip(&self, sample: &PackSample, reason: String) -> Result<(), PackError> {
        let path = sample.path.clone();
        let bad = locked(self.packed, |packed| {
            packed.skipped.push(Skipped { path: path.clone(), reason: reason.clone() });
            packed.skipped.len()
        });
        if bad > self.max_bad {
            return Err(PackError::TooManyBad { path, reason, bad, allowed: self.max_bad });
        }
        Ok(())
    }
}

/// The members of a sample: those of its row, taken out of `rows`, or its file and its label.
fn members_of(sample: &PackSample, rows: &mut HashMap<u64, RowMembers>) -> RowMembers {
    if let Some(row) = sample.row {
        return rows
            .remove(&row)
            .unwrap_or_else(|| Err("the row is not there any more".to_owned()));
    }
    let (image, extension) = read(&sample.path, &sample.extension)?;
    Ok(vec![SampleMember::new(&extension, image), SampleMember::new("cls", sample.label.as_str())])
}

fn locked<S, T>(shared: &Mutex<S>, change: impl FnOnce(&mut S) -> T) -> T {
    change(&mut shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}
