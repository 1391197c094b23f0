//! A pipeline file with `--set` arguments, a class list, and a prompt's template.
//!
//! Input: parts between NULs: the pipeline, the class list, the template, then one `--set` each.

#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use coda_pipe::internals::config::{ClassList, Pipeline, key_fits};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fn written(name: &str, text: &str) -> PathBuf {
    let path = FOLDER.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.split(|&byte| byte == 0).map(String::from_utf8_lossy);
    let mut next = || parts.next().unwrap_or_default().into_owned();
    let (pipeline, list, template) = (next(), next(), next());
    let sets: Vec<String> = parts.map(Into::into).collect();
    match Pipeline::parse(&pipeline, Path::new("dir/p.toml"), &sets) {
        Ok(pipeline) => {
            assert!(!pipeline.run_dir().as_os_str().is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match ClassList::load(&written("classes.txt", &list)) {
        Ok(classes) => {
            for (place, class) in classes.classes().iter().enumerate() {
                assert_eq!(classes.position(&class.key), Some(place));
                assert!(key_fits(&class.key) && !classes.label(place).is_empty());
                class.prompt_by(&template);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
