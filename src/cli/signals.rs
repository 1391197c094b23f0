//! Being asked to stop: by Ctrl-C, by SIGTERM, or by SIGUSR1, which Slurm sends ahead of the end of an allocation
//! (`sbatch --signal=B:USR1@60`).

use super::exit::Exit;
use coda_pipe::dataflow::Cancel;
use tokio::signal::unix::{SignalKind, signal};

/// From now on, the first signal has the units under way finished and no other begun; a second one ends the program at
/// once, which is safe too.
///
/// # Errors
/// If a signal can't be listened to.
pub(crate) fn listen(cancel: Cancel) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut user = signal(SignalKind::user_defined1())?;
    tokio::spawn(async move {
        for asked in 0.. {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
                _ = user.recv() => "SIGUSR1",
            };
            if asked > 0 {
                leave();
            }
            eprintln!("{name}: finishing what is nearly done (again to leave at once)");
            cancel.cancel();
        }
    });
    Ok(())
}

/// Ends the process without its exit handlers: ONNX Runtime's would take from device threads what they are working with,
/// and the process would die of that, not of the code that it is to end with.
#[allow(unsafe_code)]
pub(crate) fn leave() -> ! {
    // SAFETY: `_exit` takes a number, touches no memory of ours, and does not return.
    unsafe { libc::_exit(Exit::Interrupted as i32) }
}
