//! SD 3, FLUX.1, Sana and LCMs: `doctor --model` passes their miniatures, and names the file and the cure where parts are missing
//! or of another family.

use crate::harness::{Bench, checkout};
use crate::model_folder::copy;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const INDEX: &str = "model_index.json";
const SCHEDULER: &str = "scheduler/scheduler_config.json";

fn miniature(name: &str) -> PathBuf {
    checkout().join("tests/golden/families").join(name)
}

/// A copy of a miniature that may be broken.
struct Copy {
    bench: Bench,
    root: PathBuf,
}

/// `doctor --model` of a folder: whether it is usable, and its report on the model.
fn doctor(bench: &Bench, root: &Path, more: &[&str]) -> (bool, Value) {
    let args = ["doctor", "--model", root.to_str().unwrap(), "--json"];
    let output = bench.output(&[&args[..], more].concat());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.success(), report["model"].clone())
}

impl Copy {
    fn of(name: &str) -> Self {
        let bench = Bench::new();
        let root = bench.path("model");
        copy(&miniature(name), &root);
        Self { bench, root }
    }

    /// Sets keys of a JSON file; null removes one.
    fn set(&self, file: &str, keys: &Value) {
        let path = self.root.join(file);
        let mut all: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for (key, value) in keys.as_object().unwrap() {
            all[key] = value.clone();
        }
        std::fs::write(path, all.to_string()).unwrap();
    }

    fn replace(&self, part: &str, from: &Path) {
        std::fs::remove_dir_all(self.root.join(part)).unwrap();
        copy(from, &self.root.join(part));
    }

    fn remove(&self, path: &str) {
        let path = self.root.join(path);
        match path.is_dir() {
            true => std::fs::remove_dir_all(path).unwrap(),
            false => std::fs::remove_file(path).unwrap(),
        }
    }

    /// That `doctor` refuses the model, names `file` and says these words of it.
    fn refused(&self, file: &str, words: &[&str]) {
        let (usable, report) = doctor(&self.bench, &self.root, &[]);
        assert!(!usable, "{file} {words:?}: it passes");
        let path = self.root.join(file);
        let of_file = |problem: &&Value| Path::new(problem["file"].as_str().unwrap()) == path;
        let problems = report["problems"].as_array().unwrap();
        let said: String = problems.iter().filter(of_file).map(Value::to_string).collect();
        for word in words {
            assert!(said.contains(word), "{file}: {word}: {said} among {report:#}");
        }
    }

    fn passes(&self, kind: &str) -> Value {
        let (usable, report) = doctor(&self.bench, &self.root, &[]);
        assert!(usable, "{report:#}");
        assert_eq!(report["kind"].as_str(), Some(kind), "{report:#}");
        report
    }
}

#[test]
fn each_family_passes_with_all_its_parts() {
    for (name, kind, parts) in [
        (
            "sd3",
            "Stable Diffusion 3",
            &[
                "vae_encoder",
                "text_encoder",
                "text_encoder_2",
                "text_encoder_3",
                "transformer",
                "vae_decoder",
            ][..],
        ),
        (
            "flux-dev",
            "FLUX.1",
            &["vae_encoder", "text_encoder", "text_encoder_2", "transformer", "vae_decoder"],
        ),
        ("sana", "Sana", &["vae_encoder", "text_encoder", "transformer", "vae_decoder"]),
    ] {
        let (usable, report) = doctor(&Bench::new(), &miniature(name), &[]);
        assert!(usable, "{name}: {report:#}");
        assert_eq!(report["kind"].as_str(), Some(kind), "{report:#}");
        let graphs = report["graphs"].as_array().unwrap();
        let found: Vec<&str> = graphs.iter().map(|graph| graph["part"].as_str().unwrap()).collect();
        assert_eq!(found, parts, "{name}");
        assert!(graphs.iter().all(|graph| graph["run_seconds"].is_f64()), "{report:#}");
    }
}

#[test]
fn a_size_between_two_tokens_is_refused() {
    // Two cells of four pixels are one token.
    let (usable, report) = doctor(&Bench::new(), &miniature("flux-dev"), &["--size", "36"]);
    assert!(!usable && report.to_string().contains("multiple of 8"), "{report:#}");
}

#[test]
fn sd_3_goes_without_t5_and_says_so_and_flux_does_not() {
    let sd3 = Copy::of("sd3");
    sd3.set(INDEX, &json!({"text_encoder_3": [null, null], "tokenizer_3": [null, null]}));
    sd3.remove("text_encoder_3");
    sd3.remove("tokenizer_3");
    let report = sd3.passes("Stable Diffusion 3");
    assert!(report["cautions"].to_string().contains("text_encoder_3 (T5)"), "{report:#}");
    let flux = Copy::of("flux-dev");
    flux.remove("text_encoder_2");
    flux.refused("text_encoder_2/model.onnx", &["missing", "optimum-cli export onnx"]);
    flux.set(INDEX, &json!({"text_encoder_2": [null, null]}));
    flux.refused(INDEX, &["names no text_encoder_2 (T5)", "FLUX.1 needs", "export it as a whole"]);
}

#[test]
fn a_tokenizer_of_pieces_alone_is_named_with_the_way_to_convert_it() {
    let flux = Copy::of("flux-dev");
    std::fs::rename(
        flux.root.join("tokenizer_2/tokenizer.json"),
        flux.root.join("tokenizer_2/spiece.model"),
    )
    .unwrap();
    flux.refused("tokenizer_2/tokenizer.json", &["missing", "AutoTokenizer.from_pretrained"]);
}

