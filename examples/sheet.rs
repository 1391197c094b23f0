//! A picture of distilled sets, one below the other: `sheet OUT.png ROWS SHARD…`.
//!
//! From each shard the first ROWS images of every class are taken, a class a column. `make sheet` makes the README's
//! picture with it; it also shows how the library reads a shard.

use coda_pipe::imaging::{self, Limits, RgbImage};
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
    let sheet = imaging::contact_sheet(&images, columns, 4)?;
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
            let image = imaging::decode(png, &Limits::default())?;
            let size = 2 * image.width() as usize;
            class.push(imaging::resize_square(&image, size)?);
        }
    }
    Ok(classes)
}
