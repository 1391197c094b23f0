//! Names of files that are not whole yet: each process has its own, and they tell whether it lives.

use super::holder::Holder;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::xxh3_64;

/// Ending of files that are not whole yet; a new run removes those that a killed one left.
pub(super) const TEMPORARY: &str = ".tmp";

/// Where what will be `path` is written: a name that nobody else has, in this process or another. A run removes what a
/// killed one left under such names.
pub fn temporary(path: &Path) -> PathBuf {
    static MINE: OnceLock<String> = OnceLock::new();
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mine = MINE.get_or_init(|| tag(&Holder::this()));
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{mine}-{number}{TEMPORARY}"));
    PathBuf::from(name)
}

/// `MACHINE-PROCESS-START`. The machine is this start of it and its numbering of processes, in 24 bits.
fn tag(holder: &Holder) -> String {
    let Holder { boot, space, process, started, .. } = holder;
    let machine = xxh3_64(format!("{boot} {space}").as_bytes()) & 0xff_ffff;
    format!("{machine:06x}-{process}-{started}")
}

/// Whether a name is a temporary one of a process that was on this machine and is dead.
pub(super) fn is_of_the_dead(name: &str) -> bool {
    // Most files are whole: who this process is, which takes some reading, is asked for the others only.
    let Some(name) = name.strip_suffix(TEMPORARY) else { return false };
    let here = Holder::this();
    let writer = || {
        let (_, ending) = name.rsplit_once('.')?;
        let (found, _number) = ending.rsplit_once('-')?;
        let (_, writer) = found.split_once('-')?;
        let (process, started) = writer.split_once('-')?;
        let process = process.parse().ok()?;
        let writer = Holder { process, started: started.into(), ..here.clone() };
        (tag(&writer) == found).then_some(writer)
    };
    writer().is_some_and(|writer| writer.lives(&here) == Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_dead_of_this_machine_are_known_to_be_dead() {
        let mine = temporary(Path::new("a/b.png")).to_string_lossy().into_owned();
        assert_ne!(temporary(Path::new("a/b.png")).to_string_lossy(), mine);
        assert!(mine.starts_with("a/b.png.") && mine.ends_with(TEMPORARY));
        assert!(!is_of_the_dead(&mine));
        let here = Holder::this();
        let before = Holder { started: "1".into(), ..here.clone() };
        assert!(is_of_the_dead(&format!("b.png.{}-7.tmp", tag(&before))));
        let far = Holder { boot: "another".into(), ..before };
        assert!(!is_of_the_dead(&format!("b.png.{}-7.tmp", tag(&far))));
        for other in ["b.png", "b.tmp", "b-c-d.tmp", "x.000000-1-1-1.tmp", ".tmp"] {
            assert!(!is_of_the_dead(other), "{other}");
        }
    }
}
