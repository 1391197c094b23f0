//! Keys of the table `[guidance]` itself, which are about the guidance scale: where in the run it acts, and how it changes.

use super::document::{Document, Entry, GUIDANCE, section_of};
use super::error::{Origin, Problem};
use super::key_doc::{KeyDoc, full_name};
use crate::models::guidance::{INTERVAL, TermSettings, interval};

/// The key of the interval of classifier-free guidance.
const CFG_INTERVAL: &str = "cfg_interval";

/// The key of the scales over the run.
const CFG_SCHEDULE: &str = "cfg_schedule";

const INTERVAL_KIND: &str = "two shares of the run, [from, to] with 0 ≤ from < to ≤ 1";
const SCHEDULE_KIND: &str = "a list of two or more numbers of at least 1";

/// The keys of `[guidance]`.
pub(super) fn scale_keys() -> Vec<KeyDoc> {
    let key = |key, kind: &str, doc| KeyDoc {
        section: GUIDANCE.into(),
        key,
        kind: kind.to_owned(),
        default: String::new(),
        doc,
        choices: Vec::new(),
    };
    vec![
        key(
            CFG_INTERVAL,
            INTERVAL_KIND,
            "Classifier-free guidance acts within these shares of the steps alone (arXiv 2404.07724): at step i of N if\n\
             from·N ≤ i < to·N. Outside, the scale is 1 and the denoiser runs on half the rows. The same as `from` and `to` of\n\
             the term interval.\n",
        ),
        key(
            CFG_SCHEDULE,
            SCHEDULE_KIND,
            "The guidance scale w over the run, in place of `cfg` in [generate]: as many values as there are steps, one a step,\n\
             or fewer, which are spread evenly over the run, the scale changing linearly between them. Steps whose scale is\n\
             exactly 1 run on half the rows.\n",
        ),
    ]
}

/// Takes `cfg_interval` into the terms.
pub(super) fn take_interval(
    document: &Document,
    terms: &mut TermSettings,
    problems: &mut Vec<Problem>,
) {
    let Some(entry) = document.get(GUIDANCE, CFG_INTERVAL) else { return };
    let Some([from, to]) = numbers(&entry.value).and_then(|all| <[f64; 2]>::try_from(all).ok())
    else {
        problems.push(wrong(entry, CFG_INTERVAL, INTERVAL_KIND));
        return;
    };
    if !(from >= 0.0 && from < to && to <= 1.0) {
        let hint = (from == to).then(|| "without classifier-free guidance: cfg = 1".to_owned());
        problems.push(Problem { hint, ..wrong(entry, CFG_INTERVAL, INTERVAL_KIND) });
        return;
    }
    if terms_say(document) {
        let message = format!(
            "`{}` and the term {INTERVAL} both say where classifier-free guidance acts",
            full_name(GUIDANCE, CFG_INTERVAL)
        );
        let hint = Some("remove one of the two settings".to_owned());
        problems.push(Problem { origin: entry.origin.clone(), message, hint });
    }
    for (key, value) in interval(from, to) {
        terms.set(INTERVAL, key, value);
    }
}

/// Whether the term interval is listed, or keys of it are given.
fn terms_say(document: &Document) -> bool {
    let own = section_of(INTERVAL);
    let list = document.get("", GUIDANCE).and_then(|entry| entry.value.as_array());
    let listed = list.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(INTERVAL)));
    listed || document.gives(|section, _| section == own)
}

/// What `cfg_schedule` says; empty where it is not given.
pub(super) fn take_schedule(document: &Document, problems: &mut Vec<Problem>) -> Vec<f64> {
    let Some(entry) = document.get(GUIDANCE, CFG_SCHEDULE) else { return Vec::new() };
    let scales = numbers(&entry.value).unwrap_or_default();
    if scales.len() < 2 || scales.iter().any(|scale| *scale < 1.0) {
        let one = entry.value.as_array().map_or(entry.value.is_integer(), |all| all.len() == 1);
        let one = one || entry.value.is_float();
        let hint = one.then(|| "for one scale at all steps, set cfg in [generate]".to_owned());
        problems.push(Problem { hint, ..wrong(entry, CFG_SCHEDULE, SCHEDULE_KIND) });
        return Vec::new();
    }
    if let Some(cfg) = document.get("generate", "cfg").filter(|cfg| cfg.origin != Origin::Absent) {
        problems.push(Problem {
            origin: cfg.origin.clone(),
            message: "`generate.cfg` and `guidance.cfg_schedule` both set the guidance scale"
                .into(),
            hint: Some("remove one of the two settings".into()),
        });
    }
    scales
}

/// A list of finite numbers.
fn numbers(value: &toml::Value) -> Option<Vec<f64>> {
    let number = |value: &toml::Value| {
        let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        number.filter(|number| number.is_finite())
    };
    value.as_array()?.iter().map(number).collect()
}

fn wrong(entry: &Entry, key: &str, kind: &str) -> Problem {
    let message = format!("`{}` must be {kind}, is {}", full_name(GUIDANCE, key), entry.value);
    Problem { origin: entry.origin.clone(), message, hint: None }
}
