//! `doctor --model`: good models pass; of a broken one the file and the cure are named.

use crate::harness::{Bench, checkout};
use crate::skip::shared;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Checks a model folder and answers with the exit code and the report's `model`.
fn doctor(bench: &Bench, model: &Path) -> (Option<i32>, Value) {
    let model = model.to_str().unwrap();
    let output = bench.output(&["doctor", "--model", model, "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report["model"].clone())
}

fn passes(model: &Path, kind: &str, parts: &[&str]) {
    let (code, report) = doctor(&Bench::new(), model);
    assert_eq!((code, report["kind"].as_str()), (Some(0), Some(kind)), "{report:#}");
    assert_eq!(report["problems"], serde_json::json!([]));
    let graphs = report["graphs"].as_array().unwrap();
    let found: Vec<&str> = graphs.iter().map(|graph| graph["part"].as_str().unwrap()).collect();
    assert_eq!(found, parts);
    for graph in graphs {
        let file = Path::new(graph["file"].as_str().unwrap());
        assert!(graph["bytes"].as_u64().unwrap() >= file.metadata().unwrap().len());
        assert!(graph["run_seconds"].as_f64().unwrap() > 0.0, "{graph}");
        assert!(graph["inputs"][0].as_str().unwrap().contains("[?, "), "{graph}");
    }
}

#[test]
fn models_of_every_kind_pass() {
    let sdxl = ["vae_encoder", "text_encoder", "text_encoder_2", "unet", "vae_decoder"];
    let sd = ["vae_encoder", "text_encoder", "unet", "vae_decoder"];
    passes(&checkout().join("models/demo"), "SDXL", &sdxl);
    for dtype in ["fp32", "fp16"] {
        let model = checkout().join("tests/golden/tiny-sd").join(dtype);
        passes(&model, "Stable Diffusion 1 or 2", &sd);
    }
    if let Some(tiny) = shared("golden/tiny-sdxl") {
        passes(&tiny.join("base"), "SDXL", &sdxl);
        let refiner = ["vae_encoder", "text_encoder_2", "unet", "vae_decoder"];
        passes(&tiny.join("refiner"), "SDXL refiner", &refiner);
    }
}

#[test]
fn people_read_what_each_graph_costs_and_the_verdict() {
    let bench = Bench::new();
    let model = checkout().join("models/demo");
    let model = model.to_str().unwrap();
    let (stdout, _) = bench.expect(0, &["doctor", "--model", model, "--size", "64"]);
    assert!(stdout.contains("SDXL, tested at 64 × 64 pixels"), "{stdout}");
    assert!(stdout.contains("sample float32 [?, 4, ?, ?]"), "{stdout}");
    assert!(stdout.contains("the model is usable"), "{stdout}");
    let (stdout, _) = bench.expect(1, &["doctor", "--model", model, "--size", "33"]);
    assert!(stdout.contains("multiple of 4") && stdout.contains("another --size"), "{stdout}");
    let (stdout, _) = bench.expect(1, &["doctor", "--model", "nowhere"]);
    assert!(stdout.contains("nowhere: there is no such folder"), "{stdout}");
    assert!(stdout.contains("optimum-cli export onnx"), "{stdout}");
    bench.expect(2, &["doctor", "--size", "64"]);
}

/// A copy of the demo's model, to be broken.
struct Broken {
    bench: Bench,
    model: PathBuf,
}

impl Broken {
    fn new() -> Self {
        let bench = Bench::new();
        let model = bench.path("model");
        copy(&checkout().join("models/demo"), &model);
        Self { bench, model }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.model.join(name)
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(self.file(name)).unwrap();
    }

    /// Replaces text in a JSON file.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.file(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        std::fs::write(self.file(name), text.replace(from, to)).unwrap();
    }

    fn append(&self, name: &str, more: &[u8]) {
        let bytes = [&std::fs::read(self.file(name)).unwrap(), more].concat();
        std::fs::write(self.file(name), bytes).unwrap();
    }

    /// That the check fails with a problem of the file `file`, in whose text and cure the words occur.
    fn names(&self, file: &str, what: &str, cure: &str) {
        let (code, report) = doctor(&self.bench, &self.model);
        assert_eq!(code, Some(1), "{report:#}");
        let path = self.file(file);
        let problems = report["problems"].as_array().unwrap();
        let found = problems.iter().any(|problem| {
            problem["file"].as_str() == path.to_str()
                && problem["what"].as_str().unwrap().contains(what)
                && problem["cure"].as_str().unwrap().contains(cure)
        });
        assert!(found, "no problem of {file} with `{what}` and the cure `{cure}`:\n{report:#}");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::write(&target, std::fs::read(&path).unwrap()).unwrap();
        }
    }
}

/// A protobuf field of bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(number < 16 && bytes.len() < 128);
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

/// What, written after a graph, adds to it an `Identity` from `input` to a new output; protobuf merges what comes twice.
fn identity(input: &str, output: &str, more: &[u8]) -> Vec<u8> {
    let node =
        [field(1, input.as_bytes()), field(2, output.as_bytes()), field(4, b"Identity")].concat();
    // A type of float tensors of any shape.
    let kind = field(2, &field(1, &[1 << 3, 1]));
    let port = [field(1, output.as_bytes()), kind].concat();
    field(7, &[field(1, &node), field(12, &port), more.to_vec()].concat())
}

