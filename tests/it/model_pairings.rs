//! What a model is sampled by: its own steps, scale and solver where nothing is said, and the refusal of all that it can't do,
//! by `run`, `plan`, `sample` and `doctor` alike; and the rows of the denoiser, counted.

use crate::harness::{Bench, checkout, contents};
use crate::model_folder::{copy, set_keys};
use safetensors::SafeTensors;
use serde_json::{Value, json};

const SCHEDULER: &str = "scheduler/scheduler_config.json";
const UNET: &str = "unet/config.json";

/// A bench whose pipeline takes the model in its folder `model`, a copy of the miniature SD 1, with the model's own sampling.
fn bench() -> Bench {
    let bench = Bench::new();
    copy(&checkout().join("tests/golden/tiny-sd/fp32"), &bench.path("model"));
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let old = format!("path = {:?}", checkout().join("models/demo"));
    assert!(text.contains(&old) && text.contains("steps = 6\n"));
    let text = text.replace(&old, "path = \"model\"").replace("steps = 6\n", "");
    std::fs::write(bench.path("p.toml"), text.replace("ipc = 4", "ipc = 1")).unwrap();
    bench
}

/// Sets keys of a JSON file of the bench's model.
fn set(bench: &Bench, file: &str, keys: &Value) {
    set_keys(&bench.path("model").join(file), keys);
}

fn turbo() -> Value {
    json!({"_class_name": "EulerAncestralDiscreteScheduler", "timestep_spacing": "trailing"})
}

fn lightning() -> Value {
    json!({"_class_name": "EulerDiscreteScheduler", "timestep_spacing": "trailing"})
}

fn sample<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let common = ["sample", "model", "--prompt", "seven", "--device", "cpu"];
    [&common[..], more].concat()
}

fn sets<'a>(sets: &[&'a str]) -> Vec<&'a str> {
    sets.iter().flat_map(|set| ["--set", set]).collect()
}

