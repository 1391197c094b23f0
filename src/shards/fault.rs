//! Damage in the data: what is wrong, with which sample, in which shard.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// One thing wrong with one shard or one of its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardFault {
    /// The shard, as it was opened.
    pub shard: PathBuf,
    /// The sample's key, when it is known.
    pub key: Option<String>,
    /// What is wrong.
    pub reason: FaultReason,
    /// Whether nothing more can be read from this shard. At most one such fault comes from a
    /// reader, as its last item.
    pub fatal: bool,
}

impl fmt::Display for ShardFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard `{}`", self.shard.display())?;
        if let Some(key) = &self.key {
            write!(f, ", sample `{key}`")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for ShardFault {}

/// The kinds of damage. `Display` is a sentence for the user; [`FaultReason::code`] is a word to
/// count by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultReason {
    /// The operating system failed to deliver the bytes. Not the data's fault: worth a retry.
    #[error("reading failed ({kind}): {message}")]
    ReadFailed {
        /// The kind of I/O error, to decide on a retry.
        kind: io::ErrorKind,
        /// The operating system's message.
        message: String,
    },
    /// The file ends in the middle of a member or of the compressed stream.
    #[error("the archive is cut off at byte {offset}")]
    Truncated {
        /// Offset in the uncompressed archive at which bytes ran out.
        offset: u64,
    },
    /// The bytes are not what a tar, gzip, zstd or lz4 stream can hold.
    #[error("the archive is corrupt at byte {offset}: {detail}")]
    Corrupt {
        /// Offset in the uncompressed archive.
        offset: u64,
        /// What was found.
        detail: String,
    },
    /// What the file begins with is of another kind of file.
    #[error("this is not a tar archive{}", hint(found))]
    NotTar {
        /// What it seems to be and what to do about it; empty where that is not known.
        found: String,
    },
    /// A Parquet file that can't be read, as a whole or from some row on.
    #[error("the Parquet file can't be read: {detail}")]
    BadParquet {
        /// What is wrong with it.
        detail: String,
    },
    /// A zstd frame that looks back farther than this program does.
    #[error(
        "compressed by zstd with a window of {window} bytes, more than the {limit} that are read: \
         repack it with `zstd --long=30` or less"
    )]
    Window {
        /// The window that its header asks for, in bytes.
        window: u64,
        /// The largest that is read.
        limit: u64,
    },
    /// The archive stops at a member's end, without the two zero blocks that close a tar.
    #[error(
        "the archive has no end-of-archive marker after byte {offset}: it was probably cut off, \
         and its last sample may lack members"
    )]
    NoEndMarker {
        /// Length of the uncompressed archive.
        offset: u64,
    },
    /// Bytes other than zero follow the end-of-archive marker.
    #[error(
        "data after the end-of-archive marker at byte {offset} is not read (were two tars \
         concatenated?)"
    )]
    TrailingData {
        /// Offset of the marker.
        offset: u64,
    },
    /// The archive is whole; bytes that are no part of it follow the compressed stream.
    #[error("data behind the end of the {format} stream is not read (trailing garbage)")]
    TrailingGarbage {
        /// The compression.
        format: &'static str,
    },
    /// The archive has files, and none of them is of a sample.
    #[error(
        "none of its {files} files belongs to a sample (hidden, in a folder of the system's, or without \
         an extension; the first is `{first}`)"
    )]
    NoSamples {
        /// Files in the archive.
        files: u64,
        /// The first one's name.
        first: String,
    },
    /// Two members of one sample have the same extension.
    #[error("has two members with the extension `.{extension}`")]
    RepeatedExtension {
        /// The extension, lower-cased.
        extension: String,
    },
    /// The key was used earlier in the shard, with other samples in between.
    #[error(
        "its members are not adjacent: the key was used earlier in this tar, with other samples in \
         between"
    )]
    NonAdjacent,
    /// A member is larger than the reader may load.
    #[error("member `.{extension}` has {size} bytes, more than the limit of {limit}")]
    MemberTooLarge {
        /// The extension, lower-cased.
        extension: String,
        /// The member's size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A member is stored as a sparse file: its holes are not in the archive.
    #[error(
        "member `.{extension}` is stored as a sparse file, which is not read: repack without \
         `--sparse`"
    )]
    Sparse {
        /// The extension, lower-cased.
        extension: String,
    },
    /// A member is a link to another sample's: it has no content of its own.
    #[error(
        "member `.{extension}` is a {kind} to `{target}`, which is not followed: repack with \
         `--dereference --hard-dereference`"
    )]
    Link {
        /// The extension, lower-cased.
        extension: String,
        /// `hard link` or `symbolic link`.
        kind: &'static str,
        /// The name that it leads to.
        target: String,
    },
    /// The sample has no image where one was looked for.
    #[error("no image: {detail}")]
    NoImage {
        /// Where it was looked for, and what there is.
        detail: String,
    },
    /// The sample has no class label where one was looked for.
    #[error("no label: {detail}")]
    NoLabel {
        /// Where it was looked for.
        detail: String,
    },
    /// There is something in the label's place that can't be a class.
    #[error("unusable label: {detail}")]
    BadLabel {
        /// What is wrong with it.
        detail: String,
    },
}

impl FaultReason {
    /// A short stable word for counters and reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ReadFailed { .. } => "read_failed",
            Self::Truncated { .. } => "truncated",
            Self::Corrupt { .. } => "corrupt",
            Self::NotTar { .. } => "not_tar",
            Self::BadParquet { .. } => "bad_parquet",
            Self::Window { .. } => "window",
            Self::NoEndMarker { .. } => "no_end_marker",
            Self::TrailingData { .. } => "trailing_data",
            Self::TrailingGarbage { .. } => "trailing_garbage",
            Self::NoSamples { .. } => "no_samples",
            Self::RepeatedExtension { .. } => "repeated_extension",
            Self::NonAdjacent => "non_adjacent",
            Self::MemberTooLarge { .. } => "member_too_large",
            Self::Sparse { .. } => "sparse",
            Self::Link { .. } => "link",
            Self::NoImage { .. } => "no_image",
            Self::NoLabel { .. } => "no_label",
            Self::BadLabel { .. } => "bad_label",
        }
    }

    /// Whether the storage failed rather than the data: another try may succeed.
    pub fn is_io(&self) -> bool {
        matches!(self, Self::ReadFailed { .. })
    }
}

/// What the message adds where the kind of file is known.
fn hint(found: &str) -> String {
    if found.is_empty() { String::new() } else { format!(": {found}") }
}
