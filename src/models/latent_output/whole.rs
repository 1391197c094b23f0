//! Whole numbers that a graph computes of a tensor's shape, such as the places where it is cut in two.

use std::cell::Cell;

use crate::onnx::outline::{Node, Outline};

/// Nodes between a number and what it is computed from.
const DEEPEST: usize = 32;
/// Steps that one number may take; nodes that share inputs would otherwise take any number of them.
const MOST_STEPS: usize = 4096;

/// Numbers of a graph.
pub(super) struct Whole<'a> {
    outline: &'a Outline,
    parameters: &'a str,
    channels: i64,
    steps: Cell<usize>,
}

type Numbers = Vec<Option<i64>>;

impl<'a> Whole<'a> {
    /// The numbers of `outline`, whose tensor `parameters` has `channels` channels.
    pub(super) fn of(outline: &'a Outline, parameters: &'a str, channels: i64) -> Self {
        Self { outline, parameters, channels, steps: Cell::new(0) }
    }

    /// The values of `tensor`, a scalar as one, each `None` where it depends on more than the channels.
    pub(super) fn values(&self, tensor: &str) -> Option<Numbers> {
        self.at(tensor, 0)
    }

    fn at(&self, tensor: &str, depth: usize) -> Option<Numbers> {
        let steps = self.steps.replace(self.steps.get() + 1);
        if depth > DEEPEST || steps > MOST_STEPS {
            return None;
        }
        if let Some(values) = self.outline.values(tensor) {
            // Beyond its range a number is its end, as the end of a cut is often written.
            return Some(values.into_iter().map(|value| Some(value as i64)).collect());
        }
        let (node, _) = self.outline.maker(tensor)?;
        let input = |at: usize| self.at(node.inputs.get(at)?, depth + 1);
        match node.operator.as_str() {
            "Identity" | "Cast" | "Unsqueeze" | "Squeeze" | "Reshape" => input(0),
            "Shape" => self.shape(node),
            "Gather" => {
                let (all, places) = (input(0)?, input(1)?);
                let pick = |place: &Option<i64>| *all.get(index((*place)?, all.len())?)?;
                Some(places.iter().map(pick).collect())
            }
            "Concat" => {
                let parts = (0..node.inputs.len()).map(input).collect::<Option<Vec<_>>>()?;
                Some(parts.concat()).filter(|all| all.len() <= MOST_STEPS)
            }
            "Add" => both(&input(0)?, &input(1)?, i64::checked_add),
            "Sub" => both(&input(0)?, &input(1)?, i64::checked_sub),
            "Mul" => both(&input(0)?, &input(1)?, i64::checked_mul),
            "Div" => both(&input(0)?, &input(1)?, i64::checked_div),
            "Min" => both(&input(0)?, &input(1)?, |a, b| Some(a.min(b))),
            "Max" => both(&input(0)?, &input(1)?, |a, b| Some(a.max(b))),
            _ => None,
        }
    }

    /// The shape of the parameters; of another tensor nothing is known.
    fn shape(&self, node: &Node) -> Option<Numbers> {
        let of = node.inputs.first()?;
        let whole = [None, Some(self.channels), None, None];
        let whole = if of == self.parameters { whole } else { [None; 4] };
        let bound = |name: &str, otherwise: i64| {
            let at = node.number(name).unwrap_or(otherwise);
            (if at < 0 { at + 4 } else { at }).clamp(0, 4) as usize
        };
        whole.get(bound("start", 0)..bound("end", 4)).map(<[_]>::to_vec)
    }
}

fn index(place: i64, length: usize) -> Option<usize> {
    let place = if place < 0 { place + length as i64 } else { place };
    usize::try_from(place).ok()
}

/// Two tensors number by number; one of one number goes with each of the other's.
fn both(a: &Numbers, b: &Numbers, of: impl Fn(i64, i64) -> Option<i64>) -> Option<Numbers> {
    let length = a.len().max(b.len());
    let fits = |part: &Numbers| part.len() == length || part.len() == 1;
    if !fits(a) || !fits(b) {
        return None;
    }
    let at = |part: &Numbers, at: usize| part[if part.len() == 1 { 0 } else { at }];
    Some((0..length).map(|place| of(at(a, place)?, at(b, place)?)).collect())
}
