//! The bytes of a tar stream: header blocks, bodies, padding, and what lies behind the end.
//!
//! Knows where in the uncompressed archive it is, so that every complaint names a byte.

use std::io::{self, Read};

use super::decompress::is_source_error;
use super::fault::FaultReason;
use super::foreign::kind_of;
use super::refused::Refused;
use super::skip::Source;

/// Tar's unit: headers are one block, bodies are padded to whole ones.
pub(super) const BLOCK_BYTES: u64 = 512;
/// Memory reserved for a body before its bytes have arrived: a damaged size must not allocate.
const MAX_RESERVE_BYTES: u64 = 1024 * 1024;

/// A source of tar blocks and bodies that counts its position.
pub(super) struct BlockReader<R> {
    source: R,
    position: u64,
    /// Bytes of the current body, and of its padding, that are not read yet.
    body_left: u64,
    padding_left: u64,
}

impl<R: Source> BlockReader<R> {
    pub fn new(source: R) -> Self {
        Self { source, position: 0, body_left: 0, padding_left: 0 }
    }

    /// Bytes of the uncompressed archive read so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Declares that a body of this size comes next.
    ///
    /// # Errors
    /// If it would end beyond what an offset can count.
    pub fn begin_body(&mut self, size: u64) -> Result<(), FaultReason> {
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

    /// Reads to the end of the stream: checks a compressed stream's own checksum, and finds data
    /// behind the end marker that would be lost unnoticed. `None` if all is well.
    pub fn check_tail(&mut self) -> Option<FaultReason> {
        let offset = self.position.saturating_sub(BLOCK_BYTES);
        let mut buffer = [0u8; 16 * 1024];
        loop {
            match self.source.read(&mut buffer) {
                Ok(0) => return None,
                Ok(read) => {
                    self.advance(read as u64);
                    if buffer.iter().take(read).any(|&byte| byte != 0) {
                        return Some(FaultReason::TrailingData { offset });
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Some(classify_io(&e, self.position)),
            }
        }
    }

    /// Skips what is unread of the current body and its padding.
    pub fn skip_body(&mut self) -> Result<(), FaultReason> {
        let amount = self.body_left + self.padding_left;
        let skipped = self.source.skip(amount).map_err(|e| self.classify(&e))?;
        self.advance(skipped);
        (self.body_left, self.padding_left) = (0, 0);
        if skipped < amount { Err(self.truncated()) } else { Ok(()) }
    }

    /// A header block, or `None` at the stream's end.
    pub fn read_block(&mut self) -> Result<Option<[u8; 512]>, FaultReason> {
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
        let whole = filled == block.len();
        match block.get(..filled).unwrap_or_default() {
            [] => Ok(None),
            _ if whole => Ok(Some(block)),
            head if self.position < BLOCK_BYTES && !kind_of(head).is_empty() => {
                Err(FaultReason::NotTar { found: kind_of(head) })
            }
            _ => Err(self.truncated()),
        }
    }

    fn advance(&mut self, bytes: u64) {
        self.position = self.position.saturating_add(bytes);
    }

    /// The complaint that bytes ran out here.
    pub fn truncated(&self) -> FaultReason {
        FaultReason::Truncated { offset: self.position }
    }

    /// The complaint that what was just read makes no sense.
    pub fn corrupt(&self, detail: impl ToString) -> FaultReason {
        FaultReason::Corrupt { offset: self.position, detail: detail.to_string() }
    }

    /// The complaint about an error within the archive.
    fn classify(&self, error: &io::Error) -> FaultReason {
        match classify_io(error, self.position) {
            // The archive is not at its end: what follows should have been the rest of it.
            FaultReason::TrailingGarbage { format } => {
                self.corrupt(format!("the {format} stream ends here, and no other follows"))
            }
            reason => reason,
        }
    }
}

/// Sorts an I/O error into failing storage, a cut file or damaged bytes.
pub(super) fn classify_io(error: &io::Error, offset: u64) -> FaultReason {
    if is_source_error(error) {
        FaultReason::ReadFailed { kind: error.kind(), message: error.to_string() }
    } else if let Some(reason) = Refused::of(error) {
        reason.clone()
    } else if error.kind() == io::ErrorKind::UnexpectedEof {
        FaultReason::Truncated { offset }
    } else {
        FaultReason::Corrupt { offset, detail: error.to_string() }
    }
}
