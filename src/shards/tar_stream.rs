//! Member headers and bodies of a tar stream, one after the other.
//!
//! The `tar` crate supplies the header's fields; the walk is ours because its entry iterator
//! borrows the archive (a reader could not own both), takes an archive without an end marker for
//! a whole one, and loads long-name records of any size. Reads USTAR, GNU long names, PAX
//! `path`/`size` and sizes in base 256, as GNU tar, bsdtar and Python's `tarfile` write them.
//! Sparse members (GNU's type `S` and its three PAX forms) are recognised and passed over, so that
//! the rest of the archive can be read.

use tar::{EntryType, Header};

use super::fault::FaultReason;
use super::foreign::kind_of;
use super::pax::pax_records;
use super::skip::Source;
use super::tar_blocks::{BLOCK_BYTES, BlockReader};

/// A long-name or PAX record beyond this size is damage, not a name.
const MAX_RECORD_BYTES: u64 = 1024 * 1024;

/// Where GNU's sparse headers, and the blocks that continue them, say that another such block follows.
const HEADER_MAP_GOES_ON: usize = 482;
const BLOCK_MAP_GOES_ON: usize = 504;

/// What a header says about its member.
#[derive(Debug)]
pub(super) struct MemberHeader {
    /// The name's raw bytes.
    pub name: Vec<u8>,
    /// Body size in bytes.
    pub size: u64,
    /// Offset of the member's first header block in the uncompressed archive.
    pub offset: u64,
    /// Offset of the body's first byte.
    pub content: u64,
    /// Whether it is a regular file.
    pub is_file: bool,
    /// Whether the archive holds only the parts of the file between its holes.
    pub is_sparse: bool,
    /// Where it leads, if it is a link.
    pub link: Option<Link>,
}

/// A member without content of its own.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// Whether it is a symbolic link, not a hard one.
    pub symbolic: bool,
    /// The name that it leads to.
    pub target: String,
}

/// What comes next in an archive.
#[derive(Debug)]
pub(super) enum Next {
    /// A member.
    Member(MemberHeader),
    /// Nothing more; with a complaint if the archive may not be whole.
    End(Option<FaultReason>),
}

/// Names and sizes that records ahead of a header override.
#[derive(Default)]
struct Overrides {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    /// A sparse member has its name in a record of its own; `path` is a made-up one.
    sparse_name: Option<Vec<u8>>,
    sparse: bool,
}

/// A cursor over a tar stream.
pub(super) struct TarStream<R> {
    blocks: BlockReader<R>,
}

impl<R: Source> TarStream<R> {
    pub fn new(source: R) -> Self {
        Self { blocks: BlockReader::new(source) }
    }

    /// The current member's body.
    ///
    /// # Errors
    /// If bytes run out or can't be read; final.
    pub fn read_body(&mut self) -> Result<Vec<u8>, FaultReason> {
        self.blocks.read_body()
    }

