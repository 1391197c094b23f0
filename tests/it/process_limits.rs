//! The process and what is around it: who reads its words, how many threads it may start, what its paths are called.

use crate::harness::Bench;
use crate::skip;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const QUICK: [&str; 4] =
    ["--set=discover.algorithm=kmeans", "--set=neighbors=exact", "--set=steps=1", "--set=ipc=1"];

/// Waits for `child`, and fails where it hangs.
fn ended(mut child: Child, what: &str) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{what} hangs");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A pipe that nobody reads and that has no room: its reading end is held.
fn full_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    // What a pipe takes of its own accord.
    writer.write_all(&[b'.'; 65_536]).unwrap();
    (reader, writer)
}

#[test]
fn a_run_ends_well_whoever_reads_its_words() {
    let bench = Bench::new();
    let (kept, full) = full_pipe();
    let (gone, closed) = std::io::pipe().unwrap();
    drop(gone);
    let disk = std::fs::File::options().write(true).open("/dev/full").unwrap();
    for (name, stderr) in
        [("full", Stdio::from(full)), ("closed", Stdio::from(closed)), ("disk", Stdio::from(disk))]
    {
        let run = [&["run", "p.toml", "--run-dir", name][..], &QUICK].concat();
        let child = bench.command(&run).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        assert_eq!(ended(child, name).code(), Some(0), "{name}");
        assert_eq!(bench.results(name).len(), 4);
    }
    drop(kept);
}

#[test]
fn a_full_standard_output_is_an_error_and_one_that_nobody_reads_is_none() {
    let bench = Bench::new();
    let disk = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut child = bench.command(&["settings"]).stdout(disk).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(ended(child, "settings").code(), Some(1), "{said}");
    assert!(said.contains("cannot write to the standard output"), "{said}");
    let (gone, closed) = std::io::pipe().unwrap();
    drop(gone);
    let child = bench.command(&["settings"]).stdout(closed).spawn().unwrap();
    assert_eq!(ended(child, "settings").code(), Some(0));
}

/// A user who has no other process.
const NOBODY: u32 = 61_234;

/// `coda-pipe ARGS` as a user who may start so many threads.
fn limited(bench: &Bench, threads: usize, args: &[&str]) -> Command {
    let plain = bench.command(args);
    let id = NOBODY.to_string();
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={id}"), format!("--regid={id}"), "--clear-groups".into()]);
    command.arg("prlimit").arg(format!("--nproc={threads}")).arg(plain.get_program());
    command.args(args).current_dir(bench.path(".")).stdin(Stdio::null());
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap());
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn where_few_threads_may_be_started_it_says_so_and_never_hangs() {
    // As many threads as the program takes of its own accord.
    let quick = [&QUICK[..], &["--set=threads=0"]].concat();
    let bench = Bench::with_run(&quick);
    let open = |path: &std::path::Path| {
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777));
    };
    open(&bench.path("."));
    let tried = limited(&bench, 100, &["settings"]).output();
    if !tried.as_ref().is_ok_and(|tried| tried.status.success()) {
        return skip::here(&format!("no process can be started as another user: {tried:?}"));
    }
    for threads in 1..=8 {
        let again = format!("again-{threads}");
        let other = [&["run", "p.toml", "--run-dir", &again][..], &quick].concat();
        let plan = [&["plan", "p.toml"][..], &quick].concat();
        let ls = ["shards", "ls", "train-000000.tar"];
        for (args, ends) in [
            (&other[..], &[1][..]),
            (&plan[..], &[1]),
            (&["status", "run"], &[0]),
            (&["verify", "run"], &[0]),
            (&["report", "run", "--no-audit", "--out", "r.html"], &[1]),
            (&ls[..], &[0]),
        ] {
            let mut child = limited(&bench, threads, args).spawn().unwrap();
            let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
            let reading = std::thread::spawn(move || {
                let mut text = String::new();
                let _ = out.read_to_string(&mut text);
            });
            let mut said = String::new();
            err.read_to_string(&mut said).unwrap();
            let code = ended(child, &format!("{args:?} with {threads} threads")).code();
            reading.join().unwrap();
            assert!(!said.contains("panicked"), "{args:?} {threads}: {said}");
            assert!(code.is_some_and(|code| ends.contains(&code)), "{args:?} {threads}: {said}");
            if ends == [1] {
                assert!(said.contains("ulimit -u"), "{args:?} {threads}: {said}");
            }
        }
    }
}

