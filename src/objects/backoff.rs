//! How long a request that fails is tried again: by time, not by count.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use xxhash_rust::xxh3::xxh3_64;

/// The wait after a first failure. The next ones double, so many times.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const DOUBLINGS: u32 = 6;
/// With a server that has not answered yet, whose address may be wrong; and for what need not succeed.
const SHORT: Duration = Duration::from_secs(30);
/// With one that has answered before and will again.
const LONG: Duration = Duration::from_secs(600);

/// What is known of a server, by all that is asked of it.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    answered: bool,
    /// The first failure since the last answer.
    failing: Option<Instant>,
}

/// What one request failed since it got somewhere.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: u32,
    since: Option<Instant>,
}

impl Health {
    /// Notes an answer.
    pub(crate) fn answered(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Known { answered: true, failing: None };
    }

    /// Notes a failure at `now`; the wait before the next try, or `None` when it is time to give up.
    pub(crate) fn failed(
        &self,
        failures: &mut Failures,
        best_effort: bool,
        now: Instant,
    ) -> Option<Duration> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |start: Instant| now.saturating_duration_since(start);
        let outage = since(*known.failing.get_or_insert(now));
        let own = since(*failures.since.get_or_insert(now));
        // Where an outage has outlasted the limit, each request need not find that out for as long again.
        let long = known.answered && !best_effort && outage < LONG;
        let limit = if long { LONG } else { SHORT };
        let spent = if best_effort { outage } else { own };
        let left = limit.checked_sub(spent).filter(|left| !left.is_zero())?;
        let wait = FIRST_WAIT * 2u32.pow(failures.count.min(DOUBLINGS));
        failures.count = failures.count.saturating_add(1);
        Some(wait.mul_f64(jitter()).min(left))
    }
}

impl Failures {
    /// How often and how long, for people.
    pub(crate) fn describe(&self, now: Instant) -> String {
        let seconds = self.since.map_or(0, |since| now.saturating_duration_since(since).as_secs());
        format!("tried {} times in {seconds} s", self.count.saturating_add(1))
    }
}

/// From 0.5 to 1.5, by process and moment: what failed together does not come back together.
fn jitter() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let hash = xxh3_64(format!("{} {}", std::process::id(), now.as_nanos()).as_bytes());
    0.5 + f64::from((hash >> 32) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds from the first failure to the last try, where every try fails at once.
    fn lasts(health: &Health, best_effort: bool, start: Instant) -> f64 {
        let (mut failures, mut at) = (Failures::default(), start);
        while let Some(wait) = health.failed(&mut failures, best_effort, at) {
            assert!(wait <= Duration::from_secs(24) && !wait.is_zero(), "{wait:?}");
            at += wait;
        }
        (at - start).as_secs_f64()
    }

    #[test]
    fn the_limit_is_short_at_first_contact_and_long_with_a_server_that_has_answered() {
        let (health, start) = (Health::default(), Instant::now());
        assert_eq!(lasts(&health, false, start), 30.0);
        health.answered();
        assert_eq!(lasts(&health, false, start), 600.0);
        // The outage is known to be long by now; what need not succeed is not tried again.
        let later = start + LONG;
        assert_eq!(lasts(&health, false, later), 30.0);
        assert_eq!(lasts(&health, true, later), 0.0);
        health.answered();
        assert_eq!(lasts(&health, true, later), 30.0);
    }

    #[test]
    fn waits_double_and_differ() {
        let (health, now) = (Health::default(), Instant::now());
        health.answered();
        let mut failures = Failures::default();
        for doublings in [0, 1, 2, 3, 4, 5, 6, 6, 6] {
            let wait = health.failed(&mut failures, false, now).unwrap().as_secs_f64();
            let whole = 0.25 * f64::from(1 << doublings);
            assert!((0.5 * whole..=1.5 * whole).contains(&wait), "{doublings}: {wait}");
        }
        assert_eq!(failures.describe(now), "tried 10 times in 0 s");
        assert_ne!(jitter(), jitter());
    }
}
