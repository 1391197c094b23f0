//! What an image encoder's graph yields: the posterior's parameters, a draw from it, or the latent itself.
//!
//! optimum up to 1.22 exported encoders that draw: the parameters are split into mean and log-variance, and mean +
//! exp(log-variance / 2) · noise is the output `latent_sample`. Such a graph is cut at the tensor that is split, which is what
//! later versions export as `latent_parameters`. It is recognised by its nodes; names tell nothing.

mod affine;
mod draw;
mod halves;
#[cfg(test)]
mod tests;
mod whole;

use std::path::Path;

use super::error::DiffusionError;
use super::folder::VaeConfig;
use crate::onnx::header::Outlet;
use crate::onnx::outline::Outline;
use crate::onnx::{Graph, GraphOptions, Malformed, OnnxError, Port, Runtime, recut};

/// The output of encoders as optimum exports them from 1.23 on.
pub(super) const PARAMETERS: &str = "latent_parameters";
/// The output of encoders that yield a latent, and of those that draw one.
pub(super) const LATENT: &str = "latent_sample";

/// Outputs that are looked at; an encoder has one or two.
const MOST_OUTPUTS: usize = 16;

/// What to do about a graph that can't be used.
pub(super) const AGAIN: &str =
    "export the model again with optimum 1.23 or later (coda-pipe model export)";

/// Why the output of a graph can't be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The file is no graph that could be followed.
    Unread(Malformed),
    /// It has no output that an image encoder has.
    Lacks,
    /// It has one that can't be used: what is wrong, and the remedy.
    Refused(String, String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unread(damage) => write!(out, "it could not be opened: {damage}"),
            Self::Lacks => {
                write!(out, "it lacks the output {PARAMETERS}, so it is not an image encoder")
            }
            Self::Refused(what, remedy) => write!(out, "{what}: {remedy}"),
        }
    }
}

/// The refusal of a graph that has to be exported anew.
fn again(what: String) -> Fault {
    Fault::Refused(what, AGAIN.to_owned())
}

/// What a graph yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LatentOutput {
    /// Mean and log-variance, in the output [`PARAMETERS`].
    Parameters,
    /// A draw; the parameters are this tensor of the graph.
    Drawn(String),
    /// The latent before it is scaled, in the output [`LATENT`].
    Latent,
    /// The latent, scaled in the graph; this tensor is the latent before that.
    Scaled(String),
}

impl LatentOutput {
    /// What the graph in `path` yields, of an autoencoder of `config`.
    ///
    /// # Errors
    /// Why its output can't be used.
    pub(super) fn of(path: &Path, config: &VaeConfig) -> Result<Self, Fault> {
        Self::of_outline(&Outline::read(path).map_err(Fault::Unread)?, config)
    }

    fn of_outline(outline: &Outline, config: &VaeConfig) -> Result<Self, Fault> {
        let named = |name: &str| outline.outputs.iter().any(|output| output == name);
        if named(PARAMETERS) {
            return match outline.draw(PARAMETERS) {
                None => Ok(Self::Parameters),
                Some(node) => {
                    let by = &node.operator;
                    Err(again(format!("its output {PARAMETERS} depends on random numbers ({by})")))
                }
            };
        }
        let drawn =
            outline.outputs.iter().take(MOST_OUTPUTS).find(|output| outline.draw(output).is_some());
        if let Some(output) = drawn.filter(|output| *output == LATENT || !named(LATENT)) {
            return draw::parameters(outline, output, config).map(Self::Drawn);
        }
        // An output beside the latent may be what is meant.
        if outline.outputs.as_slice() != [LATENT] {
            return Err(Fault::Lacks);
        }
        Ok(affine::before_scaling(outline, LATENT, config).map_or(Self::Latent, Self::Scaled))
    }

    /// What `doctor` says of it, if it is not as later versions export it.
    pub(super) fn note(&self) -> Option<String> {
        Some(match self {
            Self::Parameters => return None,
            Self::Drawn(tensor) => format!(
                "this encoder draws a random latent, as optimum exported it up to 1.22: the graph is cut in memory at the \
                 draw's parameters ({tensor}), and their mean is the latent"
            ),
            Self::Latent => format!(
                "this encoder yields the latent itself ({LATENT}), without a draw: it is scaled as vae_decoder/config.json says"
            ),
            Self::Scaled(tensor) => format!(
                "this encoder yields the latent itself ({LATENT}), scaled in the graph: the graph is cut in memory before \
                 that ({tensor}), and the latent is scaled as vae_decoder/config.json says"
            ),
        })
    }

    /// The output to read.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Parameters | Self::Drawn(_) => PARAMETERS,
            Self::Latent | Self::Scaled(_) => LATENT,
        }
    }

    /// Opens the graph so that it has that output.
    ///
    /// # Errors
    /// As [`Graph::open`], and [`DiffusionError::WrongGraph`] for a graph that can't be cut.
    pub(super) fn open(
        &self,
        runtime: &Runtime,
        path: &Path,
        options: &GraphOptions,
    ) -> Result<Graph, DiffusionError> {
        let tensor = match self {
            Self::Parameters | Self::Latent => return Ok(Graph::open(runtime, path, options)?),
            Self::Drawn(tensor) | Self::Scaled(tensor) => tensor,
        };
        let wrong =
            |reason: String| DiffusionError::WrongGraph { path: path.to_path_buf(), reason };
        let outline = Outline::read(path).map_err(|fault| wrong(fault.to_string()))?;
        let bytes = recut::cut(&outline, tensor, self.name())
            .map_err(|error| wrong(format!("it could not be cut at {tensor}: {error}; {AGAIN}")))?;
        Graph::open_bytes(runtime, path, &bytes, options).map_err(|error: OnnxError| error.into())
    }

    /// Gives the outputs in a graph's header the names and types that it is opened with, as an encoder's of today.
    pub(super) fn rename(&self, outputs: &mut Vec<Outlet>) {
        match self {
            Self::Parameters => {}
            Self::Latent => {
                outputs.iter_mut().for_each(|output| output.name = PARAMETERS.to_owned())
            }
            Self::Drawn(_) | Self::Scaled(_) => *outputs = vec![Outlet::real(PARAMETERS)],
        }
    }

    /// The graph's outputs as an encoder's of today.
    pub(super) fn ports(&self, outputs: &[Port]) -> Vec<Port> {
        let mut ports = outputs.to_vec();
        let cut = matches!(self, Self::Drawn(_) | Self::Scaled(_));
        for port in ports.iter_mut().filter(|port| port.name == self.name()) {
            port.name = PARAMETERS.to_owned();
            // What ONNX Runtime could not infer shows when the graph runs.
            if cut && port.dims.is_empty() {
                port.dims = vec![None; 4];
            }
        }
        ports
    }
}
