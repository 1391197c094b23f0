//! A set of a run, out of the tars that `assemble` left: its samples and its classes.

use super::error::ExportError;
use super::progress::require_whole;
use crate::objects::without_secrets_in;
use crate::pipeline::assemble;
use crate::shards::{FaultReason, ReadOptions, Sample, ShardFault, ShardReader};
use crate::store::{Receipt, RunDir, file_digest};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The set to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExportSet {
    /// G: the distilled images.
    #[default]
    Distilled,
    /// R: the real cores.
    Cores,
}

impl ExportSet {
    /// Its name, which is that of its folder in the run directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Distilled => "distilled",
            Self::Cores => "cores",
        }
    }
}

/// A class of the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExportClass {
    /// The class key.
    pub(super) key: String,
    /// What it is called in a prompt.
    pub(super) name: String,
    /// The label in the run's tars.
    pub(super) number: i64,
    /// Its images in the set.
    pub(super) images: usize,
}

/// What is kept of a sample beside its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// The sample key, `CLASS_RANK`.
    pub(super) key: String,
    /// Place of its class among those of the set.
    pub(super) class: usize,
    /// Length of the image file.
    pub(super) bytes: u64,
    pub(super) rank: i32,
    /// Sample key of its core in the data.
    pub(super) core: String,
    pub(super) prompt: Option<String>,
    pub(super) seed: Option<u64>,
    /// Whether it is a real image.
    pub(super) real: bool,
}

/// A set, without its images.
pub(super) struct Set {
    tars: Vec<PathBuf>,
    /// Digests of the tars, in order.
    pub(super) digests: Vec<String>,
    /// In the order of the labels.
    pub(super) classes: Vec<ExportClass>,
    /// In the order of the tars.
    pub(super) rows: Vec<Row>,
    /// Keys of classes of the run without an image in the set.
    pub(super) without_images: Vec<String>,
}

impl Set {
    /// Reads the labels and metadata of a set.
    ///
    /// # Errors
    /// If the run is not finished, a file is not what its receipt says, or nothing is in the set.
    pub(super) fn read(run_dir: &RunDir, which: ExportSet) -> Result<Self, ExportError> {
        let receipts = run_dir.receipts(assemble::INFO.name).map_err(ExportError::Run)?;
        require_whole(run_dir, &receipts)?;
        let (mut tars, mut digests) = (Vec::new(), Vec::new());
        let folder = format!("{}/", which.name());
        for output in outputs(&receipts, &folder, ".tar") {
            let path = run_dir.local(&output.file).map_err(ExportError::Run)?;
            let (bytes, xxh3) = file_digest(&path).map_err(ExportError::Run)?;
            if (bytes, &xxh3) != (output.bytes, &output.xxh3) {
                let problem = format!("{bytes} bytes, digest {xxh3}");
                return Err(damaged(run_dir, &output.file, problem));
            }
            tars.push(path);
            digests.push(xxh3);
        }
        let mut set = Self {
            tars,
            digests,
            classes: Vec::new(),
            rows: Vec::new(),
            without_images: Vec::new(),
        };
        set.read_rows()?;
        if set.rows.is_empty() {
            return Err(ExportError::Empty { run: run_dir.to_string(), set: which.name() });
        }
        let listed = outputs(&receipts, &folder, ".classes.json").next();
        let listed = listed.map(|output| listed_keys(run_dir, &output.file)).transpose()?;
        set.note_missing(run_dir, listed)?;
        Ok(set)
    }

    fn read_rows(&mut self) -> Result<(), ExportError> {
        let mut places: HashMap<String, usize> = HashMap::new();
        for tar in self.tars.clone() {
            for item in reader(&tar, &["cls", "json"])? {
                let sample = item.map_err(ExportError::Shard)?;
                let (mut row, class) = row_of(&tar, &sample)?;
                row.class = *places.entry(class.key.clone()).or_insert_with(|| {
                    self.classes.push(class);
                    self.classes.len() - 1
                });
                self.classes[row.class].images += 1;
                self.rows.push(row);
            }
        }
        let mut order: Vec<usize> = (0..self.classes.len()).collect();
        order.sort_by_key(|&at| self.classes[at].number);
        let mut new = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| new[from] = to);
        self.rows.iter_mut().for_each(|row| row.class = new[row.class]);
        self.classes = order.into_iter().map(|at| self.classes[at].clone()).collect();
        Ok(())
    }

    /// Names the classes that have no image: a loader that numbers folders numbers the others differently then.
    fn note_missing(
        &mut self,
        run_dir: &RunDir,
        listed: Option<Vec<String>>,
    ) -> Result<(), ExportError> {
        let all = match listed {
            Some(listed) => listed,
            None => {
                let names = run_dir.receipt_names("discover").map_err(ExportError::Run)?;
                names.iter().filter_map(|name| Some(name.split_once('/')?.1.to_owned())).collect()
            }
        };
        let has = |key: &String| {
            self.classes.iter().any(|c| c.key == *key || crate::store::file_stem(&c.key) == *key)
        };
        self.without_images = all.into_iter().filter(|key| !has(key)).collect();
        Ok(())
    }

    /// Hands every row with its image to `take`, in order.
    ///
    /// # Errors
    /// If a tar can't be read, or those of `take`.
    pub(super) fn each_image(
        &self,
        mut take: impl FnMut(&Row, Vec<u8>) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut rows = self.rows.iter();
        for tar in &self.tars {
            for item in reader(tar, &["png"])? {
                let mut sample = item.map_err(ExportError::Shard)?;
                let row = rows.next().filter(|row| row.key == sample.key);
                let (Some(row), Some(image)) = (row, sample.take("png")) else {
                    return Err(changed(tar, &sample.key));
                };
                take(row, image)?;
            }
        }
        Ok(())
    }

    /// Bytes of all images.
    pub(super) fn bytes(&self) -> u64 {
        self.rows.iter().map(|row| row.bytes).sum()
    }
}

