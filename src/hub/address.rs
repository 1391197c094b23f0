//! Addresses on the hub, as Python's `HfFileSystem` has them: `hf://[datasets/|spaces/]OWNER/NAME[@REVISION][/PATH]`.
//!
//! A revision with a slash is percent-encoded; `refs/pr/N` and `refs/convert/NAME` may stand as they are.

use super::error::HubError;
use std::fmt;

const SCHEME: &str = "hf://";
/// The revision where an address names none.
const DEFAULT_REVISION: &str = "main";

/// Whether a text is an address on the hub.
pub(crate) fn is_hub(text: &str) -> bool {
    text.starts_with(SCHEME)
}

/// What a repository holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum RepoKind {
    Model,
    Dataset,
    Space,
}

/// A repository at a revision, and a place in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct HubAddress {
    pub(crate) kind: RepoKind,
    /// `OWNER/NAME`.
    pub(crate) name: String,
    /// A branch, a tag or a commit.
    pub(crate) revision: String,
    /// A file or a folder; empty for all of it.
    pub(crate) path: String,
}

impl RepoKind {
    /// The first part of addresses, URLs and API paths: none for models.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Model => "",
            Self::Dataset => "datasets/",
            Self::Space => "spaces/",
        }
    }

    #[cfg(feature = "remote")]
    /// The name in the API and in the cache.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
            Self::Space => "spaces",
        }
    }
}

impl HubAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, HubError> {
        Self::read(text).map_err(|problem| {
            HubError::wrong(format!(
                "`{text}` is no address on the Hugging Face hub: {problem}; write hf://OWNER/NAME for a model, \
                 hf://datasets/OWNER/NAME/FILE for a file of a data set, each with @REVISION behind NAME if need be"
            ))
        })
    }

    fn read(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix(SCHEME).ok_or("it does not begin with hf://")?;
        let kinds = [
            ("datasets/", RepoKind::Dataset),
            ("spaces/", RepoKind::Space),
            ("models/", RepoKind::Model),
        ];
        let found =
            kinds.iter().find_map(|(prefix, kind)| Some((*kind, rest.strip_prefix(prefix)?)));
        let (kind, rest) = found.unwrap_or((RepoKind::Model, rest));
        let (owner, rest) = rest.split_once('/').ok_or("it names no repository")?;
        let named = rest.find(['/', '@']).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(named);
        for part in [owner, name] {
            check_name(part)?;
        }
        let (revision, path) = match rest.strip_prefix('@') {
            Some(rest) => {
                let (revision, path) = split_revision(rest);
                (decoded(revision)?, path)
            }
            None => (DEFAULT_REVISION.to_owned(), rest.strip_prefix('/').unwrap_or(rest)),
        };
        check_path(&revision).map_err(|problem| format!("the revision {problem}"))?;
        let path = path.trim_end_matches('/');
        if !path.is_empty() {
            check_path(path).map_err(|problem| format!("the path {problem}"))?;
        }
        Ok(Self { kind, name: format!("{owner}/{name}"), revision, path: path.to_owned() })
    }

    /// The same place at another revision.
    ///
    /// # Errors
    /// If that is no name of one.
    pub(crate) fn with_revision(&self, revision: &str) -> Result<Self, HubError> {
        check_path(revision)
            .map_err(|problem| HubError::wrong(format!("the revision {problem}")))?;
        Ok(Self { revision: revision.to_owned(), ..self.clone() })
    }

    /// The address of another place in the repository.
    pub(crate) fn at(&self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }

    #[cfg(feature = "remote")]
    /// The repository's page, for people.
    pub(super) fn page(&self, endpoint: &str) -> String {
        format!("{endpoint}/{}{}", self.kind.prefix(), self.name)
    }

    #[cfg(feature = "remote")]
    /// The URL of the file `path` at `revision`.
    pub(super) fn file_url(&self, endpoint: &str, revision: &str, path: &str) -> String {
        let (page, revision) = (self.page(endpoint), encoded(revision, false));
        format!("{page}/resolve/{revision}/{}", encoded(path, true))
    }

    #[cfg(feature = "remote")]
    /// The URL of a question about the repository, such as `revision/main`.
    pub(super) fn api_url(&self, endpoint: &str, question: &str) -> String {
        format!("{endpoint}/api/{}/{}/{question}", self.kind.plural(), self.name)
    }
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}{}", self.kind.prefix(), self.name)?;
        if self.revision != DEFAULT_REVISION {
            write!(f, "@{}", encoded(&self.revision, false))?;
        }
        if self.path.is_empty() { Ok(()) } else { write!(f, "/{}", self.path) }
    }
}

