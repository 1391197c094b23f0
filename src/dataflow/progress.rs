//! Progress on stderr: bars on a terminal, plain lines elsewhere.

use super::summary::StageSummary;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle as BarStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressStyle {
    /// Bars that are redrawn.
    Bars,
    /// A line now and then.
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
    samples: AtomicU64,
    started: Instant,
    last_line: Mutex<Instant>,
}

/// Plain lines come at most this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

impl Progress {
    /// Progress in `style`.
    pub fn new(style: ProgressStyle) -> Self {
        let target = match style {
            ProgressStyle::Bars => ProgressDrawTarget::stderr(),
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
            ProgressStyle::Lines => eprintln!("{message}"),
            ProgressStyle::Silent => {}
        }
    }

    /// Starts the display of a stage of `units`, of which `done` are done.
    pub fn stage(&self, stage: &'static str, units: usize, done: usize) -> StageProgress {
        let bar = self.bars.add(ProgressBar::new(units as u64));
        let template = "{prefix:<9} {bar:30} {pos}/{len} units  {msg}  {elapsed} (eta {eta})";
        if let Ok(style) = BarStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(stage);
        bar.set_position(done as u64);
        bar.reset_eta();
        if self.style == ProgressStyle::Bars && done < units {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let now = Instant::now();
        StageProgress {
            shared: Arc::new(Shared {
                stage,
                style: self.style,
                bar,
                samples: AtomicU64::new(0),
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
        self.shared.bar.set_message(format!("{all} samples, {rate:.1}/s"));
        self.line_if_due(all, rate);
    }

    /// One unit is done.
    pub fn unit_done(&self) {
        self.shared.bar.inc(1);
    }

    fn line_if_due(&self, samples: u64, rate: f64) {
        if self.shared.style != ProgressStyle::Lines {
            return;
        }
        let mut last = self.shared.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            let (bar, stage) = (&self.shared.bar, self.shared.stage);
            let units = format!("{}/{} units", bar.position(), bar.length().unwrap_or(0));
            let eta = bar.eta().as_secs();
            eprintln!("{stage:<9} {units}, {samples} samples, {rate:.1}/s, eta {eta} s");
        }
    }

    /// Ends the display without a word: the error that follows says it all.
    pub fn clear(&self) {
        self.shared.bar.finish_and_clear();
    }

    /// Ends the display with what the stage did.
    pub fn finish(&self, summary: &StageSummary) {
        self.shared.bar.finish_and_clear();
        let line = finished_line(summary);
        match self.shared.style {
            ProgressStyle::Bars => {
                let bar = &self.shared.bar;
                bar.println(line);
            }
            ProgressStyle::Lines => eprintln!("{line}"),
            ProgressStyle::Silent => {}
        }
    }
}

fn finished_line(summary: &StageSummary) -> String {
    let StageSummary { stage, units, processed, elsewhere, samples, skipped, seconds, .. } =
        summary;
    let skipped = if *skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    if *processed == 0 && *elsewhere == 0 {
        return format!(
            "{stage:<9} {units} of {units} units done before, {samples} samples{skipped}"
        );
    }
    let told = [(units - processed - elsewhere, "done before"), (*elsewhere, "by other workers")];
    let told: Vec<String> = told
        .iter()
        .filter(|(units, _)| *units > 0)
        .map(|(units, how)| format!("{units} {how}"))
        .collect();
    let told = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
    format!("{stage:<9} {units} units{told}, {samples} samples{skipped}, {seconds:.1} s")
}
