//! The same images as tars, as Parquet and as a folder: the same samples, the same cores, the same distilled images.

use crate::harness::{Bench, digits, read_shard};
use crate::object_server::ObjectServer;
use crate::other_programs::tables::{check, python};
use crate::skip;
use arrow::array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

const NAMES: [&str; 3] = ["zero", "one", "two"];

/// Ninety digits as a folder, as tars packed of it, and as Parquet with Hugging Face's metadata.
pub(crate) fn write_sets(bench: &Bench) {
    let mut files = BTreeMap::new();
    for sample in digits(30) {
        let class = String::from_utf8(sample.get("cls").unwrap().to_vec()).unwrap();
        let name = format!("{class}_{}.png", sample.key.replace('/', "-"));
        files.insert((class, name), sample.get("png").unwrap().to_vec());
    }
    for ((class, name), bytes) in &files {
        let folder = bench.path("folder").join(class);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    write_parquet(&bench.path("hf.parquet"), &files);
    let pack = [
        "shards",
        "pack",
        "folder",
        "--no-shuffle",
        "--per-shard",
        "40",
        "--out",
        "tars/t-{:06}.tar",
    ];
    bench.expect(0, &pack);
}

fn write_parquet(path: &Path, files: &BTreeMap<(String, String), Vec<u8>>) {
    let bytes: ArrayRef = Arc::new(BinaryArray::from_iter_values(files.values()));
    let paths: ArrayRef =
        Arc::new(StringArray::from_iter_values(files.keys().map(|(_, name)| name)));
    let labels = files.keys().map(|(class, _)| class.parse::<i64>().unwrap());
    let fields = [("bytes", DataType::Binary), ("path", DataType::Utf8)];
    let fields = fields.map(|(name, kind)| Arc::new(Field::new(name, kind, true)));
    let image = StructArray::from(fields.into_iter().zip([bytes, paths]).collect::<Vec<_>>());
    let features = serde_json::json!({"info": {"features": {
        "image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": NAMES}}}});
    let metadata =
        std::collections::HashMap::from([("huggingface".to_owned(), features.to_string())]);
    let columns: [(&str, ArrayRef); 2] =
        [("image", Arc::new(image)), ("label", Arc::new(Int64Array::from_iter_values(labels)))];
    let schema: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(schema).with_metadata(metadata));
    let batch =
        RecordBatch::try_new(schema, columns.into_iter().map(|(_, column)| column).collect())
            .unwrap();
    let groups = WriterProperties::builder().set_max_row_group_row_count(Some(25)).build();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), Some(groups))
            .unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn bench() -> Bench {
    Bench::prepared("image sets", write_sets)
}

/// The arguments of a run on these shards.
fn run_on<'a>(shards: &'a str, run: &'a str) -> Vec<&'a str> {
    vec!["run", "p.toml", "--run-dir", run, "--set", shards]
}

/// Members of both sets, but the sidecars' names of shards.
fn sets(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for set in ["distilled", "cores"] {
        for entry in std::fs::read_dir(run.join(set)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "tar") {
                continue;
            }
            for (key, members) in read_shard(&path) {
                for (extension, bytes) in members {
                    let bytes = if extension == "json" { without_shards(&bytes) } else { bytes };
                    assert!(all.insert(format!("{set}/{key}.{extension}"), bytes).is_none());
                }
            }
        }
    }
    assert!(!all.is_empty());
    all
}

/// A sidecar less the names of the shards that images lie in.
fn without_shards(json: &[u8]) -> Vec<u8> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.retain(|name, _| !matches!(name.as_str(), "shard" | "anchor_shard"));
                object.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_slice(json).unwrap();
    strip(&mut value);
    value.to_string().into_bytes()
}

#[test]
fn three_kinds_of_sources_give_the_same_cores_and_images() {
    let bench = bench();
    for (shards, run) in
        [("tars/*.tar", "tars-run"), ("hf.parquet", "hf-run"), ("folder", "folder-run")]
    {
        bench.expect(0, &run_on(&format!("data.shards={shards}"), run));
    }
    let tars = sets(&bench.path("tars-run"));
    assert_eq!(
        tars.keys().filter(|name| name.ends_with("png")).count(),
        24,
        "four of three classes, twice"
    );
    for run in ["hf-run", "folder-run"] {
        let other = sets(&bench.path(run));
        assert!(other.keys().eq(tars.keys()), "{run}");
        let differ: Vec<&String> = tars.keys().filter(|name| tars[*name] != other[*name]).collect();
        assert!(differ.is_empty(), "{run}: {differ:?}");
    }
}

