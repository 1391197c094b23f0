//! What lies in `deploy/`, with the real packages.

use crate::harness::{Bench, checkout};
use crate::other_programs::tables::{check, python};
use crate::skip;
use std::path::PathBuf;
use std::process::Command;

/// Ray is 280 MB installed, so `make test` does not install it; `make test-clusters` does.
#[test]
fn a_ray_cluster_with_workers_and_nodes_lost_leaves_the_bytes_of_one_process() {
    let Some(python) = python() else { return };
    let there = Command::new(&python).args(["-c", "import ray"]).output().unwrap();
    if !there.status.success() {
        return skip::extra("CODA_REQUIRE_RAY", "ray in .venv (`make test-clusters` installs it)");
    }
    let bench = Bench::new();
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_coda-pipe"));
    let pipeline = checkout().join("pipelines/demo.toml");
    let seen = check(&python, "check_ray.py", &[binary, pipeline, bench.path("")]);
    assert_eq!(seen["same"], true, "{seen}");
    assert_eq!((&seen["nodes"], &seen["orphans"]), (&3.into(), &0.into()), "{seen}");
    assert_eq!(seen["trouble"].as_array().unwrap().len(), 4, "{seen}");
    let said = seen["refused"]["said"].as_str().unwrap();
    assert!(seen["refused"]["code"] == 2 && said.contains("no_such"), "{seen}");
    // Stopped before it was done, gently: every worker could still say so itself.
    assert_eq!(seen["stopped"]["code"], 130, "{seen}");
    let states = seen["stopped"]["states"].as_array().unwrap();
    assert!(states.len() == 4 && states.iter().all(|state| state == "interrupted"), "{seen}");
}

#[test]
fn the_manifests_keep_to_the_schemas_of_kubernetes() {
    let Some(python) = python() else { return };
    let there = Command::new(&python).args(["-c", "import kubernetes_validate"]).output().unwrap();
    if !there.status.success() {
        return skip::tool("kubernetes-validate in .venv (`make test` installs it)");
    }
    let folder = checkout().join("deploy/kubernetes");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect();
    files.sort();
    assert_eq!(files.len(), 2);
    files.insert(0, PathBuf::from(env!("CARGO_BIN_EXE_coda-pipe")));
    let seen = check(&python, "check_kubernetes.py", &files);
    let jobs = seen["objects"].as_array().unwrap().iter().filter(|kind| **kind == "Job").count();
    assert_eq!(jobs, 2, "{seen}");
}

/// So that running the scripts is running the image's steps.
#[test]
fn the_image_is_made_by_scripts_alone() {
    let folder = checkout().join("deploy/container");
    let text = std::fs::read_to_string(folder.join("Containerfile")).unwrap();
    let steps: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("RUN ")).collect();
    let names = steps.iter().map(|step| {
        let script = step.split(' ').next().unwrap();
        script.rsplit('/').next().unwrap()
    });
    assert_eq!(names.collect::<Vec<_>>(), ["build.sh", "onnxruntime.sh", "base.sh"]);
    for script in ["build.sh", "onnxruntime.sh", "base.sh"] {
        let checked = Command::new("sh").arg("-n").arg(folder.join(script)).status().unwrap();
        assert!(checked.success(), "{script}");
    }
    // The library's place has its version in it, in both variants.
    for device in ["cpu", "cuda"] {
        let wheels = folder.join(format!("requirements-{device}.txt"));
        let wheels = std::fs::read_to_string(wheels).unwrap();
        let version = wheels.lines().find_map(|line| line.strip_prefix("onnxruntime"));
        let version = version.unwrap().split("==").nth(1).unwrap();
        assert!(text.contains(&format!("libonnxruntime.so.{version} ")), "{version}");
    }
}

/// The steps of the image that need no compiler and no root.
#[test]
fn the_image_s_library_is_one_that_the_program_runs_with() {
    let Some(python) = python() else { return };
    let bench = Bench::new();
    let script = checkout().join("deploy/container/onnxruntime.sh");
    let mut fetch = Command::new(script);
    fetch.args(["cpu"]).arg(bench.path("image")).env("PYTHON", python);
    let output = fetch.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let library = bench.path("image/onnxruntime/capi/libonnxruntime.so.1.24.4");
    let mut doctor = bench.command(&["doctor"]);
    let output = doctor.env("ORT_DYLIB_PATH", &library).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("image/onnxruntime/capi"), "{said}");
}
