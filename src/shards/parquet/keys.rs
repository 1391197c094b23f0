//! Sample keys of a table's rows: from the names of the images' files, else from the rows' numbers.

use crate::shards::member_name::split_member_name;
use std::collections::HashSet;
use xxhash_rust::xxh3::xxh3_128;

/// How the rows of a file are called.
#[derive(Debug, Clone, Default)]
pub(super) struct Keys {
    /// The file's name without its ending.
    stem: String,
    /// Digests of the keys that more than one row would have.
    repeated: HashSet<u128>,
    /// What stands between a name and a row's number, so that no such key is another row's own.
    joint: String,
}

impl Keys {
    /// For a file at `path` whose rows have no names of their own.
    pub(super) fn of_rows(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let stem = tidy(stem).unwrap_or_else(|| "row".to_owned());
        Self { stem, repeated: HashSet::new(), joint: "_".to_owned() }
    }

    /// With the names of all rows, each from `names`, which is called until its keys are told apart.
    ///
    /// # Errors
    /// What `names` fails with.
    pub(super) fn with_names<E>(
        mut self,
        mut names: impl FnMut(&mut dyn FnMut(u64, Option<&str>)) -> Result<(), E>,
    ) -> Result<Self, E> {
        let (mut seen, mut repeated, mut unnamed) = (HashSet::new(), HashSet::new(), false);
        names(&mut |_, name| match name.and_then(key_of) {
            Some(key) => {
                let digest = xxh3_128(key.as_bytes());
                if !seen.insert(digest) {
                    repeated.insert(digest);
                }
            }
            None => unnamed = true,
        })?;
        self.repeated = repeated;
        loop {
            let mut clash = false;
            if self.repeated.is_empty() && (!unnamed || seen.is_empty()) {
                return Ok(self);
            }
            names(&mut |row, name| {
                let natural = name.and_then(key_of);
                let own = natural.as_ref().is_some_and(|key| !self.is_repeated(key));
                clash |= !own && seen.contains(&xxh3_128(self.key(row, name).as_bytes()));
            })?;
            if !clash {
                return Ok(self);
            }
            self.joint.push('_');
        }
    }

    fn is_repeated(&self, key: &str) -> bool {
        !self.repeated.is_empty() && self.repeated.contains(&xxh3_128(key.as_bytes()))
    }

    /// The key of a row whose image's file has this name.
    pub(super) fn key(&self, row: u64, name: Option<&str>) -> String {
        match name.and_then(key_of) {
            Some(key) if self.is_repeated(&key) => format!("{key}{}{row}", self.joint),
            Some(key) => key,
            None => format!("{}{}{row}", self.stem, self.joint),
        }
    }
}

/// The key of a file's name, with its folders: what would end a key or hide a sample from a reader becomes `_`.
fn key_of(name: &str) -> Option<String> {
    let name = name.replace('\\', "/");
    // Of an address the last part is a name.
    let name =
        if name.contains("://") { name.rsplit('/').next().unwrap_or_default() } else { &name };
    let (folders, file) = name.rsplit_once('/').unwrap_or(("", name));
    let stem = match file.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => file,
    };
    let parts = folders.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
    let parts: Vec<&str> = parts.chain([stem]).collect();
    tidy(&parts.join("/"))
}

/// `None` for a key that readers of tars would not find.
fn tidy(key: &str) -> Option<String> {
    let unfit = |c: char| c == '.' || c.is_whitespace() || c.is_control();
    let key: String = key.chars().map(|c| if unfit(c) { '_' } else { c }).collect();
    // Readers take names with two underscores in front for metadata.
    let key = match key.strip_prefix("__") {
        Some(rest) => format!("_{}", rest.trim_start_matches('_')),
        None => key,
    };
    let member = format!("{key}.x");
    let found = split_member_name(&member).is_some_and(|split| split.key == key);
    (found && !key.is_empty() && !key.ends_with('/')).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[Option<&str>]) -> Vec<String> {
        let all = |each: &mut dyn FnMut(u64, Option<&str>)| {
            names.iter().enumerate().for_each(|(row, name)| each(row as u64, *name));
            Ok::<(), ()>(())
        };
        let keys = Keys::of_rows("data/train-00000-of-00002.parquet").with_names(all).unwrap();
        names.iter().enumerate().map(|(row, name)| keys.key(row as u64, *name)).collect()
    }

    #[test]
    fn names_of_files_become_keys_that_readers_find() {
        for (name, key) in [
            ("n01440764_18.JPEG", "n01440764_18"),
            ("train/cat/1.jpg", "train/cat/1"),
            ("/home/me/my pics/a.v2.png", "home/me/my_pics/a_v2"),
            ("..\\x\\1.jpg", "x/1"),
            ("https://host/a/b.jpg?x=1", "b"),
            ("__a.jpg", "_a"),
            (".hidden", "_hidden"),
        ] {
            assert_eq!(keys(&[Some(name)]), [key], "{name}");
        }
        assert_eq!(keys(&[Some(""), None]), ["train-00000-of-00002_0", "train-00000-of-00002_1"]);
    }

    #[test]
    fn rows_of_one_name_have_their_numbers_behind_it() {
        assert_eq!(keys(&[Some("a.png"), Some("b.png"), Some("a.jpg")]), ["a_0", "b", "a_2"]);
        assert_eq!(keys(&[Some("a"), Some("a_0"), Some("a")]), ["a__0", "a_0", "a__2"]);
        let own = "train-00000-of-00002_1";
        assert_eq!(keys(&[Some(own), None]), [own, "train-00000-of-00002__1"]);
    }
}
