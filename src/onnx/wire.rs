//! Protobuf's wire format, as far as it takes to pass over what is not wanted.

use std::io::{Read, Seek, SeekFrom};

/// Why bytes are no protobuf message that could be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It ends within a field.
    #[error("it ends in the middle")]
    Cut,
    /// A field's tag or number is none, or there is no graph.
    #[error("it is no ONNX graph")]
    Nonsense,
    /// Deeper, longer or more than any model has.
    #[error("it is nested or named beyond all proportion")]
    TooMuch,
    /// The disk would not give it.
    #[error("it could not be read to its end")]
    Unreadable,
}

/// A message being read.
pub(super) struct Wire<R> {
    inner: R,
    at: u64,
    length: u64,
}

impl<R: Read + Seek> Wire<R> {
    /// A reader of a message of `length` bytes.
    pub(super) fn new(inner: R, length: u64) -> Self {
        Self { inner, at: 0, length }
    }

    /// Bytes read or passed over so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// A field's number and wire type.
    pub(super) fn tag(&mut self, end: u64) -> Result<(u64, u64), Malformed> {
        let tag = self.varint(end)?;
        if tag >> 3 == 0 || tag > u64::from(u32::MAX) {
            return Err(Malformed::Nonsense);
        }
        Ok((tag >> 3, tag & 7))
    }

    /// Reads a length; answers with where what it is the length of ends.
    pub(super) fn end_of_inner(&mut self, end: u64) -> Result<u64, Malformed> {
        let length = self.varint(end)?;
        self.at.checked_add(length).filter(|inner| *inner <= end).ok_or(Malformed::Cut)
    }

    /// All up to `end`, if that is at most `most` bytes.
    pub(super) fn bytes(&mut self, end: u64, most: u64) -> Result<Vec<u8>, Malformed> {
        let length = end - self.at;
        if length > most {
            return Err(Malformed::TooMuch);
        }
        let mut bytes = vec![0; length as usize];
        self.inner.read_exact(&mut bytes).map_err(|_| Malformed::Unreadable)?;
        self.at = end;
        Ok(bytes)
    }

    /// Passes over a field of wire type `kind` that has no length in front.
    pub(super) fn skip(&mut self, kind: u64, end: u64) -> Result<(), Malformed> {
        match kind {
            0 => self.varint(end).map(drop),
            1 | 5 => {
                let past = self.at + if kind == 1 { 8 } else { 4 };
                if past > end { Err(Malformed::Cut) } else { self.skip_to(past) }
            }
            _ => Err(Malformed::Nonsense),
        }
    }

    /// Passes over all up to `end`, which lies within the message.
    pub(super) fn skip_to(&mut self, end: u64) -> Result<(), Malformed> {
        debug_assert!(self.at <= end && end <= self.length);
        // Short ways are read, for a seek gives up what a reader has read ahead.
        let way = end - self.at;
        let past = if way <= 1 << 12 {
            std::io::copy(&mut self.inner.by_ref().take(way), &mut std::io::sink())
                .map(|n| n == way)
        } else {
            let way = i64::try_from(way).map_err(|_| Malformed::TooMuch)?;
            self.inner.seek(SeekFrom::Current(way)).map(|_| true)
        };
        self.at = end;
        if past.is_ok_and(|whole| whole) { Ok(()) } else { Err(Malformed::Unreadable) }
    }

    /// A number.
    pub(super) fn varint(&mut self, end: u64) -> Result<u64, Malformed> {
        let mut value = 0;
        for place in 0..10 {
            if self.at >= end {
                return Err(Malformed::Cut);
            }
            let mut byte = [0];
            self.inner.read_exact(&mut byte).map_err(|_| Malformed::Unreadable)?;
            self.at += 1;
            value |= u64::from(byte[0] & 0x7f) << (7 * place);
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed::Nonsense)
    }
}
