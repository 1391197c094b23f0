//! A repository at one commit: what it holds, and its files in the cache or in a folder.

use super::address::HubAddress;
use super::cache::RepoCache;
use super::client::Hub;
use super::download::{Problem, Task};
use super::environment::Environment;
use super::error::HubError;
use super::place::Place;
use super::progress::Progress;
use super::repo_file::RepoFile;
use super::{file, tree};
use crate::objects::RemoteError;
use futures::{StreamExt, TryStreamExt};
use indicatif::HumanBytes;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files that are fetched at once.
const AT_ONCE: usize = 4;

/// A repository at one commit.
#[derive(Debug)]
pub(crate) struct Repository {
    /// As the user wrote it.
    address: HubAddress,
    commit: String,
    files: Vec<RepoFile>,
    /// `None` where nothing is asked of the hub: what the cache has is all there is.
    hub: Option<Arc<Hub>>,
    cache: RepoCache,
    /// Why the hub is not asked.
    offline: &'static str,
}

impl Repository {
    /// Looks at what the address names: a repository, a folder or a file of it. What the hub says counts; where it is not to
    /// be asked, or can't be reached and the cache has the revision, what the cache has.
    ///
    /// # Errors
    /// If there is no such thing, no access to it, or no connection.
    pub(crate) fn open(address: &HubAddress) -> Result<Self, HubError> {
        let hub = Hub::get()?;
        let cache = RepoCache::new(&hub.environment.cache, address);
        if hub.environment.offline {
            return Self::cached(&hub.environment, address, cache, "HF_HUB_OFFLINE is set");
        }
        match Self::asked(&hub, address, &cache) {
            Ok((commit, files)) => {
                // For those who are offline later; a cache that can't be written to says so when files come.
                let _ = cache.note_revision(&address.revision, &commit);
                let (address, hub) = (address.clone(), Some(hub));
                Ok(Self { address, commit, files, hub, cache, offline: "" })
            }
            Err(error) if error.kind == ErrorKind::TimedOut => {
                let unreachable = "the hub can't be reached";
                let found = Self::cached(&hub.environment, address, cache, unreachable);
                if found.is_ok() {
                    crate::say!("warning: {address}: {error}: going by what the cache has of it");
                }
                found.map_err(|_| {
                    let text = format!(
                        "{address}: the hub at {} can't be reached, and the cache has nothing of it: {error}; look at \
                         HF_ENDPOINT and at the network's proxy",
                        hub.endpoint()
                    );
                    HubError::new(error.kind, text)
                })
            }
            Err(error) => Err(of(address, &error)),
        }
    }

    /// The commit and the files, as the hub has them.
    fn asked(
        hub: &Arc<Hub>,
        address: &HubAddress,
        cache: &RepoCache,
    ) -> Result<(String, Vec<RepoFile>), RemoteError> {
        let (shared, asked) = (hub.clone(), address.clone());
        let listed = hub.network.wait(async move {
            let commit = tree::commit(&shared, &asked).await?;
            let files = tree::files(&shared, &asked, &commit, &asked.path, true).await;
            Ok::<_, RemoteError>((commit, files))
        })??;
        match listed {
            (commit, Ok(files)) => Ok((commit, files)),
            // No folder: a file then.
            (commit, Err(error))
                if error.kind == ErrorKind::NotFound && !address.path.is_empty() =>
            {
                let (shared, asked, at) = (hub.clone(), address.clone(), commit.clone());
                let found =
                    hub.network.wait(async move { file::about(&shared, &asked, &at).await })?;
                if found.as_ref().is_err_and(|error| error.kind == ErrorKind::NotFound) {
                    let _ = cache.note_absent(&commit, &address.path);
                }
                Ok((commit, vec![found?]))
            }
            (_, Err(error)) => Err(error),
        }
    }

