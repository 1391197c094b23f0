//! Work that waits for a disk or a server, away from the threads that run the stages.

use crate::store::StoreError;

/// Runs blocking work on a blocking thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    // One type of task: each type would add a copy of the runtime's code.
    let work: Box<dyn FnOnce() + Send> = Box::new(move || drop(answer.send(work())));
    let done = tokio::task::spawn_blocking(work).await;
    answered.await.unwrap_or_else(|_| {
        let died = done.err().map_or_else(String::new, |died| died.to_string());
        let died = std::io::Error::other(died);
        Err(StoreError::io("read", std::path::Path::new("the run directory"))(died))
    })
}