#[test]
fn missing_files_are_all_named_at_once() {
    let broken = Broken::new();
    broken.remove("unet/model.onnx");
    broken.remove("tokenizer/merges.txt");
    broken.remove("scheduler/scheduler_config.json");
    broken.names("unet/model.onnx", "missing", "optimum-cli export onnx");
    broken.names("tokenizer/merges.txt", "missing", "copy it from the model's page");
    broken.names("scheduler/scheduler_config.json", "missing", "copy it from the model's page");
}

#[test]
fn a_graph_cut_short_is_named() {
    let broken = Broken::new();
    let path = broken.file("vae_decoder/model.onnx");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    broken.names("vae_decoder/model.onnx", "could not be opened", "damaged or cut short");
}

#[test]
fn weights_that_were_not_downloaded_are_named() {
    let broken = Broken::new();
    let place = [field(1, b"location"), field(2, b"model.onnx_data")].concat();
    // A tensor of 64 float32 values whose data lie in another file.
    let tensor =
        [vec![1 << 3, 64, 2 << 3, 1], field(8, b"weights"), field(13, &place), vec![14 << 3, 1]]
            .concat();
    broken.append("unet/model.onnx", &identity("weights", "seen", &field(5, &tensor)));
    broken.names("unet/model.onnx_data", "missing", "download it beside model.onnx");
    std::fs::write(broken.file("unet/model.onnx_data"), [0; 40]).unwrap();
    broken.names("unet/model.onnx", "could not be opened", "cut short");
    std::fs::write(
        broken.file("unet/model.onnx_data"),
        "version https://git-lfs.github.com/spec/v1\n",
    )
    .unwrap();
    broken.names("unet/model.onnx_data", "Git LFS pointer", "git lfs pull");
}

#[test]
fn wrong_json_is_named_with_its_line() {
    let broken = Broken::new();
    broken.edit("unet/config.json", "\"in_channels\": 4", "\"in_channels\": four");
    broken.names("unet/config.json", "line ", "copy this file from the model's page");
    let broken = Broken::new();
    broken.edit("unet/config.json", "\"in_channels\": 4", "\"in_channels\": 9");
    broken.names("unet/config.json", "in_channels is 9", "inpainting");
}

#[test]
fn a_tokenizer_of_another_model_is_named() {
    let broken = Broken::new();
    broken.edit("text_encoder_2/config.json", "\"vocab_size\": 514", "\"vocab_size\": 49408");
    broken.names("tokenizer_2", "vocab_size in", "tokenizer's files");
    let broken = Broken::new();
    std::fs::write(broken.file("tokenizer/vocab.json"), r#"{"a": 0, "b": 1}"#).unwrap();
    broken.names("tokenizer", "", "tokenizer's files");
}

#[test]
fn a_graph_in_anothers_place_is_recognised() {
    let broken = Broken::new();
    std::fs::copy(broken.file("vae_encoder/model.onnx"), broken.file("vae_decoder/model.onnx"))
        .unwrap();
    broken.names("vae_decoder/model.onnx", "lacks the input `latent_sample`", "of vae_encoder");
    let broken = Broken::new();
    std::fs::copy(broken.file("text_encoder/model.onnx"), broken.file("unet/model.onnx")).unwrap();
    broken.names("unet/model.onnx", "lacks the input `sample`", "of text_encoder");
}

#[test]
fn an_encoder_that_draws_by_itself_names_the_optimum_to_use() {
    let broken = Broken::new();
    let path = broken.file("vae_encoder/model.onnx");
    let mut bytes = std::fs::read(&path).unwrap();
    let (old, new) = (b"latent_parameters", b"latent_parameterz");
    let places: Vec<usize> =
        (0..bytes.len() - old.len()).filter(|at| bytes[*at..].starts_with(old)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at..at + new.len()].copy_from_slice(new));
    std::fs::write(&path, bytes).unwrap();
    broken.append("vae_encoder/model.onnx", &identity("latent_parameterz", "latent_sample", &[]));
    broken.names("vae_encoder/model.onnx", "lacks the output `latent_parameters`", "1.23 or later");
}

#[test]
fn schedulers_and_predictions_of_other_kinds_are_refused() {
    let file = "scheduler/scheduler_config.json";
    let broken = Broken::new();
    broken.edit(file, "EulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler");
    broken.names(file, "FlowMatchEulerDiscreteScheduler", "use SDXL");
    let broken = Broken::new();
    broken.edit(file, "\"epsilon\"", "\"flow_prediction\"");
    broken.names(file, "flow_prediction", "epsilon, v_prediction or sample");
    let broken = Broken::new();
    broken.edit(file, "\"use_beta_sigmas\": false", "\"use_beta_sigmas\": true");
    broken.names(file, "use_beta_sigmas is not supported", "original");
}

#[test]
fn text_encoders_and_unet_of_different_models_are_told() {
    let broken = Broken::new();
    broken.edit("unet/config.json", "\"cross_attention_dim\": 80", "\"cross_attention_dim\": 2048");
    broken.names("unet/config.json", "is 2048, but the text encoders give 80", "of one together");
}

#[test]
fn another_kind_of_model_and_its_pytorch_form_are_told() {
    let broken = Broken::new();
    broken.edit("model_index.json", "StableDiffusionXLPipeline", "FluxPipeline");
    broken.names("model_index.json", "FluxPipeline", "use SDXL");
    let broken = Broken::new();
    for part in ["unet", "text_encoder", "text_encoder_2"] {
        let file = broken.file(part).join("model.onnx");
        std::fs::rename(&file, file.with_extension("safetensors")).unwrap();
    }
    broken.names("unet/model.onnx", "missing", "optimum-cli export onnx");
}
