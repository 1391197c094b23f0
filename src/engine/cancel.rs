//! Cancellation: one request, visible to all work.

use tokio_util::sync::CancellationToken;

/// A request to stop that all work checks; clones share the request.
#[derive(Debug, Clone, Default)]
pub struct Cancel(CancellationToken);

tokio::task_local! {
    /// The request of the unit that this task works on, for objects that outlive the unit.
    pub(super) static OF_UNIT: Cancel;
}

/// The work was stopped on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Cancelled;

impl Cancel {
    /// Requests all work to stop.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether a stop was requested.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// `Err` after a stop was requested, for use with `?`.
    ///
    /// # Errors
    /// [`Cancelled`] then.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Returns when a stop is requested.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_request() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let cancel = Cancel::default();
        let other = cancel.clone();
        assert_eq!(other.check(), Ok(()));
        runtime.block_on(async {
            let waiting = other.cancelled();
            cancel.cancel();
            waiting.await;
            other.cancelled().await;
        });
        assert_eq!(other.check(), Err(Cancelled));
    }
}
