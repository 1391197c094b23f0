//! One ONNX graph, ready to run on host tensors.

use std::path::{Path, PathBuf};

use ort::session::Session;

use super::bound::BoundGraph;
use super::error::{OnnxError, Refusal};
use super::options::GraphOptions;
use super::port_check::{check_tensors, find, no_such, unsupported};
use super::runtime::Runtime;
use super::session::session_builder;
use super::tensor::{Port, Tensor};

/// An open graph. It holds its weights on its device until dropped.
#[derive(Debug)]
pub struct Graph {
    session: Session,
    path: PathBuf,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Graph {
    /// Opens `path`. Weights in an external file beside it (`model.onnx_data`) are found by
    /// ONNX Runtime, which is why graphs are opened by path.
    ///
    /// # Errors
    /// [`OnnxError::Open`] with the file when it is missing, damaged or not for this device;
    /// [`OnnxError::DeviceUnavailable`] when the library has no support for the device.
    pub fn open(runtime: &Runtime, path: &Path, options: &GraphOptions) -> Result<Self, OnnxError> {
        Self::commit(runtime, path, None, options)
    }

    /// As [`Graph::open`], from `bytes` that were made of the graph in `path`; all weights are in them.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn open_bytes(
        runtime: &Runtime,
        path: &Path,
        bytes: &[u8],
        options: &GraphOptions,
    ) -> Result<Self, OnnxError> {
        Self::commit(runtime, path, Some(bytes), options)
    }

    fn commit(
        runtime: &Runtime,
        path: &Path,
        bytes: Option<&[u8]>,
        options: &GraphOptions,
    ) -> Result<Self, OnnxError> {
        runtime.require(options.device)?;
        let open_error = |refusal: Refusal, reason: String| OnnxError::Open {
            path: path.to_path_buf(),
            device: options.device.to_string(),
            refusal,
            reason,
        };
        let mut builder = session_builder(runtime, options)
            .map_err(|error| open_error(Refusal::Other, error.to_string()))?;
        let committed = match bytes {
            Some(bytes) => builder.commit_from_memory(bytes),
            None => builder.commit_from_file(path),
        };
        let session =
            committed.map_err(|error| open_error(error.code().into(), error.to_string()))?;
        let port = |outlet: &ort::value::Outlet| Port::new(outlet.name(), outlet.dtype());
        let inputs = session.inputs().iter().map(port).collect();
        let outputs = session.outputs().iter().map(port).collect();
        Ok(Self { session, path: path.to_path_buf(), inputs, outputs })
    }

    /// The `model.onnx`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Inputs in the graph's order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// Outputs in the graph's order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// The input of this name, if any.
    pub fn input(&self, name: &str) -> Option<&Port> {
        self.inputs.iter().find(|port| port.name == name)
    }

    /// Runs the graph and returns the wanted outputs in the order wanted, as f32 (or i64 where
    /// the graph yields whole numbers).
    ///
    /// # Errors
    /// Each names the file and the tensor: an input missing, unknown or of a wrong shape, an
    /// output that doesn't exist, a type without use here, or ONNX Runtime's own failure.
    pub fn run(
        &mut self,
        inputs: &[(&str, Tensor)],
        want: &[&str],
    ) -> Result<Vec<Tensor>, OnnxError> {
        let wanted = self.wanted(want)?;
        let Self { session, path, inputs: ports, .. } = self;
        check_inputs(path, ports, inputs)?;
        let run_error =
            |error: ort::Error| OnnxError::Run { path: path.clone(), reason: error.to_string() };
        let mut values = Vec::with_capacity(inputs.len());
        for (name, tensor) in inputs {
            let port = find(path, ports, "input", name)?;
            let element = port.element.ok_or_else(|| unsupported(path, port))?;
            values.push((*name, tensor.to_value(element).map_err(run_error)?));
        }
        let outputs = session.run(values).map_err(run_error)?;
        let mut tensors = Vec::with_capacity(wanted.len());
        for port in &wanted {
            let element = port.element.ok_or_else(|| unsupported(path, port))?;
            let value =
                outputs.get(&port.name).ok_or_else(|| no_such(path, &[], "output", &port.name))?;
            tensors.push(Tensor::from_value(value, element).map_err(run_error)?);
        }
        Ok(tensors)
    }

    /// Binds inputs that stay the same over many runs; the graph is then run with the others, for
    /// the output `want`. What is bound is converted once, and copied to the device once.
    ///
    /// # Errors
    /// As [`Graph::run`], but for inputs that are missing: those are still to come.
    pub fn bind(
        &mut self,
        constant: Vec<(&str, Tensor)>,
        want: &str,
    ) -> Result<BoundGraph<'_>, OnnxError> {
        let want = find(&self.path, &self.outputs, "output", want)?.clone();
        let element = want.element.ok_or_else(|| unsupported(&self.path, &want))?;
        check_tensors(&self.path, &self.inputs, &constant)?;
        let Self { session, path, inputs, .. } = self;
        BoundGraph::new((session, path, inputs), constant, (want.name, element))
    }

    fn wanted(&self, want: &[&str]) -> Result<Vec<Port>, OnnxError> {
        want.iter().map(|name| find(&self.path, &self.outputs, "output", name).cloned()).collect()
    }
}

fn check_inputs(path: &Path, ports: &[Port], inputs: &[(&str, Tensor)]) -> Result<(), OnnxError> {
    let given = |port: &&Port| inputs.iter().any(|(name, _)| *name == port.name);
    if let Some(missing) = ports.iter().find(|port| !given(port)) {
        return Err(OnnxError::MissingInput {
            path: path.to_path_buf(),
            tensor: missing.name.clone(),
            given: inputs.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        });
    }
    check_tensors(path, ports, inputs)
}
