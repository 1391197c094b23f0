//! One shard as an iterator of samples and faults.

use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::decompress::decompress;
use super::entry::MemberEntry;
use super::fault::{FaultReason, ShardFault};
use super::grouping::{Group, Grouping};
use super::identity::ShardIdentity;
use super::member_name::{is_metadata, split_member_name};
use super::retry::Retry;
use super::sample::Sample;
use super::skip::{Source, Streamed};
use super::sources::ShardPlace;
use super::tar_blocks::classify_io;
use super::tar_stream::{Link, MemberHeader, Next, TarStream};

/// What to load of a shard.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Largest member to load, in bytes (256 MiB by default); a larger one is a fault of its
    /// sample, and reading goes on.
    pub max_member_bytes: u64,
    /// Extensions to load, lower case without the leading dot; `None` loads all. Members with
    /// other extensions are passed over without being held in memory.
    pub extensions: Option<Vec<String>>,
    /// Whether a member whose content is not in the archive as it is (a sparse file, a link) is a fault of its sample
    /// also where it is not loaded: for indexes of the archive.
    pub all_stored: bool,
    /// How often a failed read over the network is tried again.
    pub retry: Retry,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            max_member_bytes: 256 * 1024 * 1024,
            extensions: None,
            all_stored: false,
            retry: Retry::default(),
        }
    }
}

/// Streams a shard's samples, in order, holding one at a time.
///
/// Items are samples or [`ShardFault`]s. A fault that is not fatal concerns one sample, which is not
/// delivered; reading goes on behind it. A fatal one is the last item: every whole sample before
/// the damage has been delivered, and the fault names the sample that was being read. (A sample
/// is known to be whole once the header behind it has been read.)
/// (Some fatal faults come after the last sample has been delivered and name none:
/// [`FaultReason::NoEndMarker`], [`FaultReason::TrailingData`], [`FaultReason::TrailingGarbage`], and where there is no
/// sample [`FaultReason::NoSamples`].)
pub struct ShardReader {
    shard: PathBuf,
    stream: TarStream<Box<dyn Source>>,
    options: ReadOptions,
    grouping: Grouping,
    group: Option<Group>,
    /// A header that begins the next sample, kept while the finished one is handed out.
    lookahead: Option<NamedMember>,
    /// Files that belong to no sample, and the first one's name.
    passed_over: (u64, String),
    /// A last fault to hand out after the last sample.
    last_fault: Option<ShardFault>,
    finished: bool,
}

/// A file of a sample, by its split name.
struct NamedMember {
    key: String,
    extension: String,
    size: u64,
    offset: u64,
    place: MemberEntry,
    is_sparse: bool,
    link: Option<Link>,
}

impl NamedMember {
    fn of(header: &MemberHeader) -> Option<Self> {
        if !header.is_file && header.link.is_none() {
            return None;
        }
        let name = escaped(&header.name);
        let split = split_member_name(&name)?;
        Some(Self {
            key: split.key.to_owned(),
            extension: split.extension.to_lowercase(),
            size: header.size,
            offset: header.offset,
            place: MemberEntry {
                extension: split.extension.to_owned(),
                // As it is stored, so that no index takes an escaped name for the real one.
                name: String::from_utf8_lossy(&header.name).into_owned(),
                offset: header.content,
                size: header.size,
            },
            is_sparse: header.is_sparse,
            link: header.link.clone(),
        })
    }

    /// The name of the member that it is a link to.
    fn leads_to(&self) -> Option<String> {
        let Link { target, .. } = self.link.as_ref()?;
        match self.key.rsplit_once('/').filter(|_| self.is_relative()) {
            Some((folder, _)) => Some(format!("{folder}/{target}")),
            None => Some(target.clone()),
        }
    }

    /// Whether it leads to a name in its own folder: a hard link's is one of the archive.
    fn is_relative(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.symbolic && !link.target.starts_with('/'))
    }

    /// Why its content can't be read from the archive, if so.
    fn not_stored(&self) -> Option<FaultReason> {
        let extension = self.extension.clone();
        match &self.link {
            Some(Link { symbolic, target }) => {
                let kind = if *symbolic { "symbolic link" } else { "hard link" };
                Some(FaultReason::Link { extension, kind, target: target.clone() })
            }
            None => self.is_sparse.then_some(FaultReason::Sparse { extension }),
        }
    }
}

/// A name as text: bytes that are no UTF-8 are written `%xx`, and so is `%` then, so that two names stay two.
fn escaped(name: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(name) {
        return text.into();
    }
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            text.push_str(&format!("%{byte:02x}"));
        }
    }
    text.into()
}

impl ShardReader {
    /// Opens a shard file.
    ///
    /// # Errors
    /// A fatal [`FaultReason::ReadFailed`] if the file can't be opened or read.
    pub fn open(path: &Path, options: ReadOptions) -> Result<Self, ShardFault> {
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
            passed_over: (0, String::new()),
            last_fault: None,
            finished: false,
        }
    }

    /// The next item; `Err` is final.
    fn advance(&mut self) -> Result<Option<Result<Sample, ShardFault>>, FaultReason> {
        loop {
            let member = match self.lookahead.take() {
                Some(member) => member,
                None => match self.stream.next_header()? {
                    Next::Member(header) => match NamedMember::of(&header) {
                        Some(member) => member,
                        None => {
                            self.pass_over(&header);
                            continue;
                        }
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
        group.note_extension(&member.extension);
        let wanted = self.options.extensions.as_ref();
        let loaded = wanted.is_none_or(|list| list.contains(&member.extension));
        if let Some(name) = member.leads_to().filter(|_| loaded && !self.options.all_stored)
            && let Some(bytes) = group.content_of(&name)
        {
            group.push(member.extension, bytes);
            return Ok(());
        }
        if let Some(reason) = member.not_stored().filter(|_| loaded || self.options.all_stored) {
            group.fail(reason);
            return Ok(());
        }
        if member.link.is_some() {
            return Ok(());
        }
        group.note_place(member.place);
        if !loaded || group.is_faulty() {
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

    fn close_group(&mut self) -> Option<Result<Sample, ShardFault>> {
        let finished = self.group.take()?.finish();
        Some(finished.map_err(|(key, reason)| ShardFault {
            shard: self.shard.clone(),
            key: Some(key),
            reason,
            fatal: false,
        }))
    }

    /// Counts a file that belongs to no sample, unless it says of itself that it is none.
    fn pass_over(&mut self, header: &MemberHeader) {
        let name = escaped(&header.name);
        if !header.is_file || is_metadata(&name) {
            return;
        }
        if self.passed_over.0 == 0 {
            self.passed_over.1 = name.into_owned();
        }
        self.passed_over.0 += 1;
    }

    fn end_of_archive(
        &mut self,
        complaint: Option<FaultReason>,
    ) -> Option<Result<Sample, ShardFault>> {
        self.finished = true;
        let last = self.close_group();
        let (files, first) = std::mem::take(&mut self.passed_over);
        let empty = self.grouping.is_empty() && files > 0;
        let complaint =
            complaint.or_else(|| empty.then_some(FaultReason::NoSamples { files, first }));
        self.last_fault = complaint.map(|reason| self.end_with(None, reason));
        last
    }

    fn end_with(&mut self, key: Option<String>, reason: FaultReason) -> ShardFault {
        self.finished = true;
        ShardFault { shard: self.shard.clone(), key, reason, fatal: true }
    }
}

impl Iterator for ShardReader {
    type Item = Result<Sample, ShardFault>;

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
#[path = "reader_tests/mod.rs"]
mod tests;
