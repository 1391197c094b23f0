//! Digests of made-up model folders.

use super::*;
use std::os::unix::fs::FileExt;

fn put(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path
}

/// A graph whose one initializer lies in the file `location`.
fn graph(location: &str) -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        [&[number << 3 | 2, content.len() as u8][..], content].concat()
    };
    let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
    field(7, &field(5, &field(13, &entry)))
}

fn unet(folder: &Path) -> String {
    model_digest(folder, &["unet"]).unwrap()
}

#[test]
fn content_and_names_count_and_missing_parts_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "unet/model.onnx", b"a");
    let first = model_digest(dir.path(), &["unet", "absent"]).unwrap();
    assert_eq!(first, unet(dir.path()));
    std::fs::write(&path, "b").unwrap();
    assert_ne!(first, unet(dir.path()));
}

#[test]
fn a_small_model_has_the_digest_that_earlier_versions_gave_it() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "unet/model.onnx", b"a graph");
    put(dir.path(), "unet/config.json", b"{}");
    let mut hash = Xxh3::new();
    for (name, content) in [("unet/config.json", &b"{}"[..]), ("unet/model.onnx", b"a graph")] {
        hash.update(name.as_bytes());
        hash.update(&(content.len() as u64).to_le_bytes());
        hash.update(content);
    }
    assert_eq!(unet(dir.path()), format!("{:016x}", hash.digest()));
}

#[test]
fn whatever_file_a_graph_names_counts() {
    for location in [
        "model.onnx_data",
        "weights.pb",
        "model.onnx_data_1",
        "sub/w.bin",
        ".hidden/w",
        "../shared.bin",
    ] {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "unet/model.onnx", &graph(location));
        let without = unet(dir.path());
        let weights = put(&dir.path().join("unet"), location, b"first");
        let first = unet(dir.path());
        std::fs::write(&weights, "other").unwrap();
        let other = unet(dir.path());
        assert!(without != first && first != other, "{location}");
        let of_graph = graph_digest(&dir.path().join("unet/model.onnx")).unwrap();
        std::fs::write(&weights, "first").unwrap();
        assert_eq!(unet(dir.path()), first);
        assert_ne!(graph_digest(&dir.path().join("unet/model.onnx")).unwrap(), of_graph);
    }
}

#[test]
fn an_absolute_name_and_links_are_followed_and_a_ring_of_folders_ends() {
    let dir = tempfile::tempdir().unwrap();
    let outside = put(dir.path(), "elsewhere/w.bin", b"first");
    put(dir.path(), "a/unet/model.onnx", &graph(outside.to_str().unwrap()));
    std::os::unix::fs::symlink(&outside, dir.path().join("a/unet/linked")).unwrap();
    std::os::unix::fs::symlink("..", dir.path().join("a/unet/ring")).unwrap();
    let first = unet(&dir.path().join("a"));
    std::fs::write(&outside, "other").unwrap();
    assert_ne!(unet(&dir.path().join("a")), first);
}

#[test]
fn a_moved_and_touched_model_keeps_its_digest() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "a/unet/model.onnx", &graph("sub/w.bin"));
    put(dir.path(), "a/unet/sub/w.bin", b"weights");
    let first = unet(&dir.path().join("a"));
    std::fs::rename(dir.path().join("a"), dir.path().join("b")).unwrap();
    put(dir.path(), "b/unet/sub/w.bin", b"weights");
    assert_eq!(unet(&dir.path().join("b")), first);
}

#[test]
fn one_byte_in_the_middle_of_a_large_file_counts() {
    let dir = tempfile::tempdir().unwrap();
    let weights = put(dir.path(), "unet/w.bin", b"");
    let file = File::options().write(true).open(&weights).unwrap();
    file.set_len(77_000_001).unwrap();
    let first = unet(dir.path());
    file.write_all_at(b"x", 40_000_000).unwrap();
    assert_ne!(unet(dir.path()), first);
}

#[test]
fn a_folder_that_cannot_be_listed_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("unet", dir.path().join("unet")).unwrap();
    let error = model_digest(dir.path(), &["unet"]).unwrap_err().to_string();
    assert!(error.contains("unet"), "{error}");
}
