//! What stands around a run: the demo without a checkout, the runtime beside the program, completions, manual pages, colours.

use crate::harness::{Bench, checkout, contents};
use crate::other_programs::tables::python;
use crate::skip;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_coda-pipe");

/// The program with nothing of this machine's environment.
fn bare(program: &Path, folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command.env_clear().env("PATH", "/usr/bin:/bin").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_demo_out_of_the_program_has_the_bytes_of_the_checkouts() {
    let bench = crate::demo::finished();
    let folder = bench.path("empty");
    std::fs::create_dir(&folder).unwrap();
    let mut demo = bench.command(&["demo", "--set", "threads=1", "--json"]);
    let output = demo.current_dir(&folder).output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["run_dir"], "coda-demo/runs/demo", "{summary}");
    let last: Vec<&str> = said.trim_end().lines().rev().take(2).collect();
    assert!(last[1].contains("coda-pipe report coda-demo/runs/demo"), "{said}");
    assert!(last[0].contains("coda-pipe init"), "{said}");
    let results = |run: PathBuf| {
        let mut found = contents(&run);
        found.retain(|name, _| name.starts_with("distilled/") || name.starts_with("cores/"));
        found
    };
    let made = results(folder.join("coda-demo/runs/demo"));
    assert_eq!(made.len(), 4);
    assert!(made == results(bench.path("demo")));

    // Another name, only the files; then one of them changed.
    let written = bench.expect(0, &["demo", "new/name", "--no-run"]).1;
    assert!(written.contains("coda-pipe run new/name/demo.toml"), "{written}");
    assert!(!bench.path("new/name/runs").exists());
    let file = bench.path("new/name/demo.toml");
    let mine = std::fs::read_to_string(&file).unwrap().replace("ipc = 10", "ipc = 11");
    std::fs::write(&file, &mine).unwrap();
    let refused = bench.expect(2, &["demo", "new/name"]).1;
    assert!(
        refused.contains("new/name/demo.toml") && refused.contains("another folder"),
        "{refused}"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), mine);
}

/// A folder `bin` with the program in it, below `root`.
fn install(root: &Path) -> PathBuf {
    let program = root.join("bin/coda-pipe");
    std::fs::create_dir_all(root.join("bin")).unwrap();
    // A link would lead back to the build's folder.
    if std::fs::hard_link(PROGRAM, &program).is_err() {
        std::fs::copy(PROGRAM, &program).unwrap();
    }
    program
}

