//! Exit codes, and the exit code of each error.

use super::output::Unread;
use super::printable::printable_lines;
use crate::colors::{Paint, painted};
use crate::config::ConfigError;
use crate::engine::{Cancelled, FlowError};
use crate::pipeline::StageError;
use crate::shards::ShardError;
use crate::store::StoreError;
use std::io::ErrorKind;
use std::process::ExitCode;

type Flow = FlowError<StageError>;

/// The program's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command succeeded.
    Done = 0,
    /// The command failed; the message gives the reason.
    Failed = 1,
    /// The command line or the pipeline file is wrong; nothing was computed.
    Usage = 2,
    /// Other workers have not finished an earlier stage, another process holds the run directory, or the time was too short
    /// for one unit: the same command can succeed later (`EX_TEMPFAIL`).
    Incomplete = 75,
    /// The command was interrupted; the same command continues.
    Interrupted = 130,
}

/// The exit codes, for `--help`.
pub(crate) const HELP: &str = "Exit codes: 0 done, 1 failed, 2 usage or configuration, \
75 not now: other workers have not finished an earlier stage, or the time was too short for one unit (try again later), \
130 interrupted (the same command continues).";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// The command line is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Another attempt may get further: schedulers restart workers by this exit code.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct TryLater(pub(crate) String);

impl TryLater {
    /// For `map_err` in a worker: the run without `--partition` that holds the lock will end.
    pub(crate) fn where_locked(error: StoreError) -> anyhow::Error {
        match error {
            StoreError::Locked { .. } => Self(error.to_string()).into(),
            other => other.into(),
        }
    }
}

/// Prints `error` with its causes and returns the exit code.
pub(crate) fn report(error: &anyhow::Error) -> Exit {
    let code = code_of(error);
    if code == Exit::Interrupted {
        crate::say!("interrupted: run the same command again to continue");
        return code;
    }
    if code == Exit::Done {
        return code;
    }
    // The program's own messages contain their cause; only the cause of a context is added.
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&cause);
        }
    }
    crate::say!("{} {}", painted(Paint::Error, "error:"), printable_lines(&text));
    code
}

/// The exit code of `error`.
pub(crate) fn code_of(error: &anyhow::Error) -> Exit {
    if interrupted(error) {
        return Exit::Interrupted;
    }
    if unread(error) {
        return Exit::Done;
    }
    if error.chain().any(is_for_later) {
        return Exit::Incomplete;
    }
    // A stage's error on its own comes from before the run: a class list or a model folder that can't be used.
    let before = error.is::<StageError>();
    let wrong = before || error.chain().any(is_configuration);
    // Of usage errors a scheduler ends all workers: not for a server or a disk that is away for a while.
    if wrong && !error.chain().any(is_outage) { Exit::Usage } else { Exit::Failed }
}

/// Whether the user stopped the command.
pub(crate) fn interrupted(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|e| e.is::<Cancelled>() || matches!(e.downcast_ref(), Some(Flow::Cancelled(_))))
}

/// Whether the same command may succeed later, when other workers have finished or ended: a scheduler that has lost a worker
/// starts the worker again elsewhere, while the first may still run.
fn is_for_later(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(Flow::Incomplete { .. }))
        || matches!(error.downcast_ref(), Some(StoreError::Busy { .. }))
        || error.is::<TryLater>()
}

/// Whether the reader of the standard output closed the pipe (`coda-pipe inspect x | head`), which is no failure, unlike other
/// broken pipes.
fn unread(error: &anyhow::Error) -> bool {
    let inner = |e: &std::io::Error| e.get_ref().is_some_and(|inner| inner.is::<Unread>());
    error.chain().any(|e| e.is::<Unread>() || e.downcast_ref().is_some_and(inner))
}

