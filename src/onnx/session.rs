//! ONNX Runtime's session of a graph that is about to be opened.

use std::error::Error;

use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::options::GraphOptions;
use super::runtime::Runtime;

/// Prepares a session as `options` say, with its provider.
pub(super) fn session_builder(
    runtime: &Runtime,
    options: &GraphOptions,
) -> Result<SessionBuilder, Box<dyn Error>> {
    // Threads never spin between two runs: there they would keep cores from everybody.
    let mut builder = Session::builder(runtime.environment())?
        .with_intra_op_spinning(options.spin)?
        .with_config_entry("session.force_spinning_stop", "1")?
        .with_deterministic_compute(options.deterministic)?;
    if options.threads > 0 {
        builder = builder.with_intra_threads(options.threads)?;
    }
    runtime.provide().register(builder, options)
}
