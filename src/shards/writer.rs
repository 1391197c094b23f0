//! Shards out: the same samples give the same bytes, on any machine, at any time.
//!
//! USTAR, mode 0444, uid and gid 0 with empty names, one fixed modification time, a sample's
//! members sorted by extension, two zero blocks at the end and no further padding. Names of up to
//! 100 bytes, or up to 255 that USTAR can split at a `/`; longer ones are refused, since every
//! extension for them is read differently somewhere.

use std::collections::HashSet;
use std::io::Write;

use super::entry::{MemberEntry, SampleEntry};
use super::error::ShardError;
use super::member_name::split_member_name;
use super::sample::SampleMember;

const BLOCK_BYTES: u64 = 512;
const ZERO_BLOCKS: [u8; 1024] = [0; 1024];

/// Settings of a [`ShardWriter`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriterOptions {
    /// Modification time of every member, in seconds since 1970; 0 by default.
    pub mtime: u64,
}

/// Writes samples as a reproducible tar archive into any `Write`.
///
/// Compression and the temporary file are the caller's: wrap or rename as needed.
pub struct ShardWriter<W> {
    sink: W,
    options: WriterOptions,
    position: u64,
    keys: HashSet<String>,
    /// The key written last, which the next may never be: both would be read as one sample.
    last: Option<String>,
    entries: Vec<SampleEntry>,
}

impl<W: Write> ShardWriter<W> {
    /// A writer at the start of an archive.
    pub fn new(sink: W, options: WriterOptions) -> Self {
        Self { sink, options, position: 0, keys: HashSet::new(), last: None, entries: Vec::new() }
    }

    /// Appends a sample; its members are written sorted by extension.
    ///
    /// # Errors
    /// [`ShardError::BadSample`], with nothing written, if a reader could not get the same sample
    /// back: a key written before, with a dot in its last part, or of a form that readers skip;
    /// no members, a repeated, empty or upper-case extension, a name too long.
    /// [`ShardError::Write`] if the sink fails; the archive is then unusable.
    pub fn write_sample(&mut self, key: &str, members: &[SampleMember]) -> Result<(), ShardError> {
        let bad = |problem: String| ShardError::BadSample { key: key.to_owned(), problem };
        if self.keys.contains(key) {
            return Err(bad("the key is already in this shard".to_owned()));
        }
        if self.last.as_deref() == Some(key) {
            return Err(bad("the sample before it has the same key".to_owned()));
        }
        let mut sorted: Vec<&SampleMember> = members.iter().collect();
        sorted.sort_by(|a, b| a.extension.cmp(&b.extension));
        check_extensions(&sorted).map_err(bad)?;
        let headers: Vec<(String, tar::Header)> = sorted
            .iter()
            .map(|member| self.header(key, member))
            .collect::<Result<_, _>>()
            .map_err(bad)?;

        let mut entries = Vec::with_capacity(sorted.len());
        for (member, (name, header)) in sorted.into_iter().zip(headers) {
            self.write(header.as_bytes())?;
            let extension = member.extension.clone();
            let size = member.bytes.len() as u64;
            entries.push(MemberEntry { extension, name, offset: self.position, size });
            self.write(&member.bytes)?;
            self.pad()?;
        }
        self.keys.insert(key.to_owned());
        self.last = Some(key.to_owned());
        self.entries.push(SampleEntry { key: key.to_owned(), members: entries });
        Ok(())
    }

    /// The places of the samples written since the last call, which [`ShardWriter::finish`] then lacks: for streams that
    /// would otherwise gather one entry a sample.
    pub fn take_entries(&mut self) -> Vec<SampleEntry> {
        std::mem::take(&mut self.entries)
    }

    /// Lets keys come back from here on, as in a stream of several shards that have keys in common. Only the key of the
    /// sample before is refused then: readers group neighbours.
    pub fn forget_keys(&mut self) {
        self.keys.clear();
    }

    /// Length of the archive so far, in bytes.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Writes the end of the archive and returns the sink, flushed but not synced, with the place
    /// of every sample.
    ///
    /// # Errors
    /// [`ShardError::Write`] if the sink fails.
    pub fn finish(mut self) -> Result<(W, Vec<SampleEntry>), ShardError> {
        self.write(&ZERO_BLOCKS)?;
        self.sink.flush()?;
        Ok((self.sink, self.entries))
    }

    fn header(&self, key: &str, member: &SampleMember) -> Result<(String, tar::Header), String> {
        let name = format!("{key}.{}", member.extension);
        match split_member_name(&name) {
            Some(split) if split.key == key && !key.ends_with('/') => {}
            _ => {
                return Err(format!("a reader would not find this key in the name `{name}`"));
            }
        }
        let mut header = tar::Header::new_ustar();
        header.set_path(&name).map_err(|error| error.to_string())?;
        if *header.path_bytes() != *name.as_bytes() {
            return Err(format!("the name `{name}` can't be stored as it is"));
        }
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o444);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.options.mtime);
        header.set_size(member.bytes.len() as u64);
        header.set_cksum();
        Ok((name, header))
    }

    fn pad(&mut self) -> Result<(), ShardError> {
        let missing = self.position.next_multiple_of(BLOCK_BYTES) - self.position;
        let zeros = ZERO_BLOCKS.iter().take(usize::try_from(missing).unwrap_or(0));
        self.write(&zeros.copied().collect::<Vec<u8>>())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ShardError> {
        self.sink.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

fn check_extensions(sorted: &[&SampleMember]) -> Result<(), String> {
    if sorted.is_empty() {
        return Err("it has no members".to_owned());
    }
    for member in sorted {
        let extension = &member.extension;
        let unusable = extension.is_empty() || extension.contains('/') || extension.contains('\0');
        if unusable || *extension != extension.to_lowercase() {
            return Err(format!("`{extension}` can't be an extension (lower case, no `/`)"));
        }
    }
    match sorted.windows(2).find(|pair| matches!(pair, [a, b] if a.extension == b.extension)) {
        Some(pair) => Err(format!(
            "it has two members with the extension `.{}`",
            pair.first().map_or("", |member| member.extension.as_str())
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
