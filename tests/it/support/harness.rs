//! A small run in a temporary folder: real digits of the demo's first shard, the demo's model, the real binary.

use crate::finished;
use coda_pipe::internals::store::file_digest;
use coda_pipe::shards::{ReadOptions, Sample, ShardReader, ShardWriter, WriterOptions};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The checkout.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with a pipeline and two shards of 45 digits of three classes each.
pub struct Bench {
    folder: PathBuf,
    /// Removes the folder; none where other tests copy it.
    _temporary: Option<tempfile::TempDir>,
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

/// Writes the shards, the class list and the pipeline of a bench. One thread a graph: several wait for each other actively,
/// which takes half as much again of a busy machine.
fn write_data(folder: &Path) {
    let samples = digits(30);
    write_shard(&folder.join("train-000000.tar"), &samples[..45]);
    write_shard(&folder.join("train-000001.tar"), &samples[45..]);
    std::fs::write(folder.join("classes.txt"), "0, zero\n1, one\n2, two\n").unwrap();
    let model = checkout().join("models/demo");
    let pipeline = format!(
        "[data]\nshards = \"train-{{000000..000001}}.tar\"\nclasses = \"classes.txt\"\n\
         [model]\npath = {model:?}\n\
         [runtime]\ndevices = \"cpu\"\nworkers = 2\nthreads = 1\n\
         [encode]\nsize = 32\n\
         [discover]\nipc = 4\nalgorithm = \"coda\"\nn_neighbors = 10\nmin_cluster_size = 4\nneighbors = \"hnsw\"\n\
         [anchor]\nkind = \"image\"\n\
         [generate]\nsize = 32\nsteps = 6\ngamma = 0.2\n\
         [output]\nname = \"mini\"\nsize = 32\nrun_dir = \"run\"\n"
    );
    std::fs::write(folder.join("p.toml"), pipeline).unwrap();
}

/// The folder of a bench in which `run p.toml ARGS` was done, once.
fn run_once(args: &[&str]) -> PathBuf {
    let args = [&["run", "p.toml"], args].concat();
    finished::once(&args.join(" "), |folder| drop(Bench::inside(folder).expect(0, &args)))
}

impl Bench {
    pub fn new() -> Self {
        Self::copy_of(&finished::once("data", write_data))
    }

    /// A bench in whose folder `run` lies what `run p.toml ARGS` leaves, done once for all tests.
    pub fn with_run(args: &[&str]) -> Self {
        Self::copy_of(&run_once(args))
    }

    /// A bench on which `prepare` was done, once for all tests that ask for it by this name.
    pub fn prepared(name: &str, prepare: impl FnOnce(&Self)) -> Self {
        Self::copy_of(&finished::once(name, |folder| prepare(&Self::inside(folder))))
    }

    /// Puts what `run p.toml ARGS` leaves into the folder `run`, in place of what is there: the pipeline and the shards
    /// have to be those of a new bench.
    pub fn give_run(&self, run: &str, args: &[&str]) {
        let made = run_once(args);
        let to = self.path(run);
        let _ = std::fs::remove_dir_all(&to);
        finished::copy_run(&made.join("run"), &to, &made, &self.folder);
    }

    fn copy_of(folder: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        finished::copy(folder, dir.path());
        Self { folder: dir.path().to_owned(), _temporary: Some(dir) }
    }

    /// A bench in a folder that stays.
    fn inside(folder: &Path) -> Self {
        finished::copy(&finished::once("data", write_data), folder);
        Self { folder: folder.to_owned(), _temporary: None }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// `coda-pipe ARGS` in the folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coda-pipe"));
        command.args(args).current_dir(&self.folder).stdin(Stdio::null());
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
pub fn fetched_runtime() -> Option<PathBuf> {
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