#[test]
fn workers_and_kills_change_no_byte() {
    let bench = bench();
    for (shards, run) in [("hf.parquet", "hf"), ("folder", "folder")] {
        let shards = format!("data.shards={shards}");
        let (one, four) = (format!("{run}-1"), format!("{run}-4"));
        let with = |run, workers| [&run_on(&shards, run)[..], &["--set", workers]].concat();
        bench.expect(0, &with(&one, "workers=1"));
        // Killed as soon as a unit of encode, and then one of a later stage, is done.
        for units in [1, 6] {
            let mut child = bench.command(&with(&four, "workers=4")).spawn().unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            while bench.events(&four, "unit_finished") < units {
                assert!(child.try_wait().unwrap().is_none_or(|status| status.success()));
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            let _ = child.kill();
            child.wait().unwrap();
            lines.by_ref().for_each(drop);
        }
        bench.expect(0, &with(&four, "workers=4"));
        assert_eq!(bench.results(&one), bench.results(&four), "{run}");
    }
}

#[test]
fn names_in_the_metadata_are_prompts_where_there_is_no_class_list() {
    let bench = bench();
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    std::fs::write(bench.path("p.toml"), text.replace("classes = \"classes.txt\"\n", "")).unwrap();
    let (plan, _) = bench.expect(0, &["plan", "p.toml", "--set", "data.shards=hf.parquet"]);
    assert!(plan.contains("0 zero, 1 one, 2 two"), "{plan}");
    let (_, said) = bench.expect(0, &run_on("data.shards=hf.parquet", "named"));
    assert!(said.contains("0 zero, 1 one, 2 two"), "{said}");
    let distilled = read_shard(&bench.path("named/distilled/mini-000000.tar"));
    let prompts: Vec<Value> = distilled
        .values()
        .map(|members| serde_json::from_slice::<Value>(&members["json"]).unwrap()["prompt"].clone())
        .collect();
    assert!(
        prompts.iter().any(|prompt| prompt.as_str().is_some_and(|p| p.contains("two"))),
        "{prompts:?}"
    );
    let (listed, _) = bench.expect(0, &["shards", "ls", "hf.parquet"]);
    assert!(listed.contains("classes: 0 zero, 1 one, 2 two"), "{listed}");
    // Tars have none, and their keys are prompts as ever.
    bench.expect(0, &run_on("data.shards=tars/*.tar", "plain"));
    let plain = read_shard(&bench.path("plain/distilled/mini-000000.tar"));
    assert!(
        !plain
            .values()
            .any(|members| String::from_utf8_lossy(&members["json"]).contains("\"zero\""))
    );
}

#[test]
fn tools_take_all_kinds_and_a_server_is_read_by_ranges() {
    let bench = bench();
    let (verified, _) = bench.expect(0, &["shards", "verify", "--images", "hf.parquet", "folder"]);
    assert!(
        verified.contains("180 samples") && verified.contains("180 images decoded"),
        "{verified}"
    );
    let cat = |from: &str| {
        let output = bench.output(&["shards", "cat", from]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let whole = cat("hf.parquet");
    std::fs::write(bench.path("cat.tar"), &whole).unwrap();
    let samples = read_shard(&bench.path("cat.tar"));
    let names: BTreeMap<&str, &Vec<u8>> =
        samples.iter().map(|(key, m)| (key.as_str(), &m["png"])).collect();
    assert_eq!(names.len(), 90);
    let tars = read_shard(&bench.path("tars/t-000000.tar"));
    for (key, members) in &tars {
        assert_eq!(
            (&samples[key]["png"], &samples[key]["cls"]),
            (&members["png"], &members["cls"])
        );
    }
    let (_, refused) = bench.expect(1, &["shards", "index", "hf.parquet", "folder"]);
    assert!(
        refused.contains("a Parquet file") && refused.contains("a folder of images"),
        "{refused}"
    );

    let server = ObjectServer::start();
    server.put("/data/hf.parquet", std::fs::read(bench.path("hf.parquet")).unwrap());
    server.break_one_in(3);
    let url = format!("{}/data/hf.parquet", server.url());
    assert_eq!(cat(&url), whole);
    assert!(server.counts().1 > 0, "a connection broke");
    let piped = bench.output(&["shards", "ls", "pipe:cat hf.parquet"]);
    let said = String::from_utf8_lossy(&piped.stdout).into_owned();
    assert!(!piped.status.success() && said.contains("not read from a pipe"), "{said}");
}

#[test]
fn cifar_10_is_the_same_in_all_three() {
    let Some(data) = skip::shared("data/cifar10") else { return };
    let Some(python) = python() else { return };
    let bench = Bench::new();
    let shards = (0..2).map(|n| data.join(format!("cifar10-train-{n:06}.tar")));
    let args: Vec<_> = [bench.path(""), "30".into()].into_iter().chain(shards).collect();
    assert_eq!(check(&python, "image_sets.py", &args)["images"], 300);
    bench.expect(0, &["shards", "pack", "folder", "--no-shuffle", "--out", "tars/t-{:06}.tar"]);
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let text = text.replace("classes = \"classes.txt\"\n", "").replace("ipc = 4", "ipc = 2");
    std::fs::write(bench.path("p.toml"), text).unwrap();
    for (run, label, shards) in
        [("t", "cls", "tars/*.tar"), ("h", "txt", "hf/*.parquet"), ("f", "cls", "folder")]
    {
        let (label, shards) = (format!("data.label={label}"), format!("data.shards={shards}"));
        let args = [&run_on(&shards, run)[..], &["--set", &label]].concat();
        bench.expect(0, &args);
    }
    let tars = sets(&bench.path("t"));
    assert_eq!(tars, sets(&bench.path("h")));
    assert_eq!(tars, sets(&bench.path("f")));
}
