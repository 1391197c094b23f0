//! Fetches one file whole: goes on where a connection broke or a process ended, and keeps nothing of another digest.

use super::address::HubAddress;
use super::answer::{Failure, text};
use super::client::Hub;
use super::digest::Digest;
use super::lock::Lock;
use super::place::Place;
use super::progress::Progress;
use super::repo_file::RepoFile;
use super::tree::clean_etag;
use crate::objects::{Failures, RemoteError, beside};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue, RANGE};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// So often in a row another address of the store is asked for.
const MOST_REFUSALS: usize = 4;

/// Why a file did not come.
#[derive(Debug)]
pub(super) enum Problem {
    /// The disk on this side.
    Disk(io::Error),
    Hub(RemoteError),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<RemoteError> for Problem {
    fn from(error: RemoteError) -> Self {
        Self::Hub(error)
    }
}

/// What all files of a call share.
pub(super) struct Task<'a> {
    pub(super) hub: &'a Hub,
    pub(super) address: &'a HubAddress,
    pub(super) commit: &'a str,
    pub(super) place: &'a Place,
    pub(super) progress: &'a Progress,
}

impl Task<'_> {
    /// Fetches `file` into its place, unless another process has done so meanwhile.
    pub(super) async fn fetch(&self, file: &RepoFile) -> Result<(), Problem> {
        self.place.prepare(file)?;
        let whose = self.address.at(&file.path).to_string();
        let _lock = Lock::take(&self.place.lock(file), &whose).await?;
        if beside(|| self.place.has(file, false))? {
            self.progress.came(file.bytes);
            return Ok(beside(|| self.place.name(file))?);
        }
        for last in [false, true] {
            if self.try_fetch(file).await? {
                beside(|| self.place.keep(file).and_then(|()| self.place.name(file)))?;
                return Ok(());
            }
            std::fs::remove_file(self.place.unfinished(file))?;
            if !last {
                self.progress.lost(file.bytes);
                crate::say!(
                    "{whose}: what has come has another digest than the hub names; fetching it again"
                );
            }
        }
        Err(RemoteError::permanent(
            ErrorKind::InvalidData,
            "what comes has another digest than the hub names, twice: something on the way changes it (a proxy, a mirror), or \
             the disk does; nothing of it is kept",
        )
        .into())
    }

    /// Fetches what is missing of `file`; whether the whole has the right digest.
    async fn try_fetch(&self, file: &RepoFile) -> Result<bool, Problem> {
        let path = self.place.unfinished(file);
        let mut part = beside(|| Part::open(&path, file))?;
        self.progress.came(part.at);
        let (mut failures, mut refused) = (Failures::default(), 0);
        while part.at < file.bytes {
            let before = part.at;
            let failure = match self.go_on(&mut part, file).await {
                Ok(()) => continue,
                Err(Trouble::Disk(error)) => return Err(error.into()),
                Err(Trouble::Other(failure)) => failure,
            };
            if part.at > before {
                // A connection that gets somewhere is worth going on with, however often it breaks.
                (failures, refused) = (Failures::default(), 0);
                self.hub.answered();
            }
            refused += usize::from(failure.by_store);
            if refused > MOST_REFUSALS {
                return Err(RemoteError { permanent: true, ..failure.error }.into());
            }
            self.hub.pause(&mut failures, failure).await?;
        }
        let Part { file: written, digest, .. } = part;
        beside(|| written.sync_all())?;
        Ok(digest.is(&file.etag))
    }

    /// Asks for what is left, and writes what comes of it.
    async fn go_on(&self, part: &mut Part, file: &RepoFile) -> Result<(), Trouble> {
        let mut headers = HeaderMap::new();
        if part.at > 0 {
            let range = format!("bytes={}-", part.at);
            headers.insert(RANGE, HeaderValue::from_str(&range).map_err(|_| odd("no range"))?);
        }
        let url = self.address.file_url(self.hub.endpoint(), self.commit, &file.path);
        let mut answered = self.hub.ask(Method::GET, &url, &headers, false).await?;
        let named = answered.hub_headers.iter().find_map(|headers| text(headers, "x-linked-etag"));
        if named.is_some_and(|named| clean_etag(named).is_ok_and(|named| named != file.etag)) {
            return Err(odd("the hub sends on to another content than it lists").into());
        }
        let answer = &mut answered.response;
        match answer.status().as_u16() {
            206 if starts_at(text(answer.headers(), "content-range")) == Some(part.at) => {}
            // The server knows no ranges, or not this one.
            _ => {
                self.progress.lost(part.at);
                beside(|| part.begin_anew(file))?;
            }
        }
        let broken = |error: reqwest::Error| Failure::of_connection(&error);
        while let Some(piece) = answer.chunk().await.map_err(broken)? {
            let room = usize::try_from(file.bytes - part.at).unwrap_or(usize::MAX);
            if piece.len() > room {
                beside(|| part.begin_anew(file))?;
                return Err(odd("the server sends more than the hub lists").into());
            }
            // A disk may keep its writer waiting: the thread's other requests go on elsewhere.
            beside(|| part.add(&piece))?;
            self.progress.came(piece.len() as u64);
        }
        match part.at == file.bytes {
            true => Ok(()),
            false => Err(Failure::from(RemoteError::transient(
                "the server sent less than the hub lists",
            ))
            .into()),
        }
    }
}

