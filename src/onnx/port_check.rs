//! Checks of tensors against a graph's ports.

use std::path::Path;

use super::error::OnnxError;
use super::tensor::{Port, Tensor};

/// Checks that the graph has these inputs and takes these shapes.
pub(super) fn check_tensors(
    path: &Path,
    ports: &[Port],
    inputs: &[(&str, Tensor)],
) -> Result<(), OnnxError> {
    for (name, tensor) in inputs {
        let port = find(path, ports, "input", name)?;
        if !tensor.fills_shape() || !port.accepts(&tensor.shape) {
            return Err(OnnxError::WrongShape {
                path: path.to_path_buf(),
                tensor: (*name).to_owned(),
                shape: tensor.shape.clone(),
                elements: tensor.len(),
                expected: port.expected(),
            });
        }
    }
    Ok(())
}

/// Finds the port of this name; `role` says in an error what it is.
pub(super) fn find<'a>(
    path: &Path,
    ports: &'a [Port],
    role: &'static str,
    name: &str,
) -> Result<&'a Port, OnnxError> {
    ports.iter().find(|port| port.name == name).ok_or_else(|| no_such(path, ports, role, name))
}

/// The error of a tensor that a graph lacks.
pub(super) fn no_such(path: &Path, ports: &[Port], role: &'static str, name: &str) -> OnnxError {
    OnnxError::NoSuchTensor {
        path: path.to_path_buf(),
        role,
        tensor: name.to_owned(),
        available: ports.iter().map(|port| port.name.as_str()).collect::<Vec<_>>().join(", "),
    }
}

/// The error of a tensor whose type has no use here.
pub(super) fn unsupported(path: &Path, port: &Port) -> OnnxError {
    OnnxError::UnsupportedType {
        path: path.to_path_buf(),
        tensor: port.name.clone(),
        found: port.declared.clone(),
    }
}
