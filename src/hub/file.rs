//! What the hub says of one file, asked for alone.

use super::address::HubAddress;
use super::answer::{Failure, nonsense, text};
use super::client::Hub;
use super::repo_file::RepoFile;
use super::tree::{clean_etag, is_commit};
use crate::objects::RemoteError;
use reqwest::Method;
use reqwest::header::HeaderMap;
use std::io::ErrorKind;

/// Asks about the address's file at `revision`. An answer without its commit is of no hub.
pub(super) async fn about(
    hub: &Hub,
    address: &HubAddress,
    revision: &str,
) -> Result<RepoFile, RemoteError> {
    let url = address.file_url(hub.endpoint(), revision, &address.path);
    hub.persist(|| async {
        let answered = hub.ask(Method::HEAD, &url, &HeaderMap::new(), true).await?;
        let is_redirect = answered.response.status().is_redirection();
        let mut headers: Vec<&HeaderMap> = answered.hub_headers.iter().collect();
        if !is_redirect {
            headers.push(answered.response.headers());
        }
        found(address, &headers, is_redirect).map_err(Failure::from)
    })
    .await
}

/// `headers`: of the redirects, then of the answer, the last of which may be the redirect to a store.
fn found(
    address: &HubAddress,
    headers: &[&HeaderMap],
    ends_in_redirect: bool,
) -> Result<RepoFile, RemoteError> {
    let first = |name: &str| headers.iter().find_map(|headers| text(headers, name));
    // Of a redirect these two are its own.
    let last =
        |name: &str| headers.last().filter(|_| !ends_in_redirect).and_then(|h| text(h, name));
    if !first("x-repo-commit").is_some_and(is_commit) {
        return Err(nonsense("its answer names no commit"));
    }
    let etag = first("x-linked-etag").or_else(|| last("etag"));
    let etag = clean_etag(etag.ok_or_else(|| nonsense("its answer has no ETag"))?)?;
    let bytes = first("x-linked-size").or_else(|| last("content-length"));
    let bytes = bytes.and_then(|bytes| bytes.parse().ok()).ok_or_else(|| {
        RemoteError::permanent(ErrorKind::InvalidData, "the hub does not say how long the file is")
    })?;
    Ok(RepoFile { path: address.path.clone(), bytes, etag })
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn what_a_redirect_says_of_the_file_counts_and_not_its_own_tag() {
        let address = HubAddress::parse("hf://a/b/c").unwrap();
        let redirect = headers(&[
            ("x-repo-commit", COMMIT),
            ("x-linked-etag", "\"sha\""),
            ("x-linked-size", "12"),
            ("etag", "\"other\""),
            ("content-length", "999"),
        ]);
        let file = found(&address, &[&redirect], true).unwrap();
        assert_eq!((file.etag.as_str(), file.bytes), ("sha", 12));
        let renamed = headers(&[("location", "/new/name")]);
        let plain =
            headers(&[("x-repo-commit", COMMIT), ("etag", "W/\"git\""), ("content-length", "3")]);
        let file = found(&address, &[&renamed, &plain], false).unwrap();
        assert_eq!((file.etag.as_str(), file.bytes), ("git", 3));
        assert!(found(&address, &[&headers(&[("etag", "\"x\"")])], false).is_err());
        let unknown = headers(&[("x-repo-commit", COMMIT), ("etag", "\"x\"")]);
        assert!(found(&address, &[&unknown], true).is_err());
    }
}
