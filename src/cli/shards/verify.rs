//! `coda-pipe shards verify`.

use super::index::index_path;
use super::{Bad, places};
use crate::cli::exit::Exit;
use crate::cli::printable::printable;
use crate::engine::{Progress, ProgressStyle, StageProgress};
use crate::imaging::{DecodeOptions, decode_rgb, has_few_of_sixteen_bits, is_image};
use crate::shards::{
    IMAGE_EXTENSIONS, ReadOptions, Sample, SampleEntry, ShardIdentity, ShardPlace, check_dali_index,
};
use clap::Args;
use rayon::prelude::*;
use serde_json::json;
use std::io::Write;

/// Check every shard to its end, and with --images every image, for damage.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Paths, brace ranges, globs, folders, URLs, pipe:COMMAND, - for stdin, @FILE with a list of these
    #[arg(required = true)]
    shards: Vec<String>,
    /// Also decode every image
    #[arg(long)]
    images: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What the check of a shard found.
#[derive(Debug, Default, serde::Serialize)]
struct ShardCheck {
    shard: String,
    /// Good samples.
    samples: u64,
    /// Bytes of their members.
    bytes: u64,
    /// Images decoded.
    images: u64,
    /// 16-bit images that use only the lower twelve bits.
    dim_16_bit: u64,
    /// Whether the shard has an index, which was compared.
    indexed: bool,
    bad: Vec<Bad>,
}

impl Verify {
    /// Reads the shards, several at once.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let places = places(&self.shards)?;
        let progress = Progress::new(ProgressStyle::detect());
        let shown = progress.stage("verify", places.len(), (0, 0));
        let examined = places.par_iter().map(|place| {
            let found = self.examine(place, &shown);
            shown.unit_done(0);
            found
        });
        let found: Vec<ShardCheck> = examined.collect();
        shown.clear();
        let total = |of: fn(&ShardCheck) -> u64| found.iter().map(of).sum::<u64>();
        let bad = total(|found| found.bad.len() as u64);
        let (samples, bytes, images) =
            (total(|found| found.samples), total(|found| found.bytes), total(|found| found.images));
        let indexes = found.iter().filter(|found| found.indexed).count();
        let mut out = crate::cli::output::stdout();
        if self.json {
            let report = json!({
                "ok": bad == 0, "shards": found, "samples": samples, "bytes": bytes,
                "images": images, "indexes": indexes, "bad": bad,
            });
            writeln!(out, "{report:#}")?;
        } else {
            for ShardCheck { shard, bad, dim_16_bit, .. } in &found {
                if *dim_16_bit > 0 {
                    writeln!(
                        out,
                        "{shard}: note: {dim_16_bit} 16-bit images use only the lower twelve bits and are decoded almost black"
                    )?;
                }
                bad.iter().try_for_each(|bad| {
                    writeln!(out, "{}", printable(&format!("{shard}: {bad}")))
                })?;
            }
            let decoded =
                if self.images { format!("{images} images decoded, ") } else { String::new() };
            let size = indicatif::HumanBytes(bytes);
            let shards = found.len();
            writeln!(
                out,
                "{shards} shards, {samples} samples of {size}, {decoded}{indexes} indexes compared, {bad} bad"
            )?;
        }
        Ok(if bad == 0 { Exit::Done } else { Exit::Failed })
    }

    /// Reads a shard to its end.
    fn examine(&self, place: &ShardPlace, shown: &StageProgress) -> ShardCheck {
        let mut found = ShardCheck { shard: place.to_string(), ..ShardCheck::default() };
        let (mut entries, mut whole) = (Vec::new(), true);
        let mut fault = |found: &mut ShardCheck, fault| {
            whole = false;
            found.bad.push(Bad::of(fault));
        };
        match place.open(&ShardIdentity::default(), ReadOptions::default()) {
            Err(unread) => fault(&mut found, unread),
            Ok(reader) => {
                for item in reader {
                    shown.tick(1);
                    match item {
                        Err(lost) => fault(&mut found, lost),
                        Ok(sample) => {
                            self.look_at(&sample, &mut found);
                            entries.push(SampleEntry { key: sample.key, members: sample.places });
                        }
                    }
                }
            }
        }
        // What a damaged shard holds is not known.
        if let (ShardPlace::File(path), true) = (place, whole)
            && let Ok(text) = std::fs::read_to_string(index_path(path))
        {
            found.indexed = true;
            if let Err(reason) = check_dali_index(&text, &entries) {
                let index = index_path(path);
                let error = format!(
                    "the index {} does not match the shard: {reason}; `coda-pipe shards index` rewrites the index",
                    index.display()
                );
                found.bad.push(Bad { key: None, code: "bad_index", error });
            }
        }
        found
    }

    /// Counts a sample and, where asked, decodes its images.
    fn look_at(&self, sample: &Sample, found: &mut ShardCheck) {
        found.samples += 1;
        for member in &sample.members {
            found.bytes += member.bytes.len() as u64;
            // Also behind another (`seg.png`).
            let kind = member.extension.rsplit('.').next().unwrap_or_default();
            if !self.images || !(IMAGE_EXTENSIONS.contains(&kind) || is_image(&member.bytes)) {
                continue;
            }
            match decode_rgb(&member.bytes, DecodeOptions::default()) {
                Ok(image) => {
                    found.images += 1;
                    found.dim_16_bit += u64::from(has_few_of_sixteen_bits(&member.bytes, &image));
                }
                Err(error) => {
                    let error = format!("member `.{}`: {error}", member.extension);
                    found.bad.push(Bad { key: Some(sample.key.clone()), code: "bad_image", error });
                }
            }
        }
    }
}
