//! Shards in local files: paths, globs and folders.

use super::images;
use super::{Kind, Search, ShardPlace, ShardSource};
use crate::imaging::member_extension;
use crate::objects::without_secrets_in;
use crate::shards::error::ShardError;
use crate::shards::identity::{self, ShardIdentity};
use crate::shards::image_folder::extension;
use crate::shards::member_name::is_system_folder;
use crate::shards::retry::Retry;
use crate::shards::shard_name::{
    is_shard_name, may_be_shard, passed_over_warning, without_companions,
};
use crate::shards::splits::splits_warning;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Paths, with or without `file:` in front, globs and folders: what is no address of another kind.
pub(super) const KIND: Kind = Kind { written: "a path", expand };

/// A file.
pub(super) struct File<'p>(pub(super) &'p Path);

impl ShardSource for File<'_> {
    fn name(&self, base: &Path) -> String {
        self.0.strip_prefix(base).unwrap_or(self.0).to_string_lossy().into_owned()
    }

    fn identity(&self, _: Retry) -> Result<ShardIdentity, ShardError> {
        identity::of_file(self.0).map_err(|source| io_error(self.0, source))
    }

    fn canonical(&self) -> Result<Option<ShardPlace>, ShardError> {
        let path = fs::canonicalize(self.0).map_err(|source| io_error(self.0, source))?;
        Ok(Some(ShardPlace::File(path)))
    }

    fn is_seekable(&self) -> bool {
        true
    }

    fn open(&self, offset: u64, _: &ShardIdentity, _: Retry) -> io::Result<Box<dyn Read + Send>> {
        let mut file = fs::File::open(self.0)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }
}

fn expand(search: &mut Search<'_>, name: &str) -> Option<Result<Vec<ShardPlace>, ShardError>> {
    let path = match name.strip_prefix("file:") {
        // `file://host/path` does not exist in practice; `file:///path` and `file:path` do.
        Some(path) => path.strip_prefix("//").unwrap_or(path),
        None => name,
    };
    let other = path.is_empty() || ["://", "hf:", "ais:"].iter().any(|mark| path.contains(mark));
    (!other).then(|| shards_at(search, path))
}

fn shards_at(search: &mut Search<'_>, path: &str) -> Result<Vec<ShardPlace>, ShardError> {
    match existing(search, path)? {
        Some(found) => Ok(found),
        None if path.contains(['*', '?', '[']) => glob(search, path),
        None => {
            let pattern = without_secrets_in(&search.pattern);
            Err(ShardError::Missing { pattern, path: search.base.join(path) })
        }
    }
}

/// The file of this name, or a folder's shards; `None` if nothing has this name.
pub(super) fn existing(
    search: &mut Search<'_>,
    name: &str,
) -> Result<Option<Vec<ShardPlace>>, ShardError> {
    let path = search.base.join(name);
    if name.is_empty() || !path.exists() {
        return Ok(None);
    }
    if !path.is_dir() {
        return Ok(Some(vec![ShardPlace::File(path)]));
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(&path).map_err(|source| io_error(&path, source))? {
        let entry = entry.map_err(|source| io_error(&path, source))?;
        found.push(entry.path());
    }
    if found.iter().any(|path| is_shard_name(&path.to_string_lossy())) {
        refuse_mixed(search, &path, &found)?;
    } else if found.iter().any(|path| path.is_dir() || is_image_file(path))
        && let Some(shards) = images_in(search, &path)?
    {
        return Ok(Some(shards));
    }
    named_like_shards(search, found).map(Some)
}

fn images_in(
    search: &mut Search<'_>,
    folder: &Path,
) -> Result<Option<Vec<ShardPlace>>, ShardError> {
    let pattern = without_secrets_in(&search.pattern);
    // Under one name, with or without a closing slash.
    let folder: PathBuf = folder.components().collect();
    images::shards_in(&folder, search.warnings)
        .map_err(|source| ShardError::Images { pattern, source })
}

/// Refuses a folder of shards that has folders of images too: which are meant is not to be told.
fn refuse_mixed(search: &Search<'_>, folder: &Path, found: &[PathBuf]) -> Result<(), ShardError> {
    let has_images = |folder: &PathBuf| {
        let inside = fs::read_dir(folder).into_iter().flatten().flatten();
        inside.map(|entry| entry.path()).any(|path| is_image_file(&path))
    };
    let mut folders = found.iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.is_dir() && !is_system_folder(&name) && has_images(path)
    });
    let Some(first) = folders.next() else { return Ok(()) };
    let pattern = without_secrets_in(&search.pattern);
    let shard = found.iter().find(|path| is_shard_name(&path.to_string_lossy()));
    let ending = shard.and_then(|path| path.extension()).unwrap_or_default();
    let shards = folder.join(format!("*.{}", ending.to_string_lossy())).display().to_string();
    Err(ShardError::Mixed { pattern, shards, images: vec![first.display().to_string()] })
}

fn is_image_file(path: &Path) -> bool {
    extension(path).is_some_and(|extension| member_extension(&extension).is_some())
}

fn glob(search: &mut Search<'_>, name: &str) -> Result<Vec<ShardPlace>, ShardError> {
    let base = search.base.to_str().ok_or_else(|| {
        bad_pattern(
            &search.pattern,
            "globs need a base folder whose name is valid UTF-8".to_owned(),
        )
    })?;
    let absolute = match (name.starts_with('/'), base) {
        (true, _) | (_, "") => name.to_owned(),
        _ => format!("{}/{name}", glob::Pattern::escape(base)),
    };
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let matches = glob::glob_with(&absolute, options)
        .map_err(|error| bad_pattern(&search.pattern, error.to_string()))?;
    let mut found = Vec::new();
    for path in matches {
        found.push(path.map_err(|error| {
            let path = error.path().to_owned();
            io_error(&path, error.into())
        })?);
    }
    named_like_shards(search, found)
}

/// The files that are named like shards, sorted; none is an error, as is a link that leads nowhere.
fn named_like_shards(
    search: &mut Search<'_>,
    mut found: Vec<PathBuf>,
) -> Result<Vec<ShardPlace>, ShardError> {
    found.sort();
    let (mut shards, mut passed_over) = (Vec::new(), Vec::new());
    for path in found {
        let name = path.to_string_lossy();
        if is_shard_name(&name) && path.is_file() {
            shards.push(path);
        } else if is_shard_name(&name) && !path.exists() {
            let pattern = search.pattern.clone();
            return Err(ShardError::Dangling { pattern, path });
        } else if path.is_dir() || may_be_shard(&name) {
            passed_over.push(name.into_owned());
        }
    }
    if shards.is_empty() {
        return Err(ShardError::NoMatch { pattern: without_secrets_in(&search.pattern) });
    }
    search.warnings.extend(passed_over_warning(&search.pattern, &passed_over));
    let names: Vec<String> =
        shards.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let (read, warning) = without_companions(&search.pattern, &names);
    search.warnings.extend(warning);
    search.warnings.extend(splits_warning(&search.pattern, &names));
    Ok(shards
        .into_iter()
        .zip(read)
        .filter(|(_, read)| *read)
        .map(|(path, _)| ShardPlace::File(path))
        .collect())
}

fn bad_pattern(pattern: &str, problem: String) -> ShardError {
    ShardError::BadPattern { pattern: without_secrets_in(pattern), problem }
}

fn io_error(path: &Path, source: io::Error) -> ShardError {
    ShardError::Io { path: path.to_owned(), source }
}
