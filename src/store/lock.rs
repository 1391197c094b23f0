//! One run at a time in a run directory, on any file system.
//!
//! Two things make the lock. The operating system's lock on `lock` dies with its holder, but network file systems may
//! lack it, or keep it to one machine. So the holder also leaves a claim, `lock.holder`: made only where there is none,
//! with a number in it that goes up every few seconds. A claim is void when its process is seen to be dead, or, from
//! another machine, when its number stands still for a minute. No clocks are compared.

use super::error::StoreError;
use super::nfs::refresh_folder;
use super::process_id::ProcessId;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Held while a run works in a directory.
#[derive(Debug)]
pub struct FolderLock {
    claim: PathBuf,
    /// Dropped first, which ends the heartbeat.
    heart: Option<Sender<()>>,
    /// It gives the claim's file back, open.
    beating: Option<std::thread::JoinHandle<File>>,
    file: File,
}

/// The content of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Claim {
    #[serde(flatten)]
    holder: ProcessId,
    /// Goes up while the holder lives. Text of one width, so that it is overwritten in place.
    beat: String,
}

/// How the lock is taken; tests have their own.
struct Rules {
    /// Between two beats.
    beat: Duration,
    /// How long a claim of another machine must stand still to be void.
    timeout: Duration,
    /// Whether the operating system's lock is used.
    system: bool,
    /// Who takes it.
    holder: ProcessId,
}

impl FolderLock {
    /// Takes the lock of the run directory `root`. `say` gets a message about a dead holder, or one whose
    /// heartbeat is watched.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process holds it.
    pub fn take(root: &Path, say: impl Fn(&str)) -> Result<Self, StoreError> {
        let rules = Rules {
            beat: Duration::from_secs(8),
            timeout: Duration::from_secs(60),
            system: true,
            holder: ProcessId::this(),
        };
        Self::take_by(&rules, root, say)
    }

    fn take_by(rules: &Rules, root: &Path, say: impl Fn(&str)) -> Result<Self, StoreError> {
        let claim = root.join("lock.holder");
        let (file, locked) = system_lock(&root.join("lock"), &claim, rules)?;
        // Twice, if the claim of a dead process is in the way; more often, if others compete for it.
        for _ in 0..5 {
            match File::options().write(true).create_new(true).open(&claim) {
                Ok(mine) => return Self::hold(rules, claim, mine, file),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                    clear_if_void(&claim, rules, locked, &say)?;
                }
                Err(e) => return Err(StoreError::io("create", &claim)(e)),
            }
        }
        Err(held(&claim))
    }

    /// Refuses while a process holds the lock of `root`, without taking it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] then.
    pub fn refuse_held(root: &Path, say: impl Fn(&str)) -> Result<(), StoreError> {
        let claim = root.join("lock.holder");
        refresh_folder(root)?;
        let timeout = Duration::from_secs(60);
        let (before, content) = match read_claim(&claim)? {
            Found::Nothing => return Ok(()),
            Found::Claim(before, content) => (before, content),
            // Being written this moment, as a rule. What stays unreadable counts as held: nobody knows by whom.
            Found::Unreadable(before) => {
                if moves(&claim, &before, timeout / 12) {
                    return Self::refuse_held(root, say);
                }
                return if claim.exists() { Err(held(&claim)) } else { Ok(()) };
            }
        };
        match content.holder.lives(&ProcessId::this()) {
            Some(false) => return Ok(()),
            Some(true) => {}
            None => {
                let (place, holder) = (claim.display(), &content.holder);
                say(&format!(
                    "{place} is claimed by {holder}, which this machine cannot see: watching its heartbeat"
                ));
                if !moves(&claim, &before, timeout) {
                    return Ok(());
                }
            }
        }
        Err(held(&claim))
    }

    fn hold(rules: &Rules, claim: PathBuf, mine: File, file: File) -> Result<Self, StoreError> {
        let mut content = Claim { holder: rules.holder.clone(), beat: String::new() };
        if let Err(e) = write_beat(&mine, &mut content, 0) {
            let _ = std::fs::remove_file(&claim);
            return Err(StoreError::io("write", &claim)(e));
        }
        let (heart, stopped) = channel();
        let every = rules.beat;
        let beating = crate::threads::spawn("heartbeat", move || {
            for beat in 1.. {
                if stopped.recv_timeout(every) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                // A full disk shows itself where results are written.
                let _ = write_beat(&mine, &mut content, beat);
            }
            mine
        });
        let beating = beating.map_err(|error| {
            let _ = std::fs::remove_file(&claim);
            StoreError::io("hold", &claim)(error)
        })?;
        Ok(Self { claim, heart: Some(heart), beating: Some(beating), file })
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        drop(self.heart.take());
        let mine = self.beating.take().and_then(|beating| beating.join().ok());
        // Another's, where this process stood still for so long that it was thought dead.
        if mine.is_some_and(|mine| is_at(&mine, &self.claim)) {
            // Best effort: a claim that stays is void once this process is gone.
            let _ = std::fs::remove_file(&self.claim);
        }
        // Not left to closing: a process that was just forked to start a program has the file open too, and with it the
        // lock, until it gets there.
        let _ = self.file.unlock();
    }
}

