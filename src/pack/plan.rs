//! Which file goes into which shard.

use super::error::PackError;
use super::key::{extension, sample_key};
use super::list::Entry;
use std::collections::HashMap;
use std::path::PathBuf;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

/// What a sample's `.cls` member holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Label {
    /// The class key, as coda-pipe's class lists have it.
    #[default]
    Key,
    /// The class's position among the sorted keys, as most training programs want it.
    Index,
}

/// How files become shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackOptions {
    /// Samples in a shard, at most.
    pub per_shard: usize,
    /// Seed of the order; `None` keeps the order of the list.
    pub shuffle: Option<u64>,
    /// What a sample's `.cls` member holds.
    pub label: Label,
}

/// A sample to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackSample {
    /// Its key.
    pub key: String,
    /// The image.
    pub path: PathBuf,
    /// The image's extension in the shard.
    pub extension: String,
    /// What goes into `.cls`.
    pub label: String,
}

/// All shards to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackPlan {
    /// The samples of each shard, in order.
    pub shards: Vec<Vec<PackSample>>,
    /// Class keys, sorted.
    pub classes: Vec<String>,
    /// Digest of files' names, classes and options: shards of the same digest are the same samples.
    pub digest: String,
}

impl PackPlan {
    /// Samples in all shards.
    pub fn samples(&self) -> usize {
        self.shards.iter().map(Vec::len).sum()
    }
}

/// Orders `entries`, gives them keys, and cuts them into shards.
///
/// # Errors
/// [`PackError::SameKey`] where two files come to one key.
pub fn plan_shards(entries: &[Entry], options: &PackOptions) -> Result<PackPlan, PackError> {
    let mut classes: Vec<String> = entries.iter().map(|entry| entry.class.clone()).collect();
    classes.sort();
    classes.dedup();
    let index: HashMap<&str, usize> =
        classes.iter().enumerate().map(|(index, class)| (class.as_str(), index)).collect();
    let mut first_of: HashMap<String, &Entry> = HashMap::with_capacity(entries.len());
    let mut samples = Vec::with_capacity(entries.len());
    for entry in entries {
        let key = sample_key(&entry.path, &entry.class);
        if let Some(first) = first_of.insert(key.clone(), entry) {
            let (first, second) = (first.path.clone(), entry.path.clone());
            return Err(PackError::SameKey { key, first, second });
        }
        let label = match options.label {
            Label::Key => entry.class.clone(),
            Label::Index => index[entry.class.as_str()].to_string(),
        };
        let (path, extension) = (entry.path.clone(), extension(&entry.path).unwrap_or_default());
        samples.push(PackSample { key, path, extension, label });
    }
    if let Some(seed) = options.shuffle {
        // By a seeded hash of the key: as good as any shuffle, and a file more or less moves no other.
        samples.sort_by_cached_key(|sample| {
            (xxh3_64_with_seed(sample.key.as_bytes(), seed), sample.key.clone())
        });
    }
    let digest = digest(&samples, options);
    let shards = samples.chunks(options.per_shard.max(1)).map(<[PackSample]>::to_vec).collect();
    Ok(PackPlan { shards, classes, digest })
}

fn digest(samples: &[PackSample], options: &PackOptions) -> String {
    let mut hash = Xxh3::new();
    hash.update(&(options.per_shard as u64).to_le_bytes());
    for sample in samples {
        for part in [sample.path.to_string_lossy().as_bytes(), sample.label.as_bytes()] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    format!("{:016x}", hash.digest())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: usize) -> Vec<Entry> {
        let entry = |i: usize| Entry {
            path: format!("c{}/{i}.JPEG", i % 3).into(),
            class: format!("c{}", i % 3),
        };
        (0..count).map(entry).collect()
    }

    const OPTIONS: PackOptions =
        PackOptions { per_shard: 10, shuffle: Some(0), label: Label::Index };

    #[test]
    fn every_file_comes_once_and_shards_mix_the_classes() {
        let plan = plan_shards(&entries(95), &OPTIONS).unwrap();
        assert_eq!((plan.shards.len(), plan.samples(), plan.classes.len()), (10, 95, 3));
        let mut keys: Vec<_> = plan.shards.iter().flatten().map(|s| s.key.clone()).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 95);
        for shard in &plan.shards[..9] {
            let mut labels: Vec<_> = shard.iter().map(|sample| sample.label.clone()).collect();
            labels.sort();
            labels.dedup();
            assert!(labels.len() > 1, "{labels:?}");
        }
    }

    #[test]
    fn the_order_follows_the_seed() {
        let order = |shuffle| {
            plan_shards(&entries(50), &PackOptions { shuffle, ..OPTIONS }).unwrap().shards
        };
        assert_eq!(order(Some(1)), order(Some(1)));
        assert_ne!(order(Some(1)), order(Some(2)));
        assert_eq!(order(None)[0][4].key, "c1_4");
    }

    #[test]
    fn other_files_or_options_are_another_plan() {
        let digest = |n, options: PackOptions| plan_shards(&entries(n), &options).unwrap().digest;
        let here = digest(50, OPTIONS);
        assert_eq!(here, digest(50, OPTIONS));
        assert_ne!(here, digest(51, OPTIONS));
        assert_ne!(here, digest(50, PackOptions { per_shard: 9, ..OPTIONS }));
        assert_ne!(here, digest(50, PackOptions { label: Label::Key, ..OPTIONS }));
    }

    #[test]
    fn two_files_of_one_key_are_both_named() {
        let twice =
            ["c/a.jpg", "c/sub/a.jpg"].map(|path| Entry { path: path.into(), class: "c".into() });
        let error = plan_shards(&twice, &OPTIONS).unwrap_err().to_string();
        assert!(error.contains("c/a.jpg and c/sub/a.jpg"), "{error}");
    }
}
