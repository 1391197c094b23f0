//! How graphs are opened.

use std::path::PathBuf;

use super::device::Device;

/// How a graph is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphOptions {
    /// The processor.
    pub device: Device,
    /// Threads within one operator on the CPU; 0 leaves the number to ONNX Runtime.
    pub threads: usize,
    /// Ask ONNX Runtime for operators whose result doesn't vary from run to run.
    pub deterministic: bool,
    /// Let waiting CPU threads spin while the graph runs: a fifth faster for small operators where
    /// nothing else wants the cores, half as fast where something does.
    pub spin: bool,
    /// Let a card round the factors of fp32 products to TF32's ten bits: faster, and off by about a thousandth.
    pub tf32: bool,
    /// What TensorRT does.
    pub tensorrt: TensorRt,
}

/// TensorRT's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TensorRt {
    /// Where engines are kept, so that they are built once; `None` to build them each time.
    pub cache: Option<PathBuf>,
    /// Allow half precision; needed for graphs that were exported in it.
    pub half: bool,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self {
            device: Device::Cpu,
            threads: 0,
            deterministic: true,
            spin: false,
            tf32: false,
            tensorrt: TensorRt::default(),
        }
    }
}
