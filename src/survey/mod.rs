//! What a data set is: shards, samples, where the labels stand, classes, images, and what is odd about them. For who begins.
//!
//! Two passes: some samples of some shards tell where the labels stand and what the images are; then, where that is cheap,
//! every sample is counted. What was looked at depends on the data alone, never on time.

mod beside;
mod candidates;
mod containers;
mod count;
mod draft;
mod fields;
mod look;
mod names;
mod odd;
mod pictures;
mod plausible;
mod ranges;

pub(crate) use draft::{Draft, DraftFor, ModelChoice, draft, facts};
pub(crate) use ranges::folded;

use crate::shards::{
    LabelSource, ReadOptions, Retry, ShardError, ShardPlace, expand_sources_with_warnings,
    shard_identities,
};
use containers::{ShardKind, containers};
use count::count;
use look::{Looked, look};
use names::{ClassNames, NamedIn};
use pictures::Pictures;
use plausible::{Candidate, rank};
use serde::Serialize;
use std::path::Path;

/// What is asked of a data set.
#[derive(Debug, Clone)]
pub(crate) struct Survey<'a> {
    /// Shard patterns, as of `[data] shards`.
    pub(crate) patterns: &'a [String],
    /// Where relative patterns start.
    pub(crate) base: &'a Path,
    /// Where the labels stand, if that is known.
    pub(crate) label: Option<LabelSource>,
    /// Read everything, whatever it takes.
    pub(crate) full: bool,
    /// Images per class that are to be made.
    pub(crate) ipc: usize,
    /// The class list that is to be written: what an earlier call left there is no finding.
    pub(crate) own_list: &'a Path,
}

/// Why nothing could be found out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SurveyError {
    /// The patterns, or a server.
    #[error(transparent)]
    Shards(#[from] ShardError),
    /// No sample could be read.
    #[error("no sample could be read: {0}")]
    Unreadable(String),
    /// No sample has an image.
    #[error(
        "no sample has an image: samples have the members {0}; images are told by their extension (jpg, png, …)"
    )]
    NoImages(String),
    /// No sample has a label where it should stand.
    #[error("no sample has a label by {label} and an image: {why}")]
    NoneLabelled {
        /// The source of labels.
        label: LabelSource,
        /// What is wrong with the first sample.
        why: String,
    },
    /// No source of labels is plausible.
    #[error(
        "no source of labels was found; tried:\n{tried}  name the right one with --label (cls, txt, json:FIELD, key, key:last, key:first)"
    )]
    NoLabel {
        /// The sources that were tried, a line each, with why not.
        tried: String,
    },
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Found {
    /// Shards.
    pub(crate) shards: usize,
    /// Bytes of all shards, where they are known.
    pub(crate) bytes: Option<u64>,
    /// Kinds of shards, with how many there are of each.
    pub(crate) containers: Vec<ShardKind>,
    /// Samples with an image and a label: all, or an estimate.
    pub(crate) samples: u64,
    /// Whether every shard was read to its end.
    pub(crate) exact: bool,
    /// What was read, in words.
    pub(crate) basis: String,
    /// Where the labels stand.
    pub(crate) label: LabelSource,
    /// Why there.
    pub(crate) label_reason: String,
    /// All sources that were tried, the best first.
    pub(crate) candidates: Vec<Candidate>,
    /// Classes and their samples, in the order of the class list.
    pub(crate) classes: Vec<(String, u64)>,
    /// Where names of classes come from.
    pub(crate) names: ClassNames,
    /// Image extensions, where the default ones don't do.
    pub(crate) image: Option<Vec<String>>,
    /// What the images are.
    pub(crate) images: Pictures,
    /// Samples without an image or a label, damage included.
    pub(crate) bad: u64,
    /// Some of what is wrong with them.
    pub(crate) faults: Vec<String>,
    /// Shards of which nothing could be read.
    pub(crate) unreadable_shards: usize,
    /// What the user should know, in sentences.
    pub(crate) odd: Vec<String>,
}

