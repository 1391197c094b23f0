//! Work that waits for a server, several pieces at once.

use super::error::StoreError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Pieces at once: they wait for the server, not for this machine's cores.
const AT_ONCE: usize = 8;

/// Does `work` for each of `items`. Where no thread can be started, one after the other.
///
/// # Errors
/// The first error of `work`.
pub(super) fn for_each<Item: Sync>(
    items: &[Item],
    work: impl Fn(&Item) -> Result<(), StoreError> + Sync,
) -> Result<(), StoreError> {
    let next = AtomicUsize::new(0);
    let work_on = || -> Result<(), StoreError> {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(item)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, work_on).ok();
        let threads: Vec<_> = (0..AT_ONCE.min(items.len())).map_while(start).collect();
        if threads.is_empty() {
            return work_on();
        }
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })
}
