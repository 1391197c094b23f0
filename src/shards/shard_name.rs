//! Which files a folder or a glob takes for shards, by their names.

use crate::objects::without_secrets_in;
use std::collections::HashSet;

/// What the name of a Parquet file ends in.
const PARQUET: &str = ".parquet";

/// What a file's name must end in to be taken for a shard by a folder or a glob. A path or a
/// brace pattern may name any file.
pub const SHARD_ENDINGS: [&str; 6] =
    [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.lz4", ".parquet"];

/// The warning about files that a folder or a glob found and passed over; `None` where there are none.
pub(super) fn passed_over_warning(pattern: &str, passed_over: &[String]) -> Option<String> {
    if passed_over.is_empty() {
        return None;
    }
    let names = passed_over.iter().map(|path| path.rsplit('/').next().unwrap_or(path));
    let names: Vec<&str> = names.take(10).collect();
    let more = if passed_over.len() > names.len() { ", …" } else { "" };
    Some(format!(
        "warning: {} more in `{}` are no shards by their name and are not read: {}{more} (read are {}; name others one by \
         one)",
        passed_over.len(),
        without_secrets_in(pattern),
        names.join(", "),
        SHARD_ENDINGS.join(", "),
    ))
}

/// Which of these shards, found by one pattern, are read: Parquet files beside tars tell of the tars, as `img2dataset`
/// writes them, and are none themselves. A warning names those that no tar is called like.
pub(super) fn without_companions(pattern: &str, names: &[String]) -> (Vec<bool>, Option<String>) {
    let is_tar = |name: &String| is_tar_name(name);
    if !names.iter().any(is_tar) {
        return (vec![true; names.len()], None);
    }
    let read: Vec<bool> = names.iter().map(is_tar).collect();
    let stem = |name: &str| {
        let start = name.rfind('/').map_or(0, |slash| slash + 1);
        let end = name[start..].find('.').map_or(name.len(), |dot| start + dot);
        name[..end].to_owned()
    };
    let tars: HashSet<String> =
        names.iter().filter(|name| is_tar(name)).map(|name| stem(name)).collect();
    let alone = |name: &&String| !is_tar(name) && !tars.contains(&stem(name));
    let alone: Vec<&str> = names.iter().filter(alone).map(String::as_str).collect();
    let warning = alone.first().map(|first| {
        format!(
            "warning: `{}` has tars, and {} Parquet files beside them that are not read, such as {first}: if they hold \
             images, name them with a pattern that ends in {PARQUET}",
            without_secrets_in(pattern),
            alone.len()
        )
    });
    (read, warning)
}

/// Whether a file that is not taken for a shard may be one, and is no companion of shards either (`.idx`, `.json`, …).
pub(super) fn may_be_shard(path: &str) -> bool {
    const BESIDE: [&str; 16] = [
        "idx", "json", "jsonl", "txt", "md", "csv", "tsv", "yaml", "yml", "toml", "log", "parquet",
        "pkl", "sqlite", "md5", "sha256",
    ];
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    !name.starts_with('.') && !ending.is_empty() && !BESIDE.contains(&ending.as_str())
}

/// Whether a file at this path is a tar by its name.
pub(super) fn is_tar_name(path: &str) -> bool {
    SHARD_ENDINGS.iter().any(|ending| *ending != PARQUET && path.ends_with(ending))
}

/// Whether a folder or a glob takes the file at this path for a shard, by its name.
pub(super) fn is_shard_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    !name.starts_with('.') && SHARD_ENDINGS.iter().any(|ending| name.ends_with(ending))
}
