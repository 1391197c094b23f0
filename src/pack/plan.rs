//! Which file goes into which shard.

use crate::config::ClassList;
use crate::shards::image_folder::{Entry, Stamp, distinct_keys, extension, prompt_of, shown, some};
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
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
    /// The image's state when it was listed.
    pub stamp: Option<Stamp>,
    /// The row of the Parquet file at `path` that holds the sample; `None` for an image's own file.
    pub row: Option<u64>,
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
    /// For each shard, a digest of its files' lengths and times too: of the same digest, it has the same bytes.
    pub contents: Vec<String>,
    /// Files whose key has a number behind it, since another file has the key that follows from its name.
    pub numbered: Vec<String>,
    /// What a sample's `.cls` member holds.
    pub label: Label,
    /// Names for the numbers that are class keys.
    names: Vec<String>,
}

impl PackPlan {
    /// Samples in all shards.
    pub fn samples(&self) -> usize {
        self.shards.iter().map(Vec::len).sum()
    }

    /// A line about files whose keys are not what follows from their names, if there are such.
    pub fn numbered_line(&self) -> Option<String> {
        let files = match self.numbered.len() {
            0 => return None,
            1 => "1 file has a number behind its key".to_owned(),
            count => format!("{count} files have a number behind their key"),
        };
        Some(format!("{files}, since another file has the key: {}", some(&self.numbered)))
    }

    /// The class list of the labels in the shards.
    pub(super) fn class_list(&self) -> ClassList {
        let named = |class: &String| {
            let name = class.parse::<usize>().ok().and_then(|number| self.names.get(number));
            name.filter(|name| !name.trim().is_empty()).unwrap_or(class).clone()
        };
        let prompts: Vec<String> =
            self.classes.iter().map(|class| prompt_of(&named(class))).collect();
        let keys: Vec<String> = match self.label {
            Label::Key => self.classes.clone(),
            Label::Index => (0..self.classes.len()).map(|index| index.to_string()).collect(),
        };
        ClassList::from_pairs(
            keys.iter().map(String::as_str).zip(prompts.iter().map(String::as_str)),
        )
    }
}

/// Orders `entries`, gives them keys, and cuts them into shards.
pub fn plan_shards(entries: &[Entry], options: &PackOptions) -> PackPlan {
    let (keys, numbered) = distinct_keys(entries);
    let numbered = numbered.iter().map(|(path, key)| format!("{} ({key})", shown(path))).collect();
    let sample = |(entry, key): (&Entry, String)| PackSample {
        key,
        path: entry.path.clone(),
        extension: extension(&entry.path).unwrap_or_default(),
        label: entry.class.clone(),
        stamp: entry.stamp,
        row: None,
    };
    let mut samples: Vec<PackSample> = entries.iter().zip(keys).map(sample).collect();
    if let Some(seed) = options.shuffle {
        // By a seeded hash of the key: as good as any shuffle, and a file more or less moves no other.
        samples.sort_by_cached_key(|sample| {
            (xxh3_64_with_seed(sample.key.as_bytes(), seed), sample.key.clone())
        });
    }
    PackPlan { numbered, ..plan_samples(samples, options, Vec::new()) }
}

/// Cuts samples whose labels are class keys into shards, in their order. `names` are those of the classes whose keys are
/// numbers, by number.
pub(super) fn plan_samples(
    mut samples: Vec<PackSample>,
    options: &PackOptions,
    names: Vec<String>,
) -> PackPlan {
    let mut classes: Vec<String> = samples.iter().map(|sample| sample.label.clone()).collect();
    classes.sort();
    classes.dedup();
    // Of rows without a label.
    classes.retain(|class| !class.is_empty());
    if options.label == Label::Index {
        let index: HashMap<&str, usize> =
            classes.iter().enumerate().map(|(index, class)| (class.as_str(), index)).collect();
        for sample in &mut samples {
            if let Some(index) = index.get(sample.label.as_str()) {
                sample.label = index.to_string();
            }
        }
    }
    let digest = digest(&samples, options);
    let shards: Vec<_> =
        samples.chunks(options.per_shard.max(1)).map(<[PackSample]>::to_vec).collect();
    let contents = shards.iter().map(|shard| content_digest(shard)).collect();
    let (numbered, label) = (Vec::new(), options.label);
    PackPlan { shards, classes, digest, contents, numbered, label, names }
}

