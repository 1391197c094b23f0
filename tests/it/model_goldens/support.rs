//! Where fixtures lie, and how numbers are compared.

use crate::skip::shared;
use std::path::{Path, PathBuf};

use coda_pipe::models::{Generator, ModelFolder};
use coda_pipe::onnx::{GraphOptions, Runtime, Search};
use safetensors::SafeTensors;

pub const THREADS: usize = 2;

pub fn runtime() -> Runtime {
    let pipeline_folder = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    Runtime::load(&Search { setting: None, pipeline_folder }).unwrap_or_else(|e| panic!("{e}"))
}

/// The demonstration model, in the checkout or among the large fixtures.
pub fn demo() -> Option<ModelFolder> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/demo");
    let root = if own.exists() { own } else { shared("demo-model")? };
    Some(ModelFolder::open(&root).unwrap())
}

pub fn tiny(part: &str) -> Option<ModelFolder> {
    Some(ModelFolder::open(&shared("golden/tiny-sdxl")?.join(part)).unwrap())
}

pub fn generator(folder: &ModelFolder) -> Generator {
    let options = GraphOptions { threads: THREADS, ..GraphOptions::default() };
    Generator::load(folder, &runtime(), &options).unwrap()
}

/// A recorded tensor, as f32 whatever its type.
pub fn values(tensors: &SafeTensors, name: &str) -> Vec<f32> {
    let tensor = tensors.tensor(name).unwrap();
    match tensor.dtype() {
        safetensors::Dtype::U8 => tensor.data().iter().map(|&byte| byte.into()).collect(),
        _ => {
            let words = tensor.data().chunks_exact(4);
            words.map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
        }
    }
}

pub fn greatest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

pub fn grey_levels(found: &[u8], expected: &[f32]) -> f32 {
    let found: Vec<f32> = found.iter().map(|&byte| byte.into()).collect();
    greatest_difference(&found, expected)
}

pub fn spread(values: &[f32]) -> f32 {
    let mean = values.iter().sum::<f32>() / values.len() as f32;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt()
}
