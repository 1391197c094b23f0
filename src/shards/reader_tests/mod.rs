//! Reading shards: what the tests share.

mod damage;
mod foreign;
mod grouping;
mod links;
mod names;

use std::io::{self, Cursor};
use std::path::Path;

use super::*;

/// Writes a tar of (name, content) with the `tar` crate, which also makes GNU long names.
fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn read_with(tar: Vec<u8>, options: ReadOptions) -> Vec<Result<Sample, ShardFault>> {
    ShardReader::from_reader("t.tar", Cursor::new(tar), options).collect()
}

fn read(tar: Vec<u8>) -> Vec<Result<Sample, ShardFault>> {
    read_with(tar, ReadOptions::default())
}

/// A short form of the items: keys with their extensions, or `key!code`, `*` for fatal.
fn outline(items: &[Result<Sample, ShardFault>]) -> Vec<String> {
    let line = |item: &Result<Sample, ShardFault>| match item {
        Ok(s) => {
            let extensions: Vec<_> = s.members.iter().map(|m| m.extension.as_str()).collect();
            format!("{}:{}", s.key, extensions.join(","))
        }
        Err(f) => format!(
            "{}!{}{}",
            f.key.as_deref().unwrap_or(""),
            f.reason.code(),
            if f.fatal { "*" } else { "" }
        ),
    };
    items.iter().map(line).collect()
}
