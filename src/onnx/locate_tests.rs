//! The search on made-up folder trees, with a probe that reads a release line from the file.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::onnx::Tried;

fn nowhere() -> Surroundings {
    Surroundings {
        setting: None,
        environment: None,
        starts: Vec::new(),
        executable_folder: None,
        own: Environment::default(),
        python: || Err("python3 has no package".to_owned()),
        library_folders: Vec::new(),
        bare_names: Vec::new(),
    }
}

/// A file holding `24` stands for ONNX Runtime 1.24; anything else for a broken library.
fn read_minor(path: &Path) -> Result<u32, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    text.parse().map_err(|_| "invalid ELF header".to_owned())
}

fn put(root: &Path, path: &str, content: &str) -> PathBuf {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, content).unwrap();
    file
}

#[test]
fn a_checkout_above_the_pipeline_is_found_at_any_depth_up_to_four() {
    let root = tempfile::tempdir().unwrap();
    let library = put(root.path(), ".onnxruntime/onnxruntime/capi/libonnxruntime.so.1.24.1", "24");
    put(root.path(), ".onnxruntime/onnxruntime/capi/libonnxruntime_providers_shared.so", "24");
    put(root.path(), ".onnxruntime/a/b/c/d/e/libonnxruntime.so.1.99.0", "99");
    let start = root.path().join("pipelines/mine");
    fs::create_dir_all(&start).unwrap();
    let around = Surroundings { starts: vec![start], ..nowhere() };
    let report = locate_among(&around, &read_minor);
    assert_eq!(report.chosen.as_deref(), Some(library.as_path()));
    assert_eq!(report.tried.len(), 1, "{report}");
}

#[test]
fn the_newest_name_comes_first_and_unusable_ones_are_passed_over_with_reasons() {
    let root = tempfile::tempdir().unwrap();
    let broken = put(root.path(), ".onnxruntime/libonnxruntime.so.1.30.0", "not a library");
    let old = put(root.path(), ".onnxruntime/libonnxruntime.so.1.9.0", "9");
    let good = put(root.path(), "lib/libonnxruntime.so.1.17.3", "17");
    let around = Surroundings {
        starts: vec![root.path().to_path_buf()],
        library_folders: vec![root.path().join("lib")],
        ..nowhere()
    };
    let report = locate_among(&around, &read_minor);
    let tried = |place, path: &Path, outcome| Tried { place, path: path.to_path_buf(), outcome };
    let python = Outcome::Skipped("python3 has no package".to_owned());
    let broken_reason = Outcome::Unloadable("invalid ELF header".to_owned());
    assert_eq!(
        report.tried,
        [
            tried(Place::Checkout, &broken, broken_reason),
            tried(Place::Checkout, &old, Outcome::TooOld { minor: 9 }),
            tried(Place::Python, Path::new(""), python),
            tried(Place::System, &good, Outcome::Chosen { minor: 17 }),
        ]
    );
}

#[test]
fn a_bad_explicit_path_is_final_and_the_setting_beats_the_environment() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), ".onnxruntime/libonnxruntime.so", "24");
    let setting = root.path().join("gone.so");
    let environment = put(root.path(), "other.so", "24");
    let starts = vec![root.path().to_path_buf()];
    let around = Surroundings {
        setting: Some(setting.clone()),
        environment: Some(environment),
        starts,
        ..nowhere()
    };
    let report = locate_among(&around, &read_minor);
    assert_eq!(report.tried.len(), 1);
    let message = report.into_library().unwrap_err().to_string();
    assert!(message.contains(&setting.display().to_string()), "{message}");
    assert!(message.contains("no library there"), "{message}");
    assert!(message.ends_with("pip install --target .onnxruntime onnxruntime==1.24.4"));
}

#[test]
fn the_programs_own_environment_comes_before_pythons_and_after_a_checkout() {
    let root = tempfile::tempdir().unwrap();
    let own = put(root.path(), "env/site/onnxruntime/capi/libonnxruntime.so.1.24.4", "24");
    let site = root.path().join("env/site");
    let around = || Surroundings {
        own: Environment { packages: vec![site.clone()], libraries: None, by_wheel: true },
        starts: vec![root.path().to_path_buf()],
        python: || panic!("Python is not asked"),
        ..nowhere()
    };
    let report = locate_among(&around(), &read_minor);
    assert_eq!(
        (report.chosen.as_ref(), report.place()),
        (Some(&own), Some(Place::Own)),
        "{report}"
    );
    let checkout = put(root.path(), ".onnxruntime/libonnxruntime.so.1.20.0", "20");
    let report = locate_among(&around(), &read_minor);
    assert_eq!(report.chosen.as_deref(), Some(checkout.as_path()), "{report}");
    assert_eq!(report.place(), Some(Place::Checkout));
}

#[test]
fn a_wheel_without_a_runtime_is_cured_by_its_extra() {
    let root = tempfile::tempdir().unwrap();
    let own = Environment {
        packages: vec![root.path().to_path_buf()],
        libraries: Some(root.path().to_path_buf()),
        by_wheel: true,
    };
    let report = locate_among(&Surroundings { own, ..nowhere() }, &read_minor);
    let message = report.into_library().unwrap_err().to_string();
    assert!(message.contains("the program's Python environment"), "{message}");
    assert!(message.contains("pip install 'coda-pipe[cpu]'"), "{message}");
    assert!(!message.contains("make runtime"), "{message}");
}

#[test]
fn the_library_is_found_in_a_folder_that_the_user_names() {
    let root = tempfile::tempdir().unwrap();
    let library = put(root.path(), "ort/onnxruntime/capi/libonnxruntime.so.1.24.4", "24");
    put(root.path(), "ort/onnxruntime/capi/libonnxruntime_providers_cuda.so", "24");
    for folder in ["ort", "ort/onnxruntime/capi"] {
        let folder = Some(root.path().join(folder));
        let by_variable = Surroundings { environment: folder.clone(), ..nowhere() };
        let by_setting = Surroundings { setting: folder, ..nowhere() };
        for around in [by_variable, by_setting] {
            let report = locate_among(&around, &read_minor);
            assert_eq!(report.chosen.as_deref(), Some(library.as_path()), "{report}");
        }
    }
    std::fs::create_dir(root.path().join("empty")).unwrap();
    let around = Surroundings { environment: Some(root.path().join("empty")), ..nowhere() };
    let report = locate_among(&around, &read_minor);
    assert_eq!((report.chosen, report.tried.len()), (None, 1));
}

#[test]
fn the_real_probe_rejects_a_file_that_is_no_library() {
    let root = tempfile::tempdir().unwrap();
    let file = put(root.path(), "libonnxruntime.so", "plainly text");
    let around = Surroundings { setting: Some(file), ..nowhere() };
    let report = locate_among(&around, &probe);
    assert_eq!(report.chosen, None);
    assert!(matches!(report.tried[0].outcome, Outcome::Unloadable(_)), "{report}");
}
