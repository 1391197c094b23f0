//! A tar as an iterator of samples and faults.

use std::borrow::Cow;
use std::io::Read;
use std::path::PathBuf;

use super::decompress::decompress;
use super::entry::MemberEntry;
use super::fault::{FaultReason, ShardFault};
use super::grouping::{Group, Grouping};
use super::member_name::{is_metadata, split_member_name};
use super::read_options::ReadOptions;
use super::sample::Sample;
use super::skip::{Source, Streamed};
use super::tar_blocks::classify_io;
use super::tar_stream::{Link, MemberHeader, Next, TarStream};

/// A tar's samples, in order; see [`ShardReader`](super::reader::ShardReader).
pub(super) struct TarReader {
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

impl TarReader {
    /// Reads a tar, compressed or not, from any byte source; `shard` is the name that faults carry.
    pub(super) fn from_reader(
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

impl Iterator for TarReader {
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
