//! Where fetched files come to lie: in the cache, or in a folder of the user's as plain files.

use super::cache::RepoCache;
use super::digest::is_whole;
use super::repo_file::RepoFile;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Below a user's folder, what is under way.
const UNDER_WAY: &str = ".cache/huggingface/download";

/// A place for files.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// The snapshot of a commit in the cache.
    Cache { cache: RepoCache, commit: String },
    /// A folder, in which the repository's folder `below` lies.
    Folder { root: PathBuf, below: String },
}

impl Place {
    /// The disk that it is on.
    pub(super) fn root(&self) -> &Path {
        match self {
            Self::Cache { cache, .. } => cache.root(),
            Self::Folder { root, .. } => root,
        }
    }

    pub(super) fn lock(&self, file: &RepoFile) -> PathBuf {
        match self {
            Self::Cache { cache, .. } => cache.lock(&file.etag),
            Self::Folder { root, .. } => root.join(UNDER_WAY).join(format!("{}.lock", file.etag)),
        }
    }

    /// Where the content lies while it comes. Its name is that of the content, so that another process goes on with it.
    pub(super) fn unfinished(&self, file: &RepoFile) -> PathBuf {
        match self {
            Self::Cache { cache, .. } => cache.blob(&format!("{}.incomplete", file.etag)),
            Self::Folder { root, .. } => {
                root.join(UNDER_WAY).join(format!("{}.incomplete", file.etag))
            }
        }
    }

    /// Where the content lies when it has come.
    fn content(&self, file: &RepoFile) -> PathBuf {
        match self {
            Self::Cache { cache, .. } => cache.blob(&file.etag),
            Self::Folder { root, below } => {
                let path = Path::new(&file.path);
                root.join(path.strip_prefix(below).unwrap_or(path))
            }
        }
    }

    pub(super) fn prepare(&self, file: &RepoFile) -> io::Result<()> {
        match self {
            Self::Cache { cache, .. } => cache.prepare(&file.etag),
            Self::Folder { root, .. } => {
                let content = self.content(file);
                fs::create_dir_all(content.parent().unwrap_or(root))?;
                fs::create_dir_all(root.join(UNDER_WAY))
            }
        }
    }

    /// Whether the content is there: by its length, and if `strict` or where nothing else is known of it, by its digest. A
    /// file that is not whole is as good as none.
    pub(super) fn has(&self, file: &RepoFile, strict: bool) -> io::Result<bool> {
        let content = self.content(file);
        match fs::metadata(&content) {
            Ok(about) if !about.is_file() || about.len() != file.bytes => Ok(false),
            Ok(_) if strict || matches!(self, Self::Folder { .. }) => {
                is_whole(&content, &file.etag, file.bytes)
            }
            Ok(_) => Ok(true),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts the whole content, which lies on the disk, where it belongs.
    pub(super) fn keep(&self, file: &RepoFile) -> io::Result<()> {
        let content = self.content(file);
        fs::rename(self.unfinished(file), &content)?;
        // The new name is on the disk when its folder is.
        File::open(content.parent().unwrap_or(self.root()))?.sync_all()
    }

    /// Names the content by the file's path, which the cache has as a link.
    pub(super) fn name(&self, file: &RepoFile) -> io::Result<()> {
        match self {
            Self::Cache { cache, commit } => cache.link(commit, &file.path, &file.etag),
            Self::Folder { .. } => Ok(()),
        }
    }
}