#[test]
fn an_index_of_another_family_is_told_before_anything_is_opened() {
    for (class, words) in [
        ("StableDiffusionXLPipeline", ["those of FLUX.1", "FLUX.1's own model_index.json"]),
        ("SanaPipeline", ["those of FLUX.1", "all parts of one Sana"]),
        ("FluxFillPipeline", ["FluxFillPipeline", "FLUX.1 itself"]),
        ("FluxKontextPipeline", ["FluxKontextPipeline", "FLUX.1 itself"]),
    ] {
        let flux = Copy::of("flux-dev");
        flux.set(INDEX, &json!({"_class_name": class}));
        flux.refused(INDEX, &words);
    }
    let sana = Copy::of("sana");
    sana.set(INDEX, &json!({"_class_name": "SanaSprintPipeline"}));
    sana.refused(INDEX, &["SanaSprintPipeline", "Sana itself"]);
    let sana = Copy::of("sana");
    sana.set(INDEX, &json!({"_class_name": "ORTSanaPipeline"}));
    sana.passes("Sana");
}

#[test]
fn a_demo_index_over_a_folder_of_a_transformer_is_told() {
    let flux = Copy::of("flux-dev");
    let index = std::fs::read(checkout().join("models/demo/model_index.json")).unwrap();
    std::fs::write(flux.root.join(INDEX), index).unwrap();
    flux.refused(INDEX, &["whose denoiser is in unet/", "the folder has transformer/"]);
}

#[test]
fn denoisers_and_autoencoders_of_other_families_are_told() {
    let sd3 = Copy::of("sd3");
    sd3.replace("transformer", &miniature("flux-dev").join("transformer"));
    sd3.refused("transformer/config.json", &["FluxTransformer2DModel", "Stable Diffusion 3"]);
    let flux = Copy::of("flux-dev");
    flux.replace("vae_decoder", &miniature("sd3").join("vae_decoder"));
    flux.replace("vae_encoder", &miniature("sd3").join("vae_encoder"));
    flux.refused("transformer/config.json", &["in_channels is 32", "16 channels"]);
    let flux = Copy::of("flux-dev");
    flux.set("transformer/config.json", &json!({"in_channels": 384}));
    flux.refused("transformer/config.json", &["in_channels is 384", "FLUX.1 Fill"]);
    // The graph alone is another's: its own tensors tell.
    let sd3 = Copy::of("sd3");
    let graph = miniature("sana").join("transformer/model.onnx");
    std::fs::copy(graph, sd3.root.join("transformer/model.onnx")).unwrap();
    sd3.refused("transformer/model.onnx", &["pooled_projections", "the denoiser of Sana"]);
}

#[test]
fn text_encoders_of_another_width_are_told() {
    let sd3 = Copy::of("sd3");
    sd3.set("text_encoder_3/config.json", &json!({"d_model": 48}));
    sd3.refused("transformer/config.json", &["joint_attention_dim is 64", "give 48 values"]);
    let flux = Copy::of("flux-dev");
    flux.set("transformer/config.json", &json!({"pooled_projection_dim": 768}));
    flux.refused("transformer/config.json", &["pooled_projection_dim is 768", "of one together"]);
    let sana = Copy::of("sana");
    sana.set("transformer/config.json", &json!({"caption_channels": 2304}));
    sana.refused("transformer/config.json", &["caption_channels is 2304"]);
}

#[test]
fn a_scale_that_graph_and_configuration_disagree_on_is_told() {
    let flux = Copy::of("flux-dev");
    flux.set("transformer/config.json", &json!({"guidance_embeds": false}));
    flux.refused("transformer/model.onnx", &["`guidance`", "guidance_embeds", "config.json"]);
}

#[test]
fn schedulers_of_the_other_kind_are_told() {
    let noise = json!({"_class_name": "EulerDiscreteScheduler"});
    let flux = Copy::of("flux-dev");
    flux.set(SCHEDULER, &noise);
    flux.refused(SCHEDULER, &["EulerDiscreteScheduler", "FLUX.1", "flow matching"]);
}

/// A model of tiny-sd with the UNet and the scheduler of the LCM's miniature.
fn lcm() -> Copy {
    let bench = Bench::new();
    let root = bench.path("model");
    copy(&checkout().join("tests/golden/tiny-sd/fp32"), &root);
    let model = Copy { bench, root };
    for part in ["unet", "scheduler"] {
        model.replace(part, &miniature("lcm").join(part));
    }
    model.set(INDEX, &json!({"_class_name": "LatentConsistencyModelPipeline"}));
    model
}

#[test]
fn an_lcm_passes_and_one_without_its_configuration_is_told() {
    let model = lcm();
    model.passes("LCM");
    model.set("unet/config.json", &json!({"time_cond_proj_dim": null}));
    model.refused("unet/model.onnx", &["`timestep_cond`", "an LCM", "time_cond_proj_dim"]);
    let model = lcm();
    let plain = checkout().join("tests/golden/tiny-sd/fp32/unet/model.onnx");
    std::fs::copy(plain, model.root.join("unet/model.onnx")).unwrap();
    model.refused("unet/model.onnx", &["lacks the input `timestep_cond`", "time_cond_proj_dim"]);
}
