//! Looking ahead in a stream.

use std::io::{self, BufRead, Read};

/// A stream whose next bytes can be looked at and are still to come.
pub(super) struct Peek<R> {
    source: R,
    /// Bytes that were looked at, and how many of them have been read.
    ahead: Vec<u8>,
    read: usize,
}

impl<R: BufRead> Peek<R> {
    pub fn new(source: R) -> Self {
        Self { source, ahead: Vec::new(), read: 0 }
    }

    /// The next `count` bytes, fewer at the end.
    pub fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        let missing = (self.read + count).saturating_sub(self.ahead.len()) as u64;
        self.source.by_ref().take(missing).read_to_end(&mut self.ahead)?;
        let rest = self.ahead.get(self.read..).unwrap_or_default();
        Ok(rest.get(..count).unwrap_or(rest))
    }

    /// Passes over `count` bytes; whether there were as many.
    pub fn skip(&mut self, count: u64) -> io::Result<bool> {
        Ok(io::copy(&mut self.by_ref().take(count), &mut io::sink())? == count)
    }

    /// Reads to the end; whether there are zeros only.
    pub fn is_zero_to_the_end(&mut self) -> io::Result<bool> {
        loop {
            let bytes = match self.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            let count = bytes.len();
            if bytes.iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            if count == 0 {
                return Ok(true);
            }
            self.consume(count);
        }
    }
}

impl<R: BufRead> Read for Peek<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.ahead.len() {
            return self.source.read(into);
        }
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Peek<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.ahead.get(self.read..) {
            Some(rest) if !rest.is_empty() => Ok(rest),
            _ => self.source.fill_buf(),
        }
    }

    fn consume(&mut self, count: usize) {
        if self.read == self.ahead.len() {
            return self.source.consume(count);
        }
        self.read += count;
        if self.read >= self.ahead.len() {
            self.ahead.clear();
            self.read = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_still_comes() {
        let mut stream = Peek::new(io::Cursor::new(b"abcdef".to_vec()));
        assert_eq!(stream.peek(2).unwrap(), b"ab");
        assert_eq!(stream.peek(4).unwrap(), b"abcd");
        assert!(stream.skip(1).unwrap());
        assert_eq!(stream.peek(9).unwrap(), b"bcdef");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "bcdef");
        assert!(stream.peek(3).unwrap().is_empty() && !stream.skip(1).unwrap());
        for (bytes, zero) in [(&b""[..], true), (b"\0\0\0", true), (b"\0\0x", false)] {
            let mut stream = Peek::new(bytes);
            stream.peek(2).unwrap();
            assert_eq!(stream.is_zero_to_the_end().unwrap(), zero);
        }
    }
}
