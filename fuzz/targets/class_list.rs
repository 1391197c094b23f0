//! A class list: whatever is read of it is written so that it reads back as the same classes.
//!
//! Input: the file's bytes.

#![no_main]

use std::sync::LazyLock;

use coda_pipe::internals::config::ClassList;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fn load(content: &[u8]) -> Result<ClassList, String> {
    let path = FOLDER.path().join("classes.txt");
    std::fs::write(&path, content).unwrap();
    ClassList::load(&path).map_err(|error| error.to_string())
}

fuzz_target!(|data: &[u8]| {
    match load(data) {
        Ok(list) => {
            assert!(!list.looks().is_empty());
            let again = load(list.to_text().as_bytes()).unwrap();
            assert_eq!(again.classes(), list.classes());
        }
        Err(error) => assert!(!error.is_empty()),
    }
    let text = String::from_utf8_lossy(data);
    let keys = text.split('\0').filter(|key| !key.trim().is_empty() && key.len() < 26);
    let mut keys: Vec<&str> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    // A carriage return is a line's end in a list, and the first of a text's marks no part of it.
    keys.retain(|key| !key.contains('\r'));
    if !keys.is_empty() {
        let list = ClassList::from_pairs(keys.iter().map(|key| (*key, "prompt")));
        let again = load(list.to_text().as_bytes()).unwrap();
        assert_eq!(again.classes(), list.classes());
    }
});
