//! Which process holds a lock or is a worker, on which machine, and whether it lives.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A process, so that no other can be taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessId {
    /// Host name, for people.
    pub(super) host: String,
    /// What the kernel calls this start of the machine.
    pub(super) boot: String,
    /// The process numbers' name space: containers have their own.
    pub(super) space: String,
    pub(super) process: u32,
    /// When it started, in the kernel's ticks: a number is used again, this is not.
    pub(super) started: String,
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.process, self.host)
    }
}

impl ProcessId {
    /// This process.
    pub(super) fn this() -> Self {
        let read = |path: &str| {
            std::fs::read_to_string(path).map_or_else(|_| String::new(), |s| s.trim().to_owned())
        };
        let host = read("/proc/sys/kernel/hostname");
        let space = std::fs::read_link("/proc/self/ns/pid");
        let process = std::process::id();
        Self {
            host: if host.is_empty() { "this machine".into() } else { host },
            boot: read("/proc/sys/kernel/random/boot_id"),
            space: space.map_or_else(|_| String::new(), |s| s.to_string_lossy().into_owned()),
            process,
            started: start_of(process).unwrap_or_default(),
        }
    }

    /// Whether both are, or were, under one kernel.
    pub(super) fn is_on_machine_of(&self, other: &Self) -> bool {
        !self.boot.is_empty() && self.boot == other.boot
    }

    /// Whether the process lives; `None` where this process can't see it.
    pub(super) fn lives(&self, here: &Self) -> Option<bool> {
        let visible = self.is_on_machine_of(here) && self.space == here.space;
        let known = visible && !self.started.is_empty();
        known.then(|| start_of(self.process).is_some_and(|started| started == self.started))
    }
}

/// When a process that still runs started: fields 3 and 22 of `proc_pid_stat(5)`. The second field, in parentheses, may
/// hold spaces. One that has ended is listed until its parent asks for it, which some never do (state `Z`).
fn start_of(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X" | "x");
    if ended { None } else { fields.nth(18).map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_a_namesake_from_before_does_not_and_far_ones_are_unknown() {
        let here = ProcessId::this();
        assert_eq!(here.lives(&here), Some(true));
        let before = ProcessId { started: "1".into(), ..here.clone() };
        assert_eq!(before.lives(&here), Some(false));
        let far = ProcessId { boot: "other".into(), ..here.clone() };
        assert_eq!(far.lives(&here), None);
        let contained = ProcessId { space: "pid:[1]".into(), ..here.clone() };
        assert_eq!(contained.lives(&here), None);
    }

    #[test]
    fn a_process_that_ended_unseen_by_its_parent_is_dead() {
        let here = ProcessId::this();
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("cat");
        let started = start_of(child.id()).expect("it waits for its input");
        let holder = ProcessId { process: child.id(), started, ..here.clone() };
        assert_eq!(holder.lives(&here), Some(true));
        drop(child.stdin.take());
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while holder.lives(&here) == Some(true) && std::time::Instant::now() < patience {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        // Not waited for yet: the kernel still lists it.
        assert!(std::path::Path::new(&format!("/proc/{}/stat", child.id())).exists());
        assert_eq!(holder.lives(&here), Some(false));
        child.wait().expect("it ended");
    }
}
