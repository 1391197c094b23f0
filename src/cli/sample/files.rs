//! What `coda-pipe sample` reads and writes: latents, anchors, traces.

use crate::arrays;
use crate::arrays::ArrayError;
use crate::cli::whole_file::write_whole;
use crate::imaging::{DecodeOptions, decode_rgb, resize_lanczos, write_tensor};
use crate::models::{Encoder, Generated, ModelFolder, TraceStep};
use crate::onnx::{GraphOptions, Runtime};
use anyhow::{Context as _, anyhow, bail, ensure};
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use std::path::Path;

/// The latent in `FILE`, or in the tensor `NAME` of `FILE#NAME`, for an image of `shape`.
pub(super) fn read_latents(file: &str, shape: [usize; 3]) -> anyhow::Result<Vec<f32>> {
    read_shaped(file, shape, false)
}

/// A latent of `shape`, or where `pooled` allows it of fewer cells.
fn read_shaped(file: &str, shape: [usize; 3], pooled: bool) -> anyhow::Result<Vec<f32>> {
    let (path, name) = match file.rsplit_once('#') {
        Some((path, name)) if !Path::new(file).exists() => (path, Some(name)),
        _ => (file, None),
    };
    let array = arrays::read(Path::new(path), name).map_err(|error| match error {
        // No option of this command names a tensor.
        ArrayError::Choose { names, what, .. } => {
            let names: Vec<String> = names.iter().map(|name| format!("{path}#{name}")).collect();
            anyhow!("{path}: name the {what}: {}", names.join(" or "))
        }
        other => other.into(),
    })?;
    let one = [&[1][..], &shape].concat();
    let fewer = match array.shape[..] {
        [channels, height, width] => channels == shape[0] && height == width && height < shape[1],
        _ => false,
    };
    ensure!(
        array.shape == shape || array.shape == one || (pooled && fewer),
        "{file} has the shape {:?}; a latent of this size is {shape:?}, or {one:?}",
        array.shape
    );
    if let Some(at) = array.values.iter().position(|value| !value.is_finite()) {
        let (height, width) = match array.shape[..] {
            [.., height, width] => (height, width),
            _ => (shape[1], shape[2]),
        };
        let place = [at / (height * width), at / width % height, at % width];
        bail!(
            "{file} has the value {} at {place:?}: the values of a latent must be finite",
            array.values[at]
        );
    }
    Ok(array.values)
}

/// The anchor in `file`: a latent, or an image that is resized and encoded.
pub(super) fn read_anchor(
    file: &str,
    folder: &ModelFolder,
    (runtime, options): (&Runtime, &GraphOptions),
    size: usize,
) -> anyhow::Result<Vec<f32>> {
    let table = [".safetensors", ".npy"].iter().any(|ending| file.ends_with(ending));
    if table || (file.contains('#') && !Path::new(file).exists()) {
        return read_shaped(file, folder.latent_shape(size)?, true);
    }
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {file}"))?;
    let image = decode_rgb(&bytes, DecodeOptions::default()).with_context(|| file.to_owned())?;
    let resized = resize_lanczos(&image, size as u32, size as u32)?;
    let mut pixels = vec![0.0; 3 * size * size];
    write_tensor(&resized, &mut pixels)?;
    Ok(Encoder::load(folder, runtime, options)?.encode(&pixels, 1, size)?)
}

/// Writes every step of an image as safetensors, named and shaped as the published program's recordings.
pub(super) fn write_trace(
    path: &Path,
    [c, h, w]: [usize; 3],
    (noise, anchor): (&[f32], Option<&[f32]>),
    (base, base_latent): (&[TraceStep], &[f32]),
    refined: &[TraceStep],
    made: &Generated,
) -> anyhow::Result<()> {
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let latent = vec![1, c, h, w];
    let mut tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    let mut steps = |names: [&'static str; 3], steps: &[TraceStep]| {
        let all = |of: fn(&TraceStep) -> &Vec<f32>| {
            steps.iter().flat_map(|step| bytes(of(step))).collect::<Vec<u8>>()
        };
        let shape = vec![steps.len(), 1, c, h, w];
        let times: Vec<f32> = steps.iter().map(|step| step.timestep).collect();
        tensors.insert(names[0].into(), (Dtype::F32, shape.clone(), all(|step| &step.prediction)));
        tensors.insert(names[1].into(), (Dtype::F32, shape, all(|step| &step.sample)));
        tensors.insert(names[2].into(), (Dtype::F32, vec![steps.len()], bytes(&times)));
    };
    steps(["noise_pred", "sample", "timesteps"], base);
    if !refined.is_empty() {
        steps(["refiner.noise_pred", "refiner.sample", "refiner.timesteps"], refined);
        tensors
            .insert("base_final_latents".into(), (Dtype::F32, latent.clone(), bytes(base_latent)));
    }
    let rows: Vec<f32> = base.iter().chain(refined).map(|step| step.rows as f32).collect();
    tensors.insert("rows".into(), (Dtype::F32, vec![rows.len()], bytes(&rows)));
    let clean: Vec<u8> = base.iter().flat_map(|step| bytes(&step.guidance.clean)).collect();
    tensors.insert("clean".into(), (Dtype::F32, vec![base.len(), c, h, w], clean));
    for (term, shares) in shares(base) {
        tensors.insert(format!("share.{term}"), (Dtype::F32, vec![base.len()], bytes(&shares)));
    }
    tensors.insert("initial_latents".into(), (Dtype::F32, latent.clone(), bytes(noise)));
    if let Some(anchor) = anchor {
        tensors.insert("represent_latent".into(), (Dtype::F32, latent.clone(), bytes(anchor)));
    }
    tensors.insert("final_latents".into(), (Dtype::F32, latent, bytes(&made.latent)));
    let image = vec![made.height, made.width, 3];
    tensors.insert("image_u8".into(), (Dtype::U8, image, made.rgb.clone()));
    let views = tensors
        .iter()
        .map(|(name, (dtype, shape, data))| {
            TensorView::new(*dtype, shape.clone(), data).map(|view| (name.as_str(), view))
        })
        .collect::<Result<Vec<_>, _>>()?;
    write_whole(path, &safetensors::serialize(views, None)?)
}

/// The share of each term that edits images, step by step.
fn shares(steps: &[TraceStep]) -> BTreeMap<&str, Vec<f32>> {
    let mut all: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
    for (term, share) in steps.iter().flat_map(|step| &step.guidance.shares) {
        all.entry(term).or_default().push(*share);
    }
    all
}
