//! `coda-pipe shards index`.

use super::places;
use crate::cli::exit::Exit;
use crate::shards::{
    Compression, Container, ReadOptions, SampleEntry, ShardIdentity, ShardPlace, WidsShard,
    dali_index, wids_index,
};
use crate::store::RunDir;
use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

/// Write DALI's index beside each tar and, with --wids, a wids index over all.
#[derive(Debug, Args)]
pub(crate) struct Index {
    /// Plain tars: paths, brace ranges, globs, folders, @FILE with a list of these
    #[arg(required = true)]
    shards: Vec<String>,
    /// Also write a wids index (`shardindex.json`) over all shards to this file
    #[arg(long, value_name = "FILE")]
    wids: Option<PathBuf>,
    /// Print the written indexes as JSON
    #[arg(long)]
    json: bool,
}

/// A written index.
#[derive(Debug, serde::Serialize)]
struct Written {
    shard: PathBuf,
    index: PathBuf,
    samples: usize,
    bytes: u64,
}

impl Index {
    /// Writes the indexes.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let (mut written, mut failed) = (Vec::new(), Vec::new());
        for place in places(&self.shards)? {
            match index(&place) {
                Ok(one) => {
                    if !self.json {
                        let (index, samples) = (one.index.display(), one.samples);
                        writeln!(crate::cli::output::stdout(), "{index}: {samples} samples")?;
                    }
                    written.push(one);
                }
                Err(error) => {
                    crate::say!("error: {place}: {error:#}");
                    failed.push(json!({"shard": place.to_string(), "error": format!("{error:#}")}));
                }
            }
        }
        let wids = self.wids.as_deref().filter(|_| failed.is_empty());
        if let Some(path) = wids {
            write_wids(path, &written)?;
        } else if let Some(path) = &self.wids {
            crate::say!(
                "{} is not written, because {} shards have no index",
                path.display(),
                failed.len()
            );
        }
        if self.json {
            let report = json!({"written": written, "failed": failed, "wids": wids});
            writeln!(crate::cli::output::stdout(), "{report:#}")?;
        }
        crate::say!("{} shards indexed, {} not", written.len(), failed.len());
        Ok(if failed.is_empty() { Exit::Done } else { Exit::Failed })
    }
}

/// The path of a shard's DALI index: `a.idx` for `a.tar`.
pub(super) fn index_path(shard: &Path) -> PathBuf {
    match shard.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("tar") => shard.with_extension("idx"),
        _ => PathBuf::from(format!("{}.idx", shard.display())),
    }
}

/// Writes the index of one shard.
fn index(place: &ShardPlace) -> anyhow::Result<Written> {
    let container = place.container().map_err(|fault| anyhow::anyhow!("{}", fault.reason))?;
    if let Container::Parquet | Container::Images = container {
        let what =
            if container == Container::Parquet { "a Parquet file" } else { "a folder of images" };
        bail!(
            "the shard is {what}, and an index points into a tar: pack it with `coda-pipe shards pack` first"
        );
    }
    let ShardPlace::File(path) = place else {
        bail!(
            "the shard is not on this machine, and an index lies beside its shard: download the shard first"
        );
    };
    if let Container::Tar(compression) = container
        && compression != Compression::Plain
    {
        let name = format!("{compression:?}").to_lowercase();
        bail!(
            "the shard is compressed ({name}), and an index points into a plain tar: decompress the shard first"
        );
    }
    // Only headers are read.
    let options =
        ReadOptions { extensions: Some(Vec::new()), all_stored: true, ..ReadOptions::default() };
    let mut samples = Vec::new();
    let reader = place.open(&ShardIdentity::default(), options);
    for item in reader.map_err(|fault| anyhow::anyhow!("{}", fault.reason))? {
        let sample = item.map_err(|fault| {
            let key = fault.key.map_or_else(String::new, |key| format!("sample `{key}`: "));
            anyhow::anyhow!("{key}{}; `coda-pipe shards verify` lists all faults", fault.reason)
        })?;
        samples.push(SampleEntry { key: sample.key, members: sample.places });
    }
    let text = dali_index(&samples)?;
    let index = index_path(path);
    write(&index, text.as_bytes())?;
    let bytes = std::fs::metadata(path).with_context(|| "cannot examine the shard")?.len();
    Ok(Written { shard: path.clone(), index, samples: samples.len(), bytes })
}

/// Writes a whole file, unless the file has that content already.
fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    RunDir::new(folder).write(&name, content)?;
    Ok(())
}

fn write_wids(path: &Path, written: &[Written]) -> anyhow::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let folder = folder
        .canonicalize()
        .with_context(|| format!("cannot find the folder {}", folder.display()))?;
    let shards = written.iter().map(|one| {
        let shard = one.shard.canonicalize();
        let shard = shard.with_context(|| format!("cannot find {}", one.shard.display()))?;
        let url = relative(&shard, &folder).to_string_lossy().into_owned();
        Ok(WidsShard { url, samples: one.samples, file_size: one.bytes, md5: None })
    });
    let shards = shards.collect::<anyhow::Result<Vec<_>>>()?;
    write(path, wids_index(None, &shards).as_bytes())
}

/// `path` relative to `folder`; both are absolute and without links.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let shared = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(path.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ways() {
        assert_eq!(index_path(Path::new("d/a.000.tar")), Path::new("d/a.000.idx"));
        assert_eq!(index_path(Path::new("d/a")), Path::new("d/a.idx"));
        let way = |path: &str| relative(Path::new(path), Path::new("/d/e"));
        assert_eq!(way("/d/e/a.tar"), Path::new("a.tar"));
        assert_eq!(way("/d/f/a.tar"), Path::new("../f/a.tar"));
    }
}