/// The operating system's lock, and whether there is one here.
fn system_lock(path: &Path, claim: &Path, rules: &Rules) -> Result<(File, bool), StoreError> {
    let options = || File::options().create(true).truncate(false).write(true).open(path);
    let file = options().map_err(StoreError::io("open", path))?;
    if !rules.system {
        return Ok((file, false));
    }
    match file.try_lock() {
        Ok(()) => Ok((file, true)),
        Err(TryLockError::WouldBlock) => Err(held(claim)),
        Err(TryLockError::Error(e)) if has_no_locks(&e) => Ok((file, false)),
        Err(TryLockError::Error(e)) => Err(StoreError::io("lock", path)(e)),
    }
}

/// Whether the file system has no locks at all.
fn has_no_locks(error: &std::io::Error) -> bool {
    let none = [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP, Errno::NOTSUP];
    none.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

fn held(claim: &Path) -> StoreError {
    let holder = match read_claim(claim) {
        Ok(Found::Claim(_, claim)) => claim.holder.to_string(),
        _ => "an unknown process; if no run uses the folder, delete this file".into(),
    };
    StoreError::Locked { path: claim.to_owned(), holder }
}

/// What is found in a claim's place.
enum Found {
    Nothing,
    /// Its bytes and meaning.
    Claim(Vec<u8>, Claim),
    /// A file that can't be understood (yet).
    Unreadable(Vec<u8>),
}

fn read_claim(path: &Path) -> Result<Found, StoreError> {
    match std::fs::read(path) {
        Ok(text) => Ok(match serde_json::from_slice(&text) {
            Ok(claim) => Found::Claim(text, claim),
            Err(_) => Found::Unreadable(text),
        }),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
        Err(e) => Err(StoreError::io("read", path)(e)),
    }
}

/// Whether an open file is the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |about: std::fs::Metadata| (about.dev(), about.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(mine), Ok(there)) => identity(mine) == identity(there),
        _ => false,
    }
}

fn write_beat(file: &File, claim: &mut Claim, beat: u64) -> std::io::Result<()> {
    claim.beat = format!("{beat:012}");
    let text = serde_json::to_vec(claim)?;
    file.write_all_at(&text, 0)?;
    // A network file system keeps writes back until then.
    file.sync_data()
}

/// Removes the claim of a holder that is dead.
///
/// # Errors
/// [`StoreError::Locked`] if it lives.
fn clear_if_void(
    path: &Path,
    rules: &Rules,
    locked: bool,
    say: &impl Fn(&str),
) -> Result<(), StoreError> {
    let before = std::fs::read(path).unwrap_or_default();
    let claim: Option<Claim> = serde_json::from_slice(&before).ok();
    let name = claim.as_ref().map_or_else(|| "an unknown process".into(), |c| c.holder.to_string());
    let same_machine = claim.as_ref().is_some_and(|c| c.holder.is_on_machine_of(&rules.holder));
    let lives = claim.as_ref().and_then(|c| c.holder.lives(&rules.holder));
    match lives {
        // The system's lock, which it would hold, is ours.
        _ if locked && same_machine => {}
        Some(true) => return Err(held(path)),
        Some(false) => {}
        None => {
            // One without a name is being written this moment, or its writer died at it.
            let timeout = if claim.is_some() { rules.timeout } else { rules.timeout / 12 };
            say(&format!(
                "{} is claimed by {name}, which this machine cannot see: watching its heartbeat for up to {} s",
                path.display(),
                timeout.as_secs()
            ));
            if moves(path, &before, timeout) {
                return Err(held(path));
            }
        }
    }
    say(&format!(
        "the previous run ({name}) stopped without releasing its claim; continuing from its last receipt"
    ));
    take_away(path, &before)
}

/// Whether a claim changes while it is watched. One that goes is void too.
fn moves(path: &Path, before: &[u8], timeout: Duration) -> bool {
    let started = Instant::now();
    while started.elapsed() < timeout {
        std::thread::sleep(timeout / 50);
        match std::fs::read(path) {
            Ok(now) if now != before => return true,
            Err(e) if e.kind() == ErrorKind::NotFound => return false,
            _ => {}
        }
    }
    false
}

/// Removes a claim that still is `judged`. Renamed first, which one process only can do; what turns out to be another's
/// claim, made meanwhile, is put back.
fn take_away(path: &Path, judged: &[u8]) -> Result<(), StoreError> {
    let aside = path.with_file_name(format!("lock.void.{}", std::process::id()));
    match std::fs::rename(path, &aside) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(StoreError::io("rename", path)(e)),
    }
    let other = std::fs::read(&aside).is_ok_and(|found| found != judged);
    if other {
        // Fails where a third claim has appeared, which is as good.
        let _ = std::fs::hard_link(&aside, path);
    }
    std::fs::remove_file(&aside).map_err(StoreError::io("remove", &aside))?;
    if other { Err(held(path)) } else { Ok(()) }
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
