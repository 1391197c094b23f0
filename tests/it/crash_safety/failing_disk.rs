//! A disk that fails under the real program, by rules in `CODA_PIPE_FAULTS` (see `src/store/faults.rs`): whatever
//! breaks, the run says what and where, and goes on to the same bytes when the disk is whole again.

use crate::harness::{Bench, contents};
use crate::skip;
use coda_pipe::internals::store::CrashPoint;
use std::process::Output;

/// Rules work in builds with debug assertions only.
fn can_break() -> bool {
    if !cfg!(debug_assertions) {
        skip::here("a release build has no fault injection");
    }
    cfg!(debug_assertions)
}

fn run_broken(bench: &Bench, rule: &str, args: &[&str]) -> (Output, String) {
    let mut command = bench.command(&[&["run", "p.toml"], args].concat());
    let output = command.env("CODA_PIPE_FAULTS", rule).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, stderr)
}

const BATCHES: [&str; 2] = ["--set", "generate.batch=4"];

/// A finished run in which the unit `unit` is to be done again.
fn without(bench: &Bench, unit: &str) {
    bench.give_run("run", &BATCHES);
    std::fs::remove_file(bench.path("run").join(format!("{unit}.receipt.json"))).unwrap();
}

/// A unit of every stage with a file that it makes, its receipt, and the folder's own files.
const MADE: [(&str, &str); 12] = [
    ("encode/part-000001", "encode/part-000001.parquet"),
    ("encode/part-000001", "encode/part-000001.receipt.json"),
    ("discover/1", "discover/1/cores.parquet"),
    ("discover/1", "discover/1/index.hnsw.data"),
    ("anchor/2", "anchor/2.parquet"),
    ("generate/batch-000001", "generate/1/0001.png"),
    ("generate/batch-000001", "generate/batch-000001.receipt.json"),
    ("assemble/distilled-000000", "distilled/mini-000000.tar"),
    ("assemble/cores-000000", "cores/mini-cores-000000.idx"),
    ("assemble/cores-000000", "quarantine.parquet"),
    ("assemble/cores-000000", "run/run.json"),
    ("assemble/cores-000000", "pipeline.toml"),
];

#[test]
fn a_kill_at_every_named_point_of_every_kind_of_file_is_survived() {
    if !can_break() {
        return;
    }
    let bench = Bench::new();
    bench.give_run("whole", &BATCHES);
    let whole = contents(&bench.path("whole"));
    let mut killed = 0;
    for (unit, file) in MADE {
        for point in CrashPoint::ALL {
            // What a library wrote elsewhere is only taken over; and nothing is removed without `--force`.
            let adopted = file.contains("hnsw");
            match point {
                CrashPoint::Removing | CrashPoint::Removed => continue,
                CrashPoint::Created | CrashPoint::Written if adopted => continue,
                _ => {}
            }
            without(&bench, unit);
            let rule = format!("kill:{}:{file}", point.name());
            let (output, stderr) = run_broken(&bench, &rule, &BATCHES);
            assert!(output.status.code().is_none(), "{rule}: not reached\n{stderr}");
            bench.expect(0, &[&["run", "p.toml"][..], &BATCHES].concat());
            assert!(contents(&bench.path("run")) == whole, "{rule}: other results");
            killed += 1;
        }
    }
    assert_eq!(killed, 11 * 5 + 3);
}

#[test]
fn a_kill_while_a_forced_redo_removes_old_results_is_survived() {
    if !can_break() {
        return;
    }
    let bench = Bench::new();
    let after = ["--set", "ipc=2", "--force"];
    bench.expect(0, &["run", "p.toml", "--run-dir", "new", "--set", "ipc=2"]);
    let new = contents(&bench.path("new"));
    for (point, file) in [
        ("removing", "discover/0/cores.parquet"),
        ("removed", "discover/2/embedding.parquet"),
        ("removing", "discover/1.receipt.json"),
        ("removed", "discover/1.receipt.json"),
        ("removed", "anchor/2.parquet"),
        ("removed", "generate/0/0003.png"),
        ("removing", "generate/batch-000002.receipt.json"),
        ("removed", "distilled/mini-000000.tar"),
        ("removed", "assemble/cores-000000.receipt.json"),
    ] {
        bench.give_run("run", &[]);
        let rule = format!("kill:{point}:{file}");
        let (output, stderr) = run_broken(&bench, &rule, &after);
        assert!(output.status.code().is_none(), "{rule}: not reached\n{stderr}");
        bench.expect(0, &[&["run", "p.toml"], &after[..]].concat());
        assert!(contents(&bench.path("run")) == new, "{rule}: other results");
    }
}

