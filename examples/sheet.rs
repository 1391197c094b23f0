//! A picture of distilled sets, one below the other: `sheet OUT.png ROWS SHARD…`.
//!
//! From each shard the first ROWS images of every class are taken, a class a column; from `members:FOLDER:SHARD` the first
//! five members of each class's first anchor, out of the real shards, which are named as from FOLDER. `make sheet` makes
//! the README's picture with it; it also shows how the library reads a shard.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its answer goes to whoever started it"
)]

use coda_pipe::internals::imaging::{self, DecodeOptions, RgbImage, SheetLayout};
use coda_pipe::shards::{ReadOptions, ShardReader};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Members of an anchor that are shown.
const MEMBERS: usize = 5;
/// Side of an image in pixels.
const SIDE: u32 = 64;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, rows, shards @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: sheet OUT.png ROWS SHARD…");
    };
    let rows: usize = rows.parse()?;
    let mut images = Vec::new();
    let mut columns = 0;
    for shard in shards {
        let (classes, rows) = match shard.strip_prefix("members:").and_then(|of| of.split_once(':'))
        {
            Some((folder, shard)) => (members(Path::new(folder), Path::new(shard))?, MEMBERS),
            None => (by_class(Path::new(shard), rows)?, rows),
        };
        columns = classes.len();
        for row in 0..rows {
            images.extend(classes.values().filter_map(|class| class.get(row).cloned()));
        }
    }
    let layout = SheetLayout { columns, gap: 4, background: [255; 3] };
    let sheet = imaging::contact_sheet(&images, layout)?;
    std::fs::write(out, imaging::encode_png(&sheet)?)?;
    eprintln!("{out}: {} images in {columns} columns", images.len());
    Ok(())
}

/// The first members of each class's first anchor.
fn members(folder: &Path, shard: &Path) -> anyhow::Result<BTreeMap<String, Vec<RgbImage>>> {
    let mut wanted: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for item in ShardReader::open(shard, ReadOptions::default())? {
        let sample = item?;
        let (Some(label), Some(json)) = (sample.get("cls"), sample.get("json")) else { continue };
        let about: serde_json::Value = serde_json::from_slice(json)?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let members = about["anchor_members"].as_array().into_iter().flatten().take(MEMBERS);
        let members = members.map(|member| (text(&member["shard"]), text(&member["key"])));
        let label = String::from_utf8_lossy(label).into_owned();
        wanted.entry(label).or_insert_with(|| members.collect());
    }
    let mut images: BTreeMap<(String, String), RgbImage> = BTreeMap::new();
    let shards: BTreeSet<String> =
        wanted.values().flatten().map(|member| member.0.clone()).collect();
    let keys: BTreeSet<(String, String)> = wanted.values().flatten().cloned().collect();
    for shard in shards {
        for item in ShardReader::open(&folder.join(&shard), ReadOptions::default())? {
            let sample = item?;
            let id = (shard.clone(), sample.key.clone());
            if let Some(png) = sample.get("png").filter(|_| keys.contains(&id)) {
                images.insert(id, enlarged(png)?);
            }
        }
    }
    let of = |members: Vec<(String, String)>| {
        members.iter().filter_map(|id| images.get(id).cloned()).collect()
    };
    Ok(wanted.into_iter().map(|(label, members)| (label, of(members))).collect())
}

/// An image twice as large, so that small ones can be seen.
fn enlarged(png: &[u8]) -> anyhow::Result<RgbImage> {
    let image = imaging::decode_rgb(png, DecodeOptions::default())?;
    Ok(imaging::resize_lanczos(&image, SIDE, SIDE)?)
}

/// The first `most` images of each class of a shard.
fn by_class(shard: &Path, most: usize) -> anyhow::Result<BTreeMap<String, Vec<RgbImage>>> {
    let mut classes: BTreeMap<String, Vec<RgbImage>> = BTreeMap::new();
    for item in ShardReader::open(shard, ReadOptions::default())? {
        let sample = item?;
        let (Some(label), Some(png)) = (sample.get("cls"), sample.get("png")) else { continue };
        let class = classes.entry(String::from_utf8_lossy(label).into_owned()).or_default();
        if class.len() < most {
            class.push(enlarged(png)?);
        }
    }
    Ok(classes)
}
