//! What can go wrong between this program and ONNX Runtime.

use std::path::PathBuf;

use super::report::Report;

/// Why ONNX Runtime would not open a graph, by its code where that tells more than "failed".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such file.
    NoSuchFile,
    /// The bytes are no protobuf message.
    Protobuf,
    /// The message is no graph that makes sense, or has operators that this release doesn't know.
    Graph,
    /// An operator has no kernel on the device.
    NotImplemented,
    /// Anything else.
    Other,
}

impl From<ort::ErrorCode> for Refusal {
    fn from(code: ort::ErrorCode) -> Self {
        match code {
            ort::ErrorCode::NoSuchFile => Self::NoSuchFile,
            ort::ErrorCode::InvalidProtobuf => Self::Protobuf,
            ort::ErrorCode::InvalidGraph => Self::Graph,
            ort::ErrorCode::NotImplemented => Self::NotImplemented,
            _ => Self::Other,
        }
    }
}

/// An error of the `onnx` room.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// No usable library; the report lists every place looked at and why each was rejected.
    #[error("{0}")]
    NoLibrary(Report),

    /// The library was loaded but could not be set up.
    #[error("ONNX Runtime at {} could not be initialised: {reason}", path.display())]
    Environment {
        /// The shared library.
        path: PathBuf,
        /// What ONNX Runtime said.
        reason: String,
    },

    /// A device name that is none of `cpu`, `cuda`, `cuda:N`, `tensorrt`, `tensorrt:N`, `auto`.
    #[error(
        "unknown device \"{0}\": use \"cpu\", \"cuda\", \"cuda:1\", \"tensorrt:1\" or \"auto\""
    )]
    UnknownDevice(String),

    /// A card was asked for by name, and this build or machine has none that works.
    #[error(
        "device {device} was asked for, but {reason}; {remedy}, or use devices = \"cpu\" or \"auto\""
    )]
    DeviceUnavailable {
        /// The device asked for, such as `cuda:0`.
        device: String,
        /// Why it can't be used.
        reason: String,
        /// What makes it usable.
        remedy: String,
    },

    /// A model file that ONNX Runtime refused.
    #[error("{}: could not open this graph on {device}: {reason}", path.display())]
    Open {
        /// The `model.onnx`.
        path: PathBuf,
        /// The device it was opened for.
        device: String,
        /// What kind of refusal it was.
        refusal: Refusal,
        /// What ONNX Runtime said.
        reason: String,
    },

    /// An input or output whose type this program has no use for.
    #[error("{}: tensor \"{tensor}\" has type {found}; expected float32, float16, int64 or int32",
            path.display())]
    UnsupportedType {
        /// The `model.onnx`.
        path: PathBuf,
        /// Name of the input or output.
        tensor: String,
        /// The type that the graph declares.
        found: String,
    },

    /// The graph needs an input it was not given.
    #[error("{}: input \"{tensor}\" was not given (given: {given})", path.display())]
    MissingInput {
        /// The `model.onnx`.
        path: PathBuf,
        /// The input's name.
        tensor: String,
        /// Names of the inputs given.
        given: String,
    },

    /// A tensor was offered or wanted under a name that the graph lacks.
    #[error("{}: the graph has no {role} \"{tensor}\" (it has: {available})", path.display())]
    NoSuchTensor {
        /// The `model.onnx`.
        path: PathBuf,
        /// `input` or `output`.
        role: &'static str,
        /// The name asked for.
        tensor: String,
        /// Names that exist.
        available: String,
    },

    /// A tensor whose shape the graph can't take, or whose data doesn't fill its shape.
    #[error("{}: input \"{tensor}\" has shape {shape:?} ({elements} values); expected {expected}",
            path.display())]
    WrongShape {
        /// The `model.onnx`.
        path: PathBuf,
        /// The input's name.
        tensor: String,
        /// The shape given.
        shape: Vec<usize>,
        /// Number of values given.
        elements: usize,
        /// What would be right.
        expected: String,
    },

    /// ONNX Runtime failed while computing.
    #[error("{}: running the graph failed: {reason}{}", path.display(), too_much(reason))]
    Run {
        /// The `model.onnx`.
        path: PathBuf,
        /// What ONNX Runtime said.
        reason: String,
    },
}

/// The cure where a graph was given more at once than its device takes. cuDNN refuses tensors of 2³¹ values, whatever
/// memory there is, with the same words as a layout that it does not know.
fn too_much(reason: &str) -> &'static str {
    let words = ["CUDNN_STATUS_NOT_SUPPORTED", "Failed to allocate", "out of memory", "bad_alloc"];
    if words.iter().any(|word| reason.contains(word)) {
        "\nthe device can't take so much at once: set a smaller batch in the section of this stage ([encode], [anchor] or \
         [generate]), or a smaller size"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_too_large_for_the_device_has_a_cure() {
        let said = |reason: &str| {
            OnnxError::Run { path: "vae_encoder/model.onnx".into(), reason: reason.into() }
                .to_string()
        };
        let cudnn = "Conv node: CUDNN failure 3000: CUDNN_STATUS_NOT_SUPPORTED ; GPU=0";
        assert!(said(cudnn).contains("set a smaller batch"), "{}", said(cudnn));
        let memory = "BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer";
        assert!(said(memory).contains("set a smaller batch"));
        assert!(!said("Gather: indices out of data bounds").contains("batch"));
    }
}