/// A run in which everything before `stage` is done, and nothing else.
fn before(bench: &Bench, stage: &str) {
    bench.give_run("run", &[]);
    let stages =
        ["encode", "discover", "fetch", "anchor", "generate", "assemble", "distilled", "cores"];
    let first = stages.iter().position(|name| *name == stage).unwrap();
    for folder in &stages[first..] {
        std::fs::remove_dir_all(bench.path("run").join(folder)).unwrap();
    }
}

/// The stage that is begun with, the rule, what must be said, and the file or folder that must be named.
const FAILING: [(&str, &str, &str, &str); 15] = [
    (
        "encode",
        "create:encode/part-000000:EROFS",
        "choose a folder you may write",
        "encode/part-000000",
    ),
    (
        "encode",
        "write:encode/part-000001.parquet:EDQUOT",
        "your quota is used up",
        "part-000001.parquet",
    ),
    ("discover", "write:discover/:ENOSPC", "free some space", "discover/"),
    ("fetch", "write:fetch/part-000001.tar:ENOSPC", "free some space", "fetch/part-000001.tar"),
    ("generate", "write:generate/:EIO@2", "the disk or the network file system fails", "generate/"),
    ("assemble", "write:mini-000000.tar:ESTALE", "mount it again", "mini-000000.tar"),
    ("encode", "fsync:encode/part-000001.parquet:EIO", "cannot fsync", "part-000001.parquet"),
    ("generate", "fsync:generate/2/0003.png:EDQUOT", "your quota is used up", "0003.png"),
    ("encode", "fsync:.receipt.json:EIO@4", "cannot fsync", ".receipt.json"),
    ("discover", "rename:index.hnsw.graph:ESTALE", "cannot rename to", "index.hnsw.graph"),
    ("anchor", "rename:anchor/1.parquet:EIO", "cannot rename to", "anchor/1.parquet"),
    (
        "generate",
        "rename:generate/batch-000001.receipt.json:EACCES",
        "choose a folder",
        "batch-000001",
    ),
    ("discover", "fsync-folder:discover/2:EIO", "cannot fsync the folder", "discover/2"),
    ("assemble", "fsync-folder:assemble:ENOSPC", "free some space", "assemble"),
    ("assemble", "create:cores/:EACCES", "choose a folder you may write", "cores/"),
];

#[test]
fn failing_writes_fsyncs_and_renames_name_the_file_and_the_run_goes_on_later() {
    if !can_break() {
        return;
    }
    let bench = Bench::new();
    bench.give_run("whole", &[]);
    let whole = contents(&bench.path("whole"));
    for (stage, rule, said, named) in FAILING {
        before(&bench, stage);
        let (output, stderr) = run_broken(&bench, rule, &[]);
        assert_eq!(output.status.code(), Some(1), "{rule}\n{stderr}");
        let message = &stderr[stderr.find("error: ").unwrap_or(0)..];
        assert!(message.contains(said) && message.contains(named), "{rule}\n{stderr}");
        bench.expect(0, &["run", "p.toml"]);
        assert!(contents(&bench.path("run")) == whole, "{rule}: other results");
    }
}

#[test]
fn a_disk_that_is_full_at_any_byte_stops_the_run_and_loses_nothing() {
    if !can_break() {
        return;
    }
    let bench = Bench::new();
    bench.give_run("whole", &[]);
    let whole = contents(&bench.path("whole"));
    // The index's library writes its files by itself.
    let ours = whole.iter().filter(|(name, _)| !name.contains("hnsw"));
    let bytes: usize = ours.map(|(_, content)| content.len()).sum();
    for eighth in 0..8 {
        let rule = format!("full:{}", bytes * eighth / 8 + 100);
        let (output, stderr) = run_broken(&bench, &rule, &[]);
        assert_eq!(output.status.code(), Some(1), "{rule}\n{stderr}");
        assert!(stderr.contains("free some space and run again"), "{rule}\n{stderr}");
        bench.expect(0, &["run", "p.toml"]);
        assert!(contents(&bench.path("run")) == whole, "{rule}: other results");
        std::fs::remove_dir_all(bench.path("run")).unwrap();
    }
}

#[test]
fn short_writes_are_no_fault() {
    if !can_break() {
        return;
    }
    let bench = Bench::new();
    bench.give_run("whole", &[]);
    let (output, stderr) = run_broken(&bench, "short:", &[]);
    assert!(output.status.success(), "{stderr}");
    assert!(contents(&bench.path("run")) == contents(&bench.path("whole")));
}
