//! Compressed streams of several members or frames, one after another, as their own tools read them: skippable frames
//! are passed over, and so are zeros behind the last frame, up to which bsdtar pads.

use super::compression::{Compression, skip_frames};
use super::fault::FaultReason;
use super::peek::Peek;
use super::refused::Refused;
use flate2::bufread::GzDecoder;
use lz4_flex::frame::FrameDecoder;
use std::io::{self, BufRead, Read};

/// The farthest that a zstd frame may look back: what is read of it is held in memory, so far at most.
const WINDOW_LOG: u32 = 30;
/// A zstd frame's magic number, descriptor, window, dictionary and length.
const ZSTD_HEADER: usize = 18;

/// The uncompressed bytes of all frames.
pub(super) struct Frames<R: BufRead> {
    kind: Compression,
    state: State<R>,
}

enum State<R: BufRead> {
    Between(Peek<R>),
    Gzip(GzDecoder<Peek<R>>),
    Zstd(zstd::Decoder<'static, Peek<R>>),
    Lz4(Box<FrameDecoder<Peek<R>>>),
    Ended,
}

impl<R: BufRead> Frames<R> {
    pub fn new(kind: Compression, source: Peek<R>) -> Self {
        Self { kind, state: State::Between(source) }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        loop {
            let read = match &mut self.state {
                State::Gzip(frame) => frame.read(into)?,
                State::Zstd(frame) => frame.read(into)?,
                State::Lz4(frame) => frame.read(into)?,
                State::Ended => return Ok(0),
                State::Between(source) => {
                    if self.kind != Compression::Gzip {
                        skip_frames(source)?;
                    }
                    0
                }
            };
            if read > 0 {
                return Ok(read);
            }
            self.state = match std::mem::replace(&mut self.state, State::Ended) {
                State::Gzip(frame) => State::Between(frame.into_inner()),
                State::Zstd(frame) => State::Between(frame.finish()),
                State::Lz4(frame) => State::Between(frame.into_inner()),
                State::Ended => State::Ended,
                State::Between(source) => begin(self.kind, source)?,
            };
        }
    }
}

/// Begins the next frame, or ends well where there is none.
fn begin<R: BufRead>(kind: Compression, mut source: Peek<R>) -> io::Result<State<R>> {
    let head = source.peek(ZSTD_HEADER)?;
    let begins = match kind {
        Compression::Gzip => head.starts_with(&[0x1f, 0x8b]),
        Compression::Zstd => head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]),
        Compression::Lz4 => head.starts_with(&[0x04, 0x22, 0x4d, 0x18]),
        Compression::Plain => false,
    };
    if !begins {
        return match source.is_zero_to_the_end()? {
            true => Ok(State::Ended),
            false => Err(Refused::error(FaultReason::TrailingGarbage { format: kind.name() })),
        };
    }
    Ok(match kind {
        Compression::Plain => State::Ended,
        Compression::Gzip => State::Gzip(GzDecoder::new(source)),
        Compression::Lz4 => State::Lz4(Box::new(FrameDecoder::new(source))),
        Compression::Zstd => {
            check_window(head)?;
            let mut frame = zstd::Decoder::with_buffer(source)?.single_frame();
            frame.window_log_max(WINDOW_LOG)?;
            State::Zstd(frame)
        }
    })
}

/// Refuses a frame whose window is larger than memory is set aside for.
fn check_window(head: &[u8]) -> io::Result<()> {
    let limit = 1 << WINDOW_LOG;
    match window(head).filter(|&window| window > limit) {
        Some(window) => Err(Refused::error(FaultReason::Window { window, limit })),
        None => Ok(()),
    }
}

