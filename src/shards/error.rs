//! Mistakes in what was asked of the room: patterns, names to write, index contents.

use super::image_folder::FolderError;
use super::shard_name::SHARD_ENDINGS;
use std::io;
use std::path::PathBuf;

/// What can be wrong with a list of shards, a sample to write or an index to render.
///
/// Damage found *inside* a shard is a [`ShardFault`](super::ShardFault), not one of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// The list of patterns has no entry.
    #[error("the list of shards is empty: name at least one tar file, folder or pattern")]
    NoPatterns,
    /// A pattern of a kind that is not read.
    #[error(
        "shard pattern `{pattern}` is of no kind that is read: give {known}, or `@FILE` with a list of these"
    )]
    UnknownKind {
        /// The pattern as the user wrote it.
        pattern: String,
        /// How patterns of the kinds that are read are written.
        known: String,
    },
    /// A shard on a server that can't be looked at.
    #[error("shard `{url}`: {problem}")]
    Remote {
        /// The URL, without secrets.
        url: String,
        /// What the server, or the way to it, did wrong.
        problem: String,
        /// The same for programs: `NotFound` where there is no such object.
        kind: std::io::ErrorKind,
    },
    /// Standard input where a shard must be read more than once.
    #[error(
        "the shard `-` can't be used in a run, which reads its shards again (the real cores, a \
         resumed run): save it in a file, or give the command behind it as `pipe:COMMAND`"
    )]
    Stdin,
    /// Braces that don't pair, or an expansion that is out of all proportion.
    #[error("shard pattern `{pattern}`: {problem}")]
    BadPattern {
        /// The pattern as the user wrote it.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A named shard does not exist.
    #[error("shard `{}` does not exist (from pattern `{pattern}`)", path.display())]
    Missing {
        /// The pattern as the user wrote it.
        pattern: String,
        /// The file that was looked for.
        path: PathBuf,
    },
    /// A glob or a folder without a shard.
    #[error(
        "shard pattern `{pattern}` matches no shard: looked for files ending in {}{}",
        SHARD_ENDINGS.join(", "),
        images_hint(pattern)
    )]
    NoMatch {
        /// The pattern as the user wrote it.
        pattern: String,
    },
    /// A folder of images that can't be read as one.
    #[error("shard pattern `{pattern}`: {source}")]
    Images {
        /// The pattern as the user wrote it.
        pattern: String,
        /// What is wrong with the folder.
        source: FolderError,
    },
    /// A folder with shards and with folders of images.
    #[error(
        "shard pattern `{pattern}`: the folder has shards and folders of images ({}): name the shards, such as `{shards}`, \
         or give a folder of images alone",
        images.join(", ")
    )]
    Mixed {
        /// The pattern as the user wrote it.
        pattern: String,
        /// A pattern for the shards.
        shards: String,
        /// The first of the folders of images.
        images: Vec<String>,
    },
    /// A repository on the hub whose shards lie in folders, or are of several kinds.
    #[error("`{repository}` has its shards in folders: name one of {}", named(found))]
    InFolders {
        /// The repository's address.
        repository: String,
        /// Patterns, and how many shards each stands for.
        found: Vec<(String, usize)>,
    },
    /// The same shard reached twice.
    #[error(
        "shard `{shard}` is listed twice (patterns `{first}` and `{second}`): its samples would be \
         counted twice"
    )]
    ListedTwice {
        /// The shard.
        shard: String,
        /// The pattern that named it first.
        first: String,
        /// The pattern that named it again.
        second: String,
    },
    /// A folder or a glob leads to a link whose file is gone.
    #[error(
        "shard `{}` is a link to a file that is not there (from pattern `{pattern}`): mend or remove it",
        path.display()
    )]
    Dangling {
        /// The pattern as the user wrote it.
        pattern: String,
        /// The link.
        path: PathBuf,
    },
    /// A folder or file could not be looked at.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A label source that can't be understood.
    #[error(
        "label source `{given}` is not known: use a member's extension (`cls`, `txt`), \
         `json:FIELD`, `key`, `key:last` or `key:first`"
    )]
    BadLabelSource {
        /// The text that was given.
        given: String,
    },
    /// A sample that can't be written so that a reader gets the same sample back.
    #[error("cannot write sample `{key}`: {problem}")]
    BadSample {
        /// The sample's key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Writing the archive failed.
    #[error("writing the shard failed: {0}")]
    Write(#[from] io::Error),
    /// An index that its readers could not parse.
    #[error("cannot write the {kind} index: {problem}")]
    BadIndex {
        /// Which index.
        kind: &'static str,
        /// What is wrong.
        problem: String,
    },
}

/// What the message adds about folders of images.
fn images_hint(pattern: &str) -> &'static str {
    match pattern.contains("://") {
        true => {
            " (folders of images are read from this machine's disks alone: pack them with `coda-pipe shards pack`)"
        }
        false => ", and in a folder for one folder of images a class",
    }
}

fn named(found: &[(String, usize)]) -> String {
    let named =
        found.iter().take(10).map(|(pattern, shards)| format!("`{pattern}` ({shards} files)"));
    let more = if found.len() > 10 { ", …" } else { "" };
    format!("{}{more}", named.collect::<Vec<_>>().join(", "))
}
