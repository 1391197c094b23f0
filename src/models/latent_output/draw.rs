//! The draw at the end of an old encoder: mean + exp(log-variance / 2) · noise, and the tensor that both are halves of.

use super::affine;
use super::halves::{Half, half_of};
use super::{Fault, again};
use crate::models::folder::VaeConfig;
use crate::onnx::outline::{Node, Outline};

/// Operators between log-variance and deviation, applied to each value.
const ELEMENTWISE: [&str; 13] = [
    "Identity", "Cast", "Clip", "Min", "Max", "Mul", "Div", "Add", "Sub", "Exp", "Sqrt", "Pow",
    "Neg",
];
/// Nodes between log-variance and deviation.
const LONGEST: usize = 16;

/// The tensor of the parameters of the draw that `output` is.
///
/// # Errors
/// Why it can't be told.
pub(super) fn parameters(
    outline: &Outline,
    output: &str,
    config: &VaeConfig,
) -> Result<String, Fault> {
    let draw = outline.draw(output);
    if draw.is_some_and(|node| node.draws_within) {
        return Err(refused("in an inner graph or function"));
    }
    let chain = affine::chain(outline, output);
    let sum = chain.iter().find_map(|(tensor, scale)| {
        let (node, _) = outline.maker(tensor).filter(|(node, _)| node.is("Add"))?;
        let found = parameters_of_sum(outline, node, 2 * config.latent_channels as i64)?;
        Some((found, *scale))
    });
    let Some((tensor, scale)) = sum else {
        return Err(refused("and not as mean and deviation of a normal distribution"));
    };
    if !scale.is_none() && !scale.is_configured(config) {
        return Err(again(format!(
            "it draws a random latent and scales it by {}, but scaling_factor in vae_decoder/config.json is {}",
            scale.factor, config.scaling_factor
        )));
    }
    match outline.draw(&tensor) {
        None => Ok(tensor),
        Some(_) => Err(refused("before its last step")),
    }
}

fn refused(how: &str) -> Fault {
    again(format!("it draws a random latent {how}, so that it can't be cut before the draw"))
}

/// The tensor of whose halves `sum` is a draw.
fn parameters_of_sum(outline: &Outline, sum: &Node, channels: i64) -> Option<String> {
    let [a, b] = sum.inputs.as_slice() else { return None };
    [(a, b), (b, a)].into_iter().find_map(|(mean, noise)| {
        let (of, half) = half_of(outline, unwrapped(outline, mean), channels)?;
        let deviation = deviation(outline, noise)?;
        let (of_deviation, other) = log_variance(outline, deviation, channels)?;
        let both = half == Half::First && other == Half::Second && of == of_deviation;
        both.then(|| of.to_owned())
    })
}

/// `tensor` before it was cast or renamed.
fn unwrapped<'a>(outline: &'a Outline, tensor: &'a str) -> &'a str {
    let mut at = tensor;
    for _ in 0..LONGEST {
        let renamed = |node: &&Node| node.is("Identity") || node.is("Cast");
        let Some((node, _)) = outline.maker(at).filter(|(node, _)| renamed(node)) else { break };
        let Some(before) = node.inputs.first() else { break };
        at = before;
    }
    at
}

/// The deviation in deviation · noise, of which the noise alone is random.
fn deviation<'a>(outline: &'a Outline, product: &'a str) -> Option<&'a str> {
    let (node, _) = outline.maker(unwrapped(outline, product))?;
    let [a, b] = node.inputs.as_slice() else { return None };
    let is_noise = |tensor: &str| {
        let maker = outline.maker(unwrapped(outline, tensor));
        // Noise of another spread would be another draw, but its mean is the same.
        maker.is_some_and(|(node, _)| node.draws && !node.draws_within)
    };
    match (node.is("Mul"), is_noise(a), is_noise(b)) {
        (true, false, true) => Some(a),
        (true, true, false) => Some(b),
        _ => None,
    }
}

/// The half that the deviation is computed from, value by value.
fn log_variance<'a>(
    outline: &'a Outline,
    deviation: &'a str,
    channels: i64,
) -> Option<(&'a str, Half)> {
    let mut at = deviation;
    for _ in 0..LONGEST {
        if let Some(found) = half_of(outline, at, channels) {
            return Some(found);
        }
        let (node, _) = outline.maker(at)?;
        if !ELEMENTWISE.contains(&node.operator.as_str()) {
            return None;
        }
        let mut open = node
            .inputs
            .iter()
            .filter(|input| !input.is_empty() && outline.constant(input).is_none());
        at = open.next()?;
        // Two of them would be something else than a function of the log-variance.
        if open.next().is_some() {
            return None;
        }
    }
    None
}
