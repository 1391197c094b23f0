//! Exit codes, and how an error becomes one.

use super::printable::printable_lines;
use coda_pipe::config::ConfigError;
use coda_pipe::dataflow::{Cancelled, FlowError};
use coda_pipe::stages::StageError;
use coda_pipe::store::StoreError;
use std::process::ExitCode;

type Flow = FlowError<StageError>;

/// What the program exits with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All that was asked is done.
    Done = 0,
    /// It failed; the message says why.
    Failed = 1,
    /// The command line or the pipeline file is wrong; nothing was computed.
    Usage = 2,
    /// Other workers have not finished what comes next, or have this one's place: the same command, later, goes on
    /// (`EX_TEMPFAIL`).
    Incomplete = 75,
    /// It was interrupted, and the same command goes on where it stopped.
    Interrupted = 130,
}

/// For `--help`.
pub(crate) const HELP: &str = "Exit codes: 0 done, 1 failed, 2 usage or configuration, \
75 other workers have not finished what comes before (try again later), 130 interrupted (the same command goes on).";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// The command line asks for something impossible.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Prints `error` with its causes and says what to exit with.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    let code = code_of(error);
    if code == Exit::Interrupted {
        eprintln!("interrupted: run the same command again to go on");
        return code;
    }
    if code == Exit::Done {
        return code;
    }
    // Our own messages hold their cause already; only a context's is added.
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&cause);
        }
    }
    eprintln!("error: {}", printable_lines(&text));
    code
}

/// What to exit with after `error`.
pub(crate) fn code_of(error: &anyhow::Error) -> Exit {
    if interrupted(error) {
        return Exit::Interrupted;
    }
    if closed_pipe(error) {
        return Exit::Done;
    }
    if error.chain().any(is_for_later) {
        return Exit::Incomplete;
    }
    // A stage's error on its own comes from before the run: a class list or a model folder that can't be used.
    let before = error.is::<StageError>();
    if before || error.chain().any(is_configuration) { Exit::Usage } else { Exit::Failed }
}

/// Whether the user had it stopped.
pub(crate) fn interrupted(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|e| e.is::<Cancelled>() || matches!(e.downcast_ref(), Some(Flow::Cancelled(_))))
}

/// Whether the same command may do later, when other workers have gone on or have gone: a scheduler that has lost sight
/// of one starts it again elsewhere, while it may still be at work.
fn is_for_later(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(Flow::Incomplete { .. }))
        || matches!(error.downcast_ref(), Some(StoreError::Busy { .. }))
}

/// Whoever read our output has seen enough (`coda-pipe inspect x | head`): that is no failure.
fn closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|e| {
        e.downcast_ref::<std::io::Error>()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

fn is_configuration(error: &(dyn std::error::Error + 'static)) -> bool {
    let by_flow = match error.downcast_ref::<Flow>() {
        Some(FlowError::Stale { .. }) => true,
        // Shard patterns: damage within a shard is no `ShardError`.
        Some(FlowError::Planning { source, .. }) => matches!(**source, StageError::Shard(_)),
        _ => false,
    };
    by_flow || error.is::<ConfigError>() || error.is::<UsageError>()
}
