//! `coda-pipe shards cat`.

use super::{Bad, places};
use crate::cli::exit::{Exit, UsageError};
use crate::cli::printable::printable;
use crate::shards::{
    LabelSource, ReadOptions, Sample, ShardError, ShardIdentity, ShardPlace, ShardWriter,
    WriterOptions,
};
use crate::text::decoded;
use anyhow::Context as _;
use clap::Args;
use std::collections::BTreeSet;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// Write the samples of shards as one tar on stdout, as the pipeline sees them.
#[derive(Debug, Args)]
pub(crate) struct Cat {
    /// Paths, brace ranges, globs, folders, URLs, pipe:COMMAND, - for stdin, @FILE with a list of these
    #[arg(required = true)]
    shards: Vec<String>,
    /// Write only the samples whose keys are in this file, one key a line
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Write only the samples of these classes
    #[arg(long, value_name = "KEY,…", value_delimiter = ',')]
    classes: Vec<String>,
    /// Source of a sample's class for --classes: cls, txt, json:FIELD, key, key:last or key:first
    #[arg(long, value_name = "SOURCE", default_value = "cls", requires = "classes")]
    label: LabelSource,
    /// Stop after this many samples
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// The tar being written.
struct Stream<W> {
    tar: ShardWriter<W>,
    /// The keys of `--keys` that are not written yet.
    wanted: Option<BTreeSet<String>>,
    samples: u64,
    bad: u64,
}

impl Cat {
    /// Writes the requested samples.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let out = crate::cli::output::stdout();
        if out.is_terminal() {
            return Err(UsageError(
                "a tar can't be shown on a terminal: redirect the output to a file or a program"
                    .into(),
            )
            .into());
        }
        let wanted = self.wanted()?;
        let places = places(&self.shards)?;
        let tar = ShardWriter::new(BufWriter::new(out), WriterOptions::default());
        let mut stream = Stream { tar, wanted, samples: 0, bad: 0 };
        for place in &places {
            if self.is_enough(&stream) {
                break;
            }
            self.copy(place, &mut stream)?;
        }
        let full = self.is_full(&stream);
        let Stream { tar, wanted, samples, bad } = stream;
        let (mut out, _) = tar.finish()?;
        out.flush()?;
        crate::say!("{samples} samples, {bad} bad");
        let missing = wanted.filter(|wanted| !wanted.is_empty() && !full);
        missing.iter().for_each(|missing| self.tell(missing));
        Ok(if bad == 0 && missing.is_none() { Exit::Done } else { Exit::Failed })
    }

    fn wanted(&self) -> anyhow::Result<Option<BTreeSet<String>>> {
        let Some(path) = &self.keys else { return Ok(None) };
        let named = || format!("cannot read the keys in {}", path.display());
        let bytes = std::fs::read(path).with_context(named)?;
        let text = decoded(&bytes).context("the file is not UTF-8 text").with_context(named)?;
        Ok(Some(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()))
    }

    /// Names the keys of `--keys` that no shard has.
    fn tell(&self, missing: &BTreeSet<String>) {
        let file = self.keys.as_ref().map_or_else(String::new, |path| path.display().to_string());
        let first = missing.first().map_or("", String::as_str);
        let of = if self.classes.is_empty() { "" } else { " of these classes" };
        let number = missing.len();
        crate::say!(
            "{}",
            printable(&format!(
                "no good sample{of} has {number} of the keys in {file}, the first `{first}`"
            ))
        );
    }

    fn is_full<W>(&self, stream: &Stream<W>) -> bool {
        self.limit.is_some_and(|limit| stream.samples >= limit)
    }

    /// Whether all requested samples are written.
    fn is_enough<W>(&self, stream: &Stream<W>) -> bool {
        self.is_full(stream) || stream.wanted.as_ref().is_some_and(BTreeSet::is_empty)
    }

    /// Copies the samples of a shard; names and skips the bad ones.
    fn copy<W: Write>(&self, place: &ShardPlace, stream: &mut Stream<W>) -> anyhow::Result<()> {
        let reader = match place.open(&ShardIdentity::default(), ReadOptions::default()) {
            Ok(reader) => reader,
            Err(fault) => {
                stream.complain(place, &Bad::of(fault));
                return Ok(());
            }
        };
        // Shards may have keys in common, as for any reader of several.
        stream.tar.forget_keys();
        for item in reader {
            if self.is_enough(stream) {
                break;
            }
            let wanted = stream.wanted.as_ref();
            let sample = match item.map_err(Bad::of).and_then(|s| self.judge(s, wanted)) {
                Ok(Some(sample)) => sample,
                Ok(None) => continue,
                Err(bad) => {
                    stream.complain(place, &bad);
                    continue;
                }
            };
            match stream.tar.write_sample(&sample.key, &sample.members) {
                Ok(()) => {
                    stream.samples += 1;
                    if let Some(wanted) = &mut stream.wanted {
                        wanted.remove(&sample.key);
                    }
                }
                Err(error @ ShardError::BadSample { .. }) => {
                    let (key, code) = (Some(sample.key), "not_writable");
                    stream.complain(place, &Bad { key, code, error: error.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
            // Where each sample came to lie, which nobody asks for here.
            stream.tar.take_entries();
        }
        Ok(())
    }

    /// Writes a sample if it was requested.
    fn judge(
        &self,
        sample: Sample,
        wanted: Option<&BTreeSet<String>>,
    ) -> Result<Option<Sample>, Bad> {
        if wanted.is_some_and(|keys| !keys.contains(&sample.key)) {
            return Ok(None);
        }
        if self.classes.is_empty() {
            return Ok(Some(sample));
        }
        match self.label.label(&sample) {
            Ok(class) => Ok(self.classes.contains(&class).then_some(sample)),
            Err(reason) => Err(Bad::of_sample(sample, &reason)),
        }
    }
}

impl<W> Stream<W> {
    fn complain(&mut self, place: &ShardPlace, bad: &Bad) {
        self.bad += 1;
        crate::say!("{}", printable(&format!("{place}: {bad}")));
    }
}
