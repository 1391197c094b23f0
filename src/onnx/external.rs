//! The files that a graph's weights lie in: their names stand in its protobuf, which is walked through and never loaded.
//!
//! What is passed over is skipped by its length, so that a graph of 2 GB takes a few reads. Only the fields on the way to
//! `TensorProto.external_data` are known here; the numbers are those of onnx.proto.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::wire::{Malformed, Wire};

/// Messages within messages; protobuf's own limit is 100.
const DEEPEST: usize = 128;
/// The longest entry that is read: two strings, of which one is a path.
const LONGEST: u64 = 3 * 4096;
/// Bytes of all names together: far beyond any model, within any memory.
const MOST_NAMES: usize = 16 << 20;

/// What a graph says of the files that its weights lie in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExternalData {
    /// The names as they stand in the graph, and how long each file must be at least.
    pub files: BTreeMap<OsString, u64>,
    /// Why the graph could not be followed to its end; the names before that are there.
    pub fault: Option<Malformed>,
}

/// The messages on the way to a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Training,
    Graph,
    Node,
    Attribute,
    Tensor,
    Sparse,
    Function,
    Entry,
    /// A group, which protobuf had before messages: nothing in it is of use.
    Group(u64),
}

impl Message {
    /// What lies in `field`, if it leads to a tensor.
    fn inner(self, field: u64) -> Option<Self> {
        Some(match (self, field) {
            (Self::Model, 7) | (Self::Training, 1 | 2) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Model, 20) => Self::Training,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => Self::Tensor,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::Sparse,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::Tensor, 13) => Self::Entry,
            _ => return None,
        })
    }
}

impl ExternalData {
    /// Reads the graph at `path`.
    ///
    /// # Errors
    /// If it can't be opened.
    pub fn of(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self::read(file))
    }

    /// Reads a graph. Whatever its bytes are, this ends, and takes little memory.
    pub fn read(mut graph: impl Read + Seek) -> Self {
        let mut found = Self::default();
        let length = graph.seek(SeekFrom::End(0)).and_then(|end| graph.rewind().map(|()| end));
        let walked = length.map_err(|_| Malformed::Unreadable).and_then(|length| {
            let mut wire = Wire::new(BufReader::with_capacity(1 << 16, graph), length);
            found.walk(&mut wire, length)
        });
        found.fault = walked.err();
        found
    }

    /// Where the files are whose names stand in the graph at `graph`.
    pub fn paths<'a>(&'a self, graph: &Path) -> impl Iterator<Item = (PathBuf, u64)> + 'a {
        let folder = graph.parent().map(Path::to_path_buf).unwrap_or_default();
        self.files.iter().map(move |(name, bytes)| (folder.join(name), *bytes))
    }

    fn walk(&mut self, wire: &mut Wire<impl Read + Seek>, length: u64) -> Result<(), Malformed> {
        let mut open = vec![(Message::Model, length)];
        let (mut tensor, mut names) = (Tensor::default(), 0);
        while let Some(&(message, end)) = open.last() {
            if wire.at() == end {
                if let Message::Group(_) = message {
                    return Err(Malformed::Cut);
                }
                if message == Message::Tensor {
                    names += self.note(std::mem::take(&mut tensor));
                    if names > MOST_NAMES {
                        return Err(Malformed::TooMuch);
                    }
                }
                open.pop();
                continue;
            }
            let (field, kind) = wire.tag(end)?;
            match kind {
                2 => {
                    let inner_end = wire.end_of_inner(end)?;
                    match message.inner(field) {
                        Some(Message::Entry) => tensor.take(&wire.bytes(inner_end, LONGEST)?)?,
                        Some(inner) => open.push((inner, inner_end)),
                        None => wire.skip_to(inner_end)?,
                    }
                }
                3 => open.push((Message::Group(field), end)),
                4 if message == Message::Group(field) => drop(open.pop()),
                4 => return Err(Malformed::Nonsense),
                other => wire.skip(other, end)?,
            }
            if open.len() > DEEPEST {
                return Err(Malformed::TooMuch);
            }
        }
        Ok(())
    }

    /// Adds the files of a tensor; answers with the bytes of names that are new.
    fn note(&mut self, tensor: Tensor) -> usize {
        let bytes = tensor.offset.saturating_add(tensor.length);
        let mut new = 0;
        for location in tensor.locations {
            let size = location.len();
            let needed = self.files.entry(OsString::from_vec(location)).or_insert_with(|| {
                new += size;
                0
            });
            *needed = bytes.max(*needed);
        }
        new
    }
}

/// What a tensor says of its external data.
#[derive(Default)]
struct Tensor {
    locations: Vec<Vec<u8>>,
    offset: u64,
    length: u64,
}

impl Tensor {
    /// Takes one `StringStringEntryProto`.
    fn take(&mut self, entry: &[u8]) -> Result<(), Malformed> {
        let end = entry.len() as u64;
        let mut wire = Wire::new(io::Cursor::new(entry), end);
        let (mut key, mut value) = (Vec::new(), Vec::new());
        while wire.at() < end {
            match wire.tag(end)? {
                (field @ (1 | 2), 2) => {
                    let inner = wire.end_of_inner(end)?;
                    let text = wire.bytes(inner, LONGEST)?;
                    *(if field == 1 { &mut key } else { &mut value }) = text;
                }
                (_, 2) => {
                    let inner = wire.end_of_inner(end)?;
                    wire.skip_to(inner)?;
                }
                (_, kind) => wire.skip(kind, end)?,
            }
        }
        let number = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|t| t.parse().ok());
        match key.as_slice() {
            b"location" if self.locations.len() < 16 => self.locations.push(value),
            b"location" => return Err(Malformed::TooMuch),
            b"offset" => self.offset = number(&value).unwrap_or(0),
            b"length" => self.length = number(&value).unwrap_or(0),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "external_tests.rs"]
mod tests;
