//! One sample: a key and its members.

use super::writer::MemberEntry;

/// One file of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleMember {
    /// Extension: everything after the basename's first dot, lower-cased (`jpg`, `seg.png`).
    pub extension: String,
    /// The file's content.
    pub bytes: Vec<u8>,
}

impl SampleMember {
    /// A member with this extension and content.
    pub fn new(extension: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { extension: extension.into(), bytes: bytes.into() }
    }
}

/// Consecutive members of a shard that share a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// Folder and basename up to the first dot, as in WebDataset.
    pub key: String,
    /// Position in the shard, counted from 0 over *all* samples, the faulty ones included: the
    /// same sample has the same index whatever is skipped.
    pub index: usize,
    /// Offset in the uncompressed archive of the first member's header (of its long-name record,
    /// where it has one).
    pub offset: u64,
    /// The members that were asked for, in the shard's order.
    pub members: Vec<SampleMember>,
    /// Where each member lies in the uncompressed archive, those that were not asked for too.
    pub places: Vec<MemberEntry>,
}

impl Sample {
    /// The content of the member with this extension (lower case, without the leading dot).
    pub fn get(&self, extension: &str) -> Option<&[u8]> {
        self.members.iter().find(|m| m.extension == extension).map(|m| m.bytes.as_slice())
    }

    /// Takes the content of a member out, leaving the others; spares a copy of large images.
    pub fn take(&mut self, extension: &str) -> Option<Vec<u8>> {
        let place = self.members.iter().position(|m| m.extension == extension)?;
        Some(self.members.remove(place).bytes)
    }
}
