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

/// Reads logs, one for each process that may have worked at the same time as others; lines that are no events (one cut
/// short by a crash) are passed over.
pub fn timeline(logs: &[String]) -> Timeline {
    let mut read = Read::default();
    logs.iter().for_each(|log| read.log(log));
    read.runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let work = joined(&read.runs);
    let mut found = Timeline::default();
    for (from, to) in &work {
        if from > &work[0].0 {
            found.stops.push(found.span);
        }
        found.span += to - from;
    }
    for (stage, mut pieces) in read.pieces {
        pieces.sort_by(|a, b| a.0.total_cmp(&b.0));
        let pieces = joined(&pieces).into_iter();
        let pieces = pieces.map(|(from, to)| at_work(&work, from, to)).collect();
        found.stages.insert(stage, pieces);
    }
    found.times = work.first().zip(work.last()).map(|(first, last)| (first.0, last.1));
    found
}

/// A piece of time as seconds of work: the pauses before it count nothing.
fn at_work(work: &[(f64, f64)], from: f64, to: f64) -> (f64, f64) {
    let mut before = 0.0;
    for (start, end) in work {
        if from <= *end {
            return (before + from - start, before + to - start);
        }
        before += end - start;
    }
    (before, before)
}

/// Pieces of time, sorted, those that overlap made one.
fn joined(pieces: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, f64)> = Vec::new();
    for &(from, to) in pieces {
        match all.last_mut() {
            Some(last) if from < last.1 => last.1 = last.1.max(to),
            _ => all.push((from, to)),
        }
    }
    all
}

/// What was read, in seconds since 1970.
#[derive(Default)]
struct Read {
    runs: Vec<(f64, f64)>,
    pieces: BTreeMap<String, Vec<(f64, f64)>>,
}

impl Read {
    fn log(&mut self, log: &str) {
        let mut last: Option<f64> = None;
        let mut open: Option<(String, f64)> = None;
        for line in log.lines() {
            let Ok(event) = serde_json::from_str::<Value>(line) else { continue };
            let (Some(time), Some(kind)) = (event["time"].as_f64(), event["event"].as_str()) else {
                continue;
            };
            // Clocks are set back now and then.
            let time = last.map_or(time, |last| time.max(last));
            if kind == "run_started" || last.is_none() {
                self.close(&mut open, last);
                self.runs.push((time, time));
            }
            last = Some(time);
            if let Some(run) = self.runs.last_mut() {
                run.1 = time;
            }
            match (kind, event["stage"].as_str()) {
                ("stage_started", Some(stage)) => {
                    self.close(&mut open, last);
                    open = Some((stage.to_owned(), time));
                }
                ("stage_finished", _) => self.close(&mut open, last),
                _ => {}
            }
        }
        self.close(&mut open, last);
    }

    /// Ends the stage that is under way at the last event.
    fn close(&mut self, open: &mut Option<(String, f64)>, last: Option<f64>) {
        if let (Some((stage, from)), Some(last)) = (open.take(), last) {
            self.pieces.entry(stage).or_default().push((from, last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_between_runs_count_nothing_and_a_killed_stage_ends_at_its_last_event() {
        let log = "{\"time\":100.0,\"event\":\"run_started\"}\n\
             {\"time\":101.0,\"event\":\"stage_started\",\"stage\":\"encode\"}\n\
             {\"time\":105.0,\"event\":\"unit_finished\",\"unit\":\"encode/a\"}\n\
             {\"time\":1,\"ev\n\
             {\"time\":9000.0,\"event\":\"run_started\"}\n\
             {\"time\":9001.0,\"event\":\"stage_started\",\"stage\":\"encode\"}\n\
             {\"time\":9003.0,\"event\":\"stage_finished\",\"stage\":\"encode\"}\n\
             {\"time\":9004.0,\"event\":\"run_finished\"}\n";
        let found = timeline(&[log.to_owned()]);
        assert_eq!((found.span, found.stops.as_slice()), (9.0, &[5.0][..]));
        assert_eq!(found.stages["encode"], [(1.0, 5.0), (6.0, 8.0)]);
        assert_eq!(found.times, Some((100.0, 9004.0)));
        assert_eq!(timeline(&[]), Timeline::default());
    }

    #[test]
    fn what_several_processes_do_at_once_counts_once() {
        let log = |start: f64, end: f64| {
            format!(
                "{{\"time\":{start},\"event\":\"run_started\"}}\n\
                 {{\"time\":{start},\"event\":\"stage_started\",\"stage\":\"encode\"}}\n\
                 {{\"time\":{end},\"event\":\"stage_finished\",\"stage\":\"encode\"}}\n"
            )
        };
        let found = timeline(&[log(10.0, 15.0), log(12.0, 18.0), log(30.0, 31.0)]);
        assert_eq!((found.span, found.stops.as_slice()), (9.0, &[8.0][..]));
        assert_eq!(found.stages["encode"], [(0.0, 8.0), (8.0, 9.0)]);
        assert_eq!(found.times, Some((10.0, 31.0)));
    }
}
