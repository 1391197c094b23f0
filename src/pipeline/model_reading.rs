//! Shows progress while large weights are read for their digest, which takes minutes on a slow disk.

use crate::store::ContentDigests;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

/// Files below this size are read in a few seconds, without a message.
const LARGE: u64 = 1_000_000_000;
const EVERY: Duration = Duration::from_secs(10);

/// Progress of reading: one line that is redrawn on a terminal, or a line every few seconds elsewhere.
#[derive(Default)]
pub(crate) struct Reading {
    shown: Option<(ProgressBar, Instant)>,
}

impl Reading {
    /// `done` of `of` bytes are read.
    pub(crate) fn at(&mut self, done: u64, of: u64) {
        if of < LARGE {
            return;
        }
        let terminal = std::io::stderr().is_terminal();
        let first = self.shown.is_none();
        let (bar, last) = self.shown.get_or_insert_with(|| (bar(terminal), Instant::now()));
        if terminal {
            bar.set_message(line(done, of));
        } else if first || last.elapsed() >= EVERY {
            crate::say!("{}", line(done, of));
            *last = Instant::now();
        }
    }

    /// Ends the display; warns if the digests of large files could not be kept.
    pub(crate) fn end(self, found: &ContentDigests, kept: Option<&Path>) {
        if let Some((bar, _)) = self.shown {
            bar.finish_and_clear();
        }
        if found.read < LARGE {
            return;
        }
        let remedy = "set XDG_CACHE_HOME to a writable folder";
        match (&found.not_kept, kept) {
            (Some(why), _) => crate::say!(
                "warning: the weights' fingerprints are not kept, so every command reads the weights again: {why}; {remedy}"
            ),
            (None, None) => crate::say!(
                "warning: the weights' fingerprints are not kept, so every command reads the weights again: there is no \
                 home folder; {remedy}"
            ),
            _ => {}
        }
    }
}

fn bar(terminal: bool) -> ProgressBar {
    let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}

fn line(done: u64, of: u64) -> String {
    let giga = |bytes: u64| bytes as f64 / 1e9;
    format!(
        "reading the model's weights once to fingerprint them: {:.1} of {:.1} GB",
        giga(done),
        giga(of)
    )
}
