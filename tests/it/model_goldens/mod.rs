//! The generator on ONNX graphs against the published program's recorded runs.
//!
//! Needs ONNX Runtime. Tests on the miniature SDXL need a folder that is too large for the
//! repository (see `tests/golden/generate/README.md`) and say so when they skip.

mod behaviour;
mod demo;
mod failures;
mod families;
mod old_encoder;
mod recorded;
pub mod support;
mod tiny_sd;