    /// The next member's header; what is unread of the current body is skipped.
    ///
    /// # Errors
    /// Any error is final: nothing after it can be read.
    pub fn next_header(&mut self) -> Result<Next, FaultReason> {
        self.blocks.skip_body()?;
        let offset = self.blocks.position();
        let mut overrides = Overrides::default();
        loop {
            let Some(block) = self.blocks.read_block()? else {
                let end = FaultReason::NoEndMarker { offset };
                return if self.blocks.position() == offset {
                    Ok(Next::End(Some(end)))
                } else {
                    Err(self.blocks.truncated())
                };
            };
            if block.iter().all(|&byte| byte == 0) {
                return Ok(Next::End(self.blocks.check_tail()));
            }
            let header = self.checked_header(&block)?;
            let size = header.entry_size().map_err(|e| self.blocks.corrupt(e))?;
            match header.entry_type() {
                EntryType::GNULongName => {
                    overrides.name = Some(self.read_name(size)?);
                }
                EntryType::GNULongLink => overrides.link = Some(self.read_name(size)?),
                EntryType::XHeader => self.read_pax(size, &mut overrides)?,
                EntryType::XGlobalHeader => {
                    self.read_record(size)?;
                }
                kind => {
                    return self
                        .begin_member(header, kind, size, offset, overrides)
                        .map(Next::Member);
                }
            }
        }
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
        if kind == EntryType::GNUSparse {
            self.skip_sparse_map(header)?;
        }
        self.blocks.begin_body(size)?;
        let content = self.blocks.position();
        let name = overrides.sparse_name.or(overrides.name);
        let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
        let regular =
            matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse);
        // Version 7 archives mark a folder by its name alone.
        let is_file = regular && name.last() != Some(&b'/');
        let is_sparse = overrides.sparse || kind == EntryType::GNUSparse;
        let is_link = matches!(kind, EntryType::Link | EntryType::Symlink);
        let link = is_link.then(|| {
            let target = overrides.link.or_else(|| header.link_name_bytes().map(Into::into));
            let target = String::from_utf8_lossy(&target.unwrap_or_default()).into_owned();
            Link { symbolic: kind == EntryType::Symlink, target }
        });
        Ok(MemberHeader { name, size, offset, content, is_file, is_sparse, link })
    }

    fn read_name(&mut self, size: u64) -> Result<Vec<u8>, FaultReason> {
        let mut name = self.read_record(size)?;
        while name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }

    /// Passes over the blocks that go on with the list of a sparse member's parts.
    fn skip_sparse_map(&mut self, header: &Header) -> Result<(), FaultReason> {
        let mut goes_on = header.as_bytes().get(HEADER_MAP_GOES_ON) == Some(&1);
        while goes_on {
            let block = self.blocks.read_block()?.ok_or_else(|| self.blocks.truncated())?;
            goes_on = block.get(BLOCK_MAP_GOES_ON) == Some(&1);
        }
        Ok(())
    }

    fn read_record(&mut self, size: u64) -> Result<Vec<u8>, FaultReason> {
        if size > MAX_RECORD_BYTES {
            return Err(self.blocks.corrupt(format!("a name record of {size} bytes")));
        }
        self.blocks.begin_body(size)?;
        let record = self.blocks.read_body()?;
        self.blocks.skip_body()?;
        Ok(record)
    }

    fn read_pax(&mut self, size: u64, overrides: &mut Overrides) -> Result<(), FaultReason> {
        let record = self.read_record(size)?;
        for record in pax_records(&record) {
            let (key, value) = record.map_err(|e| self.blocks.corrupt(e))?;
            match key {
                b"path" => overrides.name = Some(value.to_vec()),
                b"linkpath" => overrides.link = Some(value.to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    overrides.size =
                        Some(size.ok_or_else(|| self.blocks.corrupt("an unreadable PAX size"))?);
                }
                b"GNU.sparse.name" => {
                    overrides.sparse_name = Some(value.to_vec());
                    overrides.sparse = true;
                }
                key => overrides.sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Ok(())
    }

    fn checked_header<'b>(&self, block: &'b [u8; 512]) -> Result<&'b Header, FaultReason> {
        let header = Header::from_byte_slice(block);
        match header.cksum() {
            Ok(expected) if sums(block).contains(&i64::from(expected)) => Ok(header),
            _ if self.blocks.position() <= BLOCK_BYTES => {
                Err(FaultReason::NotTar { found: kind_of(block) })
            }
            _ => Err(self.blocks.corrupt("a member's header has a wrong checksum")),
        }
    }
}

/// A header's checksum, and what some old writers take for it: of bytes with a sign.
fn sums(block: &[u8; 512]) -> [i64; 2] {
    // The checksum's own field counts as spaces.
    let bytes = || {
        let bytes = block.iter().enumerate();
        bytes.map(|(i, &byte)| if (148..156).contains(&i) { b' ' } else { byte })
    };
    [bytes().map(i64::from).sum(), bytes().map(|byte| i64::from(byte.cast_signed())).sum()]
}