/// The window of a zstd frame by its header (RFC 8878, 3.1.1.1); `None` where the header is cut off.
fn window(head: &[u8]) -> Option<u64> {
    let (descriptor, rest) = head.get(4..)?.split_first()?;
    if descriptor & 0x20 == 0 {
        let byte = u64::from(*rest.first()?);
        let base = 1u64 << (10 + (byte >> 3));
        return Some(base + base / 8 * (byte & 7));
    }
    // One segment: all of it is the window.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let (width, more) = [(1, 0), (2, 256), (4, 0), (8, 0)][usize::from(descriptor >> 6)];
    let length = rest.get(dictionary..dictionary + width)?;
    Some(length.iter().rev().fold(0u64, |sum, &byte| (sum << 8) | u64::from(byte)) + more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::decompress::decompress;
    use std::io::{Cursor, Write};

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn lz4(data: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd_of(data: &[u8]) -> Vec<u8> {
        zstd::encode_all(data, 3).unwrap()
    }

    fn skippable(nibble: u8, data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u32).to_le_bytes();
        [&[0x50 + nibble, 0x2a, 0x4d, 0x18], &length[..], data].concat()
    }

    fn read(bytes: Vec<u8>) -> io::Result<(Compression, Vec<u8>)> {
        let (kind, mut stream) = decompress(Cursor::new(bytes))?;
        let mut out = Vec::new();
        stream.read_to_end(&mut out)?;
        Ok((kind, out))
    }

    #[test]
    fn zeros_behind_the_stream_are_padding_and_other_bytes_are_told() {
        for (kind, format, pack) in [
            (Compression::Gzip, "gzip", gzip as fn(&[u8]) -> Vec<u8>),
            (Compression::Zstd, "zstd", zstd_of),
            (Compression::Lz4, "lz4", lz4),
        ] {
            for zeros in [1, 2, 3, 511, 10_240, 600_000] {
                let padded = [pack(b"hello"), vec![0; zeros]].concat();
                assert_eq!(read(padded).unwrap(), (kind, b"hello".to_vec()), "{zeros}");
            }
            for tail in [&b"more"[..], b"\0\0\0\0x", b"\x1f"] {
                let error = read([pack(b"hello"), tail.to_vec()].concat()).unwrap_err();
                let reason = Refused::of(&error).cloned();
                assert_eq!(reason, Some(FaultReason::TrailingGarbage { format }), "{error}");
            }
        }
    }

    #[test]
    fn skippable_frames_may_stand_anywhere_and_say_nothing_of_the_format() {
        for (kind, pack) in
            [(Compression::Zstd, zstd_of as fn(&[u8]) -> Vec<u8>), (Compression::Lz4, lz4)]
        {
            let skip = |nibble| skippable(nibble, &[7; 300_000]);
            let parts = [skip(0), skip(4), pack(b"a"), skip(15), pack(b"b"), skippable(1, b"")];
            assert_eq!(read(parts.concat()).unwrap(), (kind, b"ab".to_vec()));
            let cut = [pack(b"a"), skip(3)[..100].to_vec()].concat();
            assert_eq!(read(cut).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn windows_are_read_up_to_a_limit_and_named_beyond() {
        // A frame of one raw block, with a window of its own choice.
        let frame = |window: u8| {
            let head = [0x28, 0xb5, 0x2f, 0xfd, 0x00, window];
            let block = [(5 << 3 | 1) as u8, 0, 0];
            [&head[..], &block, b"hello"].concat()
        };
        for log in [10, 20, 27, 28, 29, 30] {
            let read = read(frame((log - 10) << 3)).unwrap();
            assert_eq!(read, (Compression::Zstd, b"hello".to_vec()), "{log}");
        }
        let error = read(frame(21 << 3)).unwrap_err();
        assert!(error.to_string().contains("window of 2147483648 bytes"), "{error}");
        assert!(error.to_string().contains("--long=30"), "{error}");
        // A frame of one segment says its length in the window's place.
        let large = [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &(3u64 << 30).to_le_bytes()].concat();
        assert_eq!(window(&large), Some(3 << 30));
        assert_eq!(window(&[0x28, 0xb5, 0x2f, 0xfd, 0x60, 1, 0]), Some(257));
        assert_eq!(window(&large[..7]), None);
        assert!(read(large).unwrap_err().to_string().contains("window"));
    }
}
