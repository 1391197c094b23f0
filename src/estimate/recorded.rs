//! The times that earlier runs recorded in a run directory.

use serde_json::Value;
use std::collections::BTreeMap;

/// The recorded times of a stage.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Recorded {
    /// Seconds from a stage's start to its last finished unit, summed over runs.
    pub seconds: f64,
    /// Units finished in these runs.
    pub units: u64,
}

impl Recorded {
    /// The estimated seconds of `units` more units.
    pub fn seconds_for(&self, units: u64) -> Option<f64> {
        (self.units > 0).then(|| self.seconds / self.units as f64 * units as f64)
    }
}

/// Reads the lines of `events.jsonl`; lines that are not events are ignored.
pub fn recorded(events: &str) -> BTreeMap<String, Recorded> {
    let mut found: BTreeMap<String, Recorded> = BTreeMap::new();
    // The stage under way, when it started, and when its last unit was done.
    let mut under_way: Option<(String, f64, f64)> = None;
    for event in events.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let time = event["time"].as_f64().unwrap_or_default();
        match (event["event"].as_str(), &mut under_way) {
            (Some("stage_started"), _) => {
                close(&mut found, under_way.take());
                let stage = event["stage"].as_str().unwrap_or_default().to_owned();
                under_way = Some((stage, time, time));
            }
            (Some("unit_finished"), Some((stage, _, last))) => {
                let of = event["unit"].as_str().and_then(|unit| unit.split_once('/'));
                if of.is_some_and(|(own, _)| own == stage) {
                    *last = time;
                    found.entry(stage.clone()).or_default().units += 1;
                }
            }
            _ => {}
        }
    }
    close(&mut found, under_way);
    found
}

fn close(found: &mut BTreeMap<String, Recorded>, stage: Option<(String, f64, f64)>) {
    if let Some((stage, started, last)) = stage
        && let Some(recorded) = found.get_mut(&stage)
    {
        recorded.seconds += (last - started).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupted_runs_add_up_and_junk_is_passed_over() {
        let text = r#"
{"time": 10.0, "event": "run_started"}
{"time": 10.0, "event": "stage_started", "stage": "encode"}
{"time": 12.0, "event": "unit_finished", "unit": "encode/part-000000"}
{"time": 99.0, "event": "stage_started", "stage": "encode"}
{"time": 101.0, "event": "unit_finished", "unit": "encode/part-000001"}
{"time": 103.0, "event": "unit_finished", "unit": "encode/part-000002"}
{"time": 104.0, "event": "stage_started", "stage": "discover"}
not an event"#;
        let found = recorded(text);
        assert_eq!(found["encode"], Recorded { seconds: 6.0, units: 3 });
        assert_eq!(found["encode"].seconds_for(2), Some(4.0));
        assert_eq!(found.get("discover"), None);
    }
}
