//! Members into samples: consecutive members with one key.

use std::collections::HashSet;

use super::entry::MemberEntry;
use super::fault::FaultReason;
use super::member_name::split_member_name;
use super::sample::{Sample, SampleMember};
use xxhash_rust::xxh3::xxh3_128;

/// The sample being put together, and what has gone wrong with it so far.
#[derive(Debug)]
pub(super) struct Group {
    pub sample: Sample,
    /// Every extension seen, loaded or not: a repeated one is a fault either way.
    extensions: Vec<String>,
    /// The first thing wrong; later ones add nothing.
    fault: Option<FaultReason>,
}

impl Group {
    pub fn fail(&mut self, reason: FaultReason) {
        self.fault.get_or_insert(reason);
        // A faulty sample is not delivered: free its memory at once.
        self.sample.members.clear();
    }

    /// Notes that a member with this extension is there; a second one is a fault.
    pub fn note_extension(&mut self, extension: &str) {
        if self.extensions.iter().any(|seen| seen == extension) {
            self.fail(FaultReason::RepeatedExtension { extension: extension.to_owned() });
        } else {
            self.extensions.push(extension.to_owned());
        }
    }

    /// Notes where a member lies.
    pub fn note_place(&mut self, place: MemberEntry) {
        self.sample.places.push(place);
    }

    pub fn is_faulty(&self) -> bool {
        self.fault.is_some()
    }

    pub fn push(&mut self, extension: String, bytes: Vec<u8>) {
        self.sample.members.push(SampleMember { extension, bytes });
    }

    /// The content of the sample's own member of this name, where it is loaded.
    pub fn content_of(&self, name: &str) -> Option<Vec<u8>> {
        let split = split_member_name(name)?;
        let plain = |key: &str| key.trim_start_matches("./").to_owned();
        let own = plain(split.key) == plain(&self.sample.key);
        self.sample.get(&split.extension.to_lowercase()).filter(|_| own).map(<[u8]>::to_vec)
    }

    /// The finished sample, or its key and what is wrong with it.
    pub fn finish(self) -> Result<Sample, (String, FaultReason)> {
        match self.fault {
            None => Ok(self.sample),
            Some(reason) => Err((self.sample.key, reason)),
        }
    }
}

/// Starts groups: numbers them and notices keys that come back.
///
/// It remembers 16 bytes of every key of the shard, which is what telling a stray member from a new sample takes.
#[derive(Debug, Default)]
pub(super) struct Grouping {
    seen: HashSet<u128>,
    next_index: usize,
}

impl Grouping {
    /// Whether no sample has begun.
    pub fn is_empty(&self) -> bool {
        self.next_index == 0
    }

    pub fn begin(&mut self, key: &str, offset: u64) -> Group {
        let index = self.next_index;
        self.next_index += 1;
        let mut group = Group {
            sample: Sample { key: key.to_owned(), index, offset, ..Sample::default() },
            extensions: Vec::new(),
            fault: None,
        };
        if !self.seen.insert(xxh3_128(key.as_bytes())) {
            group.fail(FaultReason::NonAdjacent);
        }
        group
    }
}
