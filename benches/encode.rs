//! The encode stage beside its own model fed with ready tensors: how much of the model's speed reading, decoding,
//! resizing and writing leave.
//!
//!     cargo bench --bench encode -- SIZE BATCH IMAGES SHARD…
//!
//! The real program encodes IMAGES and twice as many (the shards, repeated by links); the difference is what IMAGES take
//! without starting up. In between, the bare encoder runs as many ready tensors. Three rounds, one JSON line.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its answer goes to whoever started it"
)]

use anyhow::Context;
use coda_pipe::models::{Encoder, ModelFolder};
use coda_pipe::onnx::{GraphOptions, Runtime, Search};
use coda_pipe::shards::{ReadOptions, ShardReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 3;

fn main() -> anyhow::Result<()> {
    let given: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [size, batch, images, shards @ ..] = given.as_slice() else {
        println!("give SIZE BATCH IMAGES SHARD… to time encoding; left out");
        return Ok(());
    };
    let case = Case::new(size.parse()?, batch.parse()?, shards)?;
    let shards_each = images.parse::<usize>()?.div_ceil(case.images_per_shard).max(1);
    let images = shards_each * case.images_per_shard;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let short = case.stage(shards_each)?;
        let bare = case.bare(images)?;
        let long = case.stage(2 * shards_each)?;
        rounds.push([images as f64 / (long - short), images as f64 / bare]);
    }
    let mut shares: Vec<f64> = rounds.iter().map(|[stage, bare]| stage / bare).collect();
    shares.sort_by(f64::total_cmp);
    println!(
        "{}",
        serde_json::json!({ "images": images, "stage_and_bare_images_per_second": rounds, "share": shares[ROUNDS / 2] })
    );
    Ok(())
}

struct Case {
    size: usize,
    batch: usize,
    shards: Vec<PathBuf>,
    images_per_shard: usize,
    root: &'static Path,
}

impl Case {
    fn new(size: usize, batch: usize, shards: &[String]) -> anyhow::Result<Self> {
        let shards = shards.iter().map(std::fs::canonicalize).collect::<Result<Vec<_>, _>>()?;
        let first = shards.first().context("no shards given")?;
        let images_per_shard = ShardReader::open(first, ReadOptions::default())?.count();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        Ok(Self { size, batch, shards, images_per_shard, root })
    }

    /// Seconds of a run that encodes `count` shards and ends there.
    fn stage(&self, count: usize) -> anyhow::Result<f64> {
        let folder = tempfile::tempdir()?;
        for number in 0..count {
            let link = folder.path().join(format!("s-{number:05}.tar"));
            std::os::unix::fs::symlink(&self.shards[number % self.shards.len()], link)?;
        }
        let text = format!(
            "[data]\nshards = \"s-*.tar\"\nlabel = \"cls\"\nmax_bad = 0\n[model]\npath = \"{}\"\n[encode]\nsize = {}\n\
             batch = {}\n[runtime]\ndevices = \"cpu\"\n[discover]\nallow_fewer = true\n[output]\nname = \"bench\"\n",
            self.root.join("models/demo").display(),
            self.size,
            self.batch
        );
        std::fs::write(folder.path().join("p.toml"), text)?;
        let started = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_coda-pipe"));
        if let Ok(library) = self.library() {
            command.env("ORT_DYLIB_PATH", library);
        }
        let status = command
            .args(["run", "p.toml", "--until", "encode"])
            .current_dir(folder.path())
            .stderr(Stdio::null())
            .status()?;
        anyhow::ensure!(status.success(), "the run failed: {status}");
        Ok(started.elapsed().as_secs_f64())
    }

    fn library(&self) -> anyhow::Result<PathBuf> {
        let search = Search { setting: None, pipeline_folder: Some(self.root.to_owned()) };
        Ok(Runtime::load(&search)?.library().to_owned())
    }

    /// Seconds of the encoder alone for as many images, all threads.
    fn bare(&self, images: usize) -> anyhow::Result<f64> {
        let search = Search { setting: None, pipeline_folder: Some(self.root.to_owned()) };
        let runtime = Runtime::load(&search)?;
        let threads = std::thread::available_parallelism()?.get();
        let folder = ModelFolder::open(&self.root.join("models/demo"))?;
        let options = GraphOptions { threads, ..GraphOptions::default() };
        let mut encoder = Encoder::load(&folder, &runtime, &options)?;
        let pixels: Vec<f32> =
            (0..self.batch * 3 * self.size * self.size).map(|i| (i as f32 * 0.37).sin()).collect();
        encoder.encode(&pixels, self.batch, self.size)?;
        let started = Instant::now();
        let mut left = images;
        while left > 0 {
            let count = left.min(self.batch);
            encoder.encode(&pixels[..count * 3 * self.size * self.size], count, self.size)?;
            left -= count;
        }
        Ok(started.elapsed().as_secs_f64())
    }
}
