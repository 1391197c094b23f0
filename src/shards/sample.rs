//! One sample: a key and its members.

use super::entry::MemberEntry;
use super::fault::FaultReason;
use crate::imaging::{IMAGE_EXTENSIONS, is_undecoded_extension};

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
    /// With its members by extension, as [`ShardWriter`](super::ShardWriter) writes them.
    pub(super) fn in_order(mut self) -> Self {
        self.members.sort_by(|a, b| a.extension.cmp(&b.extension));
        self.places.sort_by(|a, b| a.extension.cmp(&b.extension));
        self
    }

    /// The content of the member with this extension (lower case, without the leading dot).
    pub fn get(&self, extension: &str) -> Option<&[u8]> {
        self.members.iter().find(|m| m.extension == extension).map(|m| m.bytes.as_slice())
    }

    /// Takes the content of a member out, leaving the others; spares a copy of large images.
    pub fn take(&mut self, extension: &str) -> Option<Vec<u8>> {
        let place = self.members.iter().position(|m| m.extension == extension)?;
        Some(self.members.remove(place).bytes)
    }

    /// The first of `images`, extensions in order of preference, that the sample has, and its content.
    ///
    /// # Errors
    /// [`FaultReason::NoImage`], which says what it has instead.
    pub fn image<'i>(&self, images: &'i [String]) -> Result<(&'i str, &[u8]), FaultReason> {
        let found = images.iter().find_map(|ext| Some((ext.as_str(), self.get(ext)?)));
        found.ok_or_else(|| FaultReason::NoImage { detail: self.instead_of(images) })
    }

    /// What the sample lacks, what it has, and which of that may be meant.
    fn instead_of(&self, images: &[String]) -> String {
        let all: Vec<String> = self.places.iter().map(|p| p.extension.to_lowercase()).collect();
        let mut text = format!("it has no member .{}", images.join(", ."));
        if !all.is_empty() {
            text.push_str(&format!("; it has .{}", all.join(", .")));
        }
        let last = |ext: &String| ext.rsplit('.').next().unwrap_or_default().to_owned();
        let meant = all.iter().find(|ext| IMAGE_EXTENSIONS.contains(&last(ext).as_str()));
        let unread = all.iter().find(|ext| is_undecoded_extension(&last(ext)));
        if let Some(meant) = meant {
            text.push_str(&format!(": set [data] image = \"{meant}\""));
        } else if let Some(unread) = unread {
            text.push_str(&format!(", and .{unread} is of a format that is not read: convert it"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_without_the_image_says_what_it_has() {
        let says = |members: &[&str], images: &[&str]| {
            let place = |extension: &&str| MemberEntry {
                extension: (*extension).to_owned(),
                name: String::new(),
                offset: 0,
                size: 0,
            };
            let places = members.iter().map(place).collect();
            let sample = Sample { places, ..Sample::default() };
            let images: Vec<String> = images.iter().map(|ext| (*ext).to_owned()).collect();
            sample.image(&images).unwrap_err().to_string()
        };
        let said = says(&["image.JPG", "cls"], &["jpg", "png"]);
        assert_eq!(
            said,
            "no image: it has no member .jpg, .png; it has .image.jpg, .cls: set [data] image = \"image.jpg\""
        );
        assert!(says(&["avif", "cls"], &["jpg"]).contains(".avif is of a format that is not read"));
        assert!(says(&["cls"], &["jpg"]).ends_with("it has .cls"));
        assert!(says(&[], &["jpg"]).ends_with("no member .jpg"));
    }
}
