//! A run directory in an object store.
//!
//! Its files lie in a scratch folder of this machine as they would in a run directory. They are uploaded when their unit
//! is done, then its receipt, in one write that is there or is not; so a receipt means the same as on a disk, and nothing
//! is ever half there. What another machine made is downloaded when it is read, and compared with what its receipt says.

use super::atomic::{Written, file_digest, remove};
use super::backend::{Backend, Depth, FreshCopy, HeartbeatTimes};
use super::error::StoreError;
use super::local_copies::LocalCopies;
use super::object_ranges::ObjectRanges;
use super::parallel::for_each;
use super::ranged::Ranged;
use super::temporary::temporary;
use crate::objects::{Bucket, TransferError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// By then, all that found the same worker dead have put their own in its place.
const TAKEOVER_SETTLES: Duration = Duration::from_secs(1);
/// Between two uploads of a file that grows.
const UPLOAD_EVERY: Duration = Duration::from_secs(30);

const DIFFERS: &str = "it is not what its receipt says; run again, or see `coda-pipe verify`";

/// A folder of an object store, and a scratch folder.
#[derive(Debug)]
pub(super) struct ObjectStore {
    bucket: Bucket,
    scratch: PathBuf,
    copies: Arc<LocalCopies>,
}

impl ObjectStore {
    /// The folder that `url` names, with its files in `scratch` or in a folder for temporary files. Nothing is asked of
    /// the server yet.
    ///
    /// # Errors
    /// If the URL or the settings of its client can't be used.
    pub(super) fn open(url: &str, scratch: Option<&Path>) -> io::Result<Self> {
        let bucket = Bucket::open(url)?;
        let scratch = scratch.map_or_else(|| default_scratch(&bucket.url()), Path::to_path_buf);
        Ok(Self::new(bucket, scratch))
    }

    pub(super) fn new(bucket: Bucket, scratch: PathBuf) -> Self {
        Self { bucket, scratch, copies: Arc::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// For `map_err`: a failure of the object store at `name`.
    fn failed(&self, action: &'static str, name: &str) -> impl FnOnce(io::Error) -> StoreError {
        let path = PathBuf::from(format!("{}/{name}", self.bucket.url()));
        move |source| StoreError::Io { action, path, source }
    }

    /// A transfer that failed: by what was done with the `local` file, or the `remote` object.
    fn transfer_failed(
        &self,
        error: TransferError,
        local: (&'static str, &Path),
        remote: &'static str,
    ) -> StoreError {
        match error.is_local {
            true => StoreError::io(local.0, local.1)(error.error),
            false => self.failed(remote, &error.name)(error.error),
        }
    }

    /// Whether the file at `path` is what a receipt says of it.
    fn is_copy(path: &Path, expected: &Written) -> bool {
        let length = std::fs::metadata(path).map(|about| about.len());
        length.is_ok_and(|length| length == expected.bytes)
            && file_digest(path).is_ok_and(|(_, xxh3)| xxh3 == expected.xxh3)
    }

    /// Downloads a file as a local one, whole or not at all.
    fn download(
        &self,
        name: &str,
        path: &Path,
        expected: Option<&Written>,
    ) -> Result<(), StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(StoreError::io("create the folder", folder))?;
        }
        let part = temporary(path);
        let downloaded = match self.bucket.download(name, &part) {
            Ok(true) if expected.is_none_or(|expected| Self::is_copy(&part, expected)) => {
                std::fs::rename(&part, path).map_err(StoreError::io("rename to", path))
            }
            Ok(true) => Err(self.failed("use", name)(io::Error::other(DIFFERS))),
            Ok(false) => Err(self.failed("read", name)(io::ErrorKind::NotFound.into())),
            Err(error) => Err(self.transfer_failed(error, ("write", &part), "read")),
        };
        if downloaded.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        downloaded
    }
}

/// A folder of the URL's own below the user's in the one for temporary files, which several users share.
fn default_scratch(url: &str) -> PathBuf {
    let last = url.rsplit('/').next().unwrap_or_default();
    let hash = xxh3_64(url.as_bytes());
    // Processes are listed as their users'.
    let user = std::fs::metadata("/proc/self").map_or(0, |about| about.uid());
    std::env::temp_dir().join(format!("coda-pipe-{user}")).join(format!("{last}-{hash:016x}"))
}

impl Backend for ObjectStore {
    fn place(&self) -> String {
        self.bucket.url()
    }

    fn root(&self) -> &Path {
        &self.scratch
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn with_scratch(&self, scratch: &Path) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self::new(self.bucket.clone(), scratch.to_owned())))
    }

    fn best_effort(&self) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self::new(self.bucket.best_effort(), self.scratch.clone())))
    }

    fn downloaded_bytes(&self) -> u64 {
        self.bucket.downloaded_bytes()
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.bucket.get(name).map_err(self.failed("read", name))
    }

    fn read_many(&self, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let folder = names.first().and_then(|name| name.rsplit_once('/'));
        let folder = folder.map_or("", |(folder, _)| folder);
        self.bucket.get_all(names).map_err(self.failed("read", folder))
    }

    fn length(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.bucket.length(name).map_err(self.failed("examine", name))
    }

    fn list(&self, folder: &str, depth: Depth) -> Result<Vec<String>, StoreError> {
        let found = self.bucket.list(folder, depth == Depth::Tree);
        let found = found.map_err(self.failed("list", folder))?;
        let mut names: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
        names.sort();
        Ok(names)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        self.bucket.put(name, content).map_err(self.failed("write", name))
    }

    fn write_durably(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        self.write(name, content)
    }

    fn create(&self, name: &str, content: &[u8]) -> Result<bool, StoreError> {
        self.bucket.put_new(name, content).map_err(self.failed("create", name))
    }

    fn release(&self, name: &str) -> Result<(), StoreError> {
        self.bucket.delete(name).map_err(self.failed("remove", name))
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.copies.forget(name);
        self.release(name)?;
        remove(&self.path(name))
    }

    fn remove_durably(&self, name: &str) -> Result<(), StoreError> {
        self.release(name)
    }

    fn heartbeat(&self) -> HeartbeatTimes {
        // Each heartbeat costs a request.
        HeartbeatTimes { interval: Duration::from_secs(15), timeout: Duration::from_secs(60) }
    }

    fn confirm_takeover(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        std::thread::sleep(TAKEOVER_SETTLES);
        self.read(name)
    }

    fn refresh(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn expect(&self, outputs: &[Written]) {
        self.copies.expect(outputs);
    }

    fn survey(&self, folder: &str) -> Result<(), StoreError> {
        // One listing costs less than a request for each file.
        let found = self.bucket.list(folder, true).map_err(self.failed("list", folder))?;
        self.copies.set_listed(folder, found);
        Ok(())
    }

    fn has(&self, output: &Written) -> Result<bool, StoreError> {
        if self.copies.listed(&output.file) == Some(output.bytes) {
            return Ok(true);
        }
        Ok(self.length(&output.file)? == Some(output.bytes))
    }

    fn publish(&self, outputs: &[Written]) -> Result<(), StoreError> {
        let files: Vec<(String, PathBuf)> =
            outputs.iter().map(|output| (output.file.clone(), self.path(&output.file))).collect();
        self.bucket.upload(&files).map_err(|error| {
            let path = self.path(&error.name);
            self.transfer_failed(error, ("read", &path), "write")
        })?;
        self.copies.uploaded(outputs);
        Ok(())
    }

    fn publish_file(&self, name: &str) -> Result<(), StoreError> {
        let (bytes, xxh3) = file_digest(&self.path(name))?;
        self.publish(&[Written { file: name.to_owned(), bytes, xxh3 }])
    }

    fn publish_interval(&self) -> Option<Duration> {
        Some(UPLOAD_EVERY)
    }

    fn local(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.path(name);
        if self.copies.is_whole(name) {
            return Ok(path);
        }
        let expected = self.copies.expected(name);
        if !expected.as_ref().is_some_and(|expected| Self::is_copy(&path, expected)) {
            self.download(name, &path, expected.as_ref())?;
        }
        if expected.is_some() {
            self.copies.set_whole(name);
        }
        Ok(path)
    }

    fn make_local(&self, names: &[&str]) -> Result<(), StoreError> {
        for_each(names, |name| self.local(name).map(drop))
    }

    fn downloadable(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.list(folder, Depth::Tree)
    }

    fn open_ranged(&self, name: &str) -> Result<Ranged, StoreError> {
        let path = self.path(name);
        let expected = self.copies.expected(name);
        if self.copies.is_whole(name)
            || expected.as_ref().is_some_and(|expected| Self::is_copy(&path, expected))
        {
            return Ranged::local(&path);
        }
        let length = match expected {
            Some(expected) => Some(expected.bytes),
            None => self.length(name)?,
        };
        let absent = || self.failed("read", name)(io::ErrorKind::NotFound.into());
        let length = length.ok_or_else(absent)?;
        let object = ObjectRanges::new(self.bucket.clone(), name, length);
        let shown = PathBuf::from(format!("{}/{name}", self.bucket.url()));
        Ok(Ranged::object(shown, length, Arc::new(object)))
    }

    fn fresh_copy(&self, name: &str) -> Result<FreshCopy, StoreError> {
        let copy = FreshCopy { path: temporary(&self.path("examined")), is_temporary: true };
        match self.bucket.download(name, &copy.path) {
            Ok(_) => Ok(copy),
            Err(error) => Err(self.transfer_failed(error, ("write", &copy.path), "read")),
        }
    }
}