#[test]
fn more_threads_than_the_machine_has_are_bounded_with_a_word() {
    let bench = Bench::new();
    let run = [&["run", "p.toml", "--set=threads=1000", "--set=workers=1000"][..], &QUICK].concat();
    let (_, said) = bench.expect(0, &run);
    assert!(said.contains("[runtime] threads = 1000 is too many for this machine"), "{said}");
    assert!(said.contains("[runtime] workers = 1000 is too many for this machine"), "{said}");
}

#[test]
fn a_file_that_may_not_grow_so_large_is_named() {
    let bench = Bench::new();
    let run = [&["run", "p.toml"][..], &QUICK].concat();
    let plain = bench.command(&run);
    let mut limited = Command::new("prlimit");
    limited.arg("--fsize=4096").arg(plain.get_program()).args(&run).current_dir(bench.path("."));
    for (name, value) in plain.get_envs() {
        limited.env(name, value.unwrap());
    }
    let output = limited.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("File too large") && said.contains("ulimit -f"), "{said}");
    let left = std::fs::read_dir(bench.path("run/encode")).into_iter().flatten().flatten();
    let half: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert!(!half.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{half:?}");
}

#[test]
fn a_file_system_without_fsync_of_folders_will_do_and_a_failing_disk_will_not() {
    let bench = Bench::new();
    for error in ["EINVAL", "ENOTSUP", "ENOSYS", "EBADF", "EISDIR", "EIO"] {
        let run = ["run", "p.toml", "--until", "encode", "--run-dir", error];
        let mut command = bench.command(&run);
        let output = command.env("CODA_PIPE_FAULTS", format!("fsync-folder::{error}")).output();
        let code = output.unwrap().status.code();
        assert_eq!(code, Some(if error == "EIO" { 1 } else { 0 }), "{error}");
    }
}

#[test]
fn a_folder_whose_name_is_no_text_is_named_before_work() {
    let bench = Bench::new();
    let odd = bench.path(".").join(std::ffi::OsStr::from_bytes(b"m\xe9l"));
    if std::fs::create_dir(&odd).is_err() {
        return skip::here("the file system takes UTF-8 names only");
    }
    let pipeline = bench.path("p.toml");
    let run = ["run", pipeline.to_str().unwrap(), "--run-dir", "run"];
    let output = bench.command(&run).current_dir(&odd).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("can only hold UTF-8 paths") && said.contains("m\u{fffd}l"), "{said}");
    assert!(!odd.join("run").exists());
    // The model is looked at all the same.
    let model = odd.join("model");
    std::os::unix::fs::symlink(crate::harness::checkout().join("models/demo"), &model).unwrap();
    for json in [&["--json"][..], &[]] {
        let mut command = bench.command(&["doctor", "--model"]);
        let output = command.arg(&model).args(json).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked") && output.status.code() != Some(101), "{said}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("m\u{fffd}l"), "{said}");
    }
}

#[test]
fn a_relative_path_given_to_report_is_of_the_current_folder() {
    let bench = Bench::with_run(&QUICK);
    let elsewhere = bench.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let model = crate::harness::checkout().join("models/demo");
    std::os::unix::fs::symlink(model, elsewhere.join("moved")).unwrap();
    let report = ["report", "../run", "--no-audit", "--set", "model.path=moved"];
    let output = bench.command(&report).current_dir(&elsewhere).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}
