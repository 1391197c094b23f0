//! Panics of libraries at bytes that make no sense: caught where they happen, without a line on stderr.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Makes the program say nothing of panics that [`caught`] catches.
pub(crate) fn hide_caught() {
    let usual = take_hook();
    set_hook(Box::new(move |panic| {
        if !IS_CAUGHT.get() {
            usual(panic);
        }
    }));
}

/// What `work` gives, `None` if it panics. What it leaves behind must not be used then.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outer = IS_CAUGHT.replace(true);
    let given = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(outer);
    given.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_nothing_and_all_else_is_what_it_is() {
        assert_eq!(caught(|| 7), Some(7));
        assert_eq!(caught(|| -> i32 { std::panic::panic_any("no") }), None);
        assert!(!IS_CAUGHT.get());
    }
}
