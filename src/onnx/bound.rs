//! A graph with the inputs that don't change from run to run already in place.

use std::path::Path;

use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{IoBinding, Session};

use super::error::OnnxError;
use super::port_check::{check_tensors, find, unsupported};
use super::tensor::{Element, Port, Tensor};

/// A graph, run again and again with some inputs the same.
///
/// On a card those lie in its memory. The inputs that change and the output cross the bus in each
/// run: for SDXL's latents half a megabyte an image, thousandths of the time of a step.
pub struct BoundGraph<'a> {
    session: &'a mut Session,
    path: &'a Path,
    ports: &'a [Port],
    binding: IoBinding,
    output: String,
    element: Element,
}

impl<'a> BoundGraph<'a> {
    pub(super) fn new(
        (session, path, ports): (&'a mut Session, &'a Path, &'a [Port]),
        constant: Vec<(&str, Tensor)>,
        (output, element): (String, Element),
    ) -> Result<Self, OnnxError> {
        let run_error = |error: ort::Error| failed(path, &error);
        let mut binding = session.create_binding().map_err(run_error)?;
        let host =
            MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::CPUOutput);
        binding.bind_output_to_device(&output, &host.map_err(run_error)?).map_err(run_error)?;
        let mut bound = Self { session, path, ports, binding, output, element };
        bound.set(constant)?;
        Ok(bound)
    }

    /// The `model.onnx`.
    pub fn path(&self) -> &Path {
        self.path
    }

    /// Runs the graph with the `changing` inputs and returns the output.
    ///
    /// # Errors
    /// As [`super::Graph::run`].
    pub fn run(&mut self, changing: Vec<(&str, Tensor)>) -> Result<Tensor, OnnxError> {
        check_tensors(self.path, self.ports, &changing)?;
        self.set(changing)?;
        let Self { session, path, binding, output, element, .. } = self;
        let run_error = |error: ort::Error| failed(path, &error);
        binding.synchronize_inputs().map_err(run_error)?;
        let outputs = session.run_binding(binding).map_err(run_error)?;
        binding.synchronize_outputs().map_err(run_error)?;
        let missing = || OnnxError::Run {
            path: path.to_path_buf(),
            reason: format!("it gave no output \"{output}\""),
        };
        let value = outputs.get(output.as_str()).ok_or_else(missing)?;
        Tensor::from_value(value, *element).map_err(run_error)
    }

    fn set(&mut self, inputs: Vec<(&str, Tensor)>) -> Result<(), OnnxError> {
        for (name, tensor) in inputs {
            let port = find(self.path, self.ports, "input", name)?;
            let element = port.element.ok_or_else(|| unsupported(self.path, port))?;
            let value = tensor.into_value(element);
            value
                .and_then(|value| self.binding.bind_input(name, &value))
                .map_err(|error| failed(self.path, &error))?;
        }
        Ok(())
    }
}

fn failed(path: &Path, error: &ort::Error) -> OnnxError {
    OnnxError::Run { path: path.to_path_buf(), reason: error.to_string() }
}
