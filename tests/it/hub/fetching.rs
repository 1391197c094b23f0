//! Files of the hub come whole: after broken connections, a killed process, and requests to wait; never with another content.

use super::{MODEL, command, expect, model_repo, said};
use crate::harness::{Bench, checkout};
use crate::hub_server::HubServer;
use std::path::{Path, PathBuf};

fn blobs(bench: &Bench) -> PathBuf {
    bench.path("hf/hub/models--lab--digits/blobs")
}

/// Names of files in a folder that are no whole content.
fn unfinished(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("incomplete")).collect()
}

fn same_files(folder: &Path, model: &Path) {
    for path in
        ["model_index.json", "unet/model.onnx", "vae_encoder/model.onnx", "tokenizer/merges.txt"]
    {
        assert!(
            std::fs::read(folder.join(path)).unwrap() == std::fs::read(model.join(path)).unwrap(),
            "{path}"
        );
    }
}

#[test]
fn a_killed_fetch_goes_on_where_it_was() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("models/lab/digits", model_repo());
    server.stall(true);
    let mut child = command(&bench, &server, &["model", "fetch", MODEL]).spawn().unwrap();
    server.wait_until_stalled(3);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!unfinished(&blobs(&bench)).is_empty());
    server.stall(false);
    server.take_asked();
    let (out, _) = expect(&bench, &server, 0, &["model", "fetch", MODEL]);
    let asked = server.take_asked();
    let went_on =
        asked.iter().filter(|a| a.of_store && a.range.as_ref().is_some_and(|r| r != "bytes=0-"));
    assert!(went_on.count() >= 1, "nothing was gone on with: {asked:?}");
    assert!(unfinished(&blobs(&bench)).is_empty());
    same_files(Path::new(out.trim()), &checkout().join("models/demo"));
}

#[test]
fn broken_connections_and_requests_to_wait_end_well() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("models/old/name", model_repo());
    server.rename("models/old/name", "models/lab/digits");
    server.break_one_in(2);
    server.refuse_next(2);
    let (out, _) = expect(&bench, &server, 0, &["model", "fetch", "old/name", "--revision", "v1"]);
    assert!(server.broken() >= 1);
    same_files(Path::new(out.trim()), &checkout().join("models/demo"));
}

#[test]
fn a_changed_bit_is_refused_and_nothing_of_it_kept() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("models/lab/digits", model_repo());
    server.flip_a_bit(true);
    let (_, err) = expect(&bench, &server, 1, &["model", "fetch", MODEL]);
    assert!(err.contains("another digest than the hub names") && err.contains(".onnx"), "{err}");
    server.flip_a_bit(false);
    let (out, _) = expect(&bench, &server, 0, &["model", "fetch", MODEL]);
    same_files(Path::new(out.trim()), &checkout().join("models/demo"));
}

#[test]
fn what_is_damaged_in_the_cache_is_fetched_anew() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("models/lab/digits", model_repo());
    let (out, _) = expect(&bench, &server, 0, &["model", "fetch", MODEL]);
    let folder = PathBuf::from(out.trim());
    for path in ["unet/model.onnx", "model_index.json"] {
        let blob = folder.join(path).canonicalize().unwrap();
        let mut bytes = std::fs::read(&blob).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&blob, bytes).unwrap();
    }
    let (_, err) = expect(&bench, &server, 0, &["model", "fetch", MODEL]);
    assert!(err.contains("unet/model.onnx: the copy in the cache is damaged"), "{err}");
    assert!(err.contains("fetching 2 files"), "{err}");
    same_files(&folder, &checkout().join("models/demo"));
}

#[test]
fn a_folder_gets_plain_files_and_a_second_fetch_only_what_is_missing() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("models/lab/digits", model_repo());
    let fetch = ["model", "fetch", "lab/digits", "here", "--json"];
    let (out, _) = expect(&bench, &server, 0, &fetch);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["folder"], "here");
    assert_eq!(report["commit"], model_repo().commit());
    same_files(&bench.path("here"), &checkout().join("models/demo"));
    assert!(bench.path("here/unet/model.onnx").symlink_metadata().unwrap().is_file());
    assert!(!bench.path("here/unet/model_fp16.onnx").exists());
    std::fs::write(bench.path("here/unet/model.onnx"), "damaged").unwrap();
    let (_, err) = expect(&bench, &server, 0, &fetch);
    assert!(err.contains("fetching 1 file,"), "{err}");
    same_files(&bench.path("here"), &checkout().join("models/demo"));
    let (_, err) = expect(&bench, &server, 0, &fetch);
    assert!(!err.contains("fetching"), "{err}");
}

#[test]
fn a_disk_without_room_is_told_before_anything_comes() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("models/lab/digits", model_repo());
    let output = command(&bench, &server, &["model", "fetch", MODEL])
        .env("CODA_PIPE_FREE_BYTES", "1000")
        .output()
        .unwrap();
    let (_, err) = said(&output, 1);
    assert!(err.contains("are free") && err.contains("HF_HOME"), "{err}");
    assert!(server.take_asked().iter().all(|asked| !asked.of_store));
}

#[test]
fn two_processes_fetch_each_file_once() {
    let (bench, server) = (Bench::new(), HubServer::start());
    server.put("models/lab/digits", model_repo());
    server.stall(true);
    let spawn = || command(&bench, &server, &["model", "fetch", MODEL]).spawn().unwrap();
    let first = spawn();
    server.wait_until_stalled(1);
    let second = spawn();
    server.stall(false);
    for child in [first, second] {
        said(&child.wait_with_output().unwrap(), 0);
    }
    let mut files: Vec<String> =
        server.take_asked().into_iter().filter(|a| a.of_store).map(|a| a.target).collect();
    let all = files.len();
    files.sort();
    files.dedup();
    assert_eq!(all, files.len(), "a file came twice");
}
