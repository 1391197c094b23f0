//! What a model is, told before work is begun: what `doctor --model` refuses, `run` and `sample` refuse too, and `plan` warns
//! of it.

use crate::harness::{Bench, checkout};
use crate::model_folder::{copy, set_keys};
use crate::skip::shared;
use coda_pipe::models::Tokenizer;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

const SCHEDULER: &str = "scheduler/scheduler_config.json";

/// A bench whose pipeline takes the model in its folder `model`, a copy of the demo's.
fn bench() -> Bench {
    let bench = Bench::new();
    copy(&checkout().join("models/demo"), &bench.path("model"));
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let old = format!("path = {:?}", checkout().join("models/demo"));
    assert!(text.contains(&old));
    let text = text
        .replace(&old, "path = \"model\"")
        .replace("[generate]\nsize = 32\nsteps = 6", "[generate]\nsteps = 1");
    std::fs::write(bench.path("p.toml"), text.replace("ipc = 4", "ipc = 1")).unwrap();
    bench
}

/// Sets keys of a JSON file of the bench's model.
fn set(bench: &Bench, file: &str, keys: &Value) {
    set_keys(&bench.path("model").join(file), keys);
}

fn sample<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let common = ["sample", "model", "--prompt", "seven", "--steps", "2", "--device", "cpu"];
    [&common[..], more].concat()
}

/// That `run` and `sample` refuse the bench's model before anything is done, with these words, and `plan` warns of it.
fn refused(bench: &Bench, words: &[&str]) {
    let (_, run) = bench.expect(2, &["run", "p.toml"]);
    assert!(!bench.path("run/encode").exists(), "it was begun: {run}");
    let (_, sample) = bench.expect(1, &sample(&[]));
    assert!(run.contains("   remedy: ") && sample.contains("   remedy: "), "{run}\n{sample}");
    let (plan, _) = bench.expect(0, &["plan", "p.toml"]);
    let warned: String = plan.lines().filter(|line| line.starts_with("warning: ")).collect();
    for word in words {
        assert!(run.contains(word) && sample.contains(word), "{word}: {run}\n{sample}");
        assert!(warned.contains(word), "{word}: {plan}");
    }
}

#[test]
fn models_of_other_kinds_are_refused_before_anything_is_encoded() {
    for (file, keys, words) in [
        (
            SCHEDULER,
            json!({"_class_name": "FlowMatchEulerDiscreteScheduler"}),
            ["FlowMatch", "use SDXL"],
        ),
        (SCHEDULER, json!({"use_flow_sigmas": true}), ["use_flow_sigmas", "not supported"]),
        (
            SCHEDULER,
            json!({"timestep_type": "continuous", "sigma_max": 120.0}),
            ["timestep_type", "continuous"],
        ),
        ("model_index.json", json!({"_class_name": "FluxPipeline"}), ["FluxPipeline", "use SDXL"]),
        (
            "text_encoder/config.json",
            json!({"vocab_size": 999}),
            ["vocab_size in", "tokenizer's files"],
        ),
    ] {
        let bench = bench();
        set(&bench, file, &keys);
        refused(&bench, &words);
        if keys["use_flow_sigmas"] == true {
            // What is asked of it, it can do.
            let (_, stderr) = bench.expect(0, &["run", "p.toml", "--until", "encode"]);
            assert!(stderr.contains("warning: `generate` will refuse the model"), "{stderr}");
        }
    }
}

#[test]
fn keys_that_only_another_solver_heeds_are_told_and_refused_with_it() {
    let bench = bench();
    set(&bench, SCHEDULER, &json!({"clip_sample": true}));
    let (_, stderr) = bench.expect(0, &sample(&[]));
    assert!(
        stderr.contains("warning:") && stderr.contains("clip_sample true has no effect"),
        "{stderr}"
    );
    let (_, stderr) = bench.expect(1, &sample(&["--scheduler", "ddim"]));
    assert!(stderr.contains("clip_sample true is not supported"), "{stderr}");
}

/// A protobuf field of bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(number < 16 && bytes.len() < 128);
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

/// A port of a graph: its name, element type (1 is float32, 7 int64) and dimensions, 0 where free.
fn port(name: &str, kind: u8, dims: &[u8]) -> Vec<u8> {
    let dim = |length: &u8| match length {
        0 => field(1, &field(2, b"n")),
        length => field(1, &[1 << 3, *length]),
    };
    let shape = field(2, &dims.iter().flat_map(dim).collect::<Vec<u8>>());
    let tensor = field(1, &[&[1 << 3, kind], &shape[..]].concat());
    [field(1, name.as_bytes()), field(2, &tensor)].concat()
}

/// A graph of one node with two equal inputs.
fn graph(op: &[u8], kind: u8) -> Vec<u8> {
    let node = [field(1, b"x"), field(1, b"x"), field(2, b"y"), field(4, op)].concat();
    let dims = [0, 3, 32, 32];
    let parts = [
        field(1, &node),
        field(2, b"g"),
        field(11, &port("x", kind, &dims)),
        field(12, &port("y", kind, &dims)),
    ];
    // Format 8, operators of version 17.
    let model = [vec![1 << 3, 8], field(7, &parts.concat()), field(8, &[2 << 3, 17])];
    model.concat()
}

