//! How graphs are opened.

use std::path::PathBuf;

use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::device::Device;
use super::runtime::Runtime;

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
            tensorrt: TensorRt::default(),
        }
    }
}

impl GraphOptions {
    /// The session to be, with its provider.
    pub(super) fn session(
        &self,
        runtime: &Runtime,
    ) -> Result<SessionBuilder, Box<dyn std::error::Error>> {
        // Threads never spin between two runs: there they would keep cores from everybody.
        let mut builder = Session::builder(runtime.environment())?
            .with_intra_op_spinning(self.spin)?
            .with_config_entry("session.force_spinning_stop", "1")?
            .with_deterministic_compute(self.deterministic)?;
        if self.threads > 0 {
            builder = builder.with_intra_threads(self.threads)?;
        }
        runtime.provide().register(builder, self)
    }
}