/// A revision and what follows it.
fn split_revision(text: &str) -> (&str, &str) {
    let words = match ["refs/pr/", "refs/convert/"].iter().any(|start| text.starts_with(start)) {
        true => 3,
        false => 1,
    };
    let mut slashes = text.match_indices('/').map(|(at, _)| at);
    match slashes.nth(words - 1) {
        Some(slash) => (text.get(..slash).unwrap_or(text), text.get(slash + 1..).unwrap_or("")),
        None => (text, ""),
    }
}

fn check_name(part: &str) -> Result<(), String> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if part.is_empty() || part.len() > 96 || part.contains("..") || !part.chars().all(known) {
        return Err(format!("`{part}` is no name of an owner or a repository"));
    }
    Ok(())
}

/// Refuses what would lead out of a folder.
pub(super) fn check_path(path: &str) -> Result<(), String> {
    let bad = |part: &str| matches!(part, "" | "." | "..");
    if path.split('/').any(bad) || path.chars().any(|c| c.is_control() || c == '\\') {
        return Err(format!("`{}` has a part that is no name", path.escape_default()));
    }
    Ok(())
}

/// A text as a part of a URL's path.
pub(super) fn encoded(text: &str, slashes_stay: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain || (slashes_stay && byte == b'/') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn decoded(text: &str) -> Result<String, String> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, others)) = rest.split_first() {
        let (byte, others) = match (first, others) {
            (b'%', [high, low, others @ ..]) => {
                let digit = |c: &u8| char::from(*c).to_digit(16);
                match digit(high).zip(digit(low)).and_then(|(h, l)| u8::try_from(16 * h + l).ok()) {
                    Some(byte) => (byte, others),
                    None => return Err(format!("`{text}` has a `%` without two digits")),
                }
            }
            (b'%', _) => return Err(format!("`{text}` has a `%` without two digits")),
            (byte, others) => (*byte, others),
        };
        bytes.push(byte);
        rest = others;
    }
    String::from_utf8(bytes).map_err(|_| format!("`{text}` is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (RepoKind, String, String, String) {
        let HubAddress { kind, name, revision, path } = HubAddress::parse(text).unwrap();
        (kind, name, revision, path)
    }

    #[test]
    fn addresses_are_those_of_pythons_file_system() {
        let of = |kind, name: &str, revision: &str, path: &str| {
            (kind, name.to_owned(), revision.to_owned(), path.to_owned())
        };
        use RepoKind::{Dataset, Model, Space};
        for (text, expected) in [
            ("hf://a/b", of(Model, "a/b", "main", "")),
            ("hf://models/a/b/c.onnx", of(Model, "a/b", "main", "c.onnx")),
            ("hf://a/b@v1.0/onnx/", of(Model, "a/b", "v1.0", "onnx")),
            ("hf://a/b@refs%2Fpr%2F3/x", of(Model, "a/b", "refs/pr/3", "x")),
            ("hf://a/b@refs/pr/3/x/y", of(Model, "a/b", "refs/pr/3", "x/y")),
            (
                "hf://datasets/a/b@refs/convert/parquet",
                of(Dataset, "a/b", "refs/convert/parquet", ""),
            ),
            (
                "hf://datasets/timm/imagenet-1k-wds/x@1.tar",
                of(Dataset, "timm/imagenet-1k-wds", "main", "x@1.tar"),
            ),
            ("hf://spaces/a/b/c d.txt", of(Space, "a/b", "main", "c d.txt")),
        ] {
            assert_eq!(parsed(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "hf://",
            "hf://a",
            "hf://a/",
            "hf:///b",
            "hf://datasets/a",
            "hf://a/b@",
            "hf://a/b@/x",
            "hf://a/b/../c",
            "hf://a/b//c",
            "hf://../b",
            "hf://a/..",
            "hf://a/b@..%2F..%2Fx",
            "hf://a/b@%2",
            "hf://a/b@%zz",
            "hf://a/b@%00",
            "hf://a b/c",
            "s3://a/b",
        ] {
            let error = HubAddress::parse(text).unwrap_err().to_string();
            assert!(error.contains("hf://OWNER/NAME"), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_is_shown_as_it_is_read_and_urls_are_encoded() {
        for text in ["hf://a/b", "hf://datasets/a/b@v2/c d/e.tar", "hf://a/b@refs%2Fpr%2F3/x"] {
            let address = HubAddress::parse(text).unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(HubAddress::parse(&address.to_string()).unwrap(), address);
        }
        let address = HubAddress::parse("hf://datasets/a/b").unwrap();
        assert_eq!(
            address.file_url("http://h", "refs/pr/1", "c d/é#?.tar"),
            "http://h/datasets/a/b/resolve/refs%2Fpr%2F1/c%20d/%C3%A9%23%3F.tar"
        );
        assert_eq!(
            address.api_url("http://h", "revision/main"),
            "http://h/api/datasets/a/b/revision/main"
        );
    }
}
