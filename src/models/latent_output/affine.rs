//! Scaling at the end of a graph: products and sums with single numbers.

use crate::models::folder::VaeConfig;
use crate::onnx::outline::{Node, Outline};

/// Relative difference of two factors that are the same; half precision keeps three digits.
const SAME: f64 = 2e-3;

/// Nodes that scale at the end of a graph.
const LONGEST: usize = 32;

/// `factor` · tensor + `offset`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Affine {
    pub(super) factor: f64,
    pub(super) offset: f64,
}

impl Affine {
    const NONE: Self = Self { factor: 1.0, offset: 0.0 };

    /// Whether it changes nothing.
    pub(super) fn is_none(self) -> bool {
        self.is(1.0, 0.0)
    }

    /// Whether it is what the configuration does to a latent after the encoder.
    pub(super) fn is_configured(self, config: &VaeConfig) -> bool {
        let (factor, shift) =
            (f64::from(config.scaling_factor), config.shift_factor.unwrap_or(0.0));
        let per_channel = config.latents_mean.is_some() || config.latents_std.is_some();
        !per_channel && self.is(factor, -factor * f64::from(shift))
    }

    fn is(self, factor: f64, offset: f64) -> bool {
        let same =
            |found: f64, wanted: f64| (found - wanted).abs() <= SAME * wanted.abs().max(1e-3);
        same(self.factor, factor) && same(self.offset, offset)
    }
}

/// One step back over a node that scales, casts or renames: the tensor before it.
fn before<'a>(outline: &'a Outline, node: &'a Node, after: Affine) -> Option<(&'a str, Affine)> {
    let input = |at: usize| node.inputs.get(at).map(String::as_str);
    if node.is("Identity") || node.is("Cast") {
        return Some((input(0)?, after));
    }
    let (first, second) = (input(0)?, input(1)?);
    let number = |tensor: &str| match outline.values(tensor)?.as_slice() {
        [one] => Some(*one),
        _ => None,
    };
    let (tensor, number, swapped) = match (number(first), number(second)) {
        (None, Some(number)) => (first, number, false),
        (Some(number), None) => (second, number, true),
        _ => return None,
    };
    let Affine { factor, offset } = after;
    let before = match node.operator.as_str() {
        "Mul" => Affine { factor: factor * number, offset },
        "Div" if !swapped => Affine { factor: factor / number, offset },
        "Add" => Affine { factor, offset: offset + factor * number },
        "Sub" if !swapped => Affine { factor, offset: offset - factor * number },
        _ => return None,
    };
    Some((tensor, before))
}

/// The tensors from `output` back as far as only scaling lies between, each with what makes the output of it.
pub(super) fn chain<'a>(outline: &'a Outline, output: &'a str) -> Vec<(&'a str, Affine)> {
    let mut found = vec![(output, Affine::NONE)];
    // A ring of nodes is no graph, but a file may hold one.
    while let Some(&(tensor, after)) = found.last().filter(|_| found.len() < LONGEST) {
        let step = outline.maker(tensor).and_then(|(node, _)| before(outline, node, after));
        match step {
            Some(step) => found.push(step),
            None => break,
        }
    }
    found
}

/// The tensor before the scaling that the configuration asks for, if the graph itself scales like that at its end.
pub(super) fn before_scaling(
    outline: &Outline,
    output: &str,
    config: &VaeConfig,
) -> Option<String> {
    let chain = chain(outline, output);
    let scaled = chain.iter().find(|(_, affine)| !affine.is_none() && affine.is_configured(config));
    scaled.map(|(tensor, _)| (*tensor).to_owned())
}
