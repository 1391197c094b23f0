//! Stopping early: asked for once, noticed everywhere.

use tokio_util::sync::CancellationToken;

/// A request to stop, which all work looks at. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(CancellationToken);

tokio::task_local! {
    /// What the unit looks at that this task works on: for what is made inside it and outlives it.
    pub(super) static OF_UNIT: Cancel;
}

/// The work was stopped on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Cancelled;

impl Cancel {
    /// Asks all work to stop.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether it was asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// `Err` once it was asked, to leave by `?`.
    ///
    /// # Errors
    /// [`Cancelled`] then.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Returns when it is asked.
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
