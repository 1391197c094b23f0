//! Work that waits for a disk or a server, away from the threads that run the stages.

use crate::store::StoreError;

/// Does what may wait for a disk or a server on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    // One kind of task, as each kind would bring its own copy of the runtime's code.
    let work: Box<dyn FnOnce() + Send> = Box::new(move || drop(answer.send(work())));
    let done = tokio::task::spawn_blocking(work).await;
    answered.await.unwrap_or_else(|_| {
        let died = done.err().map_or_else(String::new, |died| died.to_string());
        let died = std::io::Error::other(died);
        Err(StoreError::io("read", std::path::Path::new("the run directory"))(died))
    })
}
