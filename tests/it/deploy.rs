//! What lies in `deploy/`, with the real packages.

use crate::harness::{Bench, checkout};
use crate::python::{check, python};
use std::path::PathBuf;
use std::process::Command;

/// Ray is 280 MB installed, so `make test` does not install it; `make test-clusters` does.
#[test]
fn a_ray_cluster_with_workers_and_a_node_lost_leaves_the_bytes_of_one_process() {
    let test = "a_ray_cluster_with_workers_and_a_node_lost_leaves_the_bytes_of_one_process";
    let Some(python) = python(test) else { return };
    let there = Command::new(&python).args(["-c", "import ray"]).output().unwrap();
    if !there.status.success() {
        return eprintln!("SKIPPED {test}: ray is not in .venv (`make test-clusters` installs it)");
    }
    let bench = Bench::new();
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_coda-pipe"));
    let pipeline = checkout().join("pipelines/demo.toml");
    let seen = check(&python, "check_ray.py", &[binary, pipeline, bench.path("")]);
    assert_eq!(seen["same"], true, "{seen}");
    assert_eq!((&seen["nodes"], &seen["orphans"]), (&2.into(), &0.into()), "{seen}");
    assert_eq!(seen["trouble"].as_array().unwrap().len(), 3, "{seen}");
}
