//! The cache is that of Python's `huggingface_hub`: each finds offline what the other has fetched.

use super::{MODEL, command, expect, model_repo, said};
use crate::harness::{Bench, checkout};
use crate::hub_server::HubServer;
use crate::skip;
use std::path::Path;
use std::process::Command;

/// The venv's interpreter with `huggingface_hub`; without it the test is skipped.
fn python() -> Option<std::path::PathBuf> {
    let path = checkout().join(".venv/bin/python");
    let has = Command::new(&path).args(["-c", "import huggingface_hub"]).output();
    if has.is_ok_and(|output| output.status.success()) {
        return Some(path);
    }
    skip::tool("huggingface_hub in .venv (`make test` installs it)");
    None
}

/// What a script prints, with the bench's cache and the server's hub.
fn run_python(
    python: &Path,
    bench: &Bench,
    server: &HubServer,
    offline: bool,
    script: &str,
) -> String {
    let mut command = Command::new(python);
    command.args(["-c", script]).current_dir(bench.path(""));
    command
        .env("HF_ENDPOINT", server.url())
        .env("HF_HOME", bench.path("hf"))
        .env_remove("HF_TOKEN");
    command
        .env("HF_HUB_OFFLINE", if offline { "1" } else { "0" })
        .env("HF_HUB_DISABLE_TELEMETRY", "1");
    let output = command.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn python_reads_offline_what_we_fetched() {
    let Some(python) = python() else { return };
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("models/lab/digits", model_repo());
    let (out, _) = expect(&bench, &server, 0, &["model", "fetch", MODEL]);
    server.take_asked();
    let script = "from huggingface_hub import snapshot_download, hf_hub_download, scan_cache_dir\n\
                  print(snapshot_download('lab/digits', local_files_only=True))\n\
                  print(hf_hub_download('lab/digits', 'unet/model.onnx', local_files_only=True))\n\
                  info = scan_cache_dir()\n\
                  print(len(info.warnings), [r.repo_id for r in info.repos], [list(x.refs) for r in info.repos for x in r.revisions])";
    let said = run_python(&python, &bench, &server, true, script);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], out.trim());
    assert_eq!(Path::new(lines[1]), Path::new(out.trim()).join("unet/model.onnx"));
    assert_eq!(lines[2], "0 ['lab/digits'] [['main']]");
    assert!(server.take_asked().is_empty());
    // With a connection Python fetches nothing of it again.
    let script = "from huggingface_hub import snapshot_download\n\
                  print(snapshot_download('lab/digits', allow_patterns=['*/model.onnx', '*.json']))";
    let again = run_python(&python, &bench, &server, false, script);
    assert_eq!(again, out.trim());
    let asked = server.take_asked();
    assert!(asked.iter().all(|asked| !asked.of_store), "{asked:?}");
}

#[test]
fn we_read_offline_what_python_fetched() {
    let Some(python) = python() else { return };
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("models/lab/digits", model_repo());
    let script = "from huggingface_hub import snapshot_download\nprint(snapshot_download('lab/digits', revision='v1'))";
    let folder = run_python(&python, &bench, &server, false, script);
    server.take_asked();
    let model = format!("{MODEL}@v1");
    let output = command(&bench, &server, &["model", "fetch", &model])
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    assert_eq!(said(&output, 0).0.trim(), folder);
    assert!(server.take_asked().is_empty());
    // With a connection nothing of it comes again.
    expect(&bench, &server, 0, &["model", "fetch", &model]);
    let asked = server.take_asked();
    assert!(asked.iter().all(|asked| !asked.of_store), "{asked:?}");
}
