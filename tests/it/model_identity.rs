//! The files of a model: changed weights are noticed, whatever file they are in; what can't be read is said as it is.

use crate::harness::{Bench, checkout};
use std::fs::File;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

/// A bench with a copy of the demo's model, which its pipeline uses, and a folder of caches of its own.
struct Own {
    bench: Bench,
}

impl Own {
    fn new() -> Self {
        let bench = Bench::new();
        copy(&checkout().join("models/demo"), &bench.path("model"));
        let pipeline = std::fs::read_to_string(bench.path("p.toml")).unwrap();
        let demo = checkout().join("models/demo");
        let own = pipeline.replace(&format!("{demo:?}"), "\"model\"");
        assert_ne!(own, pipeline);
        std::fs::write(bench.path("p.toml"), own).unwrap();
        Self { bench }
    }

    fn model(&self, name: &str) -> PathBuf {
        self.bench.path("model").join(name)
    }

    /// Runs as a user with this bench's cache; expects the exit code, answers with both outputs.
    fn expect(&self, code: i32, args: &[&str]) -> String {
        let cache = self.bench.path("cache");
        let output = self.bench.command(args).env("XDG_CACHE_HOME", cache).output().unwrap();
        let said = [&output.stdout[..], &output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(output.status.code(), Some(code), "coda-pipe {args:?}\n{said}");
        said
    }

    fn encode(&self, code: i32, sets: &[&str]) -> String {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let args: Vec<&str> =
            ["run", "p.toml", "--until", "encode"].into_iter().chain(sets).collect();
        self.expect(code, &args)
    }

    fn kept(&self) -> usize {
        let folder = self.bench.path("cache/coda-pipe/digests");
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::write(&target, std::fs::read(&path).unwrap()).unwrap();
        }
    }
}

/// A protobuf field of bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(number < 16 && bytes.len() < 128);
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

/// Adds to a graph a tensor of 64 float32 values in the file `location`, and an output that is it; protobuf merges what
/// comes twice.
fn refer(graph: &Path, location: &str) {
    let entry = |key: &str, value: &str| {
        field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
    };
    let place = [entry("location", location), entry("length", "256")].concat();
    let tensor =
        [vec![1 << 3, 64, 2 << 3, 1], field(8, b"added"), place, vec![14 << 3, 1]].concat();
    let node = [field(1, b"added"), field(2, b"seen"), field(4, b"Identity")].concat();
    let kind = field(2, &field(1, &[1 << 3, 1]));
    let port = [field(1, b"seen"), kind].concat();
    let mut bytes = std::fs::read(graph).unwrap();
    bytes.extend(field(7, &[field(1, &node), field(12, &port), field(5, &tensor)].concat()));
    std::fs::write(graph, bytes).unwrap();
}

#[test]
fn one_byte_in_the_middle_of_large_weights_is_noticed_though_their_times_are_set_back() {
    let own = Own::new();
    refer(&own.model("vae_encoder/model.onnx"), "weights.pb");
    let weights = own.model("vae_encoder/weights.pb");
    File::create(&weights).unwrap().set_len(77_000_000).unwrap();
    own.encode(0, &[]);
    // Weights of a moment ago are read each time, till it is sure that a change would show.
    while own.kept() == 0 {
        own.expect(0, &["run", "p.toml", "--until", "encode", "--dry-run"]);
    }
    assert!(own.encode(0, &[]).contains("nothing was recomputed"));

    let before = weights.metadata().unwrap().modified().unwrap();
    let file = File::options().write(true).open(&weights).unwrap();
    file.write_all_at(b"x", 38_000_000).unwrap();
    file.set_modified(before).unwrap();
    drop(file);
    let said = own.encode(2, &[]);
    assert!(
        said.contains("model.path: the content or names of the model's files changed"),
        "{said}"
    );

    // Back, and moved: the same model. A damaged cache is no harm, nor one that can't be written.
    File::options().write(true).open(&weights).unwrap().write_all_at(&[0], 38_000_000).unwrap();
    std::fs::rename(own.bench.path("model"), own.bench.path("moved")).unwrap();
    for entry in std::fs::read_dir(own.bench.path("cache/coda-pipe/digests")).unwrap() {
        std::fs::write(entry.unwrap().path(), "damaged").unwrap();
    }
    assert!(own.encode(0, &["model.path=moved"]).contains("nothing was recomputed"));
    std::fs::remove_dir_all(own.bench.path("cache")).unwrap();
    std::fs::write(own.bench.path("cache"), "no folder").unwrap();
    assert!(own.encode(0, &["model.path=moved"]).contains("nothing was recomputed"));
}

#[test]
fn the_second_encoders_weights_count_by_whatever_name_the_graph_has_for_them() {
    let own = Own::new();
    for (place, location) in
        [("a", "sub/w.bin"), ("b", "weights.pb"), ("c", "model.onnx_data_1"), ("d", "../w")]
    {
        let graph = own.bench.path(place).join("enc/model.onnx");
        let weights = graph.parent().unwrap().join(location);
        std::fs::create_dir_all(graph.parent().unwrap().join("sub")).unwrap();
        std::fs::copy(own.model("vae_encoder/model.onnx"), &graph).unwrap();
        std::fs::write(&weights, [1; 256]).unwrap();
        let model = format!("features.model={}", graph.display());
        let run_dir = format!("output.run_dir={place}-run");
        let sets = [&model[..], "features.size=32", &run_dir];
        own.encode(0, &sets);
        assert!(own.encode(0, &sets).contains("nothing was recomputed"));
        refer(&graph, location);
        let told = own.encode(2, &sets);
        assert!(told.contains("features.model: "), "{told}");
        let first = told.lines().find(|line| line.contains("features.model: ")).unwrap().to_owned();
        std::fs::write(&weights, [2; 256]).unwrap();
        let told = own.encode(2, &sets);
        assert!(told.contains("features.model: ") && !told.contains(&first), "{location}: {told}");
    }
}

