//! The structure of a graph, read from its file without its weights: nodes, the tensors between them, small constants, and
//! where in the file each of them stands. The field numbers are those of onnx.proto.

mod constant;
mod node;
mod upstream;

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::fields::{Content, next, pass, text};
use super::wire::{Malformed, Wire};

pub(crate) use constant::Constant;
pub(crate) use node::Node;

/// Messages within messages; protobuf's own limit is 100.
const DEEPEST: usize = 100;
/// Nodes, names and constants of a graph together: far beyond any image encoder, within any memory.
const MOST: usize = 4 << 20;

/// Functions of a model.
const MOST_FUNCTIONS: usize = 1024;

/// A field of the file, its tag included.
pub(crate) type Span = Range<u64>;

/// A weight of the graph.
#[derive(Debug)]
pub(crate) struct Weight {
    pub(crate) span: Span,
    pub(crate) constant: Constant,
}

/// A graph's structure.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// The file.
    pub(crate) path: PathBuf,
    /// All nodes, in the file's order.
    pub(crate) nodes: Vec<Node>,
    /// Names of outputs, in the file's order.
    pub(crate) outputs: Vec<String>,
    /// Weights by name.
    pub(crate) weights: HashMap<String, Weight>,
    /// Inputs, and descriptions of tensors between nodes, by name.
    pub(super) inputs: Vec<(String, Span)>,
    pub(super) described: Vec<(String, Span)>,
    /// What else the model and its graph hold.
    pub(super) of_model: Vec<Span>,
    pub(super) of_graph: Vec<Span>,
    /// Who makes a tensor: a node, and the place among its outputs.
    makers: HashMap<String, (usize, usize)>,
    /// How many names its nodes hold.
    names: usize,
}

impl Outline {
    /// Reads the graph in `path`.
    ///
    /// # Errors
    /// Why its bytes are no graph that could be followed.
    pub(crate) fn read(path: &Path) -> Result<Self, Malformed> {
        let file = File::open(path).map_err(|_| Malformed::Unreadable)?;
        let length = file.metadata().map_err(|_| Malformed::Unreadable)?.len();
        let mut wire = Wire::new(BufReader::with_capacity(1 << 16, file), length);
        let mut found = Self { path: path.to_path_buf(), ..Self::default() };
        let mut functions = Vec::new();
        let mut start = 0;
        while let Some(field) = next(&mut wire, length)? {
            match field {
                // Protobuf merges a graph that comes in pieces.
                (7, Content::Bytes(end)) => found.graph(&mut wire, end)?,
                (25, Content::Bytes(end)) => {
                    functions.push(node::function(&mut wire, end)?);
                    if functions.len() > MOST_FUNCTIONS {
                        return Err(Malformed::TooMuch);
                    }
                    found.of_model.push(start..end);
                }
                (_, content) => {
                    pass(&mut wire, content)?;
                    found.of_model.push(start..wire.at());
                }
            }
            start = wire.at();
        }
        if found.outputs.is_empty() {
            return Err(Malformed::Nonsense);
        }
        node::mark_calls(&mut found.nodes, &functions);
        found.index();
        Ok(found)
    }

    fn graph(&mut self, wire: &mut Wire<impl Read + Seek>, end: u64) -> Result<(), Malformed> {
        let mut start = wire.at();
        while let Some(field) = next(wire, end)? {
            match field {
                (1, Content::Bytes(inner)) => {
                    let node = node::read(wire, inner, start, 0)?;
                    self.names += node.names();
                    self.nodes.push(node);
                }
                (5, Content::Bytes(inner)) => {
                    let constant = constant::read(wire, inner)?;
                    let name = constant.name.clone();
                    self.weights.insert(name, Weight { span: start..inner, constant });
                }
                (11, Content::Bytes(inner)) => {
                    self.inputs.push((name(wire, inner)?, start..inner));
                }
                (12, Content::Bytes(inner)) => self.outputs.push(name(wire, inner)?),
                (13, Content::Bytes(inner)) => {
                    self.described.push((name(wire, inner)?, start..inner));
                }
                (_, content) => {
                    pass(wire, content)?;
                    self.of_graph.push(start..wire.at());
                }
            }
            let count = self.nodes.len() + self.names + self.weights.len() + self.described.len();
            if count > MOST {
                return Err(Malformed::TooMuch);
            }
            start = wire.at();
        }
        Ok(())
    }

    fn index(&mut self) {
        for (at, node) in self.nodes.iter().enumerate() {
            for (place, output) in node.outputs.iter().enumerate() {
                self.makers.insert(output.clone(), (at, place));
            }
        }
    }
}

/// The name in a description of an input, output or tensor.
fn name(wire: &mut Wire<impl Read + Seek>, end: u64) -> Result<String, Malformed> {
    let mut found = String::new();
    while let Some(field) = next(wire, end)? {
        match field {
            (1, Content::Bytes(inner)) => found = text(wire, inner)?,
            (_, content) => pass(wire, content)?,
        }
    }
    Ok(found)
}
