//! When each stage was worked on, from a run's events, without the pauses between runs.

use serde_json::Value;
use std::collections::BTreeMap;

/// Time at work, in seconds from the first run's start; pauses between runs count nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    /// All of it.
    pub span: f64,
    /// Where one run ended and another began.
    pub stops: Vec<f64>,
    /// Each stage's pieces.
    pub stages: BTreeMap<String, Vec<(f64, f64)>>,
    /// When the first run began and the last ended, in seconds since 1970.
    pub times: Option<(f64, f64)>,
}

/// Reads the lines of `events.jsonl`; those that are no events (one cut short by a crash) are passed over.
pub fn timeline(events: &str) -> Timeline {
    let mut reading = Reading::default();
    for line in events.lines() {
        let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
        if let (Some(time), Some(kind)) = (event["time"].as_f64(), event["event"].as_str()) {
            reading.take(time, kind, event["stage"].as_str());
        }
    }
    reading.finish()
}

#[derive(Default)]
struct Reading {
    found: Timeline,
    /// What to take off a time to have time at work.
    off: f64,
    last: Option<f64>,
    open: Option<(String, f64)>,
}

impl Reading {
    fn take(&mut self, time: f64, kind: &str, stage: Option<&str>) {
        if kind == "run_started" || self.last.is_none() {
            self.close();
            match self.last {
                None => self.off = time,
                Some(last) => {
                    self.found.stops.push(last - self.off);
                    self.off += time - last;
                }
            }
            let first = self.found.times.map_or(time, |(first, _)| first);
            self.found.times = Some((first, time));
        }
        // Clocks are set back now and then.
        let time = self.last.map_or(time, |last| time.max(last));
        self.last = Some(time);
        match (kind, stage) {
            ("stage_started", Some(stage)) => {
                self.close();
                self.open = Some((stage.to_owned(), time - self.off));
            }
            ("stage_finished", _) => self.close(),
            _ => {}
        }
        self.found.times = self.found.times.map(|(first, _)| (first, time));
    }

    /// Ends the stage that is under way at the last event.
    fn close(&mut self) {
        if let (Some((stage, from)), Some(last)) = (self.open.take(), self.last) {
            self.found.stages.entry(stage).or_default().push((from, last - self.off));
        }
    }

    fn finish(mut self) -> Timeline {
        self.close();
        self.found.span = self.last.map_or(0.0, |last| last - self.off);
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_between_runs_count_nothing_and_a_killed_stage_ends_at_its_last_event() {
        let found = timeline(
            "{\"time\":100.0,\"event\":\"run_started\"}\n\
             {\"time\":101.0,\"event\":\"stage_started\",\"stage\":\"encode\"}\n\
             {\"time\":105.0,\"event\":\"unit_finished\",\"unit\":\"encode/a\"}\n\
             {\"time\":1,\"ev\n\
             {\"time\":9000.0,\"event\":\"run_started\"}\n\
             {\"time\":9001.0,\"event\":\"stage_started\",\"stage\":\"encode\"}\n\
             {\"time\":9003.0,\"event\":\"stage_finished\",\"stage\":\"encode\"}\n\
             {\"time\":9004.0,\"event\":\"run_finished\"}\n",
        );
        assert_eq!((found.span, found.stops.as_slice()), (9.0, &[5.0][..]));
        assert_eq!(found.stages["encode"], [(1.0, 5.0), (6.0, 8.0)]);
        assert_eq!(found.times, Some((100.0, 9004.0)));
        assert_eq!(timeline(""), Timeline::default());
    }
}
