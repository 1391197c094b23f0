//! A file system that fails on purpose, for tests: only in builds with debug assertions, which no release is.
//!
//! `CODA_PIPE_FAULTS` holds rules with `;` between them:
//!
//! | rule | what happens |
//! |---|---|
//! | `OPERATION:FILE:ERROR[@N]` | from the Nth (first) `OPERATION` on a path with `FILE` in it, all fail with `ERROR` |
//! | `short:FILE` | a write takes a third of what it is given |
//! | `full:BYTES` | once so many bytes are written in all, there is no space left |
//! | `await:OPERATION:FILE:UNTIL` | `OPERATION` on a path with `FILE` in it waits until the file `UNTIL` is there; it fails after 30 seconds |
//! | `kill:POINT:FILE[@N]` | the process dies when it comes to `POINT` for the Nth (first) time |
//! | `hold:POINT:FILE:GATE[@N]` | from the Nth (first) time on, it notes the path in the file `GATE` and waits there until there is a file `GATE.open` |
//!
//! Operations are `create`, `write`, `fsync`, `rename`, `fsync-folder` and `remove`; errors the names of `errno(3)`;
//! points those of [`CrashPoint::name`]; an empty `FILE` is any.

use super::{CrashPoint, FileSystem};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a rule can be for.
const OPERATIONS: [&str; 6] = ["create", "write", "fsync", "rename", "fsync-folder", "remove"];
/// How long an operation is held: what is waited for has not been begun then.
const PATIENCE: Duration = Duration::from_secs(30);

/// `inner`, with faults.
#[derive(Debug)]
pub(super) struct Faulty<F> {
    inner: F,
    rules: Vec<Rule>,
    written: AtomicU64,
}

#[derive(Debug)]
struct Rule {
    what: What,
    file: String,
    /// Happens from this occurrence on, counted from 1.
    from: u64,
    seen: AtomicU64,
}

#[derive(Debug, PartialEq)]
enum What {
    Fail(String, Errno),
    Short,
    Full(u64),
    Await(String, PathBuf),
    Kill(String),
    Hold(String, PathBuf),
}

impl<F> Faulty<F> {
    /// With the rules of `CODA_PIPE_FAULTS`. One that can't be read ends the process: a test would prove nothing.
    pub(super) fn from_environment(inner: F) -> Self {
        let text = std::env::var("CODA_PIPE_FAULTS").unwrap_or_default();
        Self::new(inner, &text).unwrap_or_else(|rule| {
            crate::say!("CODA_PIPE_FAULTS: {rule:?} is no rule");
            std::process::exit(2)
        })
    }

    fn new(inner: F, text: &str) -> Result<Self, String> {
        let rules = text.split(';').filter(|rule| !rule.is_empty());
        let rules = rules.map(|rule| parse(rule).ok_or_else(|| rule.to_owned()));
        Ok(Self { inner, rules: rules.collect::<Result<_, _>>()?, written: AtomicU64::new(0) })
    }

