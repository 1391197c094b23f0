//! A picture of distilled sets, one below the other: `sheet OUT.png ROWS SHARD…`.
//!
//! From each shard the first ROWS images of every class are taken, a class a column. `make sheet` makes the README's
//! picture with it; it also shows how the library reads a shard.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its answer goes to whoever started it"
)]

use coda_pipe::internals::imaging::{self, DecodeOptions, RgbImage, SheetLayout};
use coda_pipe::shards::{ReadOptions, ShardReader};
use std::collections::BTreeMap;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, rows, shards @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: sheet OUT.png ROWS SHARD…");
    };
    let rows: usize = rows.parse()?;
    let mut images = Vec::new();
    let mut columns = 0;
    for shard in shards {
        let classes = by_class(Path::new(shard), rows)?;
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

/// The first `most` images of each class of a shard, twice as large, so that small ones can be seen.
fn by_class(shard: &Path, most: usize) -> anyhow::Result<BTreeMap<String, Vec<RgbImage>>> {
    let mut classes: BTreeMap<String, Vec<RgbImage>> = BTreeMap::new();
    for item in ShardReader::open(shard, ReadOptions::default())? {
        let sample = item?;
        let (Some(label), Some(png)) = (sample.get("cls"), sample.get("png")) else { continue };
        let class = classes.entry(String::from_utf8_lossy(label).into_owned()).or_default();
        if class.len() < most {
            let image = imaging::decode_rgb(png, DecodeOptions::default())?;
            let (width, height) = (2 * image.width(), 2 * image.height());
            class.push(imaging::resize_lanczos(&image, width, height)?);
        }
    }
    Ok(classes)
}
