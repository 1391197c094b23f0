//! Units of a stage go on while one of them waits for the disk.

use crate::harness::{Bench, contents};
use crate::skip;

/// A unit of each stage is held at its file's way to the disk until another unit, begun beside it, is done: the run can
/// only end where one does not wait for the other.
#[test]
fn a_unit_that_waits_for_the_disk_holds_up_no_other() {
    if !cfg!(debug_assertions) {
        skip::here("a release build has no fault injection");
        return;
    }
    let bench = Bench::new();
    let batches = ["--set", "generate.batch=4"];
    bench.give_run("whole", &batches);
    let held = [
        ("encode/part-000000.parquet", "encode/part-000001"),
        ("fetch/part-000000.tar", "fetch/part-000001"),
        ("anchor/0.parquet", "anchor/1"),
        ("generate/0/0000.png", "generate/batch-000001"),
        ("distilled/mini-000000.tar", "assemble/cores-000000"),
    ];
    let run = bench.path("run");
    let rules = held
        .map(|(file, other)| format!("await:fsync:{file}:{}/{other}.receipt.json", run.display()));
    let mut command = bench.command(&[&["run", "p.toml"], &batches[..]].concat());
    let output = command.env("CODA_PIPE_FAULTS", rules.join(";")).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(contents(&run) == contents(&bench.path("whole")), "other results");
}