#[test]
fn a_snapshot_of_the_hubs_cache_is_a_model_or_has_the_right_cure() {
    let own = Own::new();
    refer(&own.model("unet/model.onnx"), "model.onnx_data");
    std::fs::write(own.model("unet/model.onnx_data"), [0; 256]).unwrap();
    let (blobs, snapshot) = (own.bench.path("hub/blobs"), own.bench.path("hub/snapshots/rev"));
    std::fs::create_dir_all(&blobs).unwrap();
    let mut number = 0;
    for part in std::fs::read_dir(own.bench.path("model")).unwrap().map(|e| e.unwrap().path()) {
        let files: Vec<PathBuf> = match std::fs::read_dir(&part) {
            Ok(entries) => entries.map(|e| e.unwrap().path()).collect(),
            Err(_) => vec![part],
        };
        for file in files {
            let link = snapshot.join(file.strip_prefix(own.bench.path("model")).unwrap());
            let depth = link.strip_prefix(own.bench.path("hub")).unwrap().components().count() - 1;
            std::fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::fs::copy(&file, blobs.join(number.to_string())).unwrap();
            symlink(format!("{}blobs/{number}", "../".repeat(depth)), link).unwrap();
            number += 1;
        }
    }
    let about = own.expect(0, &["doctor", "--json"]);
    let about: serde_json::Value = serde_json::from_str(about.trim()).unwrap();
    let version = about["onnxruntime"]["version"].as_str().unwrap().to_owned();
    let args = ["doctor", "--model", "hub/snapshots/rev"];
    if ["1.24.0", "1.24.1"].contains(&&version[..]) {
        let said = own.expect(1, &args);
        assert!(said.contains("cp -rL") && said.contains("1.24.4"), "{said}");
    } else {
        let said = own.expect(0, &args);
        assert!(said.contains("the model is usable"), "{said}");
    }
    // Only the weights are a link: no release from 1.24 on takes that. Earlier ones do.
    std::fs::remove_file(own.model("unet/model.onnx_data")).unwrap();
    std::fs::write(own.bench.path("elsewhere"), [0; 256]).unwrap();
    symlink("../../elsewhere", own.model("unet/model.onnx_data")).unwrap();
    let minor: u32 = version.split('.').nth(1).unwrap().parse().unwrap();
    let said = own.expect(i32::from(minor >= 24), &["doctor", "--model", "model"]);
    assert!(minor < 24 || said.contains("cp -rL"), "{said}");
}

#[test]
fn names_where_folders_and_files_should_be_are_told_as_such_and_once() {
    let own = Own::new();
    let hub = "stabilityai/stable-diffusion-xl-base-1.0";
    let said = own.expect(1, &["sample", hub, "--prompt", "x"]);
    assert!(said.contains(&format!("{hub}: there is no such folder")), "{said}");
    let said = own.expect(1, &["doctor", "--model", "nowhere"]);
    assert!(
        said.contains("nowhere: there is no such folder") && said.contains("1 problem"),
        "{said}"
    );
    let said = own.expect(1, &["doctor", "--model", "p.toml"]);
    assert!(said.contains("this is a file") && said.contains("1 problem"), "{said}");
    let said = own.encode(2, &["features.model=model/unet"]);
    assert!(
        said.contains("is a folder: name the ONNX file in the folder")
            && said.contains("model/unet/model.onnx"),
        "{said}"
    );
    let said = own.encode(1, &["features.model=model/none.onnx"]);
    assert!(said.contains("features.model: the file"), "{said}");

    std::fs::remove_file(own.model("tokenizer/merges.txt")).unwrap();
    let said = own.expect(1, &["doctor", "--model", "model"]);
    assert!(said.contains("merges.txt: it is missing") && said.contains("1 problem\n"), "{said}");
    // A link in a ring can't be read, by anyone: it is not missing.
    symlink("merges.txt", own.model("tokenizer/merges.txt")).unwrap();
    let said = own.expect(1, &["doctor", "--model", "model"]);
    assert!(said.contains("symbolic links") && said.contains("who may read it"), "{said}");
    assert!(said.contains("1 problem\n") && !said.contains("missing"), "{said}");
    std::fs::remove_file(own.model("tokenizer/merges.txt")).unwrap();
    std::fs::write(own.model("tokenizer/merges.txt"), b"#version: 0.2\n\xff\xfe a\n").unwrap();
    let said = own.expect(1, &["doctor", "--model", "model"]);
    assert!(said.contains("merges.txt: it is no text in UTF-8"), "{said}");
}

#[test]
fn a_missing_onnx_runtime_is_told_once_and_a_folder_of_it_is_searched() {
    let own = Own::new();
    let mut run = own.bench.command(&["run", "p.toml"]);
    let output = run.env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("no usable ONNX Runtime").count(), 1, "{said}");
    assert_eq!(said.matches("/nowhere/libonnxruntime.so").count(), 1, "{said}");

    let about = own.expect(0, &["doctor", "--json"]);
    let about: serde_json::Value = serde_json::from_str(about.trim()).unwrap();
    let library = Path::new(about["onnxruntime"]["library"].as_str().unwrap()).to_owned();
    let mut doctor = own.bench.command(&["doctor"]);
    let output = doctor.env("ORT_DYLIB_PATH", library.parent().unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains(library.to_str().unwrap()), "{said}");
}
