//! Halves of a tensor's channels: outputs of a `Split`, or `Slice`s.

use super::whole::Whole;
use crate::onnx::outline::{Node, Outline};

/// Which half of the channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    First,
    Second,
}

/// The tensor of which `tensor` is half of the `channels` channels, and which half.
pub(super) fn half_of<'a>(
    outline: &'a Outline,
    tensor: &'a str,
    channels: i64,
) -> Option<(&'a str, Half)> {
    let (node, place) = outline.maker(tensor)?;
    if node.is("Split") {
        return split(outline, node, place, channels);
    }
    if node.is("Slice") { slice(outline, node, channels) } else { None }
}

/// The dimension of channels, counted from either end.
fn is_channels(axis: i64) -> bool {
    axis == 1 || axis == -3
}

fn split<'a>(
    outline: &'a Outline,
    node: &'a Node,
    place: usize,
    channels: i64,
) -> Option<(&'a str, Half)> {
    let parameters = node.inputs.first()?;
    let (axis, half) = (node.number("axis").unwrap_or(0), channels / 2);
    if !is_channels(axis) || node.outputs.len() != 2 {
        return None;
    }
    // Without lengths the parts are equal.
    let given = node.inputs.get(1).filter(|name| !name.is_empty());
    let lengths = match given {
        Some(tensor) => Some(Whole::of(outline, parameters, channels).values(tensor)?),
        None => node.numbers("split").map(|all| all.iter().map(|n| Some(*n)).collect()),
    };
    if lengths.is_some_and(|lengths| lengths != [Some(half); 2]) {
        return None;
    }
    Some((parameters, if place == 0 { Half::First } else { Half::Second }))
}

fn slice<'a>(outline: &'a Outline, node: &'a Node, channels: i64) -> Option<(&'a str, Half)> {
    let parameters = node.inputs.first()?;
    let whole = Whole::of(outline, parameters, channels);
    let given = |at: usize| node.inputs.get(at).filter(|name| !name.is_empty());
    // Attributes up to opset 9, inputs since.
    let of = |at: usize, name: &str| match given(at) {
        Some(tensor) => whole.values(tensor),
        None => node.numbers(name).map(|all| all.iter().map(|n| Some(*n)).collect()),
    };
    let (starts, ends) = (of(1, "starts")?, of(2, "ends")?);
    let axes = of(3, "axes").unwrap_or_else(|| (0..starts.len() as i64).map(Some).collect());
    let steps = if given(4).is_some() { of(4, "steps")? } else { vec![Some(1); starts.len()] };
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return None;
    }
    let mut found = None;
    for (((start, end), axis), step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let (start, end, axis) = ((*start)?, (*end)?, (*axis)?);
        if *step != Some(1) {
            return None;
        }
        if is_channels(axis) {
            found = Some(which(start, end, channels)?);
        } else if start != 0 || end < i64::from(i32::MAX) {
            return None;
        }
    }
    Some((parameters, found?))
}

/// Which half of the channels `start..end` is.
fn which(start: i64, end: i64, channels: i64) -> Option<Half> {
    let placed = |at: i64| if at < 0 { at.saturating_add(channels) } else { at }.clamp(0, channels);
    match (placed(start), placed(end)) {
        (0, end) if 2 * end == channels => Some(Half::First),
        (start, end) if 2 * start == channels && end == channels => Some(Half::Second),
        _ => None,
    }
}
