//! The uncompressed bytes of an archive, whatever it is compressed with.
//!
//! Gzip files of several members and zstd or lz4 files of several frames read as one stream, as their own tools do, and
//! zeros behind the stream are padding.

use super::compression::Compression;
use super::frames::Frames;
use super::peek::Peek;
use std::fmt;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Read size for the file and for the decompressed stream.
const BUFFER_BYTES: usize = 256 * 1024;

/// The uncompressed bytes of `source`, buffered, and the compression that was found.
///
/// Errors of `source` itself come out marked, so that a [`ShardReader`](super::ShardReader) can
/// tell a failing disk from a damaged file.
///
/// # Errors
/// If the first bytes can't be read or name a compression that is not supported.
pub fn decompress<R: Read + Send + 'static>(
    source: R,
) -> io::Result<(Compression, Box<dyn Read + Send>)> {
    let mut source = Peek::new(marked(source));
    let compression = Compression::detect(&mut source)?;
    let stream: Box<dyn Read + Send> = match compression {
        Compression::Plain => Box::new(source),
        kind => Box::new(buffered(Frames::new(kind, source))),
    };
    Ok((compression, stream))
}

/// A buffered source whose errors are told from a decompressor's.
pub(super) fn marked<R: Read>(source: R) -> BufReader<MarkedSource<R>> {
    BufReader::with_capacity(BUFFER_BYTES, MarkedSource(source))
}

fn buffered<R: Read>(reader: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER_BYTES, reader)
}

/// Whether an error came from the source, not from a decompressor's view of its bytes.
pub(super) fn is_source_error(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<SourceError>())
}

/// Wraps every error of the underlying reader in a [`SourceError`].
pub(super) struct MarkedSource<R>(pub R);

impl<R: Read> Read for MarkedSource<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into).map_err(|error| match error.kind() {
            // Callers retry on this kind and must see it bare.
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, SourceError(error)),
        })
    }
}

impl<R: Seek> Seek for MarkedSource<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to).map_err(|error| io::Error::new(error.kind(), SourceError(error)))
    }
}

#[derive(Debug)]
struct SourceError(io::Error);

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn lz4(data: &[u8]) -> Vec<u8> {
        let info = lz4_flex::frame::FrameInfo::new().content_checksum(true);
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: Vec<u8>) -> (Compression, Vec<u8>) {
        let (kind, mut stream) = decompress(Cursor::new(bytes)).unwrap();
        let mut out = Vec::new();
        stream.read_to_end(&mut out).unwrap();
        (kind, out)
    }

    #[test]
    fn several_members_and_frames_are_one_stream() {
        let gz = [gzip(b"hello "), gzip(b"world")].concat();
        assert_eq!(read(gz), (Compression::Gzip, b"hello world".to_vec()));
        let frame = |d: &[u8]| zstd::encode_all(d, 3).unwrap();
        let zst = [frame(b"hello "), frame(b"world")].concat();
        assert_eq!(read(zst), (Compression::Zstd, b"hello world".to_vec()));
        let frames = [lz4(b"hello "), lz4(b""), lz4(b"world")].concat();
        assert_eq!(read(frames), (Compression::Lz4, b"hello world".to_vec()));
        assert_eq!(read(b"he".to_vec()), (Compression::Plain, b"he".to_vec()));
        assert_eq!(read(Vec::new()), (Compression::Plain, Vec::new()));
    }

    #[test]
    fn unsupported_kinds_say_so() {
        for (head, kind) in [(&b"BZh91AY"[..], "bzip2"), (b"\x02\x21\x4c\x18....", "legacy")] {
            let error = decompress(Cursor::new(head.to_vec())).err().unwrap();
            assert!(error.to_string().contains(kind), "{error}");
        }
    }

    struct FailsAfter(Cursor<Vec<u8>>);
    impl Read for FailsAfter {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(io::Error::new(io::ErrorKind::TimedOut, "disk gone")),
                n => Ok(n),
            }
        }
    }

    #[test]
    fn a_failing_disk_is_told_from_damage_under_every_compression() {
        let data: Vec<u8> =
            (0..100_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let zst = zstd::encode_all(&data[..], 1).unwrap();
        for bytes in [data.clone(), gzip(&data), zst, lz4(&data)] {
            let half = bytes[..bytes.len() / 2].to_vec();
            let (_, mut stream) = decompress(FailsAfter(Cursor::new(half.clone()))).unwrap();
            let error = io::copy(&mut stream, &mut io::sink()).unwrap_err();
            assert!(is_source_error(&error), "{error:?}");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);

            let (kind, mut stream) = decompress(Cursor::new(half)).unwrap();
            let result = io::copy(&mut stream, &mut io::sink());
            match (kind, result) {
                (Compression::Plain, Ok(_)) => {}
                (_, Err(error)) => assert!(!is_source_error(&error), "{error:?}"),
                (kind, Ok(_)) => panic!("{kind:?} accepted a cut stream"),
            }
        }
    }
}
