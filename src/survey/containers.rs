//! What kinds of files the shards are.

use crate::shards::{Compression, Container, ShardPlace};
use serde::Serialize;
use std::collections::BTreeMap;

/// A kind of shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ShardKind {
    /// What the shards are, in words.
    pub(crate) what: String,
    /// How many there are.
    pub(crate) shards: usize,
}

/// Shards whose beginning is looked at, where that means asking a server.
const ASKED: usize = 4;

/// The kinds, the most frequent first. Of shards on servers only a few are looked at, and the others taken to be alike.
pub(super) fn containers(places: &[ShardPlace]) -> Vec<ShardKind> {
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
    let mut all: Vec<ShardKind> =
        counts.into_iter().map(|(what, shards)| ShardKind { what, shards }).collect();
    all.sort_by_key(|kind| std::cmp::Reverse(kind.shards));
    all
}

fn kind(place: &ShardPlace) -> &'static str {
    match place.container() {
        Ok(Container::Images) => "folder of images",
        Ok(Container::Parquet) => "Parquet",
        Ok(Container::Tar(Compression::Plain)) => "tar",
        Ok(Container::Tar(Compression::Gzip)) => "tar compressed by gzip",
        Ok(Container::Tar(Compression::Zstd)) => "tar compressed by zstd",
        Ok(Container::Tar(Compression::Lz4)) => "tar compressed by lz4",
        Err(_) => "unreadable",
    }
}

/// Whether a shard lies on this machine, so that reading it costs little.
pub(super) fn is_local(place: &ShardPlace) -> bool {
    !matches!(place, ShardPlace::Url(_) | ShardPlace::Pipe { .. } | ShardPlace::Stdin)
}
