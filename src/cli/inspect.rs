//! `coda-pipe inspect`.

use super::exit::{Exit, UsageError};
use super::printable::printable;
use crate::arrays::unread_codec;
use crate::shards::{ReadOptions, ShardReader};
use anyhow::Context as _;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clap::Args;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

/// Show what is in a file: a shard, a Parquet table, a receipt.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The file
    file: PathBuf,
    /// Rows or samples to show
    #[arg(long, short = 'n', default_value_t = 10)]
    rows: usize,
}

impl Inspect {
    /// Prints what is in the file.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        if self.file.is_dir() {
            let advice =
                "is a folder: name a file in the folder (for a run directory: coda-pipe status)";
            return Err(UsageError(format!("{} {advice}", self.file.display())).into());
        }
        let mut magic = [0; 4];
        let mut file = File::open(&self.file)
            .with_context(|| format!("cannot open {}", self.file.display()))?;
        let read = file.read(&mut magic)?;
        let mut out = super::output::stdout();
        match &magic[..read] {
            b"PAR1" => self.parquet(&mut out)?,
            [b'{', ..] => {
                let value: serde_json::Value = serde_json::from_slice(&std::fs::read(&self.file)?)?;
                writeln!(out, "{value:#}")?;
            }
            _ => self.shard(&mut out)?,
        }
        Ok(Exit::Done)
    }

    fn parquet(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let named = || format!("{} can't be read as Parquet", self.file.display());
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&self.file)?)
            .with_context(named)?;
        let (schema, rows) =
            (builder.schema().clone(), builder.metadata().file_metadata().num_rows());
        let groups = builder.metadata().num_row_groups();
        writeln!(out, "Parquet, {rows} rows in {groups} row groups")?;
        for (key, value) in schema.metadata().iter() {
            writeln!(out, "  {key} = {}", shortened(value, 100))?;
        }
        for field in schema.fields() {
            writeln!(out, "  {}: {}", field.name(), field.data_type())?;
        }
        if let Some(codec) = unread_codec(builder.metadata()) {
            anyhow::bail!("{}: {codec}", self.file.display());
        }
        let mut left = self.rows;
        for batch in builder.with_batch_size(self.rows.clamp(1, 1024)).build()? {
            let batch = batch.with_context(named)?;
            show_rows(out, &batch.slice(0, left.min(batch.num_rows())))?;
            left = left.saturating_sub(batch.num_rows());
            if left == 0 {
                break;
            }
        }
        Ok(())
    }

    fn shard(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let (mut samples, mut faults) = (0_u64, 0_u64);
        let mut extensions: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut labels: BTreeMap<String, u64> = BTreeMap::new();
        for item in ShardReader::open(&self.file, ReadOptions::default())? {
            let sample = match item {
                Ok(sample) => sample,
                Err(fault) => {
                    faults += 1;
                    writeln!(
                        out,
                        "bad: {}: {}",
                        printable(&fault.key.unwrap_or_default()),
                        printable(&fault.reason.to_string())
                    )?;
                    continue;
                }
            };
            if samples < self.rows as u64 {
                let members: Vec<String> = sample
                    .members
                    .iter()
                    .map(|m| format!("{} {} B", m.extension, m.bytes.len()))
                    .collect();
                writeln!(
                    out,
                    "{:>8}  {}  {}",
                    sample.offset,
                    printable(&sample.key),
                    members.join(", ")
                )?;
            }
            samples += 1;
            for member in &sample.members {
                let (count, bytes) = extensions.entry(member.extension.clone()).or_default();
                *count += 1;
                *bytes += member.bytes.len() as u64;
            }
            if let Some(label) = sample.get("cls") {
                *labels.entry(printable(String::from_utf8_lossy(label).trim())).or_default() += 1;
            }
        }
        anyhow::ensure!(
            samples > 0,
            "{} is neither a Parquet file, nor JSON, nor a shard with a sample",
            self.file.display()
        );
        writeln!(out, "shard, {samples} samples, {faults} bad")?;
        for (ext, (count, bytes)) in extensions {
            writeln!(out, "  .{ext}: {count}, {}", indicatif::HumanBytes(bytes))?;
        }
        if !labels.is_empty() {
            let shown: Vec<String> =
                labels.iter().take(20).map(|(label, n)| format!("{label} × {n}")).collect();
            let more = if labels.len() > 20 { ", …" } else { "" };
            writeln!(out, "  {} labels: {}{more}", labels.len(), shown.join(", "))?;
        }
        Ok(())
    }
}

fn show_rows(out: &mut impl Write, batch: &RecordBatch) -> anyhow::Result<()> {
    let schema = batch.schema();
    for row in 0..batch.num_rows() {
        let mut cells = Vec::new();
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            cells.push(format!("{}={}", field.name(), cell(column, row)?));
        }
        writeln!(out, "{}", printable(&cells.join(" ")))?;
    }
    Ok(())
}

/// Formats a value: binary by its length, long lists by their beginning.
fn cell(column: &dyn Array, row: usize) -> anyhow::Result<String> {
    if let Some(binary) = column.as_fixed_size_binary_opt() {
        return Ok(format!("<{} bytes>", binary.value_length()));
    }
    let format = FormatOptions::default();
    Ok(shortened(&ArrayFormatter::try_new(column, &format)?.value(row).to_string(), 60))
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most).chain("…".chars()).collect()
}
