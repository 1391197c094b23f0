//! How often a read that a server failed is tried again, and how long to wait before.

use std::time::Duration;

/// The longest wait between two tries.
#[cfg(any(feature = "remote", test))]
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Tries of a read over the network: the waits double from `first_wait` up to a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// Tries after a failed one, without a byte gained in between, before giving up.
    pub retries: usize,
    /// The first wait.
    pub first_wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { retries: 5, first_wait: Duration::from_secs(1) }
    }
}

#[cfg(any(feature = "remote", test))]
impl Retry {
    /// The wait after so many failures on end; `None` when that is enough of them. `failures` is at
    /// least 1.
    pub(super) fn wait(&self, failures: usize) -> Option<Duration> {
        if failures > self.retries {
            return None;
        }
        let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(31);
        Some(self.first_wait.saturating_mul(1 << doublings).min(LONGEST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let retry = Retry { retries: 9, first_wait: Duration::from_millis(500) };
        let waits: Vec<f64> = (1..=9).map(|n| retry.wait(n).unwrap().as_secs_f64()).collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
        assert_eq!(retry.wait(10), None);
        let many = Retry { retries: usize::MAX, first_wait: Duration::from_secs(1) };
        assert_eq!(many.wait(1000), Some(LONGEST_WAIT));
    }
}
