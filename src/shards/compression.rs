//! Plain, gzip, zstd and lz4 archives, told apart by their first bytes.
//!
//! Names lie (`x.tar` that is gzip, `x.tgz` that is plain), content does not.

use super::fault::FaultReason;
use super::peek::Peek;
use super::refused::Refused;
use std::io::{self, BufRead};

/// What a shard is stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// A tar archive, perhaps compressed.
    Tar(Compression),
    /// A Parquet file of images.
    Parquet,
    /// A folder of images.
    Images,
}

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// gzip (RFC 1952), of one or more members.
    Gzip,
    /// Zstandard (RFC 8878), of one or more frames.
    Zstd,
    /// LZ4 frames (not the older format of `lz4 -l`).
    Lz4,
}

impl Compression {
    /// Tells the compression from the first bytes of a file. A skippable frame, which zstd and lz4 share, counts as zstd:
    /// `Compression::detect` looks behind it.
    ///
    /// # Errors
    /// `InvalidData` for kinds that are known but not read (xz, bzip2, `lz4 -l`).
    pub fn of_magic(head: &[u8]) -> io::Result<Self> {
        match head {
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Self::Zstd),
            [0xfd, b'7', b'z', b'X', ..] => Err(unread("xz")),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Err(unread("bzip2")),
            [0x04, 0x22, 0x4d, 0x18, ..] => Ok(Self::Lz4),
            [0x02, 0x21, 0x4c, 0x18, ..] => Err(unread("lz4's legacy format")),
            _ => Ok(Self::Plain),
        }
    }

    /// Tells the compression of a stream, and passes over skippable frames at its start.
    ///
    /// # Errors
    /// As [`Compression::of_magic`], and if the stream can't be read.
    pub(super) fn detect<R: BufRead>(source: &mut Peek<R>) -> io::Result<Self> {
        skip_frames(source)?;
        match source.peek(4)? {
            // Nothing but skippable frames.
            [] => Ok(Self::Plain),
            head => Self::of_magic(head),
        }
    }

    /// What people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "tar",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
        }
    }
}

fn unread(kind: &str) -> io::Error {
    let found = format!(
        "it is compressed with {kind}, which is not read; repack it as .tar, .tar.gz, .tar.zst or .tar.lz4"
    );
    Refused::error(FaultReason::NotTar { found })
}

/// Passes over skippable frames, which zstd and lz4 share.
pub(super) fn skip_frames<R: BufRead>(source: &mut Peek<R>) -> io::Result<()> {
    while let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d] = *source.peek(8)? {
        let length = u32::from_le_bytes([a, b, c, d]);
        if !source.skip(8 + u64::from(length))? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}
