//! A model folder's JSON, and what is computed from it before any graph is opened.
//!
//! Input: parts between NULs: `model_index.json`, the scheduler's, the autoencoder's, the UNet's and the text encoders'.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use coda_pipe::models::ModelFolder;
use coda_pipe::models::noise_schedule::{Method, Sigmas, SolverKind};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

const STEPS: usize = 5;
const JSON: [&str; 6] = [
    "model_index.json",
    "scheduler/scheduler_config.json",
    "vae_decoder/config.json",
    "unet/config.json",
    "text_encoder/config.json",
    "text_encoder_2/config.json",
];
const GRAPHS: [&str; 5] = ["text_encoder", "text_encoder_2", "unet", "vae_encoder", "vae_decoder"];

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for part in GRAPHS {
        std::fs::create_dir(folder.path().join(part)).unwrap();
        std::fs::write(folder.path().join(part).join("model.onnx"), "a graph").unwrap();
    }
    std::fs::create_dir(folder.path().join("scheduler")).unwrap();
    folder
});

fn write(root: &Path, data: &[u8]) {
    let mut parts = data.split(|&byte| byte == 0);
    for name in JSON {
        std::fs::write(root.join(name), parts.next().unwrap_or_default()).unwrap();
    }
}

fn schedules(model: &ModelFolder) {
    for solver in [SolverKind::DpmSolver, SolverKind::Euler, SolverKind::Ddim] {
        for sigmas in [Sigmas::Plain, Sigmas::Karras, Sigmas::Exponential] {
            let mut solver = model.scheduler.solver(Method { solver, sigmas }, STEPS);
            assert_eq!(solver.schedule().len(), STEPS);
            assert_eq!(solver.schedule().sigmas.len(), STEPS + 1);
            let mut sample = [1.0, -0.5];
            for step in 0..STEPS {
                solver.input_scale(step);
                solver.step(step, &[0.5, 0.25], &mut sample);
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let root = FOLDER.path();
    write(root, data);
    match ModelFolder::open(root) {
        Ok(model) => {
            schedules(&model);
            for size in [0, 64, model.default_size.unwrap_or(8)] {
                let _ = model.latent_shape(size).map(|[c, h, w]| c * h * w);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
