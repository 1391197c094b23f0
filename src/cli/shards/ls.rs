//! `coda-pipe shards ls`.

use super::{Bad, places};
use crate::cli::exit::Exit;
use crate::cli::printable::printable;
use crate::shards::{LabelSource, ReadOptions, Sample, ShardIdentity, ShardPlace};
use anyhow::Context as _;
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::{BufWriter, Write};

/// List every sample as the pipeline sees it, bad samples with the reason.
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Paths, brace ranges, globs, folders, URLs, pipe:COMMAND, - for stdin, @FILE with a list of these
    #[arg(required = true)]
    shards: Vec<String>,
    /// Print one JSON object a line: {"shard", "key", "members": {"jpg": bytes, …}}, or {"shard", "key", "error", "code"}
    #[arg(long)]
    json: bool,
    /// Show each sample's class from this source: cls, txt, json:FIELD, key, key:last or key:first; a sample without a
    /// class is bad
    #[arg(long, value_name = "SOURCE")]
    label: Option<LabelSource>,
    /// Show which member is the image: the first of these that a sample has; a sample without an image is bad
    #[arg(long, value_name = "EXT,…", value_delimiter = ',')]
    image: Vec<String>,
    /// Add the CRC-32 of each member: "crc32": {"jpg": "0a1b2c3d", …}
    #[arg(long)]
    crc32: bool,
}

/// A good sample of the list.
type Listed = Result<Good, Bad>;

struct Good {
    sample: Sample,
    label: Option<String>,
    image: Option<String>,
}

impl Ls {
    /// Lists the samples.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let places = places(&self.shards)?;
        let mut out = BufWriter::new(crate::cli::output::stdout());
        let (mut samples, mut bad) = (0_u64, 0_u64);
        for place in &places {
            let before = (samples, bad);
            let shard = place.to_string();
            if !self.json {
                writeln!(out, "{}", printable(&shard))?;
                if let Some(names) = self.names(place) {
                    writeln!(out, "  {}", printable(&names))?;
                }
            }
            self.each(place, |listed| {
                *(if listed.is_ok() { &mut samples } else { &mut bad }) += 1;
                let written = match self.json {
                    true => writeln!(out, "{}", self.object(&shard, &listed)),
                    false => writeln!(out, "  {}", printable(&self.line(&listed))),
                };
                written.context("cannot write the list")
            })?;
            if !self.json {
                writeln!(out, "  {} samples, {} bad", samples - before.0, bad - before.1)?;
            }
        }
        out.flush()?;
        crate::say!("{} shards, {samples} samples, {bad} bad", places.len());
        Ok(if bad == 0 { Exit::Done } else { Exit::Failed })
    }

    /// The names that a shard has for the numbers in its labels.
    fn names(&self, place: &ShardPlace) -> Option<String> {
        let usual = LabelSource::Extension("cls".to_owned());
        let label = self.label.as_ref().unwrap_or(&usual);
        // What is wrong with the shard is said where its samples are read.
        let names =
            place.class_names(label, &ShardIdentity::default(), &ReadOptions::default()).ok()??;
        let named =
            names.iter().enumerate().take(10).map(|(number, name)| format!("{number} {name}"));
        let more = if names.len() > 10 { ", …" } else { "" };
        Some(format!("classes: {}{more}", named.collect::<Vec<_>>().join(", ")))
    }

    /// Passes every sample and fault of a shard on, in order.
    fn each(
        &self,
        place: &ShardPlace,
        mut hand_on: impl FnMut(Listed) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match place.open(&ShardIdentity::default(), ReadOptions::default()) {
            Err(fault) => hand_on(Err(Bad::of(fault))),
            Ok(mut reader) => reader
                .try_for_each(|item| hand_on(item.map_err(Bad::of).and_then(|s| self.judge(s)))),
        }
    }

    /// Checks a sample by the requested label and image.
    fn judge(&self, sample: Sample) -> Listed {
        let label = self.label.as_ref().map(|source| source.label(&sample)).transpose();
        let label = match label {
            Ok(label) => label,
            Err(reason) => return Err(Bad::of_sample(sample, &reason)),
        };
        let image = match self.image.is_empty() {
            true => None,
            false => match sample.image(&self.image) {
                Ok((extension, _)) => Some(extension.to_owned()),
                Err(reason) => return Err(Bad::of_sample(sample, &reason)),
            },
        };
        Ok(Good { sample, label, image })
    }

    fn object(&self, shard: &str, listed: &Listed) -> Value {
        let good = match listed {
            Ok(good) => good,
            Err(Bad { key, code, error }) => {
                return json!({"shard": shard, "key": key, "error": error, "code": code});
            }
        };
        let sizes: Map<String, Value> = good.members(|bytes| json!(bytes.len()));
        let mut object = json!({"shard": shard, "key": good.sample.key, "members": sizes});
        if let Some(label) = &good.label {
            object["label"] = json!(label);
        }
        if let Some(image) = &good.image {
            object["image"] = json!(image);
        }
        if self.crc32 {
            object["crc32"] = good.members(|bytes| json!(crc32(bytes))).into();
        }
        object
    }

    fn line(&self, listed: &Listed) -> String {
        let good = match listed {
            Ok(good) => good,
            Err(bad) => return bad.to_string(),
        };
        let members = good.sample.members.iter().map(|member| {
            let mark = if good.image.as_ref() == Some(&member.extension) { " (image)" } else { "" };
            let sum = if self.crc32 { format!(" {}", crc32(&member.bytes)) } else { String::new() };
            format!("{} {} B{sum}{mark}", member.extension, member.bytes.len())
        });
        let members = members.collect::<Vec<_>>().join(", ");
        let label =
            good.label.as_ref().map_or_else(String::new, |label| format!("  class {label}"));
        format!("{}  {members}{label}", good.sample.key)
    }
}

impl Good {
    /// A value of each member, by extension.
    fn members(&self, about: impl Fn(&[u8]) -> Value) -> Map<String, Value> {
        let members = self.sample.members.iter();
        members.map(|member| (member.extension.clone(), about(&member.bytes))).collect()
    }
}

/// Eight hexadecimal digits, as `zlib.crc32` and `gzip -lv` count.
fn crc32(bytes: &[u8]) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    format!("{:08x}", crc.sum())
}
