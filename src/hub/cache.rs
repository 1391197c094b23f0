//! A repository's folder in the cache, as Python's `huggingface_hub` has it:
//!
//! ```text
//! models--OWNER--NAME/
//!   blobs/ETAG                    contents; ETAG.incomplete while they come
//!   refs/REVISION                 the commit that a branch or a tag stood for
//!   snapshots/COMMIT/PATH         links to ../../blobs/ETAG
//!   .no_exist/COMMIT/PATH         empty: the repository has no such file
//! .locks/models--OWNER--NAME/ETAG.lock
//! ```

use super::address::HubAddress;
use super::tree::is_commit;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
                   # This file is a cache directory tag: backups may leave the folder out (https://bford.info/cachedir/).\n";

/// A repository's folder.
#[derive(Debug, Clone)]
pub(super) struct RepoCache {
    cache: PathBuf,
    name: String,
}

impl RepoCache {
    /// The folder of the address's repository below `cache`; nothing is made yet.
    pub(super) fn new(cache: &Path, address: &HubAddress) -> Self {
        let name = format!("{}--{}", address.kind.plural(), address.name.replace('/', "--"));
        Self { cache: cache.to_owned(), name }
    }

    pub(super) fn root(&self) -> &Path {
        &self.cache
    }

    fn folder(&self) -> PathBuf {
        self.cache.join(&self.name)
    }

    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder().join("blobs").join(etag)
    }

    pub(super) fn lock(&self, etag: &str) -> PathBuf {
        self.cache.join(".locks").join(&self.name).join(format!("{etag}.lock"))
    }

    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder().join("snapshots").join(commit)
    }

    /// The commit that `revision` stood for when it was asked last.
    pub(super) fn commit_of(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let text = fs::read_to_string(self.folder().join("refs").join(revision)).ok()?;
        Some(text.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// Notes what `revision` stands for.
    pub(super) fn note_revision(&self, revision: &str, commit: &str) -> io::Result<()> {
        if is_commit(revision) || self.commit_of(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.folder().join("refs").join(revision);
        let above = path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(above)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = above.join(format!("{name}.{:08x}.tmp", std::process::id()));
        fs::write(&temporary, commit)?;
        fs::rename(temporary, path)
    }

    /// Notes that the repository has no file `path` at `commit`.
    pub(super) fn note_absent(&self, commit: &str, path: &str) -> io::Result<()> {
        let path = self.folder().join(".no_exist").join(commit).join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
        fs::OpenOptions::new().create(true).append(true).open(path).map(drop)
    }

    /// Makes the folders that a file of this tag needs, and the mark that backups know.
    pub(super) fn prepare(&self, etag: &str) -> io::Result<()> {
        for path in [self.blob(etag), self.lock(etag)] {
            fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
        }
        let tag = self.cache.join("CACHEDIR.TAG");
        if !tag.exists() {
            // For backups alone.
            let _ = fs::write(tag, TAG);
        }
        Ok(())
    }

    /// Puts the content `etag` at `path` of the snapshot: a link, or where the file system has none, a copy.
    pub(super) fn link(&self, commit: &str, path: &str, etag: &str) -> io::Result<()> {
        let place = self.snapshot(commit).join(path);
        let blob = self.blob(etag);
        if place.exists() && same_file(&place, &blob) {
            return Ok(());
        }
        let above = place.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(above)?;
        let up = "../".repeat(2 + path.matches('/').count());
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let temporary = above.join(format!(".{name}.{:08x}.tmp", std::process::id()));
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if symlink(format!("{up}blobs/{etag}"), &temporary).is_err() {
            fs::hard_link(&blob, &temporary).or_else(|_| fs::copy(&blob, &temporary).map(drop))?;
        }
        fs::rename(temporary, place)
    }

    /// The files of a snapshot that are there, by their paths in the repository, with their lengths; sorted.
    pub(super) fn files(&self, commit: &str) -> io::Result<Vec<(String, u64)>> {
        let root = self.snapshot(commit);
        let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let path = entry.path();
                // A link that leads nowhere is a file that is not there.
                let Ok(about) = fs::metadata(&path) else { continue };
                if about.is_file() {
                    let name = path.strip_prefix(&root).unwrap_or(&path);
                    found.push((name.to_string_lossy().into_owned(), about.len()));
                } else if entry.file_type()?.is_dir() {
                    folders.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_snapshot_links_to_contents_wherever_the_cache_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let (before, after) = (folder.path().join("hub"), folder.path().join("moved"));
        let address = HubAddress::parse("hf://datasets/o/n@a%2Fb").unwrap();
        let cache = RepoCache::new(&before, &address);
        cache.prepare("tag").unwrap();
        fs::write(cache.blob("tag"), "content").unwrap();
        for path in ["x.json", "unet/deep/model.onnx"] {
            cache.link(COMMIT, path, "tag").unwrap();
            cache.link(COMMIT, path, "tag").unwrap();
        }
        cache.note_revision("a/b", COMMIT).unwrap();
        let link =
            before.join("datasets--o--n/snapshots").join(COMMIT).join("unet/deep/model.onnx");
        assert_eq!(fs::read_link(link).unwrap(), Path::new("../../../../blobs/tag"));
        fs::rename(&before, &after).unwrap();
        let cache = RepoCache::new(&after, &address);
        assert_eq!(cache.commit_of("a/b").as_deref(), Some(COMMIT));
        assert_eq!(cache.commit_of("main"), None);
        let files = cache.files(COMMIT).unwrap();
        assert_eq!(files, [("unet/deep/model.onnx".to_owned(), 7), ("x.json".to_owned(), 7)]);
        fs::remove_file(cache.blob("tag")).unwrap();
        assert_eq!(cache.files(COMMIT).unwrap(), []);
    }

    #[test]
    fn a_link_to_another_content_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let cache = RepoCache::new(folder.path(), &HubAddress::parse("hf://o/n").unwrap());
        for tag in ["old", "new"] {
            cache.prepare(tag).unwrap();
            fs::write(cache.blob(tag), tag).unwrap();
            cache.link(COMMIT, "f", tag).unwrap();
        }
        assert_eq!(fs::read_to_string(cache.snapshot(COMMIT).join("f")).unwrap(), "new");
    }
}
