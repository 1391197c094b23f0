//! What a repository holds at a commit: its files with their lengths and digests.

use super::address::{HubAddress, check_path, encoded};
use super::answer::nonsense;
use super::client::Hub;
use super::repo_file::RepoFile;
use crate::objects::RemoteError;
use reqwest::Url;
use serde::Deserialize;
use std::sync::PoisonError;

/// Pages of a listing; a thousand files each.
const MOST_PAGES: usize = 10_000;

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    oid: String,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

/// The commit that the address's revision stands for, asked once by this process.
pub(super) async fn commit(hub: &Hub, address: &HubAddress) -> Result<String, RemoteError> {
    if is_commit(&address.revision) {
        return Ok(address.revision.clone());
    }
    let url = commit_url(hub, address);
    let known = hub.commits.lock().unwrap_or_else(PoisonError::into_inner).get(&url).cloned();
    if let Some(commit) = known {
        return Ok(commit);
    }
    let (about, _) = hub.json(&url).await?;
    let commit = about.get("sha").and_then(|sha| sha.as_str()).filter(|sha| is_commit(sha));
    let commit = commit.ok_or_else(|| nonsense("it names no commit"))?.to_owned();
    let mut commits = hub.commits.lock().unwrap_or_else(PoisonError::into_inner);
    // The first answer counts for all.
    Ok(commits.entry(url).or_insert(commit).clone())
}

/// Where the hub says which commit the address's revision stands for.
pub(super) fn commit_url(hub: &Hub, address: &HubAddress) -> String {
    let question = format!("revision/{}", encoded(&address.revision, false));
    address.api_url(hub.endpoint(), &question)
}

/// Whether a revision is a whole commit, which never changes.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The files in the folder `path` at `commit`, and below it if `deep`; paths are the repository's.
pub(super) async fn files(
    hub: &Hub,
    address: &HubAddress,
    commit: &str,
    path: &str,
    deep: bool,
) -> Result<Vec<RepoFile>, RemoteError> {
    let folder = if path.is_empty() { String::new() } else { format!("/{}", encoded(path, true)) };
    let question = format!("tree/{commit}{folder}?recursive={deep}&expand=false");
    let mut url = address.api_url(hub.endpoint(), &question);
    let mut files = Vec::new();
    for _ in 0..MOST_PAGES {
        let (page, next) = hub.json(&url).await?;
        let entries: Vec<Entry> =
            serde_json::from_value(page).map_err(|_| nonsense("its listing is none"))?;
        for entry in entries.into_iter().filter(|entry| entry.kind == "file") {
            files.push(file(entry)?);
        }
        match next {
            Some(next) if next != url && is_own(hub, &next) => url = next,
            Some(_) => return Err(nonsense("its listing goes on elsewhere")),
            None => return Ok(files),
        }
    }
    Err(nonsense("its listing has no end"))
}

fn is_own(hub: &Hub, url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| hub.is_own(&url))
}

fn file(entry: Entry) -> Result<RepoFile, RemoteError> {
    let (etag, bytes) = match entry.lfs {
        Some(lfs) => (lfs.oid, lfs.size),
        None => (entry.oid, entry.size),
    };
    check_path(&entry.path)
        .map_err(|problem| nonsense(&format!("its listing has a path that is none: {problem}")))?;
    Ok(RepoFile { path: entry.path, bytes, etag: clean_etag(&etag)? })
}

/// A tag as a file's name, as Python has it: without quotes and the mark of a weak one.
///
/// # Errors
/// If it is no name.
pub(super) fn clean_etag(etag: &str) -> Result<String, RemoteError> {
    let etag = etag.trim().trim_start_matches("W/").trim_matches('"');
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if etag.is_empty() || etag.len() > 200 || etag.starts_with('.') || !etag.chars().all(known) {
        return Err(nonsense("it names no content of a file"));
    }
    Ok(etag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<RepoFile, RemoteError> {
        file(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_large_files_digest_is_that_of_its_content() {
        let lfs = r#"{"type": "file", "path": "a/b.onnx", "size": 9, "oid": "git", "lfs": {"oid": "sha", "size": 9, "pointerSize": 1}}"#;
        assert_eq!(
            read(lfs).unwrap(),
            RepoFile { path: "a/b.onnx".into(), bytes: 9, etag: "sha".into() }
        );
        let small = r#"{"type": "file", "path": "a.json", "size": 3, "oid": "git"}"#;
        assert_eq!(read(small).unwrap().etag, "git");
    }

    #[test]
    fn a_listing_leads_nowhere_else() {
        for path in ["../x", "/etc/passwd", "a/../../x", "a//b", "a\\u0000b", "a\\\\b"] {
            let entry = format!(r#"{{"type": "file", "path": "{path}", "size": 1, "oid": "abc"}}"#);
            assert!(read(&entry).is_err(), "{path}");
        }
        for etag in ["", "../x", "a/b", ".hidden", "a b"] {
            let entry = format!(r#"{{"type": "file", "path": "a", "size": 1, "oid": "{etag}"}}"#);
            assert!(read(&entry).is_err(), "{etag}");
        }
    }

    #[test]
    fn only_a_whole_commit_never_changes() {
        assert!(is_commit("0123456789abcdef0123456789abcdef01234567"));
        assert!(!is_commit("0123456") && !is_commit("main"));
        assert_eq!(clean_etag("W/\"abc\"").unwrap(), "abc");
    }
}
