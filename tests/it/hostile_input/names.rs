//! Names that somebody else chose: sample keys, class labels, a model's file names. None becomes a path.

use crate::harness::{Bench, digits, read_shard};
use crate::model_goldens::support::runtime;
use arrow::array::AsArray;
use coda_pipe::internals::store::tables::read_all;
use coda_pipe::onnx::{Graph, GraphOptions};
use coda_pipe::shards::Sample;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tar::{EntryType, Header};

/// Appends a member whose name, in a PAX record, may hold any bytes.
fn append(tar: &mut Vec<u8>, name: &[u8], content: &[u8]) {
    let body = " path=".len() + name.len() + 1;
    let mut length = body;
    while length != body + length.to_string().len() {
        length = body + length.to_string().len();
    }
    let record = [length.to_string().as_bytes(), b" path=", name, b"\n"].concat();
    for (kind, content) in [(EntryType::XHeader, &record[..]), (EntryType::Regular, content)] {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..4].copy_from_slice(b"name");
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.extend(header.as_bytes());
        tar.extend(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
}

/// A shard of these samples, each with a key of any bytes and a label.
fn write_named<'a>(path: &Path, samples: impl IntoIterator<Item = (Vec<u8>, &'a str, &'a Sample)>) {
    let mut tar = Vec::new();
    for (key, label, sample) in samples {
        let member = |extension: &str| [&key[..], b".", extension.as_bytes()].concat();
        let json = serde_json::json!({ "label": label }).to_string();
        append(&mut tar, &member("json"), json.as_bytes());
        append(&mut tar, &member("png"), sample.get("png").unwrap());
    }
    tar.resize(tar.len() + 1024, 0);
    std::fs::write(path, tar).unwrap();
}

/// Paths of all files and folders below `root`.
fn tree(root: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        }
        found.insert(path);
    }
    found
}

/// Runs, and answers with the paths that the run made, relative to its directory. It must have made nothing elsewhere.
fn run_and_list(bench: &Bench, args: &[&str]) -> BTreeSet<String> {
    let root = bench.path("");
    let before = tree(&root);
    bench.expect(0, &[&["run", "p.toml", "--set", "label=json:label"], args].concat());
    let made: BTreeSet<PathBuf> = tree(&root).difference(&before).cloned().collect();
    let name = |path: PathBuf| {
        let below = path.strip_prefix(bench.path("run"));
        below.unwrap_or_else(|_| panic!("{} was made", path.display())).to_str().unwrap().to_owned()
    };
    made.into_iter().map(name).collect()
}

fn column(path: &Path, name: &str) -> Vec<String> {
    let table = read_all(path).unwrap();
    let column = table.column_by_name(name).unwrap().as_string::<i32>();
    column.iter().map(|text| text.unwrap().to_owned()).collect()
}

