//! A set of a finished run for other programs: folders of images, Parquet files, a data-set repository.
//!
//! Images are copied byte for byte out of the tars that `assemble` left. A folder is written beside its place and renamed
//! when it is whole. The same run gives the same bytes.

mod card;
mod error;
mod folders;
mod imagefolder;
mod labels;
mod parquet;
mod place;
mod progress;
mod set;
mod settings;
mod sheet;

pub use error::ExportError;
pub use folders::FolderNames;
pub use set::ExportSet;

use crate::objects::without_secrets;
use crate::store::{AtomicFile, AtomicFolder, RunDir, RunRecord, Written};
use card::Card;
use place::{MARKER, Marker, Standing};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::json;
use set::Set;
use std::io::Write;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Raised when the bytes of exports change on purpose.
const FORMAT: u32 = 1;

/// The kind of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportKind {
    /// `CLASS/KEY.png`.
    ImageFolder,
    /// `data/train-….parquet`, as Hugging Face's `datasets` reads them.
    Parquet,
    /// A data-set repository: the Parquet files, a card and pictures.
    Hf,
}

impl ExportKind {
    /// How it is given.
    pub fn name(self) -> &'static str {
        match self {
            Self::ImageFolder => "imagefolder",
            Self::Parquet => "parquet",
            Self::Hf => "hf",
        }
    }
}

/// What is exported, and how.
#[derive(Debug, Clone)]
pub struct Exporting {
    /// The kind of the export.
    pub kind: ExportKind,
    /// The set.
    pub set: ExportSet,
    /// Names of class folders.
    pub folders: FolderNames,
    /// The licence in the card of a repository, as Hugging Face names licences.
    pub license: Option<String>,
    /// Replace an export of another run, or one whose files were changed.
    pub force: bool,
}

/// What there is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// The kind of the export.
    pub to: &'static str,
    /// The set.
    pub set: &'static str,
    /// The folder.
    pub dir: PathBuf,
    /// Classes with images.
    pub classes: usize,
    /// Images.
    pub images: usize,
    /// Bytes of all images.
    pub image_bytes: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Files, below the folder.
    pub files: Vec<String>,
    /// Whether the folder was this export before.
    pub unchanged: bool,
    /// What the user should know, in sentences.
    pub warnings: Vec<String>,
}

/// Exports a set of the run in `run_dir` to the folder `dir`.
///
/// # Errors
/// If the run is not finished or damaged, the folder holds something else, or a file can't be written.
pub fn export(run_dir: &RunDir, dir: &Path, how: &Exporting) -> Result<Exported, ExportError> {
    let dir = place::resolve(dir)?;
    let record = run_dir.record().map_err(ExportError::Run)?;
    let set = Set::read(run_dir, how.set)?;
    let folders = match how.kind {
        ExportKind::ImageFolder => folders::folder_names(&set.classes, how.folders)?,
        ExportKind::Parquet | ExportKind::Hf => Vec::new(),
    };
    let mut marker = Marker {
        version: Marker::VERSION,
        to: how.kind.name().to_owned(),
        run: identity(run_dir)?,
        content: content(&set, &record, how),
        files: Vec::new(),
    };
    let mut done = Exported {
        to: how.kind.name(),
        set: how.set.name(),
        classes: set.classes.len(),
        images: set.rows.len(),
        image_bytes: set.bytes(),
        bytes: 0,
        files: Vec::new(),
        unchanged: false,
        warnings: warnings(&set, how),
        dir: dir.clone(),
    };
    match place::look(&dir, &marker, how.force)? {
        Standing::Current(files) => {
            done.unchanged = true;
            marker.files = files;
        }
        Standing::Free => {
            let folder = AtomicFolder::create(&dir).map_err(ExportError::writing)?;
            let mut files = Files { root: folder.unfinished().to_owned(), written: Vec::new() };
            write_all(&mut files, &set, &folders, &record, how)?;
            marker.files = files.written.clone();
            files.write(MARKER, format!("{:#}\n", json!(marker)).as_bytes())?;
            folder.publish().map_err(ExportError::writing)?;
        }
    }
    done.bytes = marker.files.iter().map(|file| file.bytes).sum();
    done.files = marker.files.into_iter().map(|file| file.file).collect();
    Ok(done)
}