#[test]
fn a_unet_that_wants_more_or_cant_be_opened_is_refused_before_anything_is_encoded() {
    let bench = bench();
    let path = bench.path("model/unet/model.onnx");
    let whole = std::fs::read(&path).unwrap();
    // Protobuf merges what comes twice: one more input.
    let more = field(7, &field(11, &port("timestep_cond", 1, &[0, 64])));
    std::fs::write(&path, [&whole[..], &more].concat()).unwrap();
    refused(&bench, &["`timestep_cond`", "LCM"]);
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    refused(&bench, &["unet/model.onnx", "could not be opened"]);
}

#[test]
fn a_folder_with_the_image_encoder_alone_is_enough_up_to_the_cores() {
    let bench = bench();
    for gone in ["unet", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"]
    {
        std::fs::remove_dir_all(bench.path("model").join(gone)).unwrap();
    }
    std::fs::remove_file(bench.path("model/model_index.json")).unwrap();
    std::fs::remove_file(bench.path("model/vae_decoder/model.onnx")).unwrap();
    bench.expect(0, &["run", "p.toml", "--until", "discover"]);
    let (_, stderr) = bench.expect(2, &["run", "p.toml"]);
    assert!(
        stderr.contains("unet/model.onnx: it is missing") && stderr.contains("remedy"),
        "{stderr}"
    );
}

#[test]
fn a_second_encoder_is_looked_at_before_anything_is_encoded() {
    let bench = bench();
    let run = |more: &[&str]| {
        let command = ["run", "p.toml", "--until", "discover", "--set", "features.size=32"];
        let (_, stderr) = bench.expect(1, &[&command[..], more].concat());
        stderr
    };
    let missing = ["--set", "features.model=none.onnx"];
    assert!(run(&missing).contains("features.model: the file"));
    let (plan, _) = bench.expect(0, &[&["plan", "p.toml"][..], &missing].concat());
    assert!(plan.contains("warning: the run will stop: ") && plan.contains("none.onnx"), "{plan}");
    std::fs::write(bench.path("whole.onnx"), graph(b"Sub", 7)).unwrap();
    assert!(run(&["--set", "features.model=whole.onnx"]).contains("whole-number pixels"));
    assert!(!bench.path("run/encode").exists());

    std::fs::write(bench.path("zero.onnx"), graph(b"Sub", 1)).unwrap();
    let mean = ["--set", "features.model=zero.onnx", "--set", "features.mean=[123.7,116.3,103.5]"];
    for algorithm in ["kmeans", "coda"] {
        let stderr = run(&[&mean[..], &["--set", &format!("algorithm={algorithm}")]].concat());
        assert!(stderr.contains("warning:") || algorithm == "coda", "{stderr}");
        assert!(stderr.contains("returns the same feature for every image"), "{stderr}");
    }
    let (plan, _) = bench.expect(0, &[&["plan", "p.toml"][..], &mean].concat());
    assert!(plan.contains("values are 0 to 1"), "{plan}");
    let cores = std::fs::read_dir(bench.path("run/discover")).map_or(0, Iterator::count);
    assert_eq!(cores, 0, "cores were chosen");
}

#[test]
fn long_prompts_equal_prompts_and_the_models_own_size_are_told_and_used() {
    let bench = bench();
    let long = "five and six ".repeat(6);
    let list = format!("0, {long} zero\n1, {long} one\n2, two\n");
    std::fs::write(bench.path("classes.txt"), list).unwrap();
    let told = |text: &str| {
        assert!(text.contains("the text encoder takes 32 tokens"), "{text}");
        assert!(text.contains("class 0 (32 of ") && text.contains("zero"), "{text}");
        assert!(text.contains("token by token: class 0, class 1;"), "{text}");
    };
    let (_, stderr) = bench.expect(0, &["run", "p.toml"]);
    told(&stderr);
    let record: Value =
        serde_json::from_slice(&std::fs::read(bench.path("run/run.json")).unwrap()).unwrap();
    assert_eq!(record["settings"]["generate"]["size"], json!(32));
    let (plan, _) = bench.expect(0, &["plan", "p.toml", "--set", "generate.size=64"]);
    told(&plan);
    assert!(plan.contains("the model was trained for 32"), "{plan}");
    bench.expect(0, &["report", "run"]);
    let page = std::fs::read_to_string(bench.path("run/report/index.html")).unwrap();
    assert!(page.contains("32 tokens"));
    // A finished run has nothing to warn of.
    let (_, stderr) = bench.expect(0, &["run", "p.toml"]);
    assert!(!stderr.contains("warning"), "{stderr}");
    let (_, stderr) =
        bench.expect(0, &["sample", "model", "--steps", "1", "--prompt", &long.repeat(2)]);
    assert!(stderr.contains("--prompt (32 of "), "{stderr}");
}

#[test]
fn what_python_writes_into_configurations_is_read() {
    let bench = bench();
    let scheduler = bench.path("model").join(SCHEDULER);
    let text = r#"{"_class_name": "UniPCMultistepScheduler", "solver_type": "bh2", "lambda_min_clipped": -Infinity,
        "num_train_timesteps": 1000.0, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "prediction_type": null, "use_karras_sigmas": null}"#;
    std::fs::write(scheduler, format!("\u{feff}{text}")).unwrap();
    set(&bench, "unet/config.json", &json!({"sample_size": [8, 8]}));
    let index = bench.path("model/model_index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    std::fs::write(
        &index,
        text.replacen('{', "{\"requires_aesthetics_score\": null, \"x\": NaN,", 1),
    )
    .unwrap();
    bench.expect(0, &sample(&[]));
    set(&bench, "unet/config.json", &json!({"sample_size": null}));
    let (_, stderr) = bench.expect(2, &sample(&[]));
    assert!(stderr.contains("--size"), "{stderr}");
    bench.expect(0, &sample(&["--size", "32"]));
    let (_, stderr) = bench.expect(1, &["run", "p.toml"]);
    assert!(stderr.contains("sample_size") && stderr.contains("[generate]"), "{stderr}");
}

