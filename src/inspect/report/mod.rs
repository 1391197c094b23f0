//! The report of a run directory: gathered class by class, written as it is gathered.

mod class;
mod head;
mod members;
mod pictures;
mod secrets;

use super::audit::COPIES;
use super::page::{
    AuditView, ClassAbout, Head, MEMBERS, Page, Pair, ROWS, plan_pictures, points_per_class,
};
use crate::config::ClassList;
use crate::inspect::audit::command::{classes, read_summary};
use crate::inspect::page::warnings;
use crate::pipeline::context::Context;
use crate::pipeline::discover;
use crate::pipeline::encode;
use crate::pipeline::encoded::Encoded;
use crate::pipeline::error::StageError;
use crate::pipeline::generate::check::prompt_warnings;
use crate::similarity::Summary;
use crate::store::tables::{AuditRow, read_audit};
use crate::store::{AtomicFile, Receipt, RunRecord, StoreError, Written};
use class::ClassFiles;
use head::head;
use pictures::{Gallery, PictureRequest};
use rayon::prelude::*;
use secrets::hide_secrets;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Classes gathered at once: what is in memory besides the audit's table.
const AT_ONCE: usize = 16;
/// The nearest pairs that are shown.
const PAIRS: usize = 24;

/// What a report is made by, beside the run directory.
#[derive(Debug, Clone)]
pub struct Reporting {
    /// Bytes of the file that pictures may take, about.
    pub picture_bytes: u64,
    /// Whether the report includes the last audit.
    pub audit: bool,
    /// Said in place of an audit, and among the warnings if the audit failed.
    pub audit_note: String,
    /// What could not be done on the way, for the warnings.
    pub notes: Vec<String>,
}

/// Writes the report of the run directory to `path`, as far as the run has come.
///
/// # Errors
/// If something that is there can't be read, or the file not be written.
pub fn report(
    context: &Context,
    record: &RunRecord,
    path: &Path,
    how: &Reporting,
) -> Result<Written, StageError> {
    let encoded: Vec<Receipt> =
        context.run_dir.receipts(encode::INFO.name)?.into_values().collect();
    let counts = counts(context, &encoded)?;
    let keys = if encoded.is_empty() { Vec::new() } else { classes(context, &encoded)? };
    let audit = if how.audit { read_summary(&context.run_dir)? } else { None };
    let files = class_files(context, &keys, audit.is_some())?;

    let most = files.iter().map(|class| class.cores.len()).max().unwrap_or(0);
    let size = context.pipeline.output.size;
    let of_members = context.pipeline.anchor.group_members().is_some();
    let rows = if of_members { ROWS + MEMBERS } else { ROWS };
    let plan = plan_pictures((files.len(), most), rows, size, how.picture_bytes);
    let mut gallery = Gallery::open(context, plan)?;
    let mut notes = how.notes.clone();
    let wanted = wanted(&files, &gallery);
    notes.extend(gallery.load(wanted));
    let shards = shard_numbers(&files);

    let mut head = head(context, record)?;
    let program = concat!("coda-pipe ", env!("CARGO_PKG_VERSION"));
    let failed = StoreError::io("write", path);
    let mut page = Page::begin(AtomicFile::create(path)?, &head.name, program).map_err(failed)?;
    let totals_of = class::Totals {
        points: points_per_class(files.len()),
        members: files.iter().map(|class| class.members.count()).sum(),
        audit: audit.as_ref(),
    };
    for (chunk, some) in files.chunks(AT_ONCE).enumerate() {
        let views = some.par_iter().map(|class| {
            let images = counts.get(&class.key).copied().unwrap_or(0);
            class.view(context, &gallery, &shards, &totals_of, images)
        });
        for (at, view) in views.collect::<Vec<_>>().into_iter().enumerate() {
            let (about, view) = view?;
            head.classes.push(about);
            page.class(chunk * AT_ONCE + at, &view).map_err(StoreError::io("write", path))?;
        }
    }
    totals(&mut head);
    head.shards = in_order(shards);
    head.audit_note = how.audit_note.clone();
    head.audit = audit.map(|summary| audit_view(summary, &files));
    if plan.columns < most {
        let columns = plan.columns;
        head.pictures_note = format!(
            "Pictures of the first {columns} images of each class; all have their figures."
        );
    }
    let found = warnings(&head);
    head.warnings.extend(found.into_iter().chain(notes));
    // Without the tokenizer, prompts can't be checked.
    let list = ClassList::from_keys(&keys);
    let list = context.classes.as_ref().unwrap_or(&list);
    head.warnings.extend(prompt_warnings(context, list).unwrap_or_default());
    hide_secrets(&mut head);
    let file = page.finish(&head).map_err(StoreError::io("write", path))?;
    Ok(file.publish(path.parent().unwrap_or(Path::new("")))?)
}