#[test]
fn sample_keys_are_data_and_never_paths() {
    let bench = Bench::new();
    // Not below the bench: its folder is hidden, and what lies in hidden folders is no sample.
    let absolute = format!("/tmp/coda-evil-{}/evil", std::process::id());
    let long = "n".repeat(5000);
    let keys: [&[u8]; 12] = [
        b"../../evil",
        b"../../../../../../../../../../tmp/coda-evil",
        absolute.as_bytes(),
        b"nul\0byte",
        b"line\nbreak",
        b"\x1b[2J\x1b]0;title\x07",
        b"C:\\evil",
        b"..\\..\\evil",
        b"CON",
        b"a/CON",
        long.as_bytes(),
        b"not \xff UTF-8",
    ];
    let samples = digits(30);
    let named = samples.iter().enumerate().map(|(i, sample)| {
        let label = std::str::from_utf8(sample.get("cls").unwrap()).unwrap();
        let key = keys.get(i).map_or_else(|| format!("k{i}").into_bytes(), |key| key.to_vec());
        (key, label, sample)
    });
    write_named(&bench.path("train-000000.tar"), named.clone().take(45));
    write_named(&bench.path("train-000001.tar"), named.skip(45));

    let (listed, _) = bench.expect(0, &["shards", "ls", "train-000000.tar"]);
    assert!(listed.contains("../../evil  json") && listed.contains("\\u{1b}[2J"), "{listed}");
    let controls = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
    assert!(!controls(&listed) && listed.contains("line\\nbreak"), "{listed}");

    // All of a class become cores, so that every key goes the whole way.
    let made = run_and_list(&bench, &["--set", "ipc=29", "--set", "data.max_bad=0"]);
    let plain =
        |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./%".contains(&b));
    assert!(made.iter().all(plain), "{made:?}");
    assert!(
        !Path::new("/tmp/coda-evil").exists() && !Path::new(&absolute).parent().unwrap().exists()
    );

    let encoded = column(&bench.path("run/encode/part-000000.parquet"), "key");
    // WebDataset knows no key that starts with a dot: such members are no samples.
    let known = keys.iter().filter(|key| key.contains(&b'/') || key[0] != b'.');
    for key in known.filter_map(|key| std::str::from_utf8(key).ok()) {
        assert!(encoded.iter().any(|known| known == key), "{key:?} in {encoded:?}");
    }
    // Bytes that are no UTF-8 are written as in URLs.
    assert!(encoded.iter().any(|known| known == "not %ff UTF-8"), "{encoded:?}");
    let distilled = read_shard(&bench.path("run/distilled/mini-000000.tar"));
    let anchors: BTreeSet<String> = distilled
        .values()
        .map(|members| serde_json::from_slice::<serde_json::Value>(&members["json"]).unwrap())
        .map(|meta| meta["anchor_key"].as_str().unwrap().to_owned())
        .collect();
    assert!(anchors.contains("../../evil") && anchors.contains("nul\0byte"), "{anchors:?}");
}

#[test]
fn class_keys_make_safe_names_that_stay_apart() {
    let bench = Bench::new();
    let (long, longer) = ("l".repeat(80), "l".repeat(81));
    let labels = [
        "../x",
        "a/b",
        "a\\b",
        ".",
        "..",
        "dog",
        "Dog",
        "DOG",
        "%44og",
        "caf\u{e9}",
        "cafe\u{301}",
        "-rf",
        "~",
        &long,
    ];
    let samples = digits(6 * labels.len().div_ceil(3));
    let bad = ["", &longer, "two\nlines"];
    let named = |i: usize| {
        let label = bad.get(i).copied().unwrap_or(labels[i % labels.len()]);
        (format!("k{i}").into_bytes(), label, &samples[i])
    };
    write_named(&bench.path("train-000000.tar"), (0..samples.len()).map(named));
    let pipeline = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    let pipeline = pipeline.replace("classes = \"classes.txt\"\n", "");
    let pipeline = pipeline.replace("{000000..000001}", "000000");
    std::fs::write(bench.path("p.toml"), pipeline).unwrap();
    let made = run_and_list(&bench, &["--set", "ipc=1"]);

    let folder = |name: &&String| name.starts_with("discover/") && name.matches('/').count() == 1;
    let folders: Vec<_> = made.iter().filter(folder).filter(|n| !n.ends_with(".json")).collect();
    assert_eq!(folders.len(), labels.len(), "{folders:?}");
    for name in &made {
        for part in name.split('/') {
            assert!(part.len() < 255 && part != "." && part != "..", "{name}");
        }
    }

    let reasons = column(&bench.path("run/quarantine.parquet"), "reason");
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    let class_of: BTreeMap<String, &str> = (0..samples.len())
        .map(named)
        .map(|(key, l, _)| (String::from_utf8(key).unwrap(), l))
        .collect();
    for set in ["distilled/mini", "cores/mini-cores"] {
        let shard = read_shard(&bench.path(&format!("run/{set}-000000.tar")));
        let mut classes = BTreeSet::new();
        for members in shard.values() {
            let meta: serde_json::Value = serde_json::from_slice(&members["json"]).unwrap();
            let class = meta["class"].as_str().unwrap().to_owned();
            assert_eq!(class_of[meta["anchor_key"].as_str().unwrap()], class);
            assert_eq!(meta["class_name"], class);
            classes.insert(class);
        }
        assert_eq!(classes, labels.iter().map(|label| (*label).to_owned()).collect());
    }
}

