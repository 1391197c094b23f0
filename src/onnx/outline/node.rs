//! A node: operator, tensors, the attributes that say how a tensor is taken apart, and whether it draws random numbers.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek};

use super::constant::{self, Constant};
use super::{DEEPEST, MOST, Span};
use crate::onnx::fields::{Content, next, pass, text, whole_numbers};
use crate::onnx::wire::{Malformed, Wire};

/// Operators that draw random numbers, of any domain.
const DRAWING: [&str; 6] = [
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Bernoulli",
    "Multinomial",
];
/// Whole numbers of an attribute that are kept.
const MOST_NUMBERS: usize = 64;

/// A node of a graph.
#[derive(Debug, Default, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) operator: String,
    pub(crate) domain: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    /// Names that its inner graphs use, of which some are tensors of this graph.
    pub(crate) used_within: Vec<String>,
    /// Whether it draws random numbers, itself or in an inner graph or function.
    pub(crate) draws: bool,
    /// Whether that happens in an inner graph or function.
    pub(crate) draws_within: bool,
    /// Attributes that are whole numbers.
    numbers: HashMap<String, Vec<i64>>,
    /// The value of a `Constant`.
    pub(crate) value: Option<Constant>,
}

impl Node {
    /// The whole numbers of the attribute `name`, if it has any.
    pub(crate) fn numbers(&self, name: &str) -> Option<&[i64]> {
        self.numbers.get(name).map(Vec::as_slice)
    }

    /// The one whole number of the attribute `name`.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.numbers(name)?.first().copied()
    }

    /// How many names it holds.
    pub(super) fn names(&self) -> usize {
        self.inputs.len() + self.outputs.len() + self.used_within.len() + self.numbers.len()
    }

    /// Whether it is ONNX's own operator `name`.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.operator == name && matches!(self.domain.as_str(), "" | "ai.onnx")
    }
}

/// Reads a node that ends at `end`; `start` is where its field begins.
pub(super) fn read(
    wire: &mut Wire<impl Read + Seek>,
    end: u64,
    start: u64,
    depth: usize,
) -> Result<Node, Malformed> {
    if depth > DEEPEST {
        return Err(Malformed::TooMuch);
    }
    let mut node = Node { span: start..end, ..Node::default() };
    while let Some(field) = next(wire, end)? {
        match field {
            (1, Content::Bytes(inner)) => node.inputs.push(text(wire, inner)?),
            (2, Content::Bytes(inner)) => node.outputs.push(text(wire, inner)?),
            (4, Content::Bytes(inner)) => node.operator = text(wire, inner)?,
            (7, Content::Bytes(inner)) => node.domain = text(wire, inner)?,
            (5, Content::Bytes(inner)) => attribute(wire, inner, &mut node, depth)?,
            (_, content) => pass(wire, content)?,
        }
        if node.names() > MOST {
            return Err(Malformed::TooMuch);
        }
    }
    let training = node.is("Dropout") && node.inputs.get(2).is_some_and(|mode| !mode.is_empty());
    node.draws |= training || DRAWING.contains(&node.operator.as_str());
    Ok(node)
}

fn attribute(
    wire: &mut Wire<impl Read + Seek>,
    end: u64,
    node: &mut Node,
    depth: usize,
) -> Result<(), Malformed> {
    let (mut name, mut numbers, mut real, mut value) =
        (String::new(), Vec::new(), Vec::new(), None);
    while let Some(field) = next(wire, end)? {
        match field {
            (1, Content::Bytes(inner)) => name = text(wire, inner)?,
            (2 | 7, Content::Four(four)) => real.push(f64::from(f32::from_le_bytes(four))),
            (3 | 8, content) => whole_numbers(wire, content, &mut numbers, MOST_NUMBERS)?,
            (5, Content::Bytes(inner)) => value = Some(constant::read(wire, inner)?),
            (6 | 11, Content::Bytes(inner)) => graph_within(wire, inner, node, depth + 1)?,
            (_, content) => pass(wire, content)?,
        }
    }
    if node_value(&name) {
        let given =
            if real.is_empty() { numbers.iter().map(|n| *n as f64).collect() } else { real };
        let vector = name.ends_with('s');
        node.value = value.or_else(|| Some(Constant::of(given, vector)));
    } else if !numbers.is_empty() {
        node.numbers.insert(name, numbers);
    }
    Ok(())
}

/// Whether the attribute `name` is the value of a `Constant`.
fn node_value(name: &str) -> bool {
    matches!(name, "value" | "value_int" | "value_ints" | "value_float" | "value_floats")
}

/// Notes what an inner graph uses, and whether it draws.
fn graph_within(
    wire: &mut Wire<impl Read + Seek>,
    end: u64,
    outer: &mut Node,
    depth: usize,
) -> Result<(), Malformed> {
    let mut start = wire.at();
    while let Some(field) = next(wire, end)? {
        match field {
            (1, Content::Bytes(inner)) => {
                let node = read(wire, inner, start, depth)?;
                outer.used_within.extend(node.inputs);
                outer.used_within.extend(node.used_within);
                outer.draws |= node.draws;
                outer.draws_within |= node.draws;
            }
            (12, Content::Bytes(inner)) => outer.used_within.push(super::name(wire, inner)?),
            (_, content) => pass(wire, content)?,
        }
        start = wire.at();
    }
    Ok(())
}

/// A function of the model: its domain and name, the operators that it calls, and whether one of its own draws.
#[derive(Debug)]
pub(super) struct Function {
    named: (String, String),
    calls: Vec<(String, String)>,
    draws: bool,
}

/// Reads a function.
pub(super) fn function(wire: &mut Wire<impl Read + Seek>, end: u64) -> Result<Function, Malformed> {
    let mut found = Function { named: Default::default(), calls: Vec::new(), draws: false };
    let mut start = wire.at();
    while let Some(field) = next(wire, end)? {
        match field {
            (1, Content::Bytes(inner)) => found.named.1 = text(wire, inner)?,
            (10, Content::Bytes(inner)) => found.named.0 = text(wire, inner)?,
            (7, Content::Bytes(inner)) => {
                let node = read(wire, inner, start, 1)?;
                found.draws |= node.draws;
                found.calls.push((node.domain, node.operator));
                if found.calls.len() > MOST {
                    return Err(Malformed::TooMuch);
                }
            }
            (_, content) => pass(wire, content)?,
        }
        start = wire.at();
    }
    Ok(found)
}

/// Marks the nodes that call a function which draws, itself or through another one.
pub(super) fn mark_calls(nodes: &mut [Node], functions: &[Function]) {
    let mut drawing: HashSet<(String, String)> =
        functions.iter().filter(|f| f.draws).map(|f| f.named.clone()).collect();
    loop {
        let more: Vec<(String, String)> = functions
            .iter()
            .filter(|f| !drawing.contains(&f.named))
            .filter(|f| f.calls.iter().any(|call| drawing.contains(call)))
            .map(|f| f.named.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        drawing.extend(more);
    }
    if drawing.is_empty() {
        return;
    }
    for node in nodes {
        if drawing.contains(&(node.domain.clone(), node.operator.clone())) {
            node.draws = true;
            node.draws_within = true;
        }
    }
}
