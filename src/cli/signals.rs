//! Being asked to stop: by Ctrl-C, by SIGTERM, or by SIGUSR1, which Slurm sends ahead of the end of an allocation
//! (`sbatch --signal=B:USR1@60`).

use super::exit::Exit;
use coda_pipe::dataflow::Cancel;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// What a run was asked to stop by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    warned: Arc<AtomicBool>,
}

impl Asked {
    /// Whether it was SIGUSR1: the time is nearly up.
    pub(crate) fn by_warning(&self) -> bool {
        self.warned.load(Ordering::Acquire)
    }
}

/// A scheduler's SIGTERM may come twice, from itself and from the shell before this process, which hands it on: within
/// this time the two are one.
const ECHO: Duration = Duration::from_secs(2);

/// How long the ending may take: units are dropped before (see `dataflow`), but a disk or a server that does not answer may
/// hold what is left to say. Schedulers commonly kill 30 seconds after they asked.
const PATIENCE: Duration = Duration::from_secs(29);

/// From now on, the first signal has the units under way finished and no other begun; a second one ends the program at
/// once, which is safe too.
///
/// # Errors
/// If a signal can't be listened to.
pub(crate) fn listen(cancel: Cancel) -> std::io::Result<Asked> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut user = signal(SignalKind::user_defined1())?;
    let asked = Asked::default();
    let warned = asked.warned.clone();
    tokio::spawn(async move {
        let mut first: Option<(&str, Instant)> = None;
        loop {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
                _ = user.recv() => "SIGUSR1",
            };
            match first {
                Some(before) if is_echo(before, name) => continue,
                Some(_) => leave(),
                None => first = Some((name, Instant::now())),
            }
            eprintln!("{name}: finishing what is nearly done (again to leave at once)");
            warned.store(name == "SIGUSR1", Ordering::Release);
            cancel.cancel();
            std::thread::spawn(|| {
                std::thread::sleep(PATIENCE);
                leave();
            });
        }
    });
    Ok(asked)
}

fn is_echo((first, at): (&str, Instant), name: &str) -> bool {
    name == "SIGTERM" && first == name && at.elapsed() < ECHO
}

/// As [`leave_with`], interrupted.
pub(crate) fn leave() -> ! {
    leave_with(Exit::Interrupted)
}

/// Ends the process without its exit handlers: ONNX Runtime's would take from device threads what they are working with,
/// and the process would die of that, not of the code that it is to end with.
#[allow(unsafe_code)]
pub(crate) fn leave_with(exit: Exit) -> ! {
    // SAFETY: `_exit` takes a number, touches no memory of ours, and does not return.
    unsafe { libc::_exit(exit as i32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_second_sigterm_right_after_the_first_is_no_second_request() {
        let now = Instant::now();
        assert!(is_echo(("SIGTERM", now), "SIGTERM"));
        assert!(!is_echo(("SIGINT", now), "SIGINT"), "a double Ctrl-C means it");
        assert!(!is_echo(("SIGUSR1", now), "SIGTERM"));
        if let Some(before) = now.checked_sub(ECHO) {
            assert!(!is_echo(("SIGTERM", before), "SIGTERM"));
        }
    }
}
