//! Bad settings, tensors, folders and devices are refused by name.

use coda_pipe::models::{DiffusionError, Job, ModelFolder, Sampling};
use coda_pipe::onnx::{Device, DeviceChoice, Graph, GraphOptions, OnnxError, Tensor};

use super::demo::Demo;
use super::support::{THREADS, demo, runtime};

#[test]
fn settings_that_fit_no_model_are_refused_by_name() {
    let Some(mut demo) = Demo::new(THREADS) else {
        return;
    };
    let good = || demo.sampling.clone();
    let cases = [
        ("steps", Sampling { steps: 0, ..good() }),
        ("steps", Sampling { steps: 1000, ..good() }),
        ("size", Sampling { size: 33, ..good() }),
        ("noise", Sampling { size: 64, ..good() }),
        ("cfg", Sampling { cfg: f32::NAN, ..good() }),
        ("gamma", Sampling { gamma: f32::INFINITY, ..good() }),
        ("guidance_fraction", Sampling { guidance_fraction: 1.5, ..good() }),
        ("denoising_factor", Sampling { denoising_factor: 0.0, ..good() }),
    ];
    for (expected, sampling) in cases {
        let Demo { generator, prompts, negative, noise, .. } = &mut demo;
        let job = Job { anchor: Some(&noise[1]), ..Job::new(&prompts[0], negative, &noise[0]) };
        match generator.generate(&[job], &sampling, 1) {
            Err(DiffusionError::Setting { name, .. }) => assert_eq!(name, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn non_finite_values_are_caught_at_the_graph_and_step_where_they_appear() {
    let Some(mut demo) = Demo::new(THREADS) else {
        return;
    };
    demo.noise[0][5] = f32::NAN;
    let Demo { generator, prompts, negative, noise, sampling, .. } = &mut demo;
    let job = Job::new(&prompts[0], negative, &noise[0]);
    let message = generator.generate(&[job], sampling, 1).unwrap_err().to_string();
    assert!(message.contains("unet/model.onnx"), "{message}");
    assert!(message.contains("at step 0"), "{message}");
}

#[test]
fn a_graph_names_the_tensor_that_is_missing_unknown_or_misshapen() {
    let Some(folder) = demo() else { return };
    let path = &folder.vae_decoder;
    let mut graph = Graph::open(&runtime(), path, &GraphOptions::default()).unwrap();
    let latent = || ("latent_sample", Tensor::f32([1, 4, 8, 8], vec![0.0; 256]));
    assert!(graph.run(&[latent()], &["sample"]).is_ok());
    let messages = [
        graph.run(&[], &["sample"]),
        graph.run(&[latent()], &["picture"]),
        graph.run(&[latent(), ("extra", Tensor::f32([1], vec![0.0]))], &["sample"]),
        graph.run(&[("latent_sample", Tensor::f32([4, 64], vec![0.0; 256]))], &["sample"]),
        graph.run(&[("latent_sample", Tensor::f32([1, 4, 8, 8], vec![0.0; 9]))], &["sample"]),
    ]
    .map(|result| result.unwrap_err().to_string());
    for (message, tensor) in
        messages.iter().zip(["latent_sample", "picture", "extra", "latent_sample", "latent_sample"])
    {
        assert!(message.contains(&format!("\"{tensor}\"")), "{message}");
        assert!(message.contains(&path.display().to_string()), "{message}");
    }
}

#[test]
fn the_runtime_tells_what_it_is_and_refuses_devices_it_lacks() {
    let runtime = runtime();
    assert!(runtime.version().starts_with("1."), "{}", runtime.version());
    assert!(runtime.providers().contains(&"CPUExecutionProvider".to_owned()));
    eprintln!("{} {} {:?}", runtime.library().display(), runtime.version(), runtime.providers());
    if runtime.providers().len() == 1 {
        let cuda = DeviceChoice::Fixed(vec![Device::Cuda(0)]);
        let error = runtime.resolve(&cuda).unwrap_err();
        assert!(matches!(error, OnnxError::DeviceUnavailable { .. }), "{error}");
        assert_eq!(runtime.resolve(&DeviceChoice::Auto).unwrap().0, [Device::Cpu]);
    }
}

#[test]
fn a_damaged_folder_is_explained_by_file() {
    let Some(folder) = demo() else { return };
    let copy = tempfile::tempdir().unwrap();
    let mut links = vec![folder.root.clone()];
    while let Some(from) = links.pop() {
        let to = copy.path().join(from.strip_prefix(&folder.root).unwrap());
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(&from).unwrap().map(|entry| entry.unwrap()) {
            if entry.path().is_dir() {
                links.push(entry.path());
            } else {
                std::fs::write(to.join(entry.file_name()), std::fs::read(entry.path()).unwrap())
                    .unwrap();
            }
        }
    }
    let message = || ModelFolder::open(copy.path()).unwrap_err().to_string();
    let unet = copy.path().join("unet/model.onnx");
    std::fs::write(&unet, "version https://git-lfs.github.com/spec/v1\n").unwrap();
    assert!(message().contains("git lfs pull") && message().contains("unet/model.onnx"));
    std::fs::remove_file(&unet).unwrap();
    assert!(message().contains("unet/model.onnx is missing"), "{}", message());
    std::fs::write(copy.path().join("vae_decoder/config.json"), "{}").unwrap();
    assert!(message().contains("vae_decoder/config.json: missing field"), "{}", message());
    std::fs::remove_file(copy.path().join("model_index.json")).unwrap();
    assert!(message().contains("model_index.json is missing"), "{}", message());
}
