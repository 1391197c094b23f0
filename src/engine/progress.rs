//! Progress on stderr: bars on a terminal, plain lines elsewhere.

use super::remaining::{Counts, remaining};
use super::summary::StageSummary;
use super::terminal::Terminal;
use crate::colors::{Paint, painted};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle as BarStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The style of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressStyle {
    /// Bars that are redrawn.
    Bars,
    /// Plain lines every few seconds.
    Lines,
    /// Nothing.
    Silent,
}

impl ProgressStyle {
    /// Bars where stderr is a terminal, else lines.
    pub fn detect() -> Self {
        if std::io::stderr().is_terminal() { Self::Bars } else { Self::Lines }
    }
}

/// Progress of a run.
#[derive(Debug)]
pub struct Progress {
    style: ProgressStyle,
    bars: MultiProgress,
}

/// Progress of one stage; clones share it.
#[derive(Debug, Clone)]
pub struct StageProgress {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stage: &'static str,
    style: ProgressStyle,
    bar: ProgressBar,
    /// Units done by earlier runs.
    before: u64,
    /// Samples of this run.
    samples: AtomicU64,
    /// Samples and number of done units, of all workers.
    finished: Mutex<(u64, u64)>,
    started: Instant,
    last_line: Mutex<Instant>,
}

/// The shortest interval between plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

impl Progress {
    /// Progress in `style`.
    pub fn new(style: ProgressStyle) -> Self {
        let target = match style {
            ProgressStyle::Bars => ProgressDrawTarget::term_like(Box::new(Terminal::default())),
            _ => ProgressDrawTarget::hidden(),
        };
        Self { style, bars: MultiProgress::with_draw_target(target) }
    }

    /// A message to the user, above the bars.
    pub fn say(&self, message: &str) {
        match self.style {
            ProgressStyle::Bars => {
                let _ = self.bars.println(message);
            }
            ProgressStyle::Lines => crate::say!("{message}"),
            ProgressStyle::Silent => {}
        }
    }

    /// Starts the display of a stage of `units`; `done` is the number of done units and their samples.
    pub fn stage(
        &self,
        stage: &'static str,
        units: usize,
        (done, samples): (usize, u64),
    ) -> StageProgress {
        let bar = self.bars.add(ProgressBar::new(units as u64));
        let drawn = painted(Paint::Active, "{bar:30}");
        let template = format!("{{prefix:<9}} {drawn} {{pos}}/{{len}} units  {{msg}}  {{elapsed}}");
        if let Ok(style) = BarStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_prefix(stage);
        bar.set_position(done as u64);
        if self.style == ProgressStyle::Bars && done < units {
            keep_drawing(&bar);
        }
        let now = Instant::now();
        StageProgress {
            shared: Arc::new(Shared {
                stage,
                style: self.style,
                bar,
                before: done as u64,
                samples: AtomicU64::new(0),
                finished: Mutex::new((samples, done as u64)),
                started: now,
                last_line: Mutex::new(now),
            }),
        }
    }
}

impl StageProgress {
    /// `samples` more are done.
    pub fn tick(&self, samples: u64) {
        let all = self.shared.samples.fetch_add(samples, Ordering::Relaxed) + samples;
        let rate = all as f64 / self.shared.started.elapsed().as_secs_f64().max(1e-3);
        let eta = self.eta(all);
        self.shared.bar.set_message(format!("{all} samples, {rate:.1}/s, eta {eta}"));
        self.line_if_due(all, rate, &eta);
    }

    /// Counts a done unit with its samples.
    pub fn unit_done(&self, samples: u64) {
        let mut finished = self.finished();
        *finished = (finished.0 + samples, finished.1 + 1);
        self.shared.bar.inc(1);
    }

    fn finished(&self) -> MutexGuard<'_, (u64, u64)> {
        self.shared.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The remaining time of the stage, as text.
    fn eta(&self, all: u64) -> String {
        let Shared { bar, before, started, .. } = &*self.shared;
        let (finished, units_done) = *self.finished();
        let counts = Counts {
            units: bar.length().unwrap_or(0),
            units_before: *before,
            units_done,
            samples_finished: finished,
            samples: all,
        };
        match remaining(&counts, started.elapsed()) {
            Some(left) => format!("{} s", left.as_secs()),
            None => "not known yet".into(),
        }
    }

    fn line_if_due(&self, samples: u64, rate: f64, eta: &str) {
        if self.shared.style != ProgressStyle::Lines {
            return;
        }
        let mut last = self.shared.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            let (bar, stage) = (&self.shared.bar, self.shared.stage);
            let units = format!("{}/{} units", bar.position(), bar.length().unwrap_or(0));
            crate::say!("{stage:<9} {units}, {samples} samples, {rate:.1}/s, eta {eta}");
        }
    }

    /// Ends the display without a line, before an error message.
    pub fn clear(&self) {
        self.shared.bar.finish_and_clear();
    }

    /// Ends the display with the stage's summary.
    pub fn finish(&self, summary: &StageSummary) {
        self.shared.bar.finish_and_clear();
        let line = finished_line(summary);
        match self.shared.style {
            ProgressStyle::Bars => {
                let bar = &self.shared.bar;
                bar.println(line);
            }
            ProgressStyle::Lines => crate::say!("{line}"),
            ProgressStyle::Silent => {}
        }
    }
}

/// Redraws the elapsed time of a bar from a thread; without a thread, only progress redraws the bar.
fn keep_drawing(bar: &ProgressBar) {
    let bar = bar.downgrade();
    let draw = move || {
        while let Some(bar) = bar.upgrade().filter(|bar| !bar.is_finished()) {
            bar.tick();
            drop(bar);
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    let _ = std::thread::Builder::new().name("progress".into()).spawn(draw);
}

fn finished_line(summary: &StageSummary) -> String {
    let StageSummary { stage, units, processed, elsewhere, samples, skipped, seconds, .. } =
        summary;
    let stage = painted(Paint::Done, &format!("{stage:<9}"));
    let skipped = if *skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    if *processed == 0 && *elsewhere == 0 {
        return format!("{stage} {units} of {units} units done before, {samples} samples{skipped}");
    }
    let notes = [(units - processed - elsewhere, "done before"), (*elsewhere, "by other workers")];
    let notes: Vec<String> = notes
        .iter()
        .filter(|(units, _)| *units > 0)
        .map(|(units, how)| format!("{units} {how}"))
        .collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    format!("{stage} {units} units{notes}, {samples} samples{skipped}, {seconds:.1} s")
}
