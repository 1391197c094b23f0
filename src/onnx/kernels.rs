//! Operators of a graph that ONNX Runtime runs on a card alone, told by the graph's file.
//!
//! Optimisers for cards (`onnxruntime.transformers`, Olive) write operators of ONNX Runtime's own domain. Many have a kernel
//! for the CPU too, for float16 through casts; those below have none.

use std::path::Path;

use super::outline::{Node, Outline};
use super::wire::Malformed;

const OWN: &str = "com.microsoft";

/// Operators of [`OWN`] whose schema ONNX Runtime 1.20.1 and 1.32.0 have, and no kernel of their CPU provider. Sorted.
const WITHOUT: [&str; 39] = [
    "BiasAdd",
    "BiasDropout",
    "BiasSoftmax",
    "BiasSplitGelu",
    "BitmaskBiasDropout",
    "BitmaskDropout",
    "ComplexMul",
    "ComplexMulConj",
    "DecoderAttention",
    "DecoderMaskedSelfAttention",
    "DequantizeBFP",
    "DequantizeWithOrder",
    "FusedMatMulActivation",
    "GatedRelativePositionBias",
    "GemmFastGelu",
    "GemmFloat8",
    "GemmaRotaryEmbedding",
    "GroupNorm",
    "Irfft",
    "LongformerAttention",
    "NhwcConv",
    "NhwcFusedConv",
    "PackedAttention",
    "PackedMultiHeadAttention",
    "QLinearReduceMean",
    "QOrderedAttention",
    "QOrderedGelu",
    "QOrderedLayerNormalization",
    "QOrderedLongformerAttention",
    "QOrderedMatMul",
    "QuantizeBFP",
    "QuantizeWithOrder",
    "RelativePositionBias",
    "RemovePadding",
    "RestorePadding",
    "Rfft",
    "SkipGroupNorm",
    "Snpe",
    "TorchEmbedding",
];

/// The operators of the graph in `path` that the CPU can't run, each once, in the graph's order.
///
/// # Errors
/// Why its bytes are no graph that could be followed.
pub(crate) fn beyond_cpu(path: &Path) -> Result<Vec<String>, Malformed> {
    let mut found: Vec<String> = Vec::new();
    for named in Outline::read(path)?.nodes.iter().filter_map(beyond) {
        if !found.contains(&named) {
            found.push(named);
        }
    }
    Ok(found)
}

/// The name of a node's operator, if it is one of those.
fn beyond(node: &Node) -> Option<String> {
    if node.domain != OWN {
        return None;
    }
    let operator = node.operator.as_str();
    if WITHOUT.binary_search(&operator).is_ok() {
        return Some(format!("{OWN}.{operator}"));
    }
    (operator == "MultiHeadAttention" && packed(node))
        .then(|| format!("{OWN}.{operator} of packed keys and values"))
}

/// Whether queries, keys and values come in fewer than three tensors: the CPU's kernel opens and then fails to run.
fn packed(node: &Node) -> bool {
    let given = |place: usize| node.inputs.get(place).is_some_and(|name| !name.is_empty());
    !(given(1) && given(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(domain: &str, operator: &str, inputs: &[&str]) -> Node {
        let mut node = Node::default();
        node.operator = operator.to_owned();
        node.domain = domain.to_owned();
        node.inputs = inputs.iter().map(ToString::to_string).collect();
        node
    }

    #[test]
    fn operators_without_a_kernel_are_told_by_name_and_domain() {
        assert!(WITHOUT.is_sorted(), "binary search");
        for name in WITHOUT {
            assert_eq!(beyond(&node(OWN, name, &["x"])), Some(format!("com.microsoft.{name}")));
            assert_eq!(beyond(&node("", name, &["x"])), None);
        }
        for name in ["SkipLayerNormalization", "Gelu", "Attention", "FusedConv"] {
            assert_eq!(beyond(&node(OWN, name, &["x"])), None);
        }
    }

    #[test]
    fn packed_attention_is_told_by_the_inputs_that_it_lacks() {
        let attention = |inputs: &[&str]| beyond(&node(OWN, "MultiHeadAttention", inputs));
        assert_eq!(attention(&["q", "k", "v"]), None);
        assert_eq!(attention(&["q", "k", "v", "bias"]), None);
        for inputs in [&["qkv"][..], &["q", "kv"], &["qkv", "", "", "bias"], &["q", "kv", ""]] {
            let said = attention(inputs).unwrap();
            assert!(said.contains("packed"), "{inputs:?}: {said}");
        }
    }

    #[test]
    fn a_plain_export_runs_anywhere() {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/demo");
        for part in ["unet", "vae_encoder", "vae_decoder", "text_encoder", "text_encoder_2"] {
            assert_eq!(beyond_cpu(&demo.join(part).join("model.onnx")).unwrap(), [""; 0]);
        }
    }
}
