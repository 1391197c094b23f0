//! One shard as an iterator of samples and faults.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::compression::decompress;
use super::fault::{Fault, FaultReason};
use super::grouping::{Group, Grouping};
use super::identity::ShardIdentity;
use super::member_name::split_member_name;
use super::place::ShardPlace;
use super::retry::Retry;
use super::sample::Sample;
use super::skip::{Source, Streamed};
use super::tar_blocks::classify_io;
use super::tar_stream::{MemberHeader, Next, TarStream};
use super::writer::MemberEntry;

/// What to load of a shard.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Largest member to load, in bytes (256 MiB by default); a larger one is a fault of its
    /// sample, and reading goes on.
    pub max_member_bytes: u64,
    /// Extensions to load, lower case without the leading dot; `None` loads all. Members with
    /// other extensions are passed over without being held in memory.
    pub extensions: Option<Vec<String>>,
    /// How often a failed read over the network is tried again.
    pub retry: Retry,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { max_member_bytes: 256 * 1024 * 1024, extensions: None, retry: Retry::default() }
    }
}

/// Streams a shard's samples, in order, holding one at a time.
///
/// Items are samples or [`Fault`]s. A fault that is not fatal concerns one sample, which is not
/// delivered; reading goes on behind it. A fatal one is the last item: every whole sample before
/// the damage has been delivered, and the fault names the sample that was being read. (A sample
/// is known to be whole once the header behind it has been read.)
/// (Two fatal faults come after the last sample has been delivered and name none:
/// [`FaultReason::NoEndMarker`] and [`FaultReason::TrailingData`].)
pub struct ShardReader {
    shard: PathBuf,
    stream: TarStream<Box<dyn Source>>,
    options: ReadOptions,
    grouping: Grouping,
    group: Option<Group>,
    /// A header that begins the next sample, kept while the finished one is handed out.
    lookahead: Option<NamedMember>,
    /// A last fault to hand out after the last sample.
    last_fault: Option<Fault>,
    finished: bool,
}

/// A file of a sample, by its split name.
struct NamedMember {
    key: String,
    extension: String,
    size: u64,
    offset: u64,
    place: MemberEntry,
    is_utf8: bool,
    is_sparse: bool,
}

impl NamedMember {
    fn of(header: &MemberHeader) -> Option<Self> {
        if !header.is_file {
            return None;
        }
        let name = String::from_utf8_lossy(&header.name);
        let split = split_member_name(&name)?;
        Some(Self {
            key: split.key.to_owned(),
            extension: split.extension.to_lowercase(),
            size: header.size,
            offset: header.offset,
            place: MemberEntry {
                extension: split.extension.to_owned(),
                name: name.clone().into_owned(),
                offset: header.content,
                size: header.size,
            },
            is_utf8: std::str::from_utf8(&header.name).is_ok(),
            is_sparse: header.is_sparse,
        })
    }
}

impl ShardReader {
    /// Opens a shard file.
    ///
    /// # Errors
    /// A fatal [`FaultReason::ReadFailed`] if the file can't be opened or read.
    pub fn open(path: &Path, options: ReadOptions) -> Result<Self, Fault> {
        ShardPlace::File(path.to_owned()).open(&ShardIdentity::default(), options)
    }

    /// Reads a shard from any byte source; `shard` is the name that faults carry.
    pub fn from_reader(
        shard: impl Into<PathBuf>,
        source: impl Read + Send + 'static,
        options: ReadOptions,
    ) -> Self {
        match decompress(source) {
            Ok((_, stream)) => Self::from_source(shard.into(), Box::new(Streamed(stream)), options),
            Err(error) => {
                let nothing = Box::new(Streamed(std::io::empty()));
                let mut reader = Self::from_source(shard.into(), nothing, options);
                reader.last_fault = Some(reader.end_with(None, classify_io(&error, 0)));
                reader
            }
        }
    }

    /// Reads an uncompressed archive.
    pub(super) fn from_source(
        shard: PathBuf,
        source: Box<dyn Source>,
        options: ReadOptions,
    ) -> Self {
        Self {
            shard,
            stream: TarStream::new(source),
            options,
            grouping: Grouping::default(),
            group: None,
            lookahead: None,
            last_fault: None,
            finished: false,
        }
    }

    /// The next item; `Err` is final.
    fn advance(&mut self) -> Result<Option<Result<Sample, Fault>>, FaultReason> {
        loop {
            let member = match self.lookahead.take() {
                Some(member) => member,
                None => match self.stream.next_header()? {
                    Next::Member(header) => match NamedMember::of(&header) {
                        Some(member) => member,
                        None => continue,
                    },
                    Next::End(complaint) => return Ok(self.end_of_archive(complaint)),
                },
            };
            if self.group.as_ref().is_some_and(|group| group.sample.key != member.key) {
                self.lookahead = Some(member);
                return Ok(self.close_group());
            }
            self.add(member)?;
        }
    }

    fn add(&mut self, member: NamedMember) -> Result<(), FaultReason> {
        let grouping = &mut self.grouping;
        let group = self.group.get_or_insert_with(|| grouping.begin(&member.key, member.offset));
        if !member.is_utf8 {
            group.fail(FaultReason::NonUtf8Name);
        }
        group.note_extension(&member.extension);
        group.note_place(member.place);
        let wanted = self.options.extensions.as_ref();
        if wanted.is_some_and(|list| !list.contains(&member.extension)) || group.is_faulty() {
            return Ok(());
        }
        if member.is_sparse {
            group.fail(FaultReason::Sparse { extension: member.extension });
            return Ok(());
        }
        let limit = self.options.max_member_bytes;
        if member.size > limit {
            let NamedMember { extension, size, .. } = member;
            group.fail(FaultReason::MemberTooLarge { extension, size, limit });
            return Ok(());
        }
        let bytes = self.stream.read_body()?;
        group.push(member.extension, bytes);
        Ok(())
    }

    fn close_group(&mut self) -> Option<Result<Sample, Fault>> {
        let finished = self.group.take()?.finish();
        Some(finished.map_err(|(key, reason)| Fault {
            shard: self.shard.clone(),
            key: Some(key),
            reason,
            fatal: false,
        }))
    }

    fn end_of_archive(&mut self, complaint: Option<FaultReason>) -> Option<Result<Sample, Fault>> {
        self.finished = true;
        let last = self.close_group();
        self.last_fault = complaint.map(|reason| self.end_with(None, reason));
        last
    }

    fn end_with(&mut self, key: Option<String>, reason: FaultReason) -> Fault {
        self.finished = true;
        Fault { shard: self.shard.clone(), key, reason, fatal: true }
    }
}

impl Iterator for ShardReader {
    type Item = Result<Sample, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.finished {
            match self.advance() {
                Ok(Some(item)) => return Some(item),
                Ok(None) => {}
                Err(reason) => {
                    let key = self.group.take().map(|group| group.sample.key);
                    return Some(Err(self.end_with(key, reason)));
                }
            }
        }
        self.last_fault.take().map(Err)
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