/// The outputs of these receipts in `folder` with this ending, by name.
fn outputs<'r>(
    receipts: &'r BTreeMap<String, Receipt>,
    folder: &'r str,
    ending: &'r str,
) -> impl Iterator<Item = &'r crate::store::Written> {
    let all = receipts.values().flat_map(|receipt| &receipt.outputs);
    all.filter(move |output| output.file.starts_with(folder) && output.file.ends_with(ending))
}

fn reader(tar: &Path, extensions: &[&str]) -> Result<ShardReader, ExportError> {
    let extensions = extensions.iter().map(|&extension| extension.to_owned()).collect();
    let options = ReadOptions { extensions: Some(extensions), ..ReadOptions::default() };
    ShardReader::open(tar, options).map_err(ExportError::Shard)
}

fn damaged(run_dir: &RunDir, file: &str, problem: String) -> ExportError {
    ExportError::Damaged { file: file.to_owned(), run: run_dir.to_string(), problem }
}

fn changed(tar: &Path, key: &str) -> ExportError {
    let detail = "it changed while it was exported: export again".to_owned();
    fault(tar, key, FaultReason::NoImage { detail })
}

fn fault(tar: &Path, key: &str, reason: FaultReason) -> ExportError {
    let (shard, key) = (tar.to_owned(), Some(key.to_owned()));
    ExportError::Shard(ShardFault { shard, key, reason, fatal: true })
}

/// Row and class of a sample, whose class has no place yet.
fn row_of(tar: &Path, sample: &Sample) -> Result<(Row, ExportClass), ExportError> {
    let wrong =
        |detail: &str| fault(tar, &sample.key, FaultReason::BadLabel { detail: detail.to_owned() });
    let meta = sample.get("json").and_then(|text| serde_json::from_slice::<Value>(text).ok());
    let meta = meta.ok_or_else(|| wrong("it has no .json that this program writes"))?;
    let number =
        sample.get("cls").and_then(|text| std::str::from_utf8(text).ok()?.trim().parse().ok());
    let number = number.ok_or_else(|| wrong("its .cls is no whole number"))?;
    let text = |key: &str| meta[key].as_str().map(str::to_owned);
    let png = sample.places.iter().find(|place| place.extension == "png");
    let png = png.ok_or_else(|| wrong("it has no .png"))?;
    let class = ExportClass {
        key: text("class").ok_or_else(|| wrong("its .json names no class"))?,
        name: text("class_name").unwrap_or_default(),
        number,
        images: 0,
    };
    let row = Row {
        key: sample.key.clone(),
        class: 0,
        bytes: png.size,
        rank: meta["rank"].as_i64().and_then(|rank| rank.try_into().ok()).unwrap_or(-1),
        core: text("anchor_key").map(|key| without_secrets_in(&key)).unwrap_or_default(),
        prompt: text("prompt"),
        seed: meta["seed"].as_u64(),
        // A generated image names the settings that it was made by.
        real: !meta["settings"].is_object(),
    };
    Ok((row, class))
}

/// The class keys of a `.classes.json`, in the order of the labels.
fn listed_keys(run_dir: &RunDir, file: &str) -> Result<Vec<String>, ExportError> {
    let path = run_dir.local(file).map_err(ExportError::Run)?;
    let text = std::fs::read(&path).map_err(ExportError::io("read", &path))?;
    let all: serde_json::Map<String, Value> =
        serde_json::from_slice(&text).map_err(|error| damaged(run_dir, file, error.to_string()))?;
    Ok(all.values().filter_map(|class| Some(class["class"].as_str()?.to_owned())).collect())
}
