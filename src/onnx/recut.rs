//! A graph cut at one of its tensors: the bytes of a model whose only output is that tensor.
//!
//! Nodes, weights and descriptions are copied as they stand in the file, those that the tensor doesn't need are left out.
//! Weights of other files are taken in, so that the bytes can be opened from memory.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::outline::{Constant, Outline, Span};

/// What a graph of protobuf may hold at most.
const MOST_BYTES: u64 = i32::MAX as u64;

/// Bytes of the new model.
enum Piece {
    /// Of the graph's own file.
    Own(Span),
    /// Of another file: its name, and from where to where.
    Other(String, Span),
    New(Vec<u8>),
}

/// The model of `outline` with the one output `name`: the value of `tensor`. ONNX Runtime infers its type and shape.
///
/// # Errors
/// If a file can't be read, if the result is too large for a model in memory, or if the graph has another tensor called
/// `name`.
pub(crate) fn cut(outline: &Outline, tensor: &str, name: &str) -> io::Result<Vec<u8>> {
    let upstream = outline.upstream(tensor);
    let nodes = || outline.nodes.iter().zip(&upstream).filter(|(_, needed)| **needed);
    let mut used: HashSet<&str> = HashSet::from([tensor]);
    let mut made: HashSet<&str> = HashSet::new();
    for (node, _) in nodes() {
        used.extend(node.inputs.iter().chain(&node.used_within).map(String::as_str));
        made.extend(node.outputs.iter().map(String::as_str));
    }
    let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    if used.contains(name) || made.contains(name) {
        return Err(refused(&format!("it has a tensor called {name} already")));
    }
    let mut pieces: Vec<Piece> = nodes().map(|(node, _)| Piece::Own(node.span.clone())).collect();
    pieces.push(Piece::New(field(1, &identity(tensor, name))));
    for (weight, about) in &outline.weights {
        if used.contains(weight.as_str()) {
            weight_pieces(&about.constant, weight, about.span.clone(), &mut pieces)
                .ok_or_else(|| refused("it has a weight whose size can't be told"))?;
        }
    }
    // Old graphs list weights among inputs; one without its weight would have to be given.
    let dropped = |input: &str| outline.weights.contains_key(input) && !used.contains(input);
    let inputs = outline.inputs.iter().filter(|(input, _)| !dropped(input));
    let described = outline.described.iter().filter(|(of, _)| made.contains(of.as_str()));
    pieces.extend(inputs.chain(described).map(|(_, span)| Piece::Own(span.clone())));
    pieces.push(Piece::New(field(12, &field(1, name.as_bytes()))));
    pieces.extend(outline.of_graph.iter().cloned().map(Piece::Own));
    let length: u64 = pieces.iter().map(Piece::length).fold(0, u64::saturating_add);
    if length > MOST_BYTES {
        return Err(refused("it is too large to be opened from memory"));
    }
    let mut model: Vec<Piece> = outline.of_model.iter().cloned().map(Piece::Own).collect();
    model.push(Piece::New([varint(7 << 3 | 2), varint(length)].concat()));
    model.extend(pieces);
    assemble(&outline.path, &model)
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Own(span) | Self::Other(_, span) => span.end.saturating_sub(span.start),
            Self::New(bytes) => bytes.len() as u64,
        }
    }
}

/// The pieces of a weight: as it stands, or with the bytes of its file in it.
fn weight_pieces(
    constant: &Constant,
    name: &str,
    span: Span,
    pieces: &mut Vec<Piece>,
) -> Option<()> {
    let Some(elsewhere) = &constant.elsewhere else {
        pieces.push(Piece::Own(span));
        return Some(());
    };
    // Types that share bytes are as long as their file says.
    let bytes = match (elsewhere.length, constant.bytes()) {
        (Some(length), Some(bytes)) if length != bytes => return None,
        (length, bytes) => length.or(bytes)?,
    };
    let dims = constant.dims.iter().flat_map(|dim| [varint(1 << 3), varint(*dim as u64)].concat());
    let mut tensor: Vec<u8> = dims.collect();
    tensor.extend([varint(2 << 3), varint(constant.kind)].concat());
    tensor.extend(field(8, name.as_bytes()));
    tensor.extend([varint(9 << 3 | 2), varint(bytes)].concat());
    let length = (tensor.len() as u64).checked_add(bytes)?;
    pieces.push(Piece::New([varint(5 << 3 | 2), varint(length), tensor].concat()));
    let end = elsewhere.offset.checked_add(bytes)?;
    pieces.push(Piece::Other(elsewhere.location.clone(), elsewhere.offset..end));
    Some(())
}

fn assemble(path: &Path, pieces: &[Piece]) -> io::Result<Vec<u8>> {
    let mut own = File::open(path)?;
    let mut other: Option<(&str, File)> = None;
    let length: u64 = pieces.iter().map(Piece::length).sum();
    let mut bytes = Vec::new();
    // A lack of memory is an error of this file, not the program's end.
    bytes.try_reserve_exact(length as usize).map_err(io::Error::other)?;
    for piece in pieces {
        match piece {
            Piece::Own(span) => copy(&mut own, span, &mut bytes)?,
            Piece::New(new) => bytes.extend_from_slice(new),
            Piece::Other(name, span) => {
                if other.as_ref().is_none_or(|(open, _)| open != name) {
                    other = Some((name, File::open(path.with_file_name("").join(name))?));
                }
                if let Some((_, file)) = &mut other {
                    copy(file, span, &mut bytes)?;
                }
            }
        }
    }
    Ok(bytes)
}

fn copy(file: &mut File, span: &Span, bytes: &mut Vec<u8>) -> io::Result<()> {
    file.seek(SeekFrom::Start(span.start))?;
    let length = span.end.saturating_sub(span.start);
    let read = file.take(length).read_to_end(bytes)? as u64;
    if read == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The node that gives the tensor its name. A cast to float32 would save ONNX Runtime a rounding of half precision, and
/// give other bits than the graph that later versions export.
fn identity(tensor: &str, name: &str) -> Vec<u8> {
    [
        field(1, tensor.as_bytes()),
        field(2, name.as_bytes()),
        field(3, format!("cut at {tensor}").as_bytes()),
        field(4, b"Identity"),
    ]
    .concat()
}

fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [&varint(number << 3 | 2), &varint(content.len() as u64), content].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
