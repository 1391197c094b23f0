//! What can go wrong between this program and ONNX Runtime.

use std::path::PathBuf;

use super::report::Report;

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
        "device {device} was asked for, but {reason}; use devices = \"cpu\" or \"auto\", \
             or install the CUDA build (pip install --target .onnxruntime onnxruntime-gpu)"
    )]
    DeviceUnavailable {
        /// The device asked for, such as `cuda:0`.
        device: String,
        /// Why it can't be used.
        reason: String,
    },

    /// A model file that ONNX Runtime refused.
    #[error("{}: could not open this graph on {device}: {reason}", path.display())]
    Open {
        /// The `model.onnx`.
        path: PathBuf,
        /// The device it was opened for.
        device: String,
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
    #[error("{}: running the graph failed: {reason}", path.display())]
    Run {
        /// The `model.onnx`.
        path: PathBuf,
        /// What ONNX Runtime said.
        reason: String,
    },
}
