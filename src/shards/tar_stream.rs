//! Member headers and bodies of a tar stream, one after the other.
//!
//! The `tar` crate supplies the header's fields; the walk is ours because its entry iterator
//! borrows the archive (a reader could not own both), takes an archive without an end marker for
//! a whole one, and loads long-name records of any size. Reads USTAR, GNU long names and PAX
//! `path`/`size`, as GNU tar and Python's `tarfile` write them.

use std::io::{self, Read};

use tar::{EntryType, Header, PaxExtensions};

use super::compression::is_source_error;
use super::fault::FaultReason;

const BLOCK_BYTES: u64 = 512;
/// A long-name or PAX record beyond this size is damage, not a name.
const MAX_RECORD_BYTES: u64 = 1024 * 1024;
/// Memory reserved for a body before its bytes have arrived: a damaged size must not allocate.
const MAX_RESERVE_BYTES: u64 = 1024 * 1024;

/// What a header says about its member.
#[derive(Debug)]
pub(super) struct MemberHeader {
    /// The name's raw bytes.
    pub name: Vec<u8>,
    /// Body size in bytes.
    pub size: u64,
    /// Offset of the member's first header block in the uncompressed archive.
    pub offset: u64,
    /// Whether it is a regular file.
    pub is_file: bool,
}

/// What comes next in an archive.
#[derive(Debug)]
pub(super) enum Next {
    /// A member.
    Member(MemberHeader),
    /// Nothing more.
    End(ArchiveEnd),
}

/// How an archive ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ArchiveEnd {
    /// With its end marker and nothing but zeros after it.
    Whole,
    /// After a member, but with something to complain about.
    Doubtful(FaultReason),
}

/// Names and sizes that records ahead of a header override.
#[derive(Default)]
struct Overrides {
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

/// A cursor over a tar stream.
pub(super) struct TarStream<R> {
    source: R,
    position: u64,
    /// Bytes of the current body, and of its padding, that are not read yet.
    body_left: u64,
    padding_left: u64,
}

impl<R: Read> TarStream<R> {
    pub fn new(source: R) -> Self {
        Self { source, position: 0, body_left: 0, padding_left: 0 }
    }

    /// The next member's header; what is unread of the current body is skipped.
    ///
    /// # Errors
    /// Any error is final: nothing after it can be read.
    pub fn next_header(&mut self) -> Result<Next, FaultReason> {
        self.skip_body()?;
        let offset = self.position;
        let mut overrides = Overrides::default();
        loop {
            let Some(block) = self.read_block()? else {
                let end = FaultReason::NoEndMarker { offset };
                return if self.position == offset {
                    Ok(Next::End(ArchiveEnd::Doubtful(end)))
                } else {
                    Err(self.truncated())
                };
            };
            if block.iter().all(|&byte| byte == 0) {
                return Ok(Next::End(self.check_tail()));
            }
            let header = self.checked_header(&block)?;
            let size = header.entry_size().map_err(|e| self.corrupt(e))?;
            match header.entry_type() {
                EntryType::GNULongName => {
                    let mut name = self.read_record(size)?;
                    while name.last() == Some(&0) {
                        name.pop();
                    }
                    overrides.name = Some(name);
                }
                EntryType::XHeader => self.read_pax(size, &mut overrides)?,
                EntryType::GNULongLink | EntryType::XGlobalHeader => {
                    self.read_record(size)?;
                }
                EntryType::GNUSparse => {
                    return Err(self.corrupt("sparse members are not read; repack with plain tar"));
                }
                kind => {
                    return self
                        .begin_member(header, kind, size, offset, overrides)
                        .map(Next::Member);
                }
            }
        }
    }

    /// The current member's body.
    ///
    /// # Errors
    /// If bytes run out or can't be read; final.
    pub fn read_body(&mut self) -> Result<Vec<u8>, FaultReason> {
        let size = self.body_left;
        let reserve = usize::try_from(size.min(MAX_RESERVE_BYTES)).unwrap_or(0);
        let mut body = Vec::with_capacity(reserve);
        let read = self.source.by_ref().take(size).read_to_end(&mut body);
        self.advance(body.len() as u64);
        self.body_left = size.saturating_sub(body.len() as u64);
        read.map_err(|e| self.classify(&e))?;
        if self.body_left > 0 {
            return Err(self.truncated());
        }
        Ok(body)
    }

    fn begin_member(
        &mut self,
        header: &Header,
        kind: EntryType,
        header_size: u64,
        offset: u64,
        overrides: Overrides,
    ) -> Result<MemberHeader, FaultReason> {
        // Links, folders and devices have no body, whatever their size field says.
        let has_body = !matches!(
            kind,
            EntryType::Link
                | EntryType::Symlink
                | EntryType::Char
                | EntryType::Block
                | EntryType::Directory
                | EntryType::Fifo
        );
        let size = if has_body { overrides.size.unwrap_or(header_size) } else { 0 };
        self.begin_body(size)?;
        let name = overrides.name.unwrap_or_else(|| header.path_bytes().into_owned());
        // Version 7 archives mark a folder by its name alone.
        let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous)
            && name.last() != Some(&b'/');
        Ok(MemberHeader { name, size, offset, is_file })
    }

