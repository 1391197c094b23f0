//! Names of files that are not whole yet: each process has its own, and they tell whether it lives.

use super::process_id::ProcessId;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// Ending of files that are not whole yet; a new run removes those that a killed one left.
pub(super) const TEMPORARY: &str = ".tmp";

/// What our temporary files' endings begin with.
const OURS: &str = "coda";

/// The run of files that belong to none.
pub(super) const NO_RUN: &str = "0";

/// Run directories that this process works in, with what their temporary files carry.
static RUNS: Mutex<Vec<(PathBuf, String)>> = Mutex::new(Vec::new());

/// From now on, temporary files below `root` carry `run`.
pub(super) fn belong(root: &Path, run: String) {
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    runs.retain(|(known, _)| known != root);
    runs.push((root.to_owned(), run));
}

/// What temporary files at `path` carry.
fn run_of(path: &Path) -> String {
    let runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    let inside = runs.iter().filter(|(root, _)| path.starts_with(root));
    let innermost = inside.max_by_key(|(root, _)| root.as_os_str().len());
    innermost.map_or_else(|| NO_RUN.to_owned(), |(_, run)| run.clone())
}

/// Where what will be `path` is written: a name that nobody else has, in this process or another. A run removes what a
/// killed one left under such names.
pub fn temporary(path: &Path) -> PathBuf {
    static MINE: OnceLock<String> = OnceLock::new();
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mine = MINE.get_or_init(|| tag(&ProcessId::this()));
    let (run, number) = (run_of(path), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{OURS}-{run}-{mine}-{number}{TEMPORARY}"));
    PathBuf::from(name)
}

/// `MACHINE-PROCESS-START`. The machine is this start of it and its numbering of processes, in 24 bits.
fn tag(holder: &ProcessId) -> String {
    let ProcessId { boot, space, process, started, .. } = holder;
    let machine = xxh3_64(format!("{boot} {space}").as_bytes()) & 0xff_ffff;
    format!("{machine:06x}-{process}-{started}")
}

/// What the name of a temporary file of this program tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leftover<'a> {
    /// Its run, [`NO_RUN`] for none; `None` where it has a name as earlier versions gave them, which did not say it.
    pub(super) run: Option<&'a str>,
    machine: &'a str,
    process: &'a str,
    started: &'a str,
}

impl<'a> Leftover<'a> {
    /// Reads `NAME.coda-RUN-MACHINE-PROCESS-START-NUMBER.tmp`, or the earlier `NAME.MACHINE-PROCESS-START-NUMBER.tmp`. Any
    /// other name is somebody else's.
    pub(super) fn of(name: &'a str) -> Option<Self> {
        let (stem, ending) = name.strip_suffix(TEMPORARY)?.rsplit_once('.')?;
        let parts: Vec<&str> = ending.split('-').collect();
        let (run, [machine, process, started, number]) = match parts.as_slice() {
            [OURS, run, machine, process, started, number] => {
                (Some(*run), [*machine, *process, *started, *number])
            }
            [machine, process, started, number] => (None, [*machine, *process, *started, *number]),
            _ => return None,
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let hexadecimal = |text: &str, long: usize| {
            text.len() == long && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let known_run = run.is_none_or(|run| run == NO_RUN || hexadecimal(run, 8));
        let sound = !stem.is_empty()
            && known_run
            && hexadecimal(machine, 6)
            && digits(process)
            && (started.is_empty() || digits(started))
            && digits(number);
        sound.then_some(Self { run, machine, process, started })
    }

    /// Whether its writer was on this machine and is dead.
    pub(super) fn is_of_the_dead(&self) -> bool {
        let here = ProcessId::this();
        let Ok(process) = self.process.parse() else { return false };
        let writer = ProcessId { process, started: self.started.into(), ..here.clone() };
        let found = format!("{}-{}-{}", self.machine, self.process, self.started);
        tag(&writer) == found && writer.lives(&here) == Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_of_the_dead(name: &str) -> bool {
        Leftover::of(name).is_some_and(|leftover| leftover.is_of_the_dead())
    }

    #[test]
    fn only_the_dead_of_this_machine_are_known_to_be_dead() {
        let mine = temporary(Path::new("a/b.png")).to_string_lossy().into_owned();
        assert_ne!(temporary(Path::new("a/b.png")).to_string_lossy(), mine);
        assert!(mine.starts_with("a/b.png.coda-0-") && mine.ends_with(TEMPORARY));
        assert!(!is_of_the_dead(&mine));
        let here = ProcessId::this();
        let before = ProcessId { started: "1".into(), ..here.clone() };
        assert!(is_of_the_dead(&format!("b.png.coda-0-{}-7.tmp", tag(&before))));
        assert!(is_of_the_dead(&format!("b.png.{}-7.tmp", tag(&before))));
        let far = ProcessId { boot: "another".into(), ..before };
        assert!(!is_of_the_dead(&format!("b.png.{}-7.tmp", tag(&far))));
        for other in ["b.png", "b.tmp", "b-c-d.tmp", "x.000000-1-1-1.tmp", ".tmp"] {
            assert!(!is_of_the_dead(other), "{other}");
        }
    }

    #[test]
    fn a_name_tells_its_run_and_foreign_ones_tell_nothing() {
        belong(Path::new("/runs/one"), "0123abcd".into());
        let mine = temporary(Path::new("/runs/one/encode/part.parquet"));
        let mine = mine.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(Leftover::of(&mine).unwrap().run, Some("0123abcd"));
        let beside = temporary(Path::new("/runs/one-more/part.parquet"));
        let beside = beside.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(Leftover::of(&beside).unwrap().run, Some(NO_RUN));
        assert_eq!(Leftover::of("part.parquet.0a1b2c-12-3456-7.tmp").unwrap().run, None);
        for foreign in [
            "notes.tmp",
            "part.parquet.tmp",
            "part.parquet.0a1b2-12-3456-7.tmp",
            "part.parquet.coda-x-0a1b2c-12-3456-7.tmp",
            "part.parquet.other-0123abcd-0a1b2c-12-3456-7.tmp",
            ".coda-0123abcd-0a1b2c-12-3456-7.tmp",
            "part.parquet.coda-0123abcd-0a1b2c-12-3456-7.tmp.bak",
        ] {
            assert_eq!(Leftover::of(foreign), None, "{foreign}");
        }
    }
}
