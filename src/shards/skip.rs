//! Passing over bytes that nobody wants: by seeking in a plain tar on disk, by reading anywhere else.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::compression::Compression;
use super::decompress::MarkedSource;

/// Read ahead in a file: little, as most of it may be passed over; bodies are read past this buffer.
const BUFFER_BYTES: usize = 32 * 1024;

/// An uncompressed archive's bytes.
pub(super) trait Source: Read + Send {
    /// Passes over `amount` bytes, or as many as there are, and answers with their number.
    fn skip(&mut self, amount: u64) -> io::Result<u64>;
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn skip(&mut self, amount: u64) -> io::Result<u64> {
        (**self).skip(amount)
    }
}

/// Bytes that can only be read.
pub(super) struct Streamed<R>(pub R);

impl<R: Read> Read for Streamed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl<R: Read + Send> Source for Streamed<R> {
    fn skip(&mut self, amount: u64) -> io::Result<u64> {
        io::copy(&mut self.0.by_ref().take(amount), &mut io::sink())
    }
}

/// A plain tar on disk.
pub(super) struct PlainFile {
    file: BufReader<MarkedSource<File>>,
    left: u64,
}

impl PlainFile {
    /// Opens the file to read from `offset`; `None` where it is compressed or no regular file.
    pub(super) fn open(path: &Path, offset: u64) -> io::Result<Option<Self>> {
        let mut file = File::open(path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Ok(None);
        }
        let mut head = Vec::new();
        file.by_ref().take(4).read_to_end(&mut head)?;
        if !matches!(Compression::of_magic(&head), Ok(Compression::Plain)) {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(offset))?;
        let file = BufReader::with_capacity(BUFFER_BYTES, MarkedSource(file));
        Ok(Some(Self { file, left: about.len().saturating_sub(offset) }))
    }
}

impl Read for PlainFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

impl Source for PlainFile {
    fn skip(&mut self, amount: u64) -> io::Result<u64> {
        let skipped = amount.min(self.left);
        // A file of more than 2^63 bytes there is none.
        self.file.seek_relative(i64::try_from(skipped).unwrap_or(i64::MAX))?;
        self.left -= skipped;
        Ok(skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::{ReadOptions, SampleMember, ShardReader, ShardWriter, WriterOptions};

    /// What seeking finds is what reading finds, in whole archives and in those cut anywhere.
    #[test]
    fn seeking_and_reading_agree() {
        let mut writer = ShardWriter::new(Vec::new(), WriterOptions::default());
        for key in ["a", "b", "c"] {
            let members =
                [SampleMember::new("cls", "7"), SampleMember::new("png", vec![9; 70_000])];
            writer.write_sample(key, &members).unwrap();
        }
        let tar = writer.finish().unwrap().0;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.tar");
        for length in [tar.len(), tar.len() - 600, 150_000, 70_400, 1_500, 511, 0] {
            std::fs::write(&path, &tar[..length]).unwrap();
            for extensions in [None, Some(vec!["cls".to_owned()])] {
                let options = ReadOptions { extensions, ..ReadOptions::default() };
                let read = io::Cursor::new(tar[..length].to_vec());
                let read = ShardReader::from_reader(&path, read, options.clone());
                let sought = ShardReader::open(&path, options).unwrap();
                assert_eq!(sought.collect::<Vec<_>>(), read.collect::<Vec<_>>(), "{length}");
            }
        }
    }
}
