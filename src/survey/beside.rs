//! Class lists that lie beside the shards.

use crate::config::ClassList;
use crate::shards::ShardPlace;
use crate::text::decoded;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A list longer than this is none.
const MOST_BYTES: u64 = 8 << 20;

/// Lists of a folder that are looked at.
const MOST_LISTS: usize = 32;
/// Folders that are searched.
const MOST_FOLDERS: usize = 4;

/// A list that was found.
pub(super) struct Beside {
    pub(super) path: PathBuf,
    /// Keys and names.
    pub(super) pairs: Vec<(String, String)>,
    /// Whether it is a class list as a pipeline takes it.
    pub(super) ready: bool,
}

/// The lists in the folders of local shards, by name: `NAME.classes.txt` first, as `shards pack` writes it beside shards
/// whose names begin with NAME; beside others it is that of another data set.
pub(super) fn lists(places: &[ShardPlace]) -> Vec<Beside> {
    let (mut folders, mut first): (Vec<PathBuf>, Option<String>) = (Vec::new(), None);
    for place in places {
        if let ShardPlace::File(path) = place {
            let folder = path.parent().map(Path::to_owned).unwrap_or_default();
            if !folders.contains(&folder) && folders.len() < MOST_FOLDERS {
                folders.push(folder);
            }
            let name = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            first.get_or_insert_with(name);
        }
    }
    let first = first.unwrap_or_default();
    let mut found: Vec<PathBuf> = folders.iter().flat_map(|folder| files(folder)).collect();
    found.retain(|path| own_name(path).is_none_or(|name| first.starts_with(&name)));
    found.sort_by_key(|path| (own_name(path).is_none(), path.clone()));
    found.into_iter().filter_map(|path| read(&path)).collect()
}

/// The NAME of `NAME.classes.txt`.
fn own_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    name.strip_suffix(".classes.txt").filter(|name| !name.is_empty()).map(str::to_owned)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let list = name.contains("class") || name.contains("label") || name.contains("synset");
        list && [".txt", ".json", ".tsv", ".csv"].iter().any(|ending| name.ends_with(ending))
    };
    let short = |path: &PathBuf| {
        path.metadata().is_ok_and(|about| about.is_file() && about.len() <= MOST_BYTES)
    };
    let lists = entries.map(|entry| plain(entry.path())).filter(named).filter(short);
    let mut lists: Vec<PathBuf> = lists.collect();
    lists.sort();
    lists.truncate(MOST_LISTS);
    lists
}

/// `./a` as `a`.
fn plain(path: PathBuf) -> PathBuf {
    path.strip_prefix(".").map(Path::to_owned).unwrap_or(path)
}

fn read(path: &Path) -> Option<Beside> {
    if path.extension().is_some_and(|extension| extension == "json") {
        let text = std::fs::read(path).ok()?;
        let pairs = pairs_of(&serde_json::from_str(&decoded(&text)?).ok()?)?;
        return Some(Beside { path: path.to_owned(), pairs, ready: false });
    }
    let list = ClassList::load(path).ok()?;
    let pairs = list.classes().iter().map(|class| (class.key.clone(), class.prompt.clone()));
    Some(Beside { path: path.to_owned(), pairs: pairs.collect(), ready: true })
}

/// A list of bare names, a line each, for labels that count them from 0.
pub(super) fn counted(list: &Beside) -> Option<Beside> {
    let bare = list.ready && list.pairs.iter().all(|(key, name)| key == name);
    let numbered =
        list.pairs.iter().enumerate().map(|(at, (_, name))| (at.to_string(), name.clone()));
    bare.then(|| Beside { path: list.path.clone(), pairs: numbered.collect(), ready: false })
}

/// Keys and names of a JSON list: names by position, names by key, numbers by name, or what this program and ImageNet's
/// usual index have by number.
fn pairs_of(json: &Value) -> Option<Vec<(String, String)>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match json {
        Value::Array(names) => {
            names.iter().enumerate().map(|(at, name)| Some((at.to_string(), text(name)?))).collect()
        }
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| match value {
                Value::String(name) => Some((key.clone(), name.clone())),
                Value::Number(number) => Some((number.to_string(), key.clone())),
                Value::Array(id_and_name) => Some((key.clone(), text(id_and_name.last()?)?)),
                Value::Object(class) => {
                    Some((text(class.get("class")?)?, text(class.get("name")?)?))
                }
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_of_several_programs_are_understood() {
        let pair = |key: &str, name: &str| Some(vec![(key.to_owned(), name.to_owned())]);
        assert_eq!(pairs_of(&json!(["cat"])), pair("0", "cat"));
        assert_eq!(pairs_of(&json!({"n01": "cat"})), pair("n01", "cat"));
        assert_eq!(pairs_of(&json!({"cat": 3})), pair("3", "cat"));
        assert_eq!(pairs_of(&json!({"0": ["n01", "cat"]})), pair("0", "cat"));
        assert_eq!(pairs_of(&json!({"0": {"class": "n01", "name": "cat"}})), pair("n01", "cat"));
        assert_eq!(pairs_of(&json!({"a": null})), None);
        assert_eq!(pairs_of(&json!(7)), None);
    }
}
