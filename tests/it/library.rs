//! The library's own way in: a pipeline run from Rust leaves what the program leaves.

use crate::harness::Bench;
use coda_pipe::{Pipeline, PipelineError, Stop};

fn pipeline(bench: &Bench, run_dir: &str) -> Pipeline {
    let command = bench.command(&[]);
    let library = command.get_envs().find(|(name, _)| *name == "ORT_DYLIB_PATH");
    let library =
        library.and_then(|(_, value)| value).map(|path| path.to_string_lossy().into_owned());
    let pipeline = Pipeline::from_toml(bench.path("p.toml")).unwrap();
    let run_dir = bench.path(run_dir);
    let pipeline = pipeline.set(&format!("output.run_dir={}", run_dir.display())).unwrap();
    match library {
        Some(path) => pipeline.set(&format!("runtime.library={path}")).unwrap(),
        None => pipeline,
    }
}

#[test]
fn a_pipeline_run_from_rust_leaves_the_programs_bytes_and_goes_on_with_its_runs() {
    let bench = Bench::with_run(&[]);
    let summary = pipeline(&bench, "other").run(&Stop::default()).unwrap();
    assert_eq!((summary.classes, summary.images, summary.left_out), (3, 12, 0));
    assert_eq!(summary.run_dir, bench.path("other"));
    assert_eq!(bench.results("other"), bench.results("run"));
    // The program's own run is complete: nothing is done again.
    let before = bench.events("run", "unit_finished");
    pipeline(&bench, "run").run(&Stop::default()).unwrap();
    assert_eq!(bench.events("run", "unit_finished"), before);
}

#[test]
fn a_wrong_setting_and_a_stop_are_told_apart() {
    let bench = Bench::new();
    let error = pipeline(&bench, "run").set("generate.stepss=3").unwrap_err();
    assert!(matches!(&error, PipelineError::Settings(_)), "{error:?}");
    assert!(error.to_string().contains("stepss"), "{error}");
    let stop = Stop::default();
    stop.stop();
    let error = pipeline(&bench, "run").run(&stop).unwrap_err();
    assert!(matches!(error, PipelineError::Interrupted), "{error:?}");
}
