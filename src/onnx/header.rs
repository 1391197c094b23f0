//! What a graph's file says of itself, read without opening it: weights, which are nearly all of it, are passed over.
//!
//! An ONNX file is a protobuf message; only the few fields that are wanted are known here.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

use super::tensor::{Element, Port};

/// Names and shapes are no longer than this.
const MOST_BYTES: u64 = 1 << 20;

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
    /// Files of weights beside the graph, and how long they must be.
    pub(crate) beside: Vec<(String, u64)>,
}

/// Why a file is no graph.
pub(crate) type Damage = String;

const CUT: &str = "it ends in the middle of the graph";
const NONE: &str = "it is no ONNX graph";

impl Outlet {
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
pub(crate) fn read(path: &Path) -> Result<Header, Damage> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let mut walk = Walk { from: BufReader::new(file), at: 0 };
    let (mut header, mut given, mut graphs) = (Header::default(), Vec::new(), 0);
    while let Some(field) = walk.field(length)? {
        match field {
            (7, Content::Bytes(graph)) => {
                graphs += 1;
                walk.graph(graph, &mut header, &mut given)?;
            }
            (_, content) => walk.pass(content)?,
        }
    }
    if graphs == 0 || header.outputs.is_empty() {
        return Err(NONE.to_owned());
    }
    // Old graphs list their weights among the inputs.
    header.inputs.retain(|input| !given.contains(&input.name));
    Ok(header)
}

/// What a field holds: a number, or what ends at an offset.
enum Content {
    Number(u64),
    Bytes(u64),
}

struct Walk<R> {
    from: R,
    at: u64,
}

impl<R: Read + Seek> Walk<R> {
    fn byte(&mut self) -> Result<u8, Damage> {
        let mut byte = [0];
        self.from.read_exact(&mut byte).map_err(|_| CUT.to_owned())?;
        self.at += 1;
        Ok(byte[0])
    }

    fn varint(&mut self) -> Result<u64, Damage> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(NONE.to_owned())
    }

    /// The next field of a message that ends at `end`.
    fn field(&mut self, end: u64) -> Result<Option<(u64, Content)>, Damage> {
        if self.at >= end {
            return Ok(None);
        }
        let tag = self.varint()?;
        let content = match tag & 7 {
            0 => Content::Number(self.varint()?),
            1 => Content::Bytes(self.at.saturating_add(8)),
            2 => {
                let length = self.varint()?;
                Content::Bytes(self.at.saturating_add(length))
            }
            5 => Content::Bytes(self.at.saturating_add(4)),
            _ => return Err(NONE.to_owned()),
        };
        match content {
            Content::Bytes(last) if last > end => Err(CUT.to_owned()),
            _ if tag >> 3 == 0 => Err(NONE.to_owned()),
            content => Ok(Some((tag >> 3, content))),
        }
    }

    fn pass(&mut self, content: Content) -> Result<(), Damage> {
        if let Content::Bytes(end) = content {
            let far = i64::try_from(end - self.at).map_err(|_| CUT.to_owned())?;
            self.from.seek_relative(far).map_err(|error| error.to_string())?;
            self.at = end;
        }
        Ok(())
    }

    fn bytes(&mut self, end: u64) -> Result<Vec<u8>, Damage> {
        let length = end - self.at;
        if length > MOST_BYTES {
            return Err(NONE.to_owned());
        }
        let mut bytes = vec![0; length as usize];
        self.from.read_exact(&mut bytes).map_err(|_| CUT.to_owned())?;
        self.at = end;
        Ok(bytes)
    }

    fn text(&mut self, end: u64) -> Result<String, Damage> {
        String::from_utf8(self.bytes(end)?).map_err(|_| NONE.to_owned())
    }

    /// Inputs, outputs and names of weights.
    fn graph(
        &mut self,
        end: u64,
        header: &mut Header,
        given: &mut Vec<String>,
    ) -> Result<(), Damage> {
        while let Some(field) = self.field(end)? {
            match field {
                (5, Content::Bytes(tensor)) => {
                    let name = self.tensor(tensor, &mut header.beside)?;
                    given.push(name);
                }
                (11, Content::Bytes(port)) => header.inputs.push(outlet(self.bytes(port)?)?),
                (12, Content::Bytes(port)) => header.outputs.push(outlet(self.bytes(port)?)?),
                (_, content) => self.pass(content)?,
            }
        }
        Ok(())
    }

    /// The name of a tensor of weights; where it lies, if beside the graph, goes to `beside`.
    fn tensor(&mut self, end: u64, beside: &mut Vec<(String, u64)>) -> Result<String, Damage> {
        let (mut name, mut location, mut offset, mut length) = (String::new(), None, 0u64, 0u64);
        while let Some(field) = self.field(end)? {
            match field {
                (8, Content::Bytes(text)) => name = self.text(text)?,
                (13, Content::Bytes(entry)) => {
                    let (key, value) = self.entry(entry)?;
                    let number = || value.parse().unwrap_or(0);
                    match key.as_str() {
                        "location" => location = Some(value),
                        "offset" => offset = number(),
                        "length" => length = number(),
                        _ => {}
                    }
                }
                (_, content) => self.pass(content)?,
            }
        }
        if let Some(location) = location {
            let needed = offset.saturating_add(length);
            match beside.iter_mut().find(|(known, _)| *known == location) {
                Some((_, most)) => *most = needed.max(*most),
                None => beside.push((location, needed)),
            }
        }
        Ok(name)
    }

    fn entry(&mut self, end: u64) -> Result<(String, String), Damage> {
        let (mut key, mut value) = (String::new(), String::new());
        while let Some(field) = self.field(end)? {
            match field {
                (1, Content::Bytes(text)) => key = self.text(text)?,
                (2, Content::Bytes(text)) => value = self.text(text)?,
                (_, content) => self.pass(content)?,
            }
        }
        Ok((key, value))
    }
}

