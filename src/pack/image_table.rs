//! Parquet files that hold the images themselves: which rows go into which shard, and a shard's rows.

use super::error::PackError;
use super::plan::{PackPlan, PackSample, plan_samples};
use super::{Label, PackOptions};
use crate::shards::image_folder::{Stamp, class_key};
use crate::shards::{Container, LabelSource, ReadOptions, SampleMember, ShardIdentity, ShardPlace};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

/// The members of a row's sample, or why it has none.
pub(super) type RowMembers = Result<Vec<SampleMember>, String>;

/// Whether `source` is a Parquet file with a column of images, not one of paths.
pub fn holds_images(source: &Path) -> bool {
    let place = ShardPlace::File(source.to_owned());
    source.is_file()
        && place.container() == Ok(Container::Parquet)
        && place
            .open(&ShardIdentity::default(), only(&[]))
            .is_ok_and(|mut rows| !matches!(rows.next(), Some(Err(fault)) if fault.fatal))
}

/// Cuts the rows of a Parquet file into shards, in the file's order.
///
/// # Errors
/// If the file can't be read, or has no label.
pub fn plan_rows(source: &Path, options: &PackOptions) -> Result<PackPlan, PackError> {
    let (place, known) = (ShardPlace::File(source.to_owned()), ShardIdentity::default());
    let refused = |reason: String| PackError::list(source, reason);
    let rows =
        place.open(&known, only(&["cls"])).map_err(|fault| refused(fault.reason.to_string()))?;
    let stamp = Stamp::of(source);
    let mut samples = Vec::new();
    for (row, item) in rows.enumerate() {
        let (key, label) = match item {
            Ok(sample) => {
                let label =
                    sample.get("cls").map(|label| String::from_utf8_lossy(label).into_owned());
                (sample.key, class_key(OsStr::new(&label.unwrap_or_default())))
            }
            // Read again with its shard, where what is wrong with it counts.
            Err(fault) if !fault.fatal => (fault.key.unwrap_or_default(), String::new()),
            Err(fault) => return Err(refused(fault.reason.to_string())),
        };
        let (path, extension, row) = (source.to_owned(), String::new(), Some(row as u64));
        samples.push(PackSample { key, path, extension, label, stamp, row });
    }
    if samples.is_empty() {
        return Err(refused("no image is in it".to_owned()));
    }
    let usual = LabelSource::Extension("cls".to_owned());
    let names = place.class_names(&usual, &known, &ReadOptions::default());
    let names = names.ok().flatten().unwrap_or_default();
    let options = PackOptions { shuffle: None, ..*options };
    Ok(plan_samples(samples, &options, names))
}

/// The members of these rows' samples, by row. A label that is written as a position comes from the plan.
pub(super) fn members(
    samples: &[PackSample],
    label: Label,
) -> Result<HashMap<u64, RowMembers>, PackError> {
    let rows: Vec<u64> = samples.iter().filter_map(|sample| sample.row).collect();
    let Some(first) = samples.first().filter(|_| !rows.is_empty()) else {
        return Ok(HashMap::new());
    };
    let labels: HashMap<u64, &str> =
        samples.iter().filter_map(|sample| Some((sample.row?, sample.label.as_str()))).collect();
    let place = ShardPlace::File(first.path.clone());
    let refused = |reason: String| PackError::list(&first.path, reason);
    let read = place.open_some(&rows, &ShardIdentity::default(), &ReadOptions::default());
    let read = read.map_err(|fault| refused(fault.reason.to_string()))?;
    let mut read = read.ok_or_else(|| refused("it is no Parquet file any more".to_owned()))?;
    let mut found = HashMap::new();
    for &row in &rows {
        let members = match read.next() {
            Some(Ok(sample)) if sample.get("cls").is_none() => Err("it has no label".to_owned()),
            Some(Ok(sample)) => {
                let mut members = sample.members;
                for member in members.iter_mut().filter(|member| member.extension == "cls") {
                    if let (Label::Index, Some(label)) = (label, labels.get(&row)) {
                        member.bytes = label.as_bytes().to_vec();
                    }
                }
                Ok(members)
            }
            Some(Err(fault)) if fault.fatal => return Err(refused(fault.reason.to_string())),
            Some(Err(fault)) => Err(fault.reason.to_string()),
            None => Err("the row is not there any more".to_owned()),
        };
        found.insert(row, members);
    }
    Ok(found)
}

fn only(extensions: &[&str]) -> ReadOptions {
    let extensions = extensions.iter().map(|extension| (*extension).to_owned()).collect();
    ReadOptions { extensions: Some(extensions), ..ReadOptions::default() }
}
