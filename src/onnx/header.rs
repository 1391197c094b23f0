//! What a graph's file says of itself, read without opening it: weights, which are nearly all of it, are passed over.
//!
//! An ONNX file is a protobuf message; only the few fields that are wanted are known here.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

use super::fields::{Content, MOST_BYTES, next, pass, text};
use super::tensor::{Element, Port};
use super::wire::{Malformed, Wire};

/// An input or output whose rank may not be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outlet {
    pub(crate) name: String,
    kind: u64,
    dims: Option<Vec<Option<usize>>>,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// Inputs that have to be given.
    pub(crate) inputs: Vec<Outlet>,
    pub(crate) outputs: Vec<Outlet>,
}

impl Outlet {
    /// One of float32 and any shape.
    pub(crate) fn real(name: &str) -> Self {
        Self { name: name.to_owned(), kind: 1, dims: None }
    }

    /// As a port; of rank `rank` where the file doesn't tell.
    pub(crate) fn port(&self, rank: usize) -> Port {
        let (element, declared) = match self.kind {
            1 => (Some(Element::F32), "float32"),
            10 => (Some(Element::F16), "float16"),
            7 => (Some(Element::I64), "int64"),
            6 => (Some(Element::I32), "int32"),
            2 => (None, "uint8"),
            3 => (None, "int8"),
            4 => (None, "uint16"),
            5 => (None, "int16"),
            9 => (None, "bool"),
            11 => (None, "float64"),
            16 => (None, "bfloat16"),
            _ => (None, "of a type without use here"),
        };
        let dims = self.dims.clone().unwrap_or_else(|| vec![None; rank]);
        Port { name: self.name.clone(), element, dims, declared: declared.to_owned() }
    }
}

/// Reads the graph in `path`.
pub(crate) fn read(path: &Path) -> Result<Header, Malformed> {
    let file = File::open(path).map_err(|_| Malformed::Unreadable)?;
    let length = file.metadata().map_err(|_| Malformed::Unreadable)?.len();
    let mut wire = Wire::new(BufReader::new(file), length);
    let (mut header, mut given, mut graphs) = (Header::default(), Vec::new(), 0);
    while let Some(field) = next(&mut wire, length)? {
        match field {
            (7, Content::Bytes(end)) => {
                graphs += 1;
                graph(&mut wire, end, &mut header, &mut given)?;
            }
            (_, content) => pass(&mut wire, content)?,
        }
    }
    if graphs == 0 || header.outputs.is_empty() {
        return Err(Malformed::Nonsense);
    }
    // Old graphs list their weights among the inputs.
    header.inputs.retain(|input| !given.contains(&input.name));
    Ok(header)
}

/// Inputs, outputs and names of weights.
fn graph(
    wire: &mut Wire<impl Read + Seek>,
    end: u64,
    header: &mut Header,
    given: &mut Vec<String>,
) -> Result<(), Malformed> {
    while let Some(field) = next(wire, end)? {
        match field {
            (5, Content::Bytes(tensor)) => given.push(tensor_name(wire, tensor)?),
            (11, Content::Bytes(port)) => {
                header.inputs.push(outlet(wire.bytes(port, MOST_BYTES)?)?);
            }
            (12, Content::Bytes(port)) => {
                header.outputs.push(outlet(wire.bytes(port, MOST_BYTES)?)?);
            }
            (_, content) => pass(wire, content)?,
        }
    }
    Ok(())
}

/// The name of a tensor of weights.
fn tensor_name(wire: &mut Wire<impl Read + Seek>, end: u64) -> Result<String, Malformed> {
    let mut name = String::new();
    while let Some(field) = next(wire, end)? {
        match field {
            (8, Content::Bytes(end)) => name = text(wire, end)?,
            (_, content) => pass(wire, content)?,
        }
    }
    Ok(name)
}

/// A description of an input or output.
fn outlet(bytes: Vec<u8>) -> Result<Outlet, Malformed> {
    let end = bytes.len() as u64;
    let mut wire = Wire::new(Cursor::new(bytes), end);
    let mut found = Outlet { name: String::new(), kind: 0, dims: None };
    while let Some(field) = next(&mut wire, end)? {
        match field {
            (1, Content::Bytes(end)) => found.name = text(&mut wire, end)?,
            // Its type, and in that the one of a tensor.
            (2, Content::Bytes(inner)) => {
                while let Some(field) = next(&mut wire, inner)? {
                    match field {
                        (1, Content::Bytes(tensor)) => tensor_type(&mut wire, tensor, &mut found)?,
                        (_, content) => pass(&mut wire, content)?,
                    }
                }
            }
            (_, content) => pass(&mut wire, content)?,
        }
    }
    Ok(found)
}

fn tensor_type(
    wire: &mut Wire<impl Read + Seek>,
    end: u64,
    found: &mut Outlet,
) -> Result<(), Malformed> {
    while let Some(field) = next(wire, end)? {
        match field {
            (1, Content::Number(kind)) => found.kind = kind,
            (2, Content::Bytes(shape)) => {
                let mut dims = Vec::new();
                while let Some(field) = next(wire, shape)? {
                    match field {
                        (1, Content::Bytes(dim)) => dims.push(fixed_length(wire, dim)?),
                        (_, content) => pass(wire, content)?,
                    }
                }
                found.dims = Some(dims);
            }
            (_, content) => pass(wire, content)?,
        }
    }
    Ok(())
}

/// The length of a dimension, where it is fixed.
fn fixed_length(wire: &mut Wire<impl Read + Seek>, end: u64) -> Result<Option<usize>, Malformed> {
    let mut found = None;
    while let Some(field) = next(wire, end)? {
        match field {
            (1, Content::Number(length)) => found = usize::try_from(length).ok(),
            (_, content) => pass(wire, content)?,
        }
    }
    // −1 stands for any length in some.
    Ok(found.filter(|length| i64::try_from(*length).is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo(part: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("models/demo").join(part).join("model.onnx")
    }

    #[test]
    fn ports_are_read_without_weights() {
        let header = read(&demo("unet")).unwrap();
        let names: Vec<&str> = header.inputs.iter().map(|input| input.name.as_str()).collect();
        assert_eq!(
            names,
            ["sample", "timestep", "encoder_hidden_states", "text_embeds", "time_ids"]
        );
        let sample = header.inputs[0].port(0);
        assert_eq!(
            (sample.element, sample.rank(), sample.dims[1]),
            (Some(Element::F32), 4, Some(4))
        );
        assert_eq!(header.outputs[0].name, "out_sample");
    }

    #[test]
    fn what_is_cut_or_no_graph_is_told_and_nothing_panics() {
        let whole = std::fs::read(demo("text_encoder")).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.onnx");
        let told = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read(&path).err()
        };
        assert_eq!(told(&whole), None);
        for cut in [10, 1000, whole.len() / 2, whole.len() - 200] {
            assert!(told(&whole[..cut]).is_some(), "{cut}");
        }
        for other in [&b""[..], b"<!DOCTYPE html>", b"\x00\x01\x02", &[0xff; 64], &[0x3a; 9]] {
            assert!(told(other).is_some(), "{other:?}");
        }
    }
}
