//! Who makes a tensor, and what it depends on.

use super::{Constant, Node, Outline};

impl Outline {
    /// The node that makes `tensor`, and the tensor's place among its outputs.
    pub(crate) fn maker(&self, tensor: &str) -> Option<(&Node, usize)> {
        let (node, place) = self.makers.get(tensor)?;
        Some((&self.nodes[*node], *place))
    }

    /// The constant that `tensor` is: a weight, or what a `Constant` yields.
    pub(crate) fn constant(&self, tensor: &str) -> Option<&Constant> {
        if let Some(weight) = self.weights.get(tensor) {
            return Some(&weight.constant);
        }
        let (node, _) = self.maker(tensor)?;
        // Exporters share equal weights by an `Identity`.
        let input = node.inputs.first().filter(|_| node.is("Identity"));
        if let Some(weight) = input.and_then(|input| self.weights.get(input)) {
            return Some(&weight.constant);
        }
        let node = input.and_then(|input| self.maker(input)).map_or(node, |(node, _)| node);
        node.value.as_ref().filter(|_| node.is("Constant"))
    }

    /// The values of a constant of few values.
    pub(crate) fn values(&self, tensor: &str) -> Option<Vec<f64>> {
        self.constant(tensor)?.values(&self.path)
    }

    /// For each node, whether `tensor` depends on it.
    pub(crate) fn upstream(&self, tensor: &str) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        let mut open = vec![tensor];
        while let Some(tensor) = open.pop() {
            let Some((at, _)) = self.makers.get(tensor) else { continue };
            if std::mem::replace(&mut needed[*at], true) {
                continue;
            }
            let node = &self.nodes[*at];
            open.extend(node.inputs.iter().chain(&node.used_within).map(String::as_str));
        }
        needed
    }

    /// The first node that draws random numbers for `tensor`.
    pub(crate) fn draw(&self, tensor: &str) -> Option<&Node> {
        let needed = self.upstream(tensor);
        self.nodes.iter().zip(needed).find(|(node, needed)| *needed && node.draws).map(|(n, _)| n)
    }
}
