//! ONNX Runtime: finding the shared library, opening graphs, running them on host tensors.
//!
//! The library is loaded while the program runs, not linked: a CPU build, a CUDA build or a newer
//! release is chosen by putting another file in place. Nothing here knows what a graph computes.

mod bound;
mod cards;
mod cuda;
mod cuda_remedy;
mod device;
mod environment;
mod error;
mod external;
mod fields;
mod files;
mod graph;
pub(crate) mod header;
pub(crate) mod kernels;
mod locate;
mod options;
pub(crate) mod outline;
mod port_check;
mod provider;
mod python;
pub(crate) mod recut;
mod report;
mod runtime;
mod session;
mod tensor;
mod wire;

pub use bound::BoundGraph;
pub(crate) use cards::{any_card, card_names};
pub use cuda::Preloaded;
pub use device::{Device, DeviceChoice};
pub use error::{OnnxError, Refusal};
pub use external::ExternalData;
pub use graph::Graph;
pub use locate::{Search, locate};
pub use options::{GraphOptions, TensorRt};
pub use report::{MINIMUM_MINOR, Outcome, Place, Report, Tried};
pub use runtime::Runtime;
pub use tensor::{Data, Element, Port, Tensor};
pub use wire::Malformed;
