//! What kinds of files the shards are.

use crate::shards::{Compression, ShardPlace};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Read;

/// A kind of shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Container {
    /// What the shards are, in words.
    pub(crate) what: String,
    /// How many there are.
    pub(crate) shards: usize,
}

/// Shards whose beginning is looked at, where that means asking a server.
const ASKED: usize = 4;

/// The kinds, the most frequent first. Of shards on servers only a few are looked at, and the others taken to be alike.
pub(super) fn containers(places: &[ShardPlace]) -> Vec<Container> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut asked = 0;
    let mut last = String::new();
    for place in places {
        let what = match place {
            ShardPlace::Pipe { .. } => "what a command writes".to_owned(),
            ShardPlace::Url(_) if asked >= ASKED => last.clone(),
            ShardPlace::Url(_) => {
                asked += 1;
                last = format!("{} on a server", kind(place));
                last.clone()
            }
            _ => kind(place).to_owned(),
        };
        *counts.entry(what).or_default() += 1;
    }
    let mut all: Vec<Container> =
        counts.into_iter().map(|(what, shards)| Container { what, shards }).collect();
    all.sort_by_key(|container| std::cmp::Reverse(container.shards));
    all
}

fn kind(place: &ShardPlace) -> &'static str {
    let mut head = [0; 4];
    if let ShardPlace::File(path) = place {
        if path.is_dir() {
            return "folder of images";
        }
        let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
        if read.is_ok() && &head == b"PAR1" {
            return "Parquet";
        }
    }
    if place.to_string().ends_with(".parquet") {
        return "Parquet";
    }
    match place.compression() {
        Ok(Compression::Plain) => "tar",
        Ok(Compression::Gzip) => "tar compressed by gzip",
        Ok(Compression::Zstd) => "tar compressed by zstd",
        Ok(Compression::Lz4) => "tar compressed by lz4",
        Err(_) => "unreadable",
    }
}

/// Whether a shard lies on this machine, so that reading it costs little.
pub(super) fn is_local(place: &ShardPlace) -> bool {
    !matches!(place, ShardPlace::Url(_) | ShardPlace::Pipe { .. } | ShardPlace::Stdin)
}
