//! A small run in a temporary folder: real digits of the demo's first shard, the demo's model, the real binary.

use coda_pipe::internals::store::file_digest;
use coda_pipe::shards::{ReadOptions, Sample, ShardReader, ShardWriter, WriterOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The checkout.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A temporary folder with a pipeline and two shards of 45 digits of three classes each.
pub struct Bench {
    dir: tempfile::TempDir,
}

/// The first `per_class` demo digits of each of the classes 0, 1, 2, in the shard's order.
pub fn digits(per_class: usize) -> Vec<Sample> {
    let path = checkout().join("pipelines/demo/train-000000.tar.zst");
    let mut counts = BTreeMap::new();
    let mut samples = Vec::new();
    for item in ShardReader::open(&path, ReadOptions::default()).unwrap() {
        let sample = item.unwrap();
        let label = String::from_utf8(sample.get("cls").unwrap().to_vec()).unwrap();
        let count = counts.entry(label.clone()).or_insert(0);
        if ["0", "1", "2"].contains(&label.as_str()) && *count < per_class {
            *count += 1;
            samples.push(sample);
        }
    }
    assert_eq!(samples.len(), 3 * per_class);
    samples
}

/// Writes `samples` as a plain tar shard.
pub fn write_shard(path: &Path, samples: &[Sample]) {
    let mut writer = ShardWriter::new(Vec::new(), WriterOptions::default());
    for sample in samples {
        writer.write_sample(&sample.key, &sample.members).unwrap();
    }
    std::fs::write(path, writer.finish().unwrap().0).unwrap();
}

impl Bench {
    pub fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        let samples = digits(30);
        write_shard(&bench.path("train-000000.tar"), &samples[..45]);
        write_shard(&bench.path("train-000001.tar"), &samples[45..]);
        std::fs::write(bench.path("classes.txt"), "0, zero\n1, one\n2, two\n").unwrap();
        let model = checkout().join("models/demo");
        let pipeline = format!(
            "[data]\nshards = \"train-{{000000..000001}}.tar\"\nclasses = \"classes.txt\"\n\
             [model]\npath = {model:?}\n\
             [runtime]\ndevices = \"cpu\"\nworkers = 2\n\
             [encode]\nsize = 32\n\
             [discover]\nipc = 4\nalgorithm = \"coda\"\nn_neighbors = 10\nmin_cluster_size = 4\nneighbors = \"hnsw\"\n\
             [generate]\nsize = 32\nsteps = 6\ngamma = 0.2\n\
             [output]\nname = \"mini\"\nsize = 32\nrun_dir = \"run\"\n"
        );
        std::fs::write(bench.path("p.toml"), pipeline).unwrap();
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `coda-pipe ARGS` in the folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coda-pipe"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let chosen = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        if let Some(library) = chosen.or_else(fetched_runtime) {
            command.env("ORT_DYLIB_PATH", library);
        }
        command
    }

    pub fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs, expects exit code `code`, and answers with stdout and stderr.
    pub fn expect(&self, code: i32, args: &[&str]) -> (String, String) {
        let output = self.output(args);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "coda-pipe {args:?}\n{stdout}\n{stderr}");
        (stdout, stderr)
    }

    /// Digests of every file of both sets in the run directory `run`.
    pub fn results(&self, run: &str) -> BTreeMap<String, String> {
        let mut digests = BTreeMap::new();
        for set in ["distilled", "cores"] {
            for entry in std::fs::read_dir(self.path(run).join(set)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                digests.insert(format!("{set}/{name}"), file_digest(&path).unwrap().1);
            }
        }
        assert_eq!(digests.len(), 4, "{digests:?}");
        digests
    }

    /// Events of the run directory `run` of the kind `event`.
    pub fn events(&self, run: &str, event: &str) -> usize {
        let text = std::fs::read_to_string(self.path(run).join("events.jsonl")).unwrap_or_default();
        text.matches(&format!("\"event\":\"{event}\"")).count()
    }
}

/// The library that `make runtime` fetched: tests run in temporary folders, from where the checkout is not found.
fn fetched_runtime() -> Option<PathBuf> {
    let folder = checkout().join(".onnxruntime/onnxruntime/capi");
    let entries = std::fs::read_dir(folder).ok()?;
    let mut found: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    found.retain(|p| p.to_string_lossy().contains("libonnxruntime.so.1"));
    found.into_iter().next()
}

/// Samples of a shard by key, members by extension.
pub fn read_shard(path: &Path) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let samples = ShardReader::open(path, ReadOptions::default()).unwrap();
    samples
        .map(Result::unwrap)
        .map(|s| (s.key, s.members.into_iter().map(|m| (m.extension, m.bytes)).collect()))
        .collect()
}

/// All results below a run directory, by name: every file but receipts and records, which hold times.
pub fn contents(run: &Path) -> BTreeMap<String, Vec<u8>> {
    fn visit(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(root, &path, found);
            } else if !path.to_string_lossy().ends_with(".receipt.json") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(run, run, &mut found);
    for record in ["run.json", "events.jsonl", "lock", ".coda-run"] {
        found.remove(record);
    }
    found.retain(|name, _| !name.starts_with("workers/"));
    assert!(found.keys().any(|name| name.starts_with("distilled/")), "{:?}", found.keys());
    found
}