    fn cached(
        environment: &Environment,
        address: &HubAddress,
        cache: RepoCache,
        offline: &'static str,
    ) -> Result<Self, HubError> {
        let absent = || {
            HubError::new(
                ErrorKind::NotFound,
                format!(
                    "{address}: {offline}, and the cache in {} has nothing of it: fetch it on a machine with a connection \
                     (coda-pipe model fetch), or set HF_HOME to the folder that has it",
                    environment.cache.display()
                ),
            )
        };
        let commit = cache.commit_of(&address.revision).ok_or_else(absent)?;
        let files = match cache.files(&commit) {
            Ok(files) => files,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(absent()),
            Err(error) => return Err(disk(cache.root(), &error)),
        };
        let below = |path: &str| {
            let rest = path.strip_prefix(&address.path);
            address.path.is_empty()
                || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let files = files.into_iter().filter(|(path, _)| below(path));
        let files: Vec<RepoFile> =
            files.map(|(path, bytes)| RepoFile { path, bytes, etag: String::new() }).collect();
        if files.is_empty() {
            return Err(absent());
        }
        Ok(Self { address: address.clone(), commit, files, hub: None, cache, offline })
    }

    /// The files at the address and below it; paths are the repository's.
    pub(crate) fn files(&self) -> &[RepoFile] {
        &self.files
    }

    /// The commit.
    pub(crate) fn commit(&self) -> &str {
        &self.commit
    }

    /// The place in the cache where the address's file or folder is, or will be.
    pub(crate) fn place(&self) -> PathBuf {
        let snapshot = self.cache.snapshot(&self.commit);
        if self.address.path.is_empty() { snapshot } else { snapshot.join(&self.address.path) }
    }

    /// Refuses what the cache lacks, where nothing is asked of the hub.
    pub(crate) fn lacking(&self, path: &str) -> HubError {
        let at = self.address.at(path);
        match &self.hub {
            Some(_) => {
                HubError::new(ErrorKind::NotFound, format!("{at}: the repository has no such file"))
            }
            None => HubError::new(
                ErrorKind::NotFound,
                format!(
                    "{at}: {}, and the cache in {} lacks this file: run the same command once with a connection",
                    self.offline,
                    self.cache.root().display()
                ),
            ),
        }
    }

    /// Fetches `files` into the cache, but those that are there. `strict`: those too are read again, and fetched anew if
    /// they are damaged.
    ///
    /// # Errors
    /// With the file, and what is wrong with the disk, the hub or the way to it. What has come stays.
    pub(crate) fn fetch(&self, files: &[&RepoFile], strict: bool) -> Result<(), HubError> {
        let place = Place::Cache { cache: self.cache.clone(), commit: self.commit.clone() };
        self.fetch_into(place, files, strict)
    }

    /// Fetches `files` into `folder`, as plain files.
    ///
    /// # Errors
    /// As [`Repository::fetch`].
    pub(crate) fn fetch_to(&self, folder: &Path, files: &[&RepoFile]) -> Result<(), HubError> {
        if self.hub.is_none() {
            return self.copy_to(folder, files);
        }
        let place = Place::Folder { root: folder.to_owned(), below: self.address.path.clone() };
        self.fetch_into(place, files, true)
    }

    /// The same from the cache, where nothing is asked of the hub.
    fn copy_to(&self, folder: &Path, files: &[&RepoFile]) -> Result<(), HubError> {
        let snapshot = self.cache.snapshot(&self.commit);
        for file in files {
            let path = Path::new(&file.path);
            let to = folder.join(path.strip_prefix(&self.address.path).unwrap_or(path));
            let above = to.parent().unwrap_or(folder);
            let partial = to.with_extension("incomplete");
            let copied = std::fs::create_dir_all(above)
                .and_then(|()| std::fs::copy(snapshot.join(path), &partial))
                .and_then(|_| std::fs::rename(&partial, &to));
            copied.map_err(|error| disk(&to, &error))?;
        }
        Ok(())
    }

    fn fetch_into(&self, place: Place, files: &[&RepoFile], strict: bool) -> Result<(), HubError> {
        let Some(hub) = &self.hub else { return Ok(()) };
        let at_fault = |error: io::Error| disk(place.root(), &error);
        let mut missing: Vec<RepoFile> = Vec::new();
        for file in files {
            match place.has(file, strict).map_err(at_fault)? {
                true => place.name(file).map_err(at_fault)?,
                false => {
                    discard(&place, file).map_err(at_fault)?;
                    missing.push((*file).clone());
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let bytes = missing.iter().map(|file| file.bytes).sum();
        refuse_if_full(&place, &missing)?;
        let (count, address, to) = (missing.len(), &self.address, place.root().display());
        let plural = if count == 1 { "" } else { "s" };
        crate::say!("fetching {count} file{plural}, {}, of {address} into {to}", HumanBytes(bytes));
        let (shared, address, commit) = (hub.clone(), self.address.clone(), self.commit.clone());
        let progress = Arc::new(Progress::new(bytes));
        let fetched = hub.network.wait(async move {
            let task = Task {
                hub: &shared,
                address: &address,
                commit: &commit,
                place: &place,
                progress: &progress,
            };
            let fetch = |file: RepoFile| {
                let task = &task;
                async move {
                    let done = task.fetch(&file).await;
                    done.map_err(|problem| {
                        explained(problem, &task.address.at(&file.path), task.place)
                    })
                }
            };
            let fetches = futures::stream::iter(missing).map(fetch).buffer_unordered(AT_ONCE);
            fetches.try_collect::<Vec<()>>().await.map(drop)
        });
        fetched.map_err(|error| of(&self.address, &error))?
    }
}

/// Removes a damaged content, so that it is fetched anew.
fn discard(place: &Place, file: &RepoFile) -> io::Result<()> {
    match place {
        Place::Cache { cache, .. } => match std::fs::remove_file(cache.blob(&file.etag)) {
            Err(error)
                if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Err(error)
            }
            Err(_) => Ok(()),
            Ok(()) => {
                crate::say!("{}: the copy in the cache is damaged; fetching it again", file.path);
                Ok(())
            }
        },
        // Replaced when the whole has come.
        Place::Folder { .. } => Ok(()),
    }
}

/// Refuses to begin what the disk has no room for.
fn refuse_if_full(place: &Place, missing: &[RepoFile]) -> Result<(), HubError> {
    let begun =
        |file: &RepoFile| std::fs::metadata(place.unfinished(file)).map_or(0, |about| about.len());
    let needed: u64 = missing.iter().map(|file| file.bytes.saturating_sub(begun(file))).sum();
    let root = place.root();
    let there = root.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    let Some(free) = free_bytes(there) else { return Ok(()) };
    if needed <= free {
        return Ok(());
    }
    Err(HubError::new(
        ErrorKind::StorageFull,
        format!(
            "{} more are needed in {}, where {} are free: free some, or {}",
            HumanBytes(needed),
            root.display(),
            HumanBytes(free),
            elsewhere(place)
        ),
    ))
}

fn free_bytes(folder: &Path) -> Option<u64> {
    // Tests make the disk small by it.
    #[cfg(debug_assertions)]
    if let Ok(bytes) = std::env::var("CODA_PIPE_FREE_BYTES") {
        return bytes.parse().ok();
    }
    let about = rustix::fs::statvfs(folder).ok()?;
    Some(about.f_bavail * about.f_frsize)
}

fn elsewhere(place: &Place) -> &'static str {
    match place {
        Place::Cache { .. } => "set HF_HOME to a folder on a larger disk",
        Place::Folder { .. } => "name a folder on a larger disk",
    }
}

/// A failed request, with the address.
fn of(address: &HubAddress, error: &RemoteError) -> HubError {
    HubError::new(error.kind, format!("{address}: {error}"))
}

/// A failed disk, with the path.
fn disk(path: &Path, error: &io::Error) -> HubError {
    HubError::new(error.kind(), format!("{}: {error}", path.display()))
}

fn explained(problem: Problem, address: &HubAddress, place: &Place) -> HubError {
    match problem {
        Problem::Hub(error) => of(address, &error),
        Problem::Disk(error)
            if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
        {
            HubError::new(
                error.kind(),
                format!(
                    "{address}: the disk of {} is full: free some room and give the same command, which goes on from what has \
                     come, or {}",
                    place.root().display(),
                    elsewhere(place)
                ),
            )
        }
        Problem::Disk(error) => HubError::new(
            error.kind(),
            format!(
                "{address}: cannot write below {}: {error}; {}",
                place.root().display(),
                elsewhere(place)
            ),
        ),
    }
}
