//! Damage in the data: what is wrong, with which sample, in which shard.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// One thing wrong with one shard or one of its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
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

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard `{}`", self.shard.display())?;
        if let Some(key) = &self.key {
            write!(f, ", sample `{key}`")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for Fault {}

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
    /// A member's name is not UTF-8; the key shows it with replacement characters.
    #[error("a member's name is not valid UTF-8")]
    NonUtf8Name,
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
            Self::NoEndMarker { .. } => "no_end_marker",
            Self::TrailingData { .. } => "trailing_data",
            Self::RepeatedExtension { .. } => "repeated_extension",
            Self::NonAdjacent => "non_adjacent",
            Self::NonUtf8Name => "non_utf8_name",
            Self::MemberTooLarge { .. } => "member_too_large",
            Self::Sparse { .. } => "sparse",
            Self::NoLabel { .. } => "no_label",
            Self::BadLabel { .. } => "bad_label",
        }
    }

    /// Whether the storage failed rather than the data: another try may succeed.
    pub fn is_io(&self) -> bool {
        matches!(self, Self::ReadFailed { .. })
    }
}