fn odd(what: &str) -> Failure {
    RemoteError::permanent(ErrorKind::InvalidData, what).into()
}

/// The first byte of `bytes 5-9/10`.
fn starts_at(range: Option<&str>) -> Option<u64> {
    let (start, _) = range?.trim().strip_prefix("bytes ")?.split_once('-')?;
    start.trim().parse().ok()
}

enum Trouble {
    Disk(io::Error),
    Other(Failure),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

/// The part of a file that has come.
struct Part {
    file: File,
    at: u64,
    digest: Digest,
}

impl Part {
    /// What an earlier process left, read into the digest; nothing where it left too much.
    fn open(path: &Path, wanted: &RepoFile) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).read(true).write(true).open(path)?;
        let mut part = Self { file, at: 0, digest: Digest::like(&wanted.etag, wanted.bytes) };
        part.at = part.digest.read(&part.file)?;
        if part.at > wanted.bytes {
            part.begin_anew(wanted)?;
        }
        Ok(part)
    }

    fn begin_anew(&mut self, wanted: &RepoFile) -> io::Result<()> {
        self.file.set_len(0)?;
        (self.at, self.digest) = (0, Digest::like(&wanted.etag, wanted.bytes));
        Ok(())
    }

    /// Writes at its own place: another process that fetches the same without a lock writes the same bytes there.
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.at)?;
        self.digest.update(bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_process_left_counts_unless_it_is_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.incomplete");
        let wanted = RepoFile {
            path: "x".into(),
            bytes: 16,
            etag: "bd9dbf5aae1a3862dd1526723246b20206e5fc37".into(),
        };
        std::fs::write(&path, "what is up").unwrap();
        let mut part = Part::open(&path, &wanted).unwrap();
        assert_eq!(part.at, 10);
        part.add(b", doc?").unwrap();
        assert!(part.digest.is(&wanted.etag));
        assert_eq!(std::fs::read(&path).unwrap(), b"what is up, doc?");
        std::fs::write(&path, "what is up, doctor").unwrap();
        assert_eq!(Part::open(&path, &wanted).unwrap().at, 0);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    }

    #[test]
    fn a_range_says_where_it_starts() {
        assert_eq!(starts_at(Some("bytes 5-9/10")), Some(5));
        assert_eq!(starts_at(Some("bytes */10")), None);
        assert_eq!(starts_at(None), None);
    }
}