/// That `run`, `plan`, `doctor` and `sample` refuse the bench's model with these settings, in these words.
fn refused(bench: &Bench, settings: &[&str], flags: &[&str], words: &[&str]) {
    let with = |command: &[&'static str]| [command.to_vec(), sets(settings)].concat();
    let (_, run) = bench.expect(2, &with(&["run", "p.toml"]));
    assert!(!bench.path("run/encode").exists(), "it was begun: {run}");
    let (plan, _) = bench.expect(0, &with(&["plan", "p.toml"]));
    let plan: String = plan.lines().skip_while(|line| !line.starts_with("warning: ")).collect();
    let (doctor, _) = bench.expect(1, &with(&["doctor", "p.toml"]));
    let (_, sample) = bench.expect(1, &sample(flags));
    for word in words {
        for text in [&run, &plan, &doctor, &sample] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}

#[test]
fn wrong_pairings_are_refused_before_anything_is_encoded() {
    for (file, keys, settings, flags, words) in [
        (SCHEDULER, turbo(), "generate.cfg=5", "--cfg=5", ["cfg is 5", "set it to 1"]),
        (SCHEDULER, lightning(), "generate.cfg=5", "--cfg=5", ["trailing", "few_steps = false"]),
        (
            UNET,
            json!({"_name_or_path": "ByteDance/SDXL-Lightning"}),
            "generate.sigmas=karras",
            "--sigmas=karras",
            ["SDXL-Lightning", "leave sigmas out"],
        ),
        (
            SCHEDULER,
            json!({"_class_name": "LCMScheduler"}),
            "generate.scheduler=ddim",
            "--scheduler=ddim",
            ["LCMScheduler", "\"lcm\""],
        ),
        (UNET, json!({}), "generate.scheduler=lcm", "--scheduler=lcm", ["lcm", "few_steps = true"]),
        (
            SCHEDULER,
            turbo(),
            "generate.guidance_rescale=0.5",
            "--guidance-rescale=0.5",
            ["nothing to rescale", "leave guidance_rescale out"],
        ),
        (
            SCHEDULER,
            turbo(),
            "guidance.cfg_schedule=[1.0,4.0]",
            "--set=guidance.cfg_schedule=[1.0,4.0]",
            ["cfg is 4", "set it to 1"],
        ),
    ] {
        let bench = bench();
        set(&bench, file, &keys);
        refused(&bench, &[settings], &[flags], &words);
        // What is asked of it up to the cores, it can do.
        if settings == "generate.cfg=5" {
            let until = ["run", "p.toml", "--until", "encode", "--set", settings];
            let (_, stderr) = bench.expect(0, &until);
            assert!(stderr.contains("warning: `generate` will refuse the model"), "{stderr}");
        }
    }
    // Settings of a pipeline alone.
    let bench = bench();
    for (setting, word) in [
        ("generate.prediction_type=flow_prediction", "no rectified flow"),
        ("guidance.cfg_schedule=[1.0,2.0,1.0]", "3 values for 2 steps"),
    ] {
        let sets = ["--set", setting, "--set", "generate.steps=2"];
        let output = bench.output(&[&["run", "p.toml"][..], &sets].concat());
        let run = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && run.contains(word) && !bench.path("run/encode").exists(),
            "{run}"
        );
    }
}

/// The settings that a run noted.
fn generate(bench: &Bench) -> Value {
    let record = std::fs::read(bench.path("run/run.json")).unwrap();
    serde_json::from_slice::<Value>(&record).unwrap()["settings"]["generate"].clone()
}

#[test]
fn a_model_of_few_steps_is_sampled_its_own_way_where_nothing_is_said() {
    let bench = bench();
    set(&bench, SCHEDULER, &lightning());
    let (stdout, stderr) = bench.expect(0, &["run", "p.toml", "--json"]);
    let found = generate(&bench);
    let of = |key: &str| found[key].clone();
    assert_eq!((of("steps"), of("cfg")), (json!(4), json!(1.0)));
    assert_eq!((of("scheduler"), of("sigmas")), (json!("euler"), json!("plain")));
    assert_eq!(of("timestep_spacing"), json!("trailing"));
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(summary["denoiser"], json!({"steps": 4, "unguided": 0, "rows": 4, "all_rows": 4}));
    assert!(!stderr.contains("warning"), "{stderr}");
    let (doctor, _) = bench.expect(0, &["doctor", "p.toml"]);
    assert!(doctor.contains("sampled by    4 steps of euler, no classifier-free"), "{doctor}");
    // What has no effect, and more steps than it is for, are told.
    let more = ["--set", "negative_prompt=blurry", "--set", "generate.steps=20"];
    let (plan, _) = bench.expect(0, &[&["plan", "p.toml"][..], &more].concat());
    assert!(
        plan.contains("negative prompt has no effect") && plan.contains("steps is 20"),
        "{plan}"
    );
    assert!(plan.contains("20 steps an image: 20 of 20 denoiser rows"), "{plan}");
}

#[test]
fn what_the_folder_tells_can_be_contradicted() {
    let bench = bench();
    let plan = |more: &[&str]| {
        let (stdout, _) = bench.expect(0, &[&["plan", "p.toml", "--json"], more].concat());
        serde_json::from_str::<Value>(&stdout).unwrap()["denoiser"].clone()
    };
    let usual = json!({"steps": 25, "unguided": 0, "rows": 50, "all_rows": 50});
    let few = json!({"steps": 4, "unguided": 0, "rows": 4, "all_rows": 4});
    assert_eq!(plan(&[]), usual);
    assert_eq!(plan(&["--set", "model.few_steps=true"]), few);
    assert_eq!(plan(&["--set", "preset=published", "--set", "generate.size=32"]), usual);
    let (_, stderr) = bench.expect(0, &sample(&["--set", "model.few_steps=true"]));
    assert!(stderr.contains("4 steps, 4 denoiser rows"), "{stderr}");
    let (_, stderr) = bench.expect(0, &sample(&["--steps", "2"]));
    assert!(stderr.contains("2 steps, 4 denoiser rows"), "{stderr}");
    set(&bench, SCHEDULER, &turbo());
    assert_eq!(plan(&[]), few);
    assert_eq!(plan(&["--set", "model.few_steps=false"]), usual);
    let (_, stderr) = bench.expect(2, &sample(&["--set", "model.few_steps=perhaps"]));
    assert!(stderr.contains("true or false"), "{stderr}");
}

/// The denoiser's rows at each step of a sample.
fn rows(bench: &Bench, more: &[&str]) -> Vec<usize> {
    bench.expect(0, &[&sample(&["--trace", "t.safetensors"])[..], more].concat());
    let bytes = std::fs::read(bench.path("t.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let values = tensors.tensor("rows").unwrap().data().to_vec();
    values.chunks(4).map(|v| f32::from_le_bytes(v.try_into().unwrap()) as usize).collect()
}

#[test]
fn an_interval_and_scales_of_1_leave_out_rows() {
    let bench = bench();
    assert_eq!(rows(&bench, &["--steps", "3"]), [2; 3]);
    let found = rows(&bench, &["--cfg-interval", "0.2,0.8"]);
    assert_eq!(found, [vec![1; 5], vec![2; 15], vec![1; 5]].concat());
    let term = ["--set", "guidance.interval.from=0.2", "--set", "guidance.interval.to=0.8"];
    assert_eq!(rows(&bench, &term), found);
    let scales = |list: &str| {
        rows(&bench, &["--steps", "5", "--set", &format!("guidance.cfg_schedule={list}")])
    };
    assert_eq!(scales("[1.0, 3.0, 1.0]"), [1, 2, 2, 2, 1]);
    assert_eq!(scales("[2.0, 1.0, 1.0, 1.0, 4.0]"), [2, 1, 1, 1, 2]);
    assert_eq!(scales("[2.0, 4.0]"), [2; 5]);
}

#[test]
fn both_notations_of_an_interval_are_one_run_and_scales_another() {
    let bench = bench();
    let run = |more: &[&str]| {
        let (stdout, stderr) = bench.expect(0, &[&["run", "p.toml", "--json"], more].concat());
        (serde_json::from_str::<Value>(&stdout).unwrap()["denoiser"].clone(), stderr)
    };
    let interval = ["--set", "generate.steps=5", "--set", "guidance.cfg_interval=[0.2,0.8]"];
    let (denoiser, stderr) = run(&interval);
    assert_eq!(denoiser, json!({"steps": 5, "unguided": 2, "rows": 8, "all_rows": 10}));
    assert!(stderr.contains("8 of 10 denoiser rows an image"), "{stderr}");
    let term = ["guidance.interval.from=0.2", "guidance.interval.to=0.8", "generate.steps=5"];
    let term = [&sets(&term)[..], &["--set", "gamma=0.2", "--set", "guidance=scaled"]].concat();
    let (_, stderr) = run(&term);
    assert!(stderr.contains("nothing was recomputed"), "{stderr}");
    // One scale at all steps is that scale.
    let constant = ["run", "p.toml", "--run-dir", "b", "--set", "generate.steps=2"];
    bench.expect(0, &[&constant[..], &["--set", "generate.cfg=3"]].concat());
    let images = || {
        let mut images = contents(&bench.path("b"));
        images.retain(|name, _| name.starts_with("generate/") && name.ends_with(".png"));
        assert_eq!(images.len(), 3);
        images
    };
    let before = images();
    let list = ["--force", "--set", "guidance.cfg_schedule=[3, 3]"];
    bench.expect(0, &[&constant[..], &list].concat());
    assert_eq!(images(), before);
    let record = |run: &str| {
        let receipt = bench.path(run).join("generate/batch-000000.receipt.json");
        std::fs::read_to_string(receipt).unwrap()
    };
    assert!(record("b").contains("cfg_schedule") && !record("run").contains("cfg_schedule"));
}