/// Looks at a data set.
///
/// # Errors
/// If the patterns are wrong, nothing can be read, or no source of labels is plausible.
pub(crate) fn survey(of: &Survey<'_>) -> Result<Found, SurveyError> {
    let mut warnings = Vec::new();
    let retry = Retry::default();
    let places = expand_sources_with_warnings(of.base, of.patterns, retry, &mut warnings)?;
    if places.contains(&ShardPlace::Stdin) {
        return Err(ShardError::Stdin.into());
    }
    let known = shard_identities(&places, retry)?;
    let looked = look(&places, &known);
    if looked.samples.is_empty() {
        let why =
            looked.faults.first().cloned().unwrap_or_else(|| "the shards are empty".to_owned());
        return Err(SurveyError::Unreadable(why));
    }
    let image = image_members(&looked)?;
    let candidates = rank(&looked.samples);
    let (label, label_reason) = choose(of, &candidates)?;
    let counted = count(&places, &known, (&label, image.as_deref()), &looked, of.full);
    if counted.classes.is_empty() {
        let why = counted.faults.first().cloned().unwrap_or_default();
        return Err(SurveyError::NoneLabelled { label, why });
    }
    let first = places.first().zip(known.first());
    let metadata = first.and_then(|(place, known)| {
        place.class_names(&label, known, &ReadOptions::default()).ok().flatten()
    });
    let of_names = NamedIn { own_list: of.own_list, places: &places, metadata };
    let names = names::names(&of_names, &label, &looked.samples, &counted);
    let classes = names.in_order(&counted);
    let found = Found {
        shards: places.len(),
        bytes: known.iter().map(|known| known.bytes).sum(),
        containers: containers(&places),
        samples: counted.samples,
        exact: counted.exact,
        basis: counted.basis.clone(),
        label,
        label_reason,
        candidates,
        classes,
        names,
        image,
        images: looked.pictures,
        bad: counted.bad,
        faults: counted.faults.clone(),
        unreadable_shards: counted.lost,
        odd: Vec::new(),
    };
    let odd = warnings.into_iter().chain(odd::odd(&found, &counted, of.ipc)).collect();
    Ok(Found { odd, ..found })
}

/// The image members to name, if the default extensions don't reach the images.
fn image_members(looked: &Looked) -> Result<Option<Vec<String>>, SurveyError> {
    let (with_default, other) = (looked.with_default_image, &looked.other_images);
    match other.iter().max_by_key(|(name, count)| (**count, std::cmp::Reverse((*name).clone()))) {
        Some((name, count)) if *count > with_default => Ok(Some(vec![name.clone()])),
        _ if with_default > 0 => Ok(None),
        _ => {
            let members: Vec<String> =
                looked.members.keys().take(12).map(|name| format!(".{name}")).collect();
            Err(SurveyError::NoImages(members.join(", ")))
        }
    }
}

fn choose(of: &Survey<'_>, candidates: &[Candidate]) -> Result<(LabelSource, String), SurveyError> {
    if let Some(given) = &of.label {
        return Ok((given.clone(), "it was given by --label".to_owned()));
    }
    match candidates.first().filter(|best| best.accepted) {
        Some(best) => Ok((best.source.clone(), best.verdict.clone())),
        None => {
            let line = |c: &Candidate| format!("  {}: {}\n", c.source, c.verdict);
            Err(SurveyError::NoLabel { tried: candidates.iter().map(line).collect() })
        }
    }
}

/// The samples of a class list as text, for messages: "10 classes of 388 to 412 images".
pub(crate) fn class_counts(classes: &[(String, u64)]) -> String {
    let counts = || classes.iter().map(|(_, count)| *count);
    let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
    let classes = classes.len();
    let plural = if classes == 1 { "class" } else { "classes" };
    match least == most {
        true => format!("{classes} {plural} of {most} images"),
        false => format!("{classes} {plural} of {least} to {most} images"),
    }
}
