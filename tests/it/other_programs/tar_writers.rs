//! Tars as real tools write them: `shards ls` must see what Python's `webdataset` sees, and where the two differ on
//! purpose, what this file says.

use crate::harness::{Bench, checkout};
use crate::other_programs::tables::python;
use crate::skip;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `shards ls` says of a shard, less the shard's name, and its exit code.
fn ours(bench: &Bench, shard: &Path) -> (Option<i32>, Vec<Value>) {
    let output = bench.output(&["shards", "ls", "--json", "--crc32", shard.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        let mut listed: Value = serde_json::from_str(line).unwrap();
        assert_eq!(listed["shard"], shard.to_str().unwrap());
        listed.as_object_mut().unwrap().shift_remove("shard");
        listed
    };
    (output.status.code(), text.lines().map(line).collect())
}

/// What Python's `webdataset` says of shards, in the same form.
fn theirs(python: &Path, shards: &[PathBuf]) -> Vec<Value> {
    let script = checkout().join("tests/python/list_shards.py");
    let output = Command::new(python).arg(script).args(shards).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn tars(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let named = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(prefix);
    let is_tar =
        |path: &PathBuf| [".tar", ".tgz"].iter().any(|e| path.to_string_lossy().contains(e));
    found.retain(|path| named(path) && is_tar(path));
    found.sort();
    found
}

/// Keys, order, extensions in order, sizes and checksums agree; neither side complains. Answers with the samples.
fn assert_same(bench: &Bench, python: &Path, shards: &[PathBuf]) -> usize {
    let mut samples = 0;
    for (shard, theirs) in shards.iter().zip(theirs(python, shards)) {
        let (code, ours) = ours(bench, shard);
        assert_eq!(
            (code, &theirs["error"]),
            (Some(0), &Value::Null),
            "{}: {ours:?}",
            shard.display()
        );
        // As text: the order of members counts.
        let theirs: Vec<String> =
            theirs["samples"].as_array().unwrap().iter().map(Value::to_string).collect();
        let ours: Vec<String> = ours.iter().map(Value::to_string).collect();
        assert_eq!(ours, theirs, "{}", shard.display());
        samples += ours.len();
    }
    samples
}

/// `nasty_tars.py`'s files in the bench's folder.
fn nasty(bench: &Bench, python: &Path) -> PathBuf {
    let folder = bench.path("nasty");
    std::fs::create_dir(&folder).unwrap();
    let script = checkout().join("tests/python/nasty_tars.py");
    let output = Command::new(python).arg(script).arg(&folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for lacking in String::from_utf8_lossy(&output.stdout).lines() {
        skip::tool(&format!(
            "{lacking} to write tars (Debian: apt-get install zstd lz4 libarchive-tools)"
        ));
    }
    folder
}

#[test]
fn what_tools_write_is_read_as_webdataset_reads_it() {
    let Some(python) = python() else { return };
    let bench = Bench::new();
    let shards = tars(&nasty(&bench, &python), "same-");
    assert!(shards.len() >= 24, "{shards:?}");
    assert!(assert_same(&bench, &python, &shards) >= 88);
}

#[test]
fn shards_of_real_data_sets_are_read_as_webdataset_reads_them() {
    let Some(python) = python() else { return };
    let bench = Bench::new();
    let mut shards = Vec::new();
    for set in ["imagenet-samples", "mnist", "tiny-imagenet10"] {
        if let Some(folder) = skip::shared(Path::new("data").join(set)) {
            shards.extend(tars(&folder, "").into_iter().take(4));
        }
    }
    let samples = assert_same(&bench, &python, &shards);
    assert!(shards.is_empty() || samples > 100, "{samples}");
}

/// `KEY:EXTENSION,…` of a sample, `KEY!CODE` of a fault.
fn outline(listed: &[Value]) -> Vec<String> {
    let key = |line: &Value| line["key"].as_str().unwrap_or("").to_owned();
    let extensions = |members: &Value| {
        members.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(",")
    };
    let line = |line: &Value| match line.get("code") {
        Some(code) => format!("{}!{}", key(line), code.as_str().unwrap()),
        None => format!("{}:{}", key(line), extensions(&line["members"])),
    };
    listed.iter().map(line).collect()
}

/// Damage is never passed over in silence, and costs the samples that it touches and no others. `webdataset` ends at a
/// repeated member and at a cut, and says nothing of the rest.
#[test]
fn where_we_differ_from_webdataset_it_is_on_purpose() {
    let Some(python) = python() else { return };
    let bench = Bench::new();
    let folder = nasty(&bench, &python);
    let sparse: &[&str] = &["0:cls", "1!sparse", "2!sparse", "3:cls"];
    let expected: [(&str, &[&str], &str); 15] = [
        ("odd-garbage", &["0:jpg,cls", "!trailing_data"], "0:jpg,cls"),
        // A hidden file (macOS leaves `._` files) belongs to no sample, and does not part the sample around it.
        ("odd-hidden", &["a/0:jpg,cls"], "a/0:jpg a/:_0.jpg a/0:cls"),
        ("odd-no-end", &["0:jpg,cls", "!no_end_marker"], "0:jpg,cls"),
        ("odd-no-tar", &["!not_tar"], "ReadError"),
        ("odd-not-utf8", &["%ff0:cls", "1:cls"], "\u{fffd}0:cls 1:cls"),
        ("odd-nothing", &["!no_end_marker"], "ReadError"),
        ("odd-repeated", &["0!repeated_extension", "9:cls"], "ValueError"),
        // Links within a sample are followed; `webdataset` passes over them.
        ("odd-special", &["d.x/0:jpg,png,gif,cls", "1:txt"], "d.x/0:jpg,cls 1:txt"),
        ("odd-strays", &["0:jpg", "3:jpg", "0!non_adjacent", "9:cls"], "0:jpg 3:jpg 0:cls 9:cls"),
        ("odd-truncated", &["0:jpg,cls", "dir/1!truncated"], "ReadError"),
        ("odd-two-tars", &["0:jpg,cls", "!trailing_data"], "0:jpg,cls"),
        ("odd-sparse-gnu", sparse, "0:cls 1:bin 2:bin 3:cls"),
        ("odd-sparse-posix", sparse, "0:cls 1:bin 2:bin 3:cls"),
        ("odd-sparse-posix-0.0", sparse, "0:cls 1:bin 2:bin 3:cls"),
        ("odd-sparse-posix-0.1", sparse, "0:cls 1:bin 2:bin 3:cls"),
    ];
    for (name, outlined, webdataset) in expected {
        let shard = folder.join(format!("{name}.tar"));
        if !shard.exists() {
            // GNU tar alone writes these, and where it is missing `nasty` says so.
            continue;
        }
        let (code, listed) = ours(&bench, &shard);
        assert_eq!(outline(&listed), outlined, "{name}");
        assert_eq!(code, Some(i32::from(outlined.iter().any(|line| line.contains('!')))), "{name}");
        let theirs = theirs(&python, &[shard]).remove(0);
        let seen = match theirs["error"].as_str() {
            Some(error) => error.split(':').next().unwrap().to_owned(),
            None => outline(theirs["samples"].as_array().unwrap()).join(" "),
        };
        assert_eq!(seen, webdataset, "{name}: webdataset itself does otherwise now");
    }
    assert_eq!(tars(&folder, "odd-").len(), 15, "a tar that nothing is expected of");
}

#[test]
fn labels_images_and_totals_are_shown_to_people_too() {
    let bench = Bench::new();
    let shown = |extra: &[&str]| {
        let args =
            [&["shards", "ls", "train-{000000..000001}.tar", "--label", "cls"], extra].concat();
        bench.output(&args)
    };
    let output = shown(&["--image", "jpg,png"]);
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert!(stderr.contains("2 shards, 90 samples, 0 bad"), "{stderr}");
    assert!(stdout.contains("(image)") && stdout.contains("class 2"), "{stdout}");
    assert!(stdout.contains("  45 samples, 0 bad"), "{stdout}");
    let output = shown(&["--image", "jpg", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let first = String::from_utf8_lossy(&output.stdout).lines().next().unwrap().to_owned();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["code"], "no_image");
    assert!(
        first["key"].is_string() && first["error"].as_str().unwrap().contains(".jpg"),
        "{first}"
    );
    for wrong in
        [&["no-such.tar"][..], &["train-000000.tar", "--label", "json"], &["ftp://x/a.tar"], &[]]
    {
        bench.expect(2, &[&["shards", "ls"], wrong].concat());
    }
}