    fn check(&self, operation: &str, path: &Path) -> io::Result<()> {
        for rule in self.rules.iter().filter(|rule| rule.is_for(path)) {
            match &rule.what {
                What::Fail(which, errno) if which == operation && rule.is_due() => {
                    return Err(io::Error::from_raw_os_error(errno.raw_os_error()));
                }
                What::Await(which, until) if which == operation => wait_for(until)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// How much of a write of `length` bytes is let through.
    fn room(&self, path: &Path, length: usize) -> io::Result<usize> {
        let mut room = length;
        for rule in self.rules.iter().filter(|rule| rule.is_for(path)) {
            match rule.what {
                What::Short => room = room.min(length.div_ceil(3)),
                What::Full(bytes) => {
                    let left = bytes.saturating_sub(self.written.load(Ordering::Relaxed));
                    if left == 0 {
                        let full = Errno::NOSPC.raw_os_error();
                        return Err(io::Error::from_raw_os_error(full));
                    }
                    room = room.min(usize::try_from(left).unwrap_or(usize::MAX));
                }
                _ => {}
            }
        }
        Ok(room)
    }
}

/// Waits until there is a file `until`.
fn wait_for(until: &Path) -> io::Result<()> {
    let begun = Instant::now();
    while !until.exists() {
        if begun.elapsed() > PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

impl Rule {
    fn is_for(&self, path: &Path) -> bool {
        path.to_string_lossy().contains(&self.file)
    }

    fn is_due(&self) -> bool {
        self.seen.fetch_add(1, Ordering::Relaxed) + 1 >= self.from
    }
}

fn parse(rule: &str) -> Option<Rule> {
    let (rule, from) = match rule.split_once('@') {
        Some((rule, from)) => (rule, from.parse().ok()?),
        None => (rule, 1),
    };
    let parts: Vec<&str> = rule.split(':').collect();
    let (what, file) = match parts.as_slice() {
        ["short", file] => (What::Short, *file),
        ["full", bytes] => (What::Full(bytes.parse().ok()?), ""),
        ["kill", point, file] => {
            let point = CrashPoint::ALL.into_iter().find(|known| known.name() == *point)?;
            (What::Kill(point.name().to_owned()), *file)
        }
        ["await", operation, file, until] => {
            OPERATIONS.contains(operation).then_some(())?;
            (What::Await((*operation).to_owned(), until.into()), *file)
        }
        ["hold", point, file, gate] => {
            let point = CrashPoint::ALL.into_iter().find(|known| known.name() == *point)?;
            (What::Hold(point.name().to_owned(), PathBuf::from(gate)), *file)
        }
        [operation, file, error] => {
            OPERATIONS.contains(operation).then_some(())?;
            (What::Fail((*operation).to_owned(), errno(error)?), *file)
        }
        _ => return None,
    };
    Some(Rule { what, file: file.to_owned(), from, seen: AtomicU64::new(0) })
}

/// Notes that `path` has come to `gate`, and waits until that is open.
fn hold(gate: &Path, path: &Path) {
    let file = File::options().create(true).append(true).open(gate);
    let _ = file.and_then(|mut file| writeln!(file, "{}", path.display()));
    while !gate.with_extension("open").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn errno(name: &str) -> Option<Errno> {
    Some(match name {
        "EIO" => Errno::IO,
        "ENOSPC" => Errno::NOSPC,
        "EDQUOT" => Errno::DQUOT,
        "ESTALE" => Errno::STALE,
        "EROFS" => Errno::ROFS,
        "EACCES" => Errno::ACCESS,
        "EINVAL" => Errno::INVAL,
        "ENOTSUP" => Errno::NOTSUP,
        "ENOSYS" => Errno::NOSYS,
        "EBADF" => Errno::BADF,
        "EISDIR" => Errno::ISDIR,
        "EFBIG" => Errno::FBIG,
        _ => return None,
    })
}

impl<F: FileSystem> FileSystem for Faulty<F> {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.check("create", path)?;
        self.inner.create(path)
    }

    fn write(&self, file: &mut File, path: &Path, buffer: &[u8]) -> io::Result<usize> {
        self.check("write", path)?;
        let room = self.room(path, buffer.len())?;
        let taken = self.inner.write(file, path, &buffer[..room])?;
        self.written.fetch_add(taken as u64, Ordering::Relaxed);
        Ok(taken)
    }

    fn sync(&self, file: &File, path: &Path) -> io::Result<()> {
        self.check("fsync", path)?;
        self.inner.sync(file, path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check("rename", to)?;
        self.inner.rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.check("fsync-folder", folder)?;
        self.inner.sync_folder(folder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.check("remove", path)?;
        self.inner.remove(path)
    }

    fn reach(&self, point: CrashPoint, path: &Path) {
        for rule in self.rules.iter().filter(|rule| rule.is_for(path)) {
            if rule.what == What::Kill(point.name().to_owned()) && rule.is_due() {
                crate::say!("killed at {} of {}", point.name(), path.display());
                std::process::abort();
            }
            if let What::Hold(at, gate) = &rule.what
                && at == point.name()
                && rule.is_due()
            {
                hold(gate, path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::disk::Disk;

    #[test]
    fn rules_are_read_or_refused() {
        for good in [
            "",
            "write:a.png:EIO",
            "rename::ESTALE@3;short:x",
            "full:10",
            "kill:synced:",
            "await:fsync:a.png:b",
            "hold:created:a:/g@2",
        ] {
            assert!(Faulty::new(Disk, good).is_ok(), "{good}");
        }
        for bad in [
            "write:a",
            "write:a:EWHAT",
            "kill:nowhere:",
            "full:x",
            "short",
            "chmod::EIO",
            "hold:x:a:b",
        ] {
            assert!(Faulty::new(Disk, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_disk_is_full_at_its_byte_and_short_writes_are_short() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let disk = Faulty::new(Disk, "full:10;short:a").unwrap();
        let mut file = disk.create(&path).unwrap();
        assert_eq!(disk.write(&mut file, &path, &[0; 12]).unwrap(), 4);
        assert_eq!(disk.write(&mut file, &path, &[0; 24]).unwrap(), 6);
        let full = disk.write(&mut file, &path, &[0; 1]).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_rule_counts_what_it_matches() {
        let disk = Faulty::new(Disk, "fsync:b:EDQUOT@2").unwrap();
        let file = tempfile::tempfile().unwrap();
        let sync = |name: &str| disk.sync(&file, Path::new(name));
        assert!(sync("b").is_ok() && sync("a").is_ok());
        assert_eq!(sync("b").unwrap_err().kind(), io::ErrorKind::QuotaExceeded);
        assert!(sync("a").is_ok());
    }
}