fn digest(samples: &[PackSample], options: &PackOptions) -> String {
    let mut hash = Xxh3::new();
    hash.update(&(options.per_shard as u64).to_le_bytes());
    samples.iter().for_each(|sample| add_names(&mut hash, sample));
    format!("{:016x}", hash.digest())
}

fn content_digest(samples: &[PackSample]) -> String {
    let mut hash = Xxh3::new();
    for sample in samples {
        add_names(&mut hash, sample);
        let Stamp { bytes, modified } = sample.stamp.unwrap_or(Stamp { bytes: 0, modified: 0 });
        hash.update(&bytes.to_le_bytes());
        hash.update(&modified.to_le_bytes());
    }
    format!("{:016x}", hash.digest())
}

fn add_names(hash: &mut Xxh3, sample: &PackSample) {
    let parts =
        [sample.path.as_os_str().as_bytes(), sample.label.as_bytes(), sample.key.as_bytes()];
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(count: usize) -> Vec<Entry> {
        let entry = |i: usize| Entry::new(format!("c{}/{i}.JPEG", i % 3), format!("c{}", i % 3));
        (0..count).map(entry).collect()
    }

    const OPTIONS: PackOptions =
        PackOptions { per_shard: 10, shuffle: Some(0), label: Label::Index };

    #[test]
    fn every_file_comes_once_and_shards_mix_the_classes() {
        let plan = plan_shards(&entries(95), &OPTIONS);
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
        let order = |shuffle| plan_shards(&entries(50), &PackOptions { shuffle, ..OPTIONS }).shards;
        assert_eq!(order(Some(1)), order(Some(1)));
        assert_ne!(order(Some(1)), order(Some(2)));
        assert_eq!(order(None)[0][4].key, "c1_4");
    }

    #[test]
    fn other_files_or_options_are_another_plan() {
        let digest = |n, options: PackOptions| plan_shards(&entries(n), &options).digest;
        let here = digest(50, OPTIONS);
        assert_eq!(here, digest(50, OPTIONS));
        assert_ne!(here, digest(51, OPTIONS));
        assert_ne!(here, digest(50, PackOptions { per_shard: 9, ..OPTIONS }));
        assert_ne!(here, digest(50, PackOptions { label: Label::Key, ..OPTIONS }));
    }

    #[test]
    fn files_of_one_key_have_keys_of_their_own() {
        let files = ["c/a.jpg", "c/a.png", "c/a-2.jpg", "c/sub/a.jpg", "c/b.jpg"];
        let entries = files.map(|path| Entry::new(path, "c"));
        let plan = plan_shards(&entries, &PackOptions { shuffle: None, ..OPTIONS });
        let keys: Vec<&str> = plan.shards[0].iter().map(|sample| sample.key.as_str()).collect();
        assert_eq!(keys, ["c_a", "c_a-3", "c_a-2", "c_a-4", "c_b"]);
        assert_eq!(plan.numbered, ["c/a.png (c_a-3)", "c/sub/a.jpg (c_a-4)"]);
        let across = [("a/b_1.jpg", "a"), ("a_b/1.jpg", "a_b")];
        let across = across.map(|(path, class)| Entry::new(path, class));
        assert_eq!(plan_shards(&across, &OPTIONS).numbered.len(), 1);
    }

    #[test]
    fn a_files_length_or_time_changes_its_shard_alone() {
        let mut files = entries(30);
        let before = plan_shards(&files, &OPTIONS);
        files[7].stamp = Some(Stamp { bytes: 1, modified: 2 });
        let after = plan_shards(&files, &OPTIONS);
        assert_eq!(before.digest, after.digest);
        let changed = before.contents.iter().zip(&after.contents).filter(|(a, b)| a != b).count();
        assert_eq!(changed, 1);
    }

    #[test]
    fn the_class_list_is_of_the_labels() {
        let keys = |label| {
            let list = plan_shards(&entries(9), &PackOptions { label, ..OPTIONS }).class_list();
            list.to_text()
        };
        assert_eq!(keys(Label::Key), "c0, c0\nc1, c1\nc2, c2\n");
        assert_eq!(keys(Label::Index), "0, c0\n1, c1\n2, c2\n");
    }
}