    fn begin_body(&mut self, size: u64) -> Result<(), FaultReason> {
        let end = size.checked_next_multiple_of(BLOCK_BYTES);
        match end.and_then(|padded| self.position.checked_add(padded)) {
            Some(_) => {
                self.body_left = size;
                self.padding_left = size.next_multiple_of(BLOCK_BYTES) - size;
                Ok(())
            }
            None => Err(self.corrupt("a member's size is out of range")),
        }
    }

    fn read_record(&mut self, size: u64) -> Result<Vec<u8>, FaultReason> {
        if size > MAX_RECORD_BYTES {
            return Err(self.corrupt(format!("a name record of {size} bytes")));
        }
        self.begin_body(size)?;
        let record = self.read_body()?;
        self.skip_body()?;
        Ok(record)
    }

    fn read_pax(&mut self, size: u64, overrides: &mut Overrides) -> Result<(), FaultReason> {
        let record = self.read_record(size)?;
        for extension in PaxExtensions::new(&record) {
            let extension = extension.map_err(|e| self.corrupt(e))?;
            match extension.key_bytes() {
                b"path" => overrides.name = Some(extension.value_bytes().to_vec()),
                b"size" => {
                    let size = extension.value().ok().and_then(|text| text.parse().ok());
                    overrides.size =
                        Some(size.ok_or_else(|| self.corrupt("an unreadable PAX size"))?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn checked_header<'b>(&self, block: &'b [u8; 512]) -> Result<&'b Header, FaultReason> {
        let header = Header::from_byte_slice(block);
        let sum: u32 = block
            .iter()
            .enumerate()
            // The checksum's own field counts as spaces.
            .map(|(i, &byte)| if (148..156).contains(&i) { 32 } else { u32::from(byte) })
            .sum();
        match header.cksum() {
            Ok(expected) if expected == sum => Ok(header),
            _ if self.position <= BLOCK_BYTES => Err(self.corrupt("this is not a tar archive")),
            _ => Err(self.corrupt("a member's header has a wrong checksum")),
        }
    }

    /// Reads to the end of the stream: checks a compressed stream's own checksum, and finds data
    /// behind the end marker that would be lost unnoticed.
    fn check_tail(&mut self) -> ArchiveEnd {
        let offset = self.position - BLOCK_BYTES;
        let mut buffer = [0u8; 16 * 1024];
        loop {
            match self.source.read(&mut buffer) {
                Ok(0) => return ArchiveEnd::Whole,
                Ok(read) => {
                    self.advance(read as u64);
                    if buffer.iter().take(read).any(|&byte| byte != 0) {
                        return ArchiveEnd::Doubtful(FaultReason::TrailingData { offset });
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return ArchiveEnd::Doubtful(self.classify(&e)),
            }
        }
    }

    fn skip_body(&mut self) -> Result<(), FaultReason> {
        let amount = self.body_left + self.padding_left;
        let skipped = io::copy(&mut self.source.by_ref().take(amount), &mut io::sink())
            .map_err(|e| self.classify(&e))?;
        self.advance(skipped);
        (self.body_left, self.padding_left) = (0, 0);
        if skipped < amount { Err(self.truncated()) } else { Ok(()) }
    }

    /// A header block, or `None` at the stream's end.
    fn read_block(&mut self) -> Result<Option<[u8; 512]>, FaultReason> {
        let mut block = [0u8; 512];
        let mut filled = 0;
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.source.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.classify(&e)),
            }
        }
        self.advance(filled as u64);
        match filled {
            0 => Ok(None),
            512 => Ok(Some(block)),
            _ => Err(self.truncated()),
        }
    }

    fn advance(&mut self, bytes: u64) {
        self.position = self.position.saturating_add(bytes);
    }

    fn truncated(&self) -> FaultReason {
        FaultReason::Truncated { offset: self.position }
    }

    fn corrupt(&self, detail: impl ToString) -> FaultReason {
        FaultReason::Corrupt { offset: self.position, detail: detail.to_string() }
    }

    fn classify(&self, error: &io::Error) -> FaultReason {
        classify_io(error, self.position)
    }
}

/// Sorts an I/O error into failing storage, a cut file or damaged bytes.
pub(super) fn classify_io(error: &io::Error, offset: u64) -> FaultReason {
    if is_source_error(error) {
        FaultReason::ReadFailed { kind: error.kind(), message: error.to_string() }
    } else if error.kind() == io::ErrorKind::UnexpectedEof {
        FaultReason::Truncated { offset }
    } else {
        FaultReason::Corrupt { offset, detail: error.to_string() }
    }
}
