//! The estimated remaining time of a stage.

use std::time::Duration;

/// The counts of a stage under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    /// All units of the stage.
    pub(super) units: u64,
    /// Units done by earlier runs.
    pub(super) units_before: u64,
    /// Units done by any run or worker.
    pub(super) units_done: u64,
    /// Samples of the done units.
    pub(super) samples_finished: u64,
    /// Samples done by this run, including units under way.
    pub(super) samples: u64,
}

/// The time that is left when things go on as in the time `elapsed`: by samples, of which a unit under way has done some;
/// by units where these have none. `None` before any unit has shown how many samples one has.
pub(super) fn remaining(counts: &Counts, elapsed: Duration) -> Option<Duration> {
    let Counts { units, units_before, units_done, samples_finished, samples } = *counts;
    let left = units.saturating_sub(units_done) as f64;
    let here = units_done.saturating_sub(units_before) as f64;
    let seconds = elapsed.as_secs_f64();
    let seconds = if samples_finished > 0 && samples > 0 {
        let a_unit = samples_finished as f64 / units_done.max(1) as f64;
        let all_here = (here + left) * a_unit;
        seconds * (all_here - samples as f64).max(0.0) / samples as f64
    } else if here > 0.0 {
        seconds * left / here
    } else {
        return None;
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(counts: [u64; 5], seconds: u64) -> Option<u64> {
        let [units, units_before, units_done, samples_finished, samples] = counts;
        let counts = Counts { units, units_before, units_done, samples_finished, samples };
        remaining(&counts, Duration::from_secs(seconds)).map(|left| left.as_secs())
    }

    #[test]
    fn the_time_that_is_left_goes_by_samples_and_not_by_whole_units() {
        assert_eq!(left([4, 0, 0, 0, 90], 10), None, "nobody knows yet how long a shard is");
        // Two of four shards done and the others half way: a third of the time is left.
        assert_eq!(left([4, 0, 2, 200, 300], 30), Some(10));
        // Just after the second is finished, as just before: no jump.
        assert_eq!(left([4, 0, 1, 100, 199], 20), Some(20));
        assert_eq!(left([4, 0, 2, 200, 200], 20), Some(20));
        // Of an earlier run it is known from the start.
        assert_eq!(left([4, 2, 2, 200, 100], 10), Some(10));
        assert_eq!(left([4, 0, 1, 0, 0], 10), Some(30), "by units, where they have no samples");
        assert_eq!(left([4, 0, 4, 400, 400], 10), Some(0));
    }
}
