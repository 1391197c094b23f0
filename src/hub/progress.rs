//! Shows how far files have come: one line that is redrawn on a terminal, or a line every few seconds elsewhere.

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(10);

/// Bytes of some files.
#[derive(Debug)]
pub(super) struct Progress {
    done: AtomicU64,
    of: u64,
    started: Instant,
    last: Mutex<Instant>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of `of` bytes none has come yet.
    pub(super) fn new(of: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        let now = Instant::now();
        Self { done: AtomicU64::new(0), of, started: now, last: Mutex::new(now), bar }
    }

    /// Bytes that came now.
    pub(super) fn came(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(bar) = &self.bar {
            bar.set_message(self.line(done));
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= EVERY {
            *last = Instant::now();
            crate::say!("{}", self.line(done));
        }
    }

    /// Bytes that have to come again.
    pub(super) fn lost(&self, bytes: u64) {
        self.done.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn line(&self, done: u64) -> String {
        let rate = done as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        format!(
            "fetched {} of {} ({}/s)",
            HumanBytes(done),
            HumanBytes(self.of),
            HumanBytes(rate as u64)
        )
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
