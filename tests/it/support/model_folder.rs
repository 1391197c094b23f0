//! Model folders of a test's own, to be broken.

use serde_json::Value;
use std::path::Path;

/// Copies a folder; files that a test may not write are copied as its own.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => std::fs::write(&target, std::fs::read(&path).unwrap()).unwrap(),
        }
    }
}

/// Sets keys of a JSON file.
pub fn set_keys(path: &Path, keys: &Value) {
    let mut all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for (key, value) in keys.as_object().unwrap() {
        all[key] = value.clone();
    }
    std::fs::write(path, all.to_string()).unwrap();
}