/// A field of a protocol buffer: text, bytes or a message.
fn field(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let length = content.len();
    assert!(number < 16 && length < 1 << 14);
    let length = [(length & 127) as u8 | 128, (length >> 7) as u8];
    [&[number << 3 | 2], &length[..], content].concat()
}

fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

/// A graph that applies `operator` of `domain` to its input of four numbers and to weights in the file `location`.
fn graph(domain: &str, operator: &str, location: &str) -> Vec<u8> {
    let entry = |key: &str, value: &str| field(13, [field(1, key), field(2, value)].concat());
    let weights = [number(1, 4), number(2, 1), field(8, "w"), entry("location", location)];
    let weights = [weights.concat(), entry("length", "16"), number(14, 1)].concat();
    let shape = field(2, field(1, number(1, 4)));
    let four = field(2, field(1, [number(1, 1), shape].concat()));
    let port = |name: &str| [field(1, name), four.clone()].concat();
    let node = [field(1, "x"), field(1, "w"), field(2, "y"), field(4, operator), field(7, domain)];
    let graph = [field(1, node.concat()), field(2, "g"), field(5, weights)].concat();
    let graph = [graph, field(11, port("x")), field(12, port("y"))].concat();
    let opset = |domain: &str, version| field(8, [field(1, domain), number(2, version)].concat());
    let opsets = [opset("", 17), opset(domain, 1)];
    let opsets = if domain.is_empty() { opsets[0].clone() } else { opsets.concat() };
    [number(1, 8), field(7, graph), opsets].concat()
}

fn open(model: &Path, graph: &[u8]) -> Result<Graph, String> {
    std::fs::write(model, graph).unwrap();
    let opened = Graph::open(&runtime(), model, &GraphOptions::default());
    opened.map_err(|error| error.to_string())
}

#[test]
fn a_graph_reads_weights_beside_itself_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("model/unet");
    std::fs::create_dir_all(&folder).unwrap();
    let model = folder.join("model.onnx");
    std::fs::write(folder.join("model.onnx_data"), [0; 16]).unwrap();
    std::fs::write(dir.path().join("secret"), [0; 16]).unwrap();
    open(&model, &graph("", "Add", "model.onnx_data")).unwrap();
    let absolute = dir.path().join("secret").to_str().unwrap().to_owned();
    for outside in ["../../secret", "x/../../../secret", "/etc/passwd", &absolute] {
        let error = open(&model, &graph("", "Add", outside)).unwrap_err();
        assert!(error.contains("model.onnx"), "{outside}: {error}");
    }
}

#[test]
fn a_graph_brings_no_operators_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model.onnx");
    std::fs::write(dir.path().join("model.onnx_data"), [0; 16]).unwrap();
    std::fs::write(dir.path().join("libevil.so"), "not even a library").unwrap();
    for domain in ["evil", "libevil.so", "./libevil.so"] {
        let error = open(&model, &graph(domain, "Run", "model.onnx_data")).unwrap_err();
        assert!(error.contains("Run"), "{error}");
    }
}

#[test]
fn python_modules_among_the_data_are_not_run() {
    let bench = Bench::new();
    let package = bench.path("onnxruntime");
    std::fs::create_dir_all(package.join("capi")).unwrap();
    std::fs::write(package.join("capi/libonnxruntime.so"), "not even a library").unwrap();
    for module in
        ["contextlib", "functools", "threading", "types", "warnings", "onnxruntime/__init__"]
    {
        std::fs::write(bench.path(&format!("{module}.py")), "open('was-run', 'w')").unwrap();
    }
    // Nothing else says where the library is, so that Python is asked.
    let output = bench.command(&["doctor"]).env_remove("ORT_DYLIB_PATH").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!bench.path("was-run").exists(), "{said}");
    assert!(!said.contains(package.to_str().unwrap()), "{said}");
}
