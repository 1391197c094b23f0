//! Lists the samples of WebDataset shards: key, label, and the bytes of each member.
//!
//!     cargo run --example read_shards -- pipelines/demo/train-000000.tar.zst

#![allow(clippy::print_stdout, reason = "its answer goes to whoever started it")]

use coda_pipe::shards::{LabelSource, ReadOptions, ShardReader};
use std::fmt::Write;
use std::path::{Path, PathBuf};

#[allow(dead_code, reason = "a test includes this file for `run`")]
fn main() -> anyhow::Result<()> {
    let shards: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    anyhow::ensure!(!shards.is_empty(), "usage: read_shards SHARD…");
    for shard in &shards {
        print!("{}", run(shard)?);
    }
    Ok(())
}

/// One line per sample of a shard: tar, plain or compressed, which its content tells.
pub fn run(shard: &Path) -> anyhow::Result<String> {
    let label = LabelSource::Extension("cls".into());
    let mut lines = String::new();
    for item in ShardReader::open(shard, ReadOptions::default())? {
        // A faulty sample is an error here; reading could go on behind it.
        let sample = item?;
        write!(lines, "{}\t{}", sample.key, label.label(&sample)?)?;
        for member in &sample.members {
            write!(lines, "\t{} {}", member.extension, member.bytes.len())?;
        }
        lines.push('\n');
    }
    Ok(lines)
}
