//! Runs that are finished once for all tests of this process: a test that only needs one to begin with copies it.
//!
//! A copy is as good as the run itself. Its shards keep their lengths and times, by which receipts know them, and its record
//! names its own folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Folders by what was done in them, each made by the first test that asks for it.
static MADE: Mutex<BTreeMap<String, Arc<Once>>> = Mutex::new(BTreeMap::new());

struct Once {
    name: String,
    folder: OnceLock<PathBuf>,
}

/// The folder in which `make` was done once, and nothing since.
pub fn once(what: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let name = made.len().to_string();
    let new = || Arc::new(Once { name, folder: OnceLock::new() });
    let once = Arc::clone(made.entry(what.to_owned()).or_insert_with(new));
    drop(made);
    let begin = || {
        let folder = own_folder().join(&once.name);
        // What a test left that failed while it made it.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        make(&folder);
        folder
    };
    once.folder.get_or_init(begin).clone()
}

/// This process's folder below `target/tmp`; those of processes that are gone are removed.
fn own_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("finished");
        std::fs::create_dir_all(&all).unwrap();
        for entry in std::fs::read_dir(&all).unwrap().flatten() {
            if !Path::new("/proc").join(entry.file_name()).exists() {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        all.join(std::process::id().to_string())
    })
}

/// Copies all below `from` into `to`, with its times; a record of a run in `from` becomes that of one in `to`.
pub fn copy(from: &Path, to: &Path) {
    let folders = [from, to].map(|folder| folder.to_str().unwrap().to_owned());
    copy_files(from, to, &|text| text.replace(&folders[0], &folders[1]));
}

/// Copies the run directory `from` as `to`, for a run in the bench folder `bench` in place of `made`.
pub fn copy_run(from: &Path, to: &Path, made: &Path, bench: &Path) {
    let folders = [made, bench].map(|folder| folder.to_str().unwrap().to_owned());
    copy_files(from, to, &|text| text.replace(&folders[0], &folders[1]));
}

fn copy_files(from: &Path, to: &Path, rename: &dyn Fn(&str) -> String) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_files(&path, &target, rename);
            continue;
        }
        if path.ends_with("run.json") {
            std::fs::write(&target, rename(&std::fs::read_to_string(&path).unwrap())).unwrap();
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
        let modified = path.metadata().unwrap().modified().unwrap();
        File::options().write(true).open(&target).unwrap().set_modified(modified).unwrap();
    }
}