fn is_configuration(error: &(dyn std::error::Error + 'static)) -> bool {
    let by_flow = match error.downcast_ref::<Flow>() {
        Some(FlowError::Stale { .. }) => true,
        // Shard patterns: damage within a shard is no `ShardError`.
        Some(FlowError::Planning { source, .. }) => {
            matches!(**source, StageError::Shard(_) | StageError::Model(_))
        }
        _ => false,
    };
    by_flow || error.is::<ConfigError>() || error.is::<UsageError>()
}

/// Whether a file or a server was unavailable, which may be temporary.
fn is_outage(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(file) = error.downcast_ref::<std::io::Error>() {
        return may_pass(file.kind());
    }
    let stage = match error.downcast_ref::<Flow>() {
        Some(FlowError::Planning { source, .. }) => Some(source.as_ref()),
        _ => error.downcast_ref::<StageError>(),
    };
    match stage {
        Some(StageError::Shard(ShardError::Remote { kind, .. })) => may_pass(*kind),
        Some(StageError::Hub(error)) => may_pass(error.kind),
        _ => false,
    }
}

/// Whether a failure is neither a wrong name nor wrong content.
fn may_pass(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidData
            | ErrorKind::Unsupported
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClassListError;
    use std::io::Error;

    fn planning(error: ShardError) -> anyhow::Error {
        Flow::Planning { stage: "encode", source: Box::new(error.into()) }.into()
    }

    fn remote(kind: ErrorKind) -> ShardError {
        ShardError::Remote { url: "s3://bucket/a.tar".into(), problem: "so it is".into(), kind }
    }

    #[test]
    fn an_outage_is_no_mistake_in_the_pipeline() {
        let file = |kind| ShardError::Io { path: "a".into(), source: Error::from(kind) };
        let list = |kind| {
            let source = Error::from(kind);
            StageError::Classes(ClassListError::Read { path: "a".into(), source })
        };
        for (error, code) in [
            (planning(remote(ErrorKind::ConnectionRefused)), Exit::Failed),
            (planning(remote(ErrorKind::PermissionDenied)), Exit::Failed),
            (planning(remote(ErrorKind::NotFound)), Exit::Usage),
            (planning(remote(ErrorKind::Unsupported)), Exit::Usage),
            (planning(file(ErrorKind::StaleNetworkFileHandle)), Exit::Failed),
            (planning(file(ErrorKind::NotFound)), Exit::Usage),
            (planning(ShardError::NoPatterns), Exit::Usage),
            (StageError::Shard(remote(ErrorKind::TimedOut)).into(), Exit::Failed),
            (list(ErrorKind::TimedOut).into(), Exit::Failed),
            (list(ErrorKind::NotFound).into(), Exit::Usage),
            (UsageError("no".into()).into(), Exit::Usage),
        ] {
            assert_eq!(code_of(&error), code, "{error:?}");
        }
        let source = Error::from(ErrorKind::PermissionDenied);
        let unread = ConfigError::Read { path: "p.toml".into(), source };
        assert_eq!(code_of(&unread.into()), Exit::Failed);
        let source = Error::from(ErrorKind::InvalidData);
        let no_text = ConfigError::Read { path: "p.toml".into(), source };
        assert_eq!(code_of(&no_text.into()), Exit::Usage);
    }

    #[test]
    fn only_the_standard_outputs_own_reader_may_go() {
        let pipe = |inner: Error| anyhow::Error::from(ShardError::Write(inner)).context("writing");
        let own = Error::new(ErrorKind::BrokenPipe, Unread);
        assert_eq!(code_of(&pipe(own)), Exit::Done);
        let own = Error::new(ErrorKind::BrokenPipe, Unread);
        assert_eq!(code_of(&anyhow::Error::from(own)), Exit::Done);
        assert_eq!(code_of(&pipe(Error::from(ErrorKind::BrokenPipe))), Exit::Failed);
        let other = anyhow::Error::from(Error::from(ErrorKind::BrokenPipe));
        assert_eq!(code_of(&other), Exit::Failed);
    }

    #[test]
    fn a_worker_tries_again_where_another_process_is() {
        let locked = || StoreError::Locked { path: "lock".into(), holder: "process 1".into() };
        let worker = TryLater::where_locked(locked());
        assert_eq!(code_of(&worker), Exit::Incomplete);
        assert!(worker.to_string().contains("locked by another run"), "{worker}");
        assert_eq!(code_of(&locked().into()), Exit::Failed, "a run on its own says so and ends");
        let full = StoreError::io("write", std::path::Path::new("a"))(Error::other("full"));
        assert_eq!(code_of(&TryLater::where_locked(full)), Exit::Failed);
    }
}