/// A description of an input or output.
fn outlet(bytes: Vec<u8>) -> Result<Outlet, Damage> {
    let end = bytes.len() as u64;
    let mut walk = Walk { from: Cursor::new(bytes), at: 0 };
    let mut found = Outlet { name: String::new(), kind: 0, dims: None };
    while let Some(field) = walk.field(end)? {
        match field {
            (1, Content::Bytes(text)) => found.name = walk.text(text)?,
            // Its type, and in that the one of a tensor.
            (2, Content::Bytes(inner)) => {
                while let Some(field) = walk.field(inner)? {
                    match field {
                        (1, Content::Bytes(tensor)) => walk.tensor_type(tensor, &mut found)?,
                        (_, content) => walk.pass(content)?,
                    }
                }
            }
            (_, content) => walk.pass(content)?,
        }
    }
    Ok(found)
}

impl Walk<Cursor<Vec<u8>>> {
    fn tensor_type(&mut self, end: u64, found: &mut Outlet) -> Result<(), Damage> {
        while let Some(field) = self.field(end)? {
            match field {
                (1, Content::Number(kind)) => found.kind = kind,
                (2, Content::Bytes(shape)) => {
                    let mut dims = Vec::new();
                    while let Some(field) = self.field(shape)? {
                        match field {
                            (1, Content::Bytes(dim)) => dims.push(self.length(dim)?),
                            (_, content) => self.pass(content)?,
                        }
                    }
                    found.dims = Some(dims);
                }
                (_, content) => self.pass(content)?,
            }
        }
        Ok(())
    }

    /// The length of a dimension, where it is fixed.
    fn length(&mut self, end: u64) -> Result<Option<usize>, Damage> {
        let mut found = None;
        while let Some(field) = self.field(end)? {
            match field {
                (1, Content::Number(length)) => found = usize::try_from(length).ok(),
                (_, content) => self.pass(content)?,
            }
        }
        // −1 stands for any length in some.
        Ok(found.filter(|length| i64::try_from(*length).is_ok()))
    }
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
        assert!(header.beside.is_empty());
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
