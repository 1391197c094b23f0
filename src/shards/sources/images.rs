//! Folders of images with one folder a class: a class folder, or a piece of a large one, is a shard.

use super::{ShardPlace, ShardSource};
use crate::shards::error::ShardError;
use crate::shards::fault::FaultReason;
use crate::shards::identity::ShardIdentity;
use crate::shards::image_folder::{
    Entry, FolderError, SkippedFiles, distinct_keys, list_any, list_class, some,
};
use crate::shards::images_reader::{ImageFile, ImagesReader};
use crate::shards::parquet::Which;
use crate::shards::read_options::ReadOptions;
use crate::shards::reader::ShardReader;
use crate::shards::retry::Retry;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// Files of a shard, at most.
const MOST_FILES: usize = 10_000;

/// The images of a class folder, or a piece of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageFiles {
    /// The folder of the class folders.
    root: PathBuf,
    /// The class folder's name.
    class: OsString,
    /// Which piece it is, and of how many.
    piece: (usize, usize),
    /// Bytes of all its files.
    bytes: u64,
    /// A digest of its files' names, lengths and times.
    digest: String,
    /// The keys of files whose own another file has.
    numbered: Arc<BTreeMap<PathBuf, String>>,
}

/// The shards of the image folder `root`; adds to `warnings` what is skipped. `None` where no image is in it.
///
/// # Errors
/// For images beside the class folders, folders that are parts of a data set, and what can't be listed.
pub(super) fn shards_in(
    root: &Path,
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<ShardPlace>>, FolderError> {
    let Some(listing) = list_any(root)? else { return Ok(None) };
    let name = root.display();
    let said = SkippedFiles::lines(&listing.skipped).into_iter();
    warnings.extend(said.map(|line| format!("warning: `{name}`: {line}")));
    let (_, numbered) = distinct_keys(&listing.entries);
    if !numbered.is_empty() {
        let files: Vec<String> =
            numbered.iter().map(|(path, key)| format!("{} ({key})", path.display())).collect();
        let count = files.len();
        warnings.push(format!(
            "warning: `{name}`: {count} files have a number behind their key, since another file has the key: {}",
            some(&files)
        ));
    }
    let numbered: Arc<BTreeMap<PathBuf, String>> = Arc::new(numbered.into_iter().collect());
    let class_of = |entry: &Entry| {
        let below = entry.path.strip_prefix(root).unwrap_or(&entry.path);
        below.components().next().map(|class| class.as_os_str().to_owned()).unwrap_or_default()
    };
    let mut shards = Vec::new();
    for files in listing.entries.chunk_by(|a, b| class_of(a) == class_of(b)) {
        let pieces = files.chunks(MOST_FILES);
        let count = pieces.len();
        for (number, files) in pieces.enumerate() {
            let (root, class) = (root.to_owned(), class_of(&files[0]));
            let (bytes, digest) = about(&root, files);
            let (piece, numbered) = ((number, count), numbered.clone());
            shards.push(ShardPlace::Images(ImageFiles {
                root,
                class,
                piece,
                bytes,
                digest,
                numbered,
            }));
        }
    }
    Ok(Some(shards))
}

/// Bytes of the files, and a digest of their names below `root`, lengths and times.
fn about(root: &Path, files: &[Entry]) -> (u64, String) {
    let (mut hash, mut bytes) = (Xxh3::new(), 0);
    for Entry { path, stamp, .. } in files {
        let name = path.strip_prefix(root).unwrap_or(path).as_os_str().as_bytes();
        hash.update(&(name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update(&stamp.map_or(u64::MAX, |stamp| stamp.bytes).to_le_bytes());
        hash.update(&stamp.map_or(0, |stamp| stamp.modified).to_le_bytes());
        bytes += stamp.map_or(0, |stamp| stamp.bytes);
    }
    (bytes, format!("{:016x}", hash.digest()))
}

impl ImageFiles {
    /// Reads these of the files, which should be as `known` has them.
    ///
    /// # Errors
    /// If the folder can't be listed, or its files have changed.
    pub(in crate::shards) fn open(
        &self,
        which: Which,
        known: &ShardIdentity,
        options: &ReadOptions,
    ) -> Result<ShardReader, FaultReason> {
        let entries =
            list_class(&self.root, &self.class).map_err(|error| failed(error.to_string()))?;
        let mut pieces = entries.chunks(MOST_FILES);
        let files = pieces.nth(self.piece.0).unwrap_or_default();
        let (_, digest) = about(&self.root, files);
        if digest != *known.version.as_ref().unwrap_or(&self.digest) {
            let message = "its files have changed since they were listed: start the command again";
            return Err(failed(message.to_owned()));
        }
        let key = |entry: &Entry| self.numbered.get(&entry.path).cloned();
        let files = files.iter().map(|entry| ImageFile::new(entry.clone(), key(entry)));
        let shard = self.name(Path::new("")).into();
        Ok(ShardReader::of(ImagesReader::new(shard, files.collect(), which, options.clone())))
    }
}

fn failed(message: String) -> FaultReason {
    FaultReason::ReadFailed { kind: io::ErrorKind::Other, message }
}

impl ShardSource for ImageFiles {
    fn name(&self, base: &Path) -> String {
        let path = self.root.join(&self.class);
        let name = path.strip_prefix(base).unwrap_or(&path).to_string_lossy().into_owned();
        match self.piece {
            (_, 1) => name,
            (number, _) => format!("{name}#{}", number + 1),
        }
    }

    fn identity(&self, _: Retry) -> Result<ShardIdentity, ShardError> {
        Ok(ShardIdentity { bytes: Some(self.bytes), version: Some(self.digest.clone()) })
    }

    fn canonical(&self) -> Result<Option<ShardPlace>, ShardError> {
        let root = std::fs::canonicalize(&self.root);
        let root = root.map_err(|source| ShardError::Io { path: self.root.clone(), source })?;
        Ok(Some(ShardPlace::Images(Self { root, numbered: Arc::default(), ..self.clone() })))
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self, _: u64, _: &ShardIdentity, _: Retry) -> io::Result<Box<dyn Read + Send>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a folder of images is no stream of bytes"))
    }
}
