//! What a test does without: said on the real standard error, and a failure where nothing may be left out.
//!
//! `CODA_REQUIRE_ALL=1` makes a missing tool or package a failure that names what to install; CI sets it.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Says that this test, or a part of it, is skipped.
///
/// libtest captures what `eprintln!` prints of a test that passes; what is written to the stream itself is seen.
fn announce(reason: &str) {
    let thread = std::thread::current();
    // With one test thread, tests run on the main one.
    let test = thread.name().filter(|name| *name != "main").unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
}

fn is_set(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value == "1")
}

/// A tool or package that can be installed is missing: `install` names it and how it is got.
pub fn tool(install: &str) {
    assert!(!is_set("CODA_REQUIRE_ALL"), "CODA_REQUIRE_ALL=1, and there is no {install}");
    announce(&format!("there is no {install}"));
}

/// A package too large for `make test` is missing; under `REQUIRED=1` that is a failure all the same.
pub fn extra(required: &str, install: &str) {
    assert!(!is_set(required), "{required}=1, and there is no {install}");
    announce(&format!("there is no {install}"));
}

/// This machine or build can't do what the test needs, and no package helps; or it measures, and was not asked to.
pub fn here(reason: &str) {
    announce(reason);
}

/// `path` in the folder of large data, which `CODA_SHARED` names. A folder that is named has to be whole.
pub fn shared(path: impl AsRef<Path>) -> Option<PathBuf> {
    let named = std::env::var_os("CODA_SHARED").map(PathBuf::from);
    let root =
        named.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let path = root.join(path);
    if path.exists() {
        return Some(path);
    }
    assert!(named.is_none(), "CODA_SHARED is set, and {} is not there", path.display());
    announce(&format!(
        "{} is not there; set CODA_SHARED to the folder of large data",
        path.display()
    ));
    None
}
