//! How many bytes each of several workers downloads from an object store: `CODA_BYTES=1 cargo test --test it bytes_fetched`.

use super::shards::s3_command;
use crate::harness::{Bench, checkout};
use crate::object_server::ObjectServer;
use crate::skip;
use std::collections::BTreeMap;
use std::process::{Child, Command};

/// A command like `command`, of the program that `CODA_BYTES_PROGRAM` names: an earlier build, to compare with.
fn of_program(command: Command) -> Command {
    let Some(program) = std::env::var_os("CODA_BYTES_PROGRAM") else { return command };
    let mut other = Command::new(program);
    other.args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            other.env(name, value);
        }
    }
    other.current_dir(command.get_current_dir().unwrap_or(checkout()));
    other
}

fn worker(bench: &Bench, server: &ObjectServer, index: usize, workers: usize) -> Child {
    let demo = checkout().join("pipelines/demo.toml").display().to_string();
    let partition = format!("{index}/{workers}");
    let scratch = bench.path(&format!("scratch-{index}")).display().to_string();
    let place = "s3://bucket/run";
    let args = ["run", &demo, "--run-dir", place, "--scratch", &scratch, "--partition", &partition];
    let mut command = of_program(s3_command(bench, &server.url(), &args));
    // The server tells the workers apart by it.
    command.env("AWS_ACCESS_KEY_ID", format!("worker{index}"));
    let log = std::fs::File::create(bench.path(&format!("worker-{index}.log"))).unwrap();
    command.stdout(std::process::Stdio::null()).stderr(log).spawn().unwrap()
}

/// The kind of an object by its name below the run directory: its folder, and its ending.
fn kind(path: &str) -> String {
    let name = path.trim_start_matches("/bucket/run/");
    let folder = name.split('/').next().unwrap_or(name);
    match name.rsplit_once('/') {
        Some((_, file)) => {
            let ending = file.split_once('.').map_or("", |(_, ending)| ending);
            format!("{folder}/*.{ending}")
        }
        None => name.to_owned(),
    }
}

/// Runs the demo by three workers that share nothing but the object store, and prints what each was sent. It asserts only
/// what holds whatever is read: every worker ends well, and downloads something.
#[test]
fn bytes_that_each_worker_of_the_demo_downloads() {
    if std::env::var_os("CODA_BYTES").is_none() {
        return skip::here("it measures where CODA_BYTES=1");
    }
    let workers = 3;
    let (bench, server) = (Bench::new(), ObjectServer::start());
    let children: Vec<Child> = (0..workers).map(|i| worker(&bench, &server, i, workers)).collect();
    for (index, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        let log = std::fs::read_to_string(bench.path(&format!("worker-{index}.log"))).unwrap();
        assert_eq!(output.status.code(), Some(0), "{log}");
    }
    let fetched = server.fetched();
    assert_eq!(fetched.len(), workers, "{:?}", fetched.keys());
    for (key, objects) in &fetched {
        let mut kinds: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (path, bytes) in objects {
            let of_kind = kinds.entry(kind(path)).or_default();
            *of_kind = (of_kind.0 + bytes, of_kind.1 + 1);
        }
        let total: u64 = objects.values().sum();
        println!("{key}: {total} bytes of {} objects", objects.len());
        for (kind, (bytes, count)) in kinds {
            println!("  {bytes:>10} bytes of {count:>4} {kind}");
        }
        assert!(total > 0);
    }
}
