//! Where an installed Python package lies, asked of Python itself.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A Python that hasn't answered by then is treated as absent.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// `find_spec` finds a top-level package without importing it, which for `onnxruntime` would take
/// seconds and could fail. The current folder, which Python would search first, is left out: modules among
/// somebody's data are not to be run.
const FIND_PACKAGE: &str = "\
import sys
sys.path = [folder for folder in sys.path if folder]
import importlib.util
spec = importlib.util.find_spec(sys.argv[1])
for folder in (spec.submodule_search_locations or []) if spec else []:
    print(folder)
";

/// Folders of the Python package `name`, or why none could be learnt.
pub(super) fn package_folders(name: &str) -> Result<Vec<PathBuf>, String> {
    let mut child = Command::new("python3")
        .args(["-c", FIND_PACKAGE, name])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("python3 could not be started: {error}"))?;
    let deadline = Instant::now() + TIME_LIMIT;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                // Both may fail only when the child is already gone.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("python3 did not answer within {} s", TIME_LIMIT.as_secs()));
            }
        }
    };
    let mut answer = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut answer).map_err(|error| format!("python3: {error}"))?;
    }
    let folders: Vec<PathBuf> = answer.lines().map(PathBuf::from).collect();
    match (status.success(), folders.is_empty()) {
        (true, false) => Ok(folders),
        (true, true) => Err(format!("python3 has no package \"{name}\"")),
        (false, _) => Err(format!("python3 ended with {status}")),
    }
}
