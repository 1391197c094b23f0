//! Estimates the memory of a run.

use super::measure::Measured;
use super::probe_files::{MeasuredSizes, compared_columns, feature_columns, part_format};
use crate::discovery::NeighborSearch;
use crate::estimate::Footprint;
use crate::models::ModelFolder;
use crate::onnx::{Device, ExternalData};
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use std::path::Path;

/// Memory of the program with ONNX Runtime's library and what the allocator keeps of earlier stages.
const PROGRAM: f64 = 100e6;
/// Bytes of an index's links of one row, beside the row (measured at 25,000 rows: 2,350).
const LINKS: f64 = 2500.0;
/// Bytes of latents in a row group of a part.
const GROUP: f64 = 64e6;

/// The memory of a run under these settings; the model counts by its files' sizes or, if measured, by its peak.
pub(crate) fn footprint(
    context: &Context,
    shapes: &[(u32, u32)],
    measured: Option<&Measured>,
    measured_sizes: &MeasuredSizes,
) -> Result<Footprint, StageError> {
    let pipeline = &context.pipeline;
    let format = part_format(context, measured_sizes)?;
    let models = [Some(&context.model), context.refiner.as_ref()].into_iter().flatten();
    let generator = models.flat_map(graphs_of_images).map(graph_bytes).sum::<u64>() as f64;
    let second = pipeline.features.model.as_deref().map_or(0, graph_bytes);
    let encoder = graph_bytes(&context.model.vae_encoder) + second;
    let peak = |of: fn(&Measured) -> Option<u64>| measured.and_then(of).map(|bytes| bytes as f64);
    let pixels = shapes.iter().map(|(w, h)| f64::from(*w) * f64::from(*h)).fold(0.0, f64::max);
    let (workers, cards) = (
        context.workers() as f64,
        context
            .runtime()
            .is_ok_and(|(_, devices)| devices.iter().all(|device| *device != Device::Cpu)),
    );
    Ok(Footprint {
        program: PROGRAM,
        encoder: peak(|m| m.encoder_peak).unwrap_or(encoder as f64),
        generator: peak(|m| m.generator_peak).unwrap_or(generator),
        copies: if cards { 0.0 } else { 1.0 },
        picture: 3.0 * pixels,
        pixels: 12.0 * (pipeline.encode.size * pipeline.encode.size) as f64,
        row: format.bytes() as f64,
        group: GROUP,
        features: 4.0 * feature_columns(context, format) as f64,
        compared: 4.0 * compared_columns(format) as f64,
        indexed: match pipeline.discover.search_of_classes() {
            NeighborSearch::Exact => 0.0,
            _ => LINKS,
        },
        workers,
        shards: workers.min(4.0),
        classes: workers.min(2.0),
    })
}

/// The graphs that make an image from a prompt, of those that the model has: they are in memory at once.
fn graphs_of_images(model: &ModelFolder) -> impl Iterator<Item = &Path> {
    let text = model.text.iter().map(|text| text.graph.as_path());
    text.chain([model.denoiser.as_path(), model.vae_decoder.as_path()])
}

/// Bytes of a graph's file and of the files with its weights; 0 for one that is missing. Other files of the folder, such as
/// weights of another precision, are not loaded.
fn graph_bytes(graph: &Path) -> u64 {
    let length = |file: &Path| std::fs::metadata(file).map_or(0, |about| about.len());
    let Ok(external) = ExternalData::of(graph) else { return 0 };
    let weights: u64 = external.paths(graph).map(|(file, _)| length(&file)).sum();
    length(graph) + weights
}