#[test]
fn a_latent_counts_by_its_shape_and_is_blamed_for_its_own_values() {
    let bench = bench();
    let floats = |values: [f32; 256]| values.map(f32::to_le_bytes).concat();
    let mut broken = [0.5; 256];
    broken[77] = f32::NAN;
    let (good, broken) = (floats([0.5; 256]), floats(broken));
    let tensor = |shape: &[usize], data| TensorView::new(Dtype::F32, shape.to_vec(), data).unwrap();
    let tensors = [
        ("three", tensor(&[4, 8, 8], &good)),
        ("four", tensor(&[1, 4, 8, 8], &good)),
        ("last", tensor(&[8, 8, 4], &good)),
        ("flat", tensor(&[256], &good)),
        ("broken", tensor(&[4, 8, 8], &broken)),
    ];
    std::fs::write(bench.path("t.safetensors"), safetensors::serialize(tensors, None).unwrap())
        .unwrap();
    let with = |code: i32, option: &str, name: &str| {
        let file = format!("t.safetensors{name}");
        bench.expect(code, &sample(&[option, &file, "--gamma", "0.3"])).1
    };
    for name in ["#three", "#four"] {
        with(0, "--anchor", name);
    }
    for (option, name) in [("--anchor", "#last"), ("--latents", "#last"), ("--anchor", "#flat")] {
        assert!(with(1, option, name).contains("a latent of this size is [4, 8, 8]"));
    }
    let message = with(1, "--anchor", "#broken");
    assert!(message.contains("t.safetensors#broken has the value NaN at [1, 1, 5]"), "{message}");
    let message = with(1, "--latents", "");
    assert!(message.contains("t.safetensors#four") && !message.contains("--tensor"), "{message}");
}

#[test]
fn arguments_that_no_image_comes_from_are_refused() {
    let bench = Bench::new();
    let model = checkout().join("models/demo");
    let base = ["sample", model.to_str().unwrap(), "--prompt", "x"];
    for wrong in [
        "--gamma=-1",
        "--cfg=-1",
        "--gamma=nan",
        "--batch=0",
        "--count=0",
        "--steps=0",
        "--out=x.jpg",
        "--out=x.WebP",
        "--sweep=gamma=-1",
    ] {
        let (_, stderr) = bench.expect(2, &[&base[..], &[wrong]].concat());
        let option = wrong.split('=').next().unwrap();
        assert!(stderr.contains(option), "{stderr}");
    }
    assert!(!bench.path("x.jpg").exists());
}

#[test]
fn clips_own_tokenizer_takes_added_tokens_as_transformers_does() {
    let Some(own) = shared("golden/tiny-sdxl/base/tokenizer") else { return };
    let dir = tempfile::tempdir().unwrap();
    copy(&own, dir.path());
    std::fs::write(dir.path().join("added_tokens.json"), r#"{"<cat-toy>": 49408}"#).unwrap();
    let tokens = Tokenizer::open(dir.path(), 77).unwrap().encode("<cat-toy> on a table").unwrap();
    assert_eq!(tokens[..6], [49406, 49408, 525, 320, 2175, 49407]);
    let merges = std::fs::read_to_string(dir.path().join("merges.txt")).unwrap();
    std::fs::write(dir.path().join("merges.txt"), merges.replace('\n', "\r")).unwrap();
    let again = Tokenizer::open(dir.path(), 77).unwrap().encode("<cat-toy> on a table").unwrap();
    assert_eq!(again, tokens);
    let cut: Vec<&str> = merges.lines().take(40_000).collect();
    std::fs::write(dir.path().join("merges.txt"), cut.join("\n")).unwrap();
    let error = Tokenizer::open(dir.path(), 77).err().unwrap().to_string();
    assert!(error.contains("merges.txt") && error.contains("cut short"), "{error}");
}
