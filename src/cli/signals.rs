//! Being asked to stop: by Ctrl-C, by SIGTERM, or by SIGUSR1, which Slurm sends ahead of the end of an allocation
//! (`sbatch --signal=B:USR1@60`).

use super::exit::Exit;
use crate::engine::Cancel;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a run was asked to stop by.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopRequest {
    warned: Arc<AtomicBool>,
}

impl StopRequest {
    /// Whether it was SIGUSR1: the time is nearly up.
    pub(crate) fn by_warning(&self) -> bool {
        self.warned.load(Ordering::Acquire)
    }
}

/// A scheduler's SIGTERM may come twice, from itself and from the shell before this process, which hands it on: within
/// this time the two are one.
const ECHO: Duration = Duration::from_secs(2);

/// How long the ending may take: units are dropped before (see `engine`), but a disk or a server that does not answer may
/// hold what is left to say. Schedulers commonly kill 30 seconds after they asked.
const PATIENCE: Duration = Duration::from_secs(29);

/// From now on, the first signal has the units under way finished and no other begun; a second one ends the program at
/// once, which is safe too. A thread of its own listens, whatever the others are held up by.
///
/// # Errors
/// If a signal can't be listened to.
pub(crate) fn listen(cancel: Cancel) -> std::io::Result<StopRequest> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = {
        let _here = runtime.enter();
        let of = |kind| signal(kind);
        [
            (of(SignalKind::interrupt())?, "SIGINT"),
            (of(SignalKind::terminate())?, "SIGTERM"),
            (of(SignalKind::user_defined1())?, "SIGUSR1"),
        ]
    };
    let asked = StopRequest::default();
    let warned = asked.warned.clone();
    crate::threads::spawn("signals", move || {
        runtime.block_on(answer(signals, &cancel, &warned));
    })?;
    Ok(asked)
}

async fn answer(
    [(mut one, first), (mut two, second), (mut three, third)]: [(Signal, &'static str); 3],
    cancel: &Cancel,
    warned: &AtomicBool,
) {
    let mut before: Option<(&str, Instant)> = None;
    loop {
        let too_long = async {
            match before {
                Some((_, at)) => tokio::time::sleep_until((at + PATIENCE).into()).await,
                None => std::future::pending().await,
            }
        };
        let name = tokio::select! {
            _ = one.recv() => first,
            _ = two.recv() => second,
            _ = three.recv() => third,
            () = too_long => leave(),
        };
        match before {
            Some(before) if is_echo(before, name) => continue,
            Some(_) => leave(),
            None => before = Some((name, Instant::now())),
        }
        warned.store(name == "SIGUSR1", Ordering::Release);
        // The request comes first: the message may have no reader.
        cancel.cancel();
        crate::say!("{name}: finishing the units under way (repeat the signal to stop at once)");
    }
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