fn write_all(
    files: &mut Files,
    set: &Set,
    folders: &[String],
    record: &RunRecord,
    how: &Exporting,
) -> Result<(), ExportError> {
    match how.kind {
        ExportKind::ImageFolder => imagefolder::write(files, set, folders),
        ExportKind::Parquet => parquet::write(files, set),
        ExportKind::Hf => {
            parquet::write(files, set)?;
            let sheet = sheet::sheet(set)?;
            files.write(sheet::FILE, &sheet.png)?;
            let tables = files.written.iter().filter(|file| file.file.ends_with(".parquet"));
            let bytes = tables.map(|file| file.bytes).sum();
            let card = Card { set, record, how, bytes, sheet: &sheet };
            files.write("README.md", card.text().as_bytes())
        }
    }
}

/// The files of an export under way.
struct Files {
    root: PathBuf,
    written: Vec<Written>,
}

impl Files {
    /// Starts a file; [`Files::finish`] ends it.
    fn create(&self, name: &str) -> Result<AtomicFile, ExportError> {
        AtomicFile::create(&self.root.join(name)).map_err(ExportError::writing)
    }

    fn finish(&mut self, file: AtomicFile) -> Result<(), ExportError> {
        self.written.push(file.publish(&self.root).map_err(ExportError::writing)?);
        Ok(())
    }

    /// Writes files, several at once.
    fn write_many(&mut self, all: Vec<(String, Vec<u8>)>) -> Result<(), ExportError> {
        let one = |(name, content): &(String, Vec<u8>)| self.whole(name, content);
        let written = all.par_iter().map(one).collect::<Result<Vec<_>, _>>()?;
        self.written.extend(written);
        Ok(())
    }

    fn whole(&self, name: &str, content: &[u8]) -> Result<Written, ExportError> {
        let mut file = self.create(name)?;
        file.write_all(content).map_err(ExportError::io("write", &self.root.join(name)))?;
        file.publish(&self.root).map_err(ExportError::writing)
    }

    fn write(&mut self, name: &str, content: &[u8]) -> Result<(), ExportError> {
        let written = self.whole(name, content)?;
        self.written.push(written);
        Ok(())
    }
}

/// Which run it is, wherever its directory is moved; a digest, as an export is given away.
fn identity(run_dir: &RunDir) -> Result<String, ExportError> {
    let own = match run_dir.is_remote() {
        true => None,
        false => run_dir.run_id().map_err(ExportError::Run)?,
    };
    let place = || without_secrets(&run_dir.to_string());
    let mut hash = Xxh3::new();
    hash.update(own.unwrap_or_else(place).as_bytes());
    Ok(format!("{:016x}", hash.digest()))
}

/// A digest of all that the bytes depend on.
fn content(set: &Set, record: &RunRecord, how: &Exporting) -> String {
    let card = (how.kind == ExportKind::Hf).then(|| (settings::facts(record), &how.license));
    let folders = (how.kind == ExportKind::ImageFolder).then(|| how.folders.name());
    let of = json!({
        "format": FORMAT, "program": env!("CARGO_PKG_VERSION"), "to": how.kind.name(), "set": how.set.name(),
        "tars": set.digests, "folders": folders, "card": card,
    });
    let mut hash = Xxh3::new();
    hash.update(of.to_string().as_bytes());
    format!("{:032x}", hash.digest128())
}

/// Classes named in one warning.
const NAMED: usize = 8;

fn warnings(set: &Set, how: &Exporting) -> Vec<String> {
    let mut warnings = Vec::new();
    let missing = &set.without_images;
    if !missing.is_empty() {
        let names: Vec<String> = missing
            .iter()
            .take(NAMED)
            .map(|key| format!("`{}`", crate::text::printable(key)))
            .collect();
        let more = if missing.len() > NAMED { ", …" } else { "" };
        let effect = match how.kind {
            ExportKind::ImageFolder => {
                "; torchvision's ImageFolder numbers the folders that are there"
            }
            ExportKind::Parquet | ExportKind::Hf => {
                "; the labels of the others count those that are there"
            }
        };
        warnings.push(format!(
            "{} of the run's classes have no image in this set: {}{more}{effect}",
            missing.len(),
            names.join(", ")
        ));
    }
    warnings
}
