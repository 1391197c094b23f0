//! `model export` says what it would run, without a network, and names what it lacks.

use crate::harness::Bench;

/// A folder as diffusers saves it, as far as an export looks at it before Python does.
fn saved(bench: &Bench, class: &str) {
    std::fs::create_dir_all(bench.path("saved")).unwrap();
    let index = format!("{{\"_class_name\": \"{class}\"}}");
    std::fs::write(bench.path("saved/model_index.json"), index).unwrap();
}

#[test]
fn a_dry_run_prints_the_commands_of_the_documentation() {
    let bench = Bench::new();
    saved(&bench, "StableDiffusionXLPipeline");
    let dry = |args: &[&str]| {
        let args = [&["model", "export"][..], args, &["--dry-run"]].concat();
        bench.expect(0, &args).0
    };
    let printed = dry(&["saved", "out"]);
    for part in [
        "-m venv",
        "optimum-onnx",
        "madebyollin/sdxl-vae-fp16-fix",
        "optimum-cli export onnx -m out.diffusers.tmp --task text-to-image --dtype fp16 --atol 10 out.export.tmp",
        "mv out.export.tmp out",
        "coda-pipe doctor --model out",
    ] {
        let uv = part == "-m venv" && printed.contains("uv venv");
        assert!(uv || printed.contains(part), "{part}: {printed}");
    }
    assert!(!bench.path("out").exists() && !bench.path("out.export.tmp").exists());
    let printed = dry(&["saved", "out", "--dtype", "fp32"]);
    assert!(printed.contains("onnx -m saved --task text-to-image --dtype fp32"), "{printed}");
    let printed = dry(&["stabilityai/stable-diffusion-xl-refiner-1.0", "out", "--vae", "own"]);
    assert!(
        printed.contains("--task image-to-image") && !printed.contains("madebyollin"),
        "{printed}"
    );
}

#[test]
fn a_dry_run_tells_what_each_kind_of_model_takes() {
    let bench = Bench::new();
    for (name, words) in [
        ("stabilityai/stable-diffusion-3.5-large", ["27.4 GB", "text_encoder_3, transformer"]),
        ("black-forest-labs/FLUX.1-schnell", ["33.7 GB", "exceed float16"]),
        ("Efficient-Large-Model/Sana_1600M_1024px_diffusers", ["9.1 GB", "Gemma"]),
        ("stabilityai/sd-turbo", ["2.6 GB", "text_encoder, unet"]),
    ] {
        let (printed, _) = bench.expect(0, &["model", "export", name, "out", "--dry-run"]);
        for word in words {
            assert!(printed.contains(word), "{name}: {word}: {printed}");
        }
        let mixed = printed.contains("madebyollin");
        assert!(!mixed && printed.contains("--task text-to-image"), "{printed}");
    }
}

#[test]
fn a_few_step_unet_is_put_into_another_model_with_its_schedule() {
    let bench = Bench::new();
    let file = "ByteDance/SDXL-Lightning/sdxl_lightning_4step_unet.safetensors";
    let base = "stabilityai/stable-diffusion-xl-base-1.0";
    let args =
        ["model", "export", base, "out", "--unet", file, "--scheduler", "trailing", "--dry-run"];
    let (printed, _) = bench.expect(0, &args);
    for part in [&format!("unet={file}"), "scheduler=trailing", "onnx -m out.diffusers.tmp"] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
}

#[test]
fn what_is_missing_is_said_and_nothing_is_left() {
    let bench = Bench::new();
    saved(&bench, "StableDiffusionPipeline");
    let (_, said) = bench.expect(2, &["model", "export", "nowhere", "out"]);
    assert!(said.contains("OWNER/NAME"), "{said}");
    std::fs::create_dir(bench.path("full")).unwrap();
    std::fs::write(bench.path("full/a"), "").unwrap();
    let (_, said) = bench.expect(2, &["model", "export", "saved", "full"]);
    assert!(said.contains("is there already"), "{said}");
    let mut command = bench.command(&["model", "export", "saved", "out"]);
    let output = command.env("PATH", bench.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("neither uv nor a Python"), "{said}");
    let (_, said) = bench.expect(1, &["model", "export", "saved", "out", "--python", "no/python"]);
    assert!(said.contains("could not be started"), "{said}");
    assert!(!bench.path("out").exists());
    let mut command = bench.command(&["model", "export", "saved", "out"]);
    let output = command.env("CODA_PIPE_FREE_BYTES", "1000000").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("GB are needed for the Python environment"), "{said}");
}