/// Real images of each class.
fn counts(context: &Context, encoded: &[Receipt]) -> Result<BTreeMap<String, usize>, StageError> {
    if encoded.iter().all(|receipt| receipt.outputs.is_empty()) {
        return Ok(BTreeMap::new());
    }
    Ok(Encoded::of(&context.run_dir, None, encoded)?.by_key())
}

fn class_files(
    context: &Context,
    keys: &[String],
    audited: bool,
) -> Result<Vec<ClassFiles>, StageError> {
    let discovered = context.run_dir.receipts(discover::INFO.name)?;
    let mut near: HashMap<String, Vec<AuditRow>> = HashMap::new();
    if audited {
        for row in read_audit(&context.run_dir.path(COPIES))? {
            if row.neighbor <= 1 {
                near.entry(row.class.clone()).or_default().push(row);
            }
        }
    }
    let list = context.classes.as_ref().map(|list| list.classes()).unwrap_or_default();
    let read = |(at, key): (usize, &String)| {
        let rows = near.remove(key).unwrap_or_default();
        let name = list.get(at).map_or(&key[..], |class| &class.prompt[..]);
        ClassFiles::read(context, (key, name), &discovered, rows)
    };
    keys.iter().enumerate().map(read).collect()
}

/// The real images that need a picture, are not the core beside them, and were not fetched.
fn wanted(files: &[ClassFiles], gallery: &Gallery<'_>) -> PictureRequest {
    let mut wanted = PictureRequest::new();
    let columns = gallery.plan.columns;
    for class in files {
        class.members.request(gallery, columns, &mut wanted);
        for core in class.cores.iter().take(columns) {
            let Some(row) = class.nearest(core.rank) else { continue };
            if (&row.shard, row.offset) != (&core.shard, core.offset) {
                wanted.entry(row.shard.clone()).or_default().insert(row.offset, row.offset);
            }
        }
    }
    wanted
}

/// A number for each shard that is named.
fn shard_numbers(files: &[ClassFiles]) -> HashMap<String, usize> {
    let cores = files.iter().flat_map(|class| class.cores.iter().map(|core| &core.shard));
    let near = files.iter().flat_map(|class| class.near.values().map(|row| &row.shard));
    let mut names: Vec<&String> = cores.chain(near).collect::<HashSet<_>>().into_iter().collect();
    names.sort();
    names.into_iter().enumerate().map(|(number, name)| (name.clone(), number)).collect()
}

fn in_order(numbers: HashMap<String, usize>) -> Vec<String> {
    let mut names: Vec<(String, usize)> = numbers.into_iter().collect();
    names.sort_by_key(|(_, number)| *number);
    names.into_iter().map(|(name, _)| name).collect()
}

fn totals(head: &mut Head) {
    let sum = |of: fn(&ClassAbout) -> usize| head.classes.iter().map(of).sum::<usize>();
    let (images, cores, generated) = (sum(|c| c.images), sum(|c| c.cores), sum(|c| c.generated));
    let classes = head.classes.len();
    let totals = &mut head.totals;
    (totals.classes, totals.images) = (classes, images as u64);
    (totals.cores, totals.generated) = (cores, generated);
}

fn audit_view(summary: Summary, files: &[ClassFiles]) -> AuditView {
    let mut pairs: Vec<Pair> = Vec::new();
    for (place, class) in files.iter().enumerate() {
        for (at, core) in class.cores.iter().enumerate() {
            let Some(row) = class.nearest(core.rank) else { continue };
            let (ratio, distance, flagged) = (row.ratio, row.distance, row.flagged);
            let near_key = row.key.clone();
            pairs.push(Pair { place, at, rank: core.rank, ratio, distance, near_key, flagged });
        }
    }
    pairs.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    pairs.truncate(PAIRS);
    AuditView {
        images: summary.images,
        real: summary.real,
        values: summary.values,
        threshold: summary.threshold,
        flagged_count: summary.flagged.len(),
        below: summary.below,
        median_ratio: summary.median_ratio,
        within_one_percent: summary.within_one_percent,
        nearest_of_another_class: summary.nearest_of_another_class,
        histogram: summary.histogram,
        nearest: pairs,
    }
}