fn doctor(program: &Path, folder: &Path) -> serde_json::Value {
    let output = bare(program, folder, &["doctor", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_runtime_of_the_programs_environment_is_found_without_a_setting() {
    let Some(library) = crate::harness::fetched_runtime() else {
        return skip::here("the runtime is not in .onnxruntime (`make runtime`)");
    };
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let (environment, empty) = (root.join("env"), root.join("empty"));
    std::fs::create_dir(&empty).unwrap();
    let program = install(&environment);
    let site = environment.join("lib/python3.12/site-packages");
    std::fs::create_dir_all(site.join("coda_pipe-0.1.0.dist-info")).unwrap();

    // A wheel without a runtime names its own extra. This machine's Python or system may have one; then it is used.
    let found = doctor(&program, &empty);
    if found["onnxruntime"].is_null() {
        let problem = found["problems"][0].as_str().unwrap();
        assert!(problem.contains("pip install 'coda-pipe[cpu]'"), "{problem}");
    } else {
        assert_ne!(found["onnxruntime"]["found_in"], "the program's Python environment", "{found}");
    }

    let capi = site.join("onnxruntime/capi");
    std::fs::create_dir_all(&capi).unwrap();
    let own = capi.join(library.file_name().unwrap());
    std::fs::copy(&library, &own).unwrap();
    let found = doctor(&program, &empty);
    assert_eq!(found["onnxruntime"]["library"], own.to_str().unwrap(), "{found}");
    assert_eq!(found["onnxruntime"]["found_in"], "the program's Python environment", "{found}");
    // Through a link, as pipx and uv make them.
    let link = root.join("coda-pipe");
    std::os::unix::fs::symlink(&program, &link).unwrap();
    assert_eq!(doctor(&link, &empty)["onnxruntime"]["library"], own.to_str().unwrap());
    // A folder `.onnxruntime` here is nearer.
    std::os::unix::fs::symlink(checkout().join(".onnxruntime"), empty.join(".onnxruntime"))
        .unwrap();
    assert_eq!(doctor(&program, &empty)["onnxruntime"]["found_in"], "the checkout");
}

#[test]
fn completions_complete_in_bash_and_are_written_for_every_shell() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (script, _) = bench.expect(0, &["completions", shell]);
        assert!(script.contains("retry-failed"), "{shell}: {script}");
    }
    bench.expect(2, &["completions", "csh"]);
    let (script, _) = bench.expect(0, &["completions", "bash"]);
    std::fs::write(bench.path("completions.bash"), script).unwrap();
    // `complete -p` says which function completes the program.
    let ask = "source completions.bash; ask=$(complete -p coda-pipe | sed 's/.* -F \\([^ ]*\\) .*/\\1/'); \
               COMP_WORDS=(coda-pipe shards ver); COMP_CWORD=2; $ask coda-pipe ver shards; \
               echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["-c", ask]).current_dir(bench.path("")).output();
    let Ok(output) = output else { return skip::tool("bash") };
    assert_eq!(text(&output.stdout).trim(), "verify", "{}", text(&output.stderr));
}

#[test]
fn every_command_has_a_manual_page() {
    let bench = Bench::new();
    bench.expect(0, &["man", "pages/man1"]);
    let (help, _) = bench.expect(0, &["--help"]);
    let listed = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let commands = listed.lines().filter_map(|line| line.split_whitespace().next());
    let commands: Vec<&str> = commands.filter(|command| *command != "help").collect();
    assert!(commands.contains(&"run") && commands.contains(&"man"), "{commands:?}");
    for command in commands.iter().copied().chain(["shards-pack"]) {
        let path = bench.path(&format!("pages/man1/coda-pipe-{command}.1"));
        let page = std::fs::read_to_string(&path).unwrap();
        assert!(page.contains(&format!(".TH coda-pipe-{command} 1")), "{page}");
    }
    let own = std::fs::read_to_string(bench.path("pages/man1/coda-pipe.1")).unwrap();
    assert_eq!(bench.expect(0, &["man"]).0, own);
    assert!(own.contains("Exit codes: 0 done"), "{own}");
}

#[test]
fn colours_are_for_terminals_unless_they_are_asked_for() {
    const RED: &str = "\x1b[1;31merror:\x1b[0m ";
    let bench = Bench::new();
    let said = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = bench.command(args);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        let output = command.envs(variables.iter().copied()).output().unwrap();
        text(&output.stdout) + &text(&output.stderr)
    };
    let (force, no) = (("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1"));
    // The program's own error, clap's error, and help.
    for args in [["run", "absent.toml"], ["run", "--nonsense"], ["run", "--help"]] {
        let [command, last] = args;
        for plain in [
            said(&args, &[]),
            said(&args, &[force, no]),
            said(&[command, "--color=never", last], &[force]),
        ] {
            assert!(!plain.contains('\x1b'), "{plain}");
        }
        for colored in [said(&args, &[force]), said(&["--color", "always", command, last], &[no])] {
            assert!(colored.contains("\x1b["), "{colored}");
        }
    }
    let error = said(&["run", "absent.toml", "--color=always"], &[]);
    assert!(error.starts_with(RED) && error.contains("absent.toml"), "{error}");
    bench.expect(2, &["run", "p.toml", "--color=red"]);
    // What a program reads has none.
    let (json, _) = bench.expect(0, &["doctor", "--json", "--color=always"]);
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
}

#[test]
fn the_python_module_reads_a_run_and_calls_the_program() {
    let Some(python) = python() else { return };
    let bench = Bench::with_run(&[]);
    let given = bench.command(&[]);
    let mut command = Command::new(python);
    command.arg(checkout().join("tests/python/check_module.py")).args(["run", "p.toml"]);
    command.current_dir(bench.path(""));
    command.envs(given.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let bin = Path::new(PROGRAM).parent().unwrap().display();
    command.env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap()));
    command.env("PYTHONPATH", checkout().join("python")).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&found["core_rows"], &found["embedding_rows"]),
        (&12.into(), &90.into()),
        "{found}"
    );
    for set in ["distilled", "cores"] {
        let expected = serde_json::json!(
            {"images": 12, "classes": ["0", "1", "2"], "names": ["zero", "one", "two"]}
        );
        assert_eq!(found[set], expected, "{found}");
    }
    assert_eq!((&found["ipc"], &found["quarantine"]), (&4.into(), &0.into()), "{found}");
}
