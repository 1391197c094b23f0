//! What is odd about a data set, in sentences, with what to do about it.

use super::Found;
use super::count::Counted;
use super::names::Named;
use crate::config::{ClassList, is_wordnet_id};
use crate::text::printable;

/// Classes named in one sentence.
const NAMED: usize = 5;
/// A class this much larger than the middle one is worth a word.
const LARGE: u64 = 5;

/// All that a user should know.
pub(super) fn odd(found: &Found, counted: &Counted, ipc: usize) -> Vec<String> {
    let mut odd = Vec::new();
    odd.extend(of_classes(found, ipc));
    odd.extend(of_images(found));
    odd.extend(of_samples(found, counted));
    let keys: Vec<String> = found.classes.iter().map(|(key, _)| key.clone()).collect();
    odd.extend(ClassList::from_keys(&keys).warnings());
    odd
}

fn of_classes(found: &Found, ipc: usize) -> Vec<String> {
    let mut odd = Vec::new();
    let classes = &found.classes;
    let few: Vec<&(String, u64)> =
        classes.iter().filter(|(_, count)| *count < ipc as u64).collect();
    if !few.is_empty() && found.exact {
        odd.push(format!(
            "{} of {} classes have fewer images than ipc = {ipc}: {}",
            few.len(),
            classes.len(),
            named(&few)
        ));
    }
    let mut counts: Vec<u64> = classes.iter().map(|(_, count)| *count).collect();
    counts.sort_unstable();
    let middle = counts.get(counts.len() / 2).copied().unwrap_or(0);
    let large: Vec<&(String, u64)> =
        classes.iter().filter(|(_, count)| *count > LARGE * middle.max(1)).collect();
    if !large.is_empty() {
        odd.push(format!(
            "classes much larger than the others (half have at most {middle}): {}",
            named(&large)
        ));
    }
    if let [(only, _)] = classes.as_slice() {
        let more =
            if found.exact { "" } else { " in what was read; the shards may be sorted by class" };
        odd.push(format!("there is one class only, `{}`{more}", printable(only)));
    }
    let listed = found.exact || found.names.is_whole();
    let wordless = |key: &str| is_wordnet_id(key) || !key.chars().any(char::is_alphabetic);
    let odd_key = classes.iter().find(|(key, _)| wordless(key));
    if let Some((key, _)) = odd_key.filter(|_| !listed || found.names.from == Named::Keys) {
        let cure = if listed {
            "write what each class is called into the class list"
        } else {
            "give a class list, or read everything with --full"
        };
        odd.push(format!(
            "labels such as `{}` are no words, and would be the prompts: {cure}",
            printable(key)
        ));
    }
    if found.names.without_samples > 0 {
        let classes = found.names.without_samples;
        odd.push(format!("{classes} classes of the class list have no sample"));
    }
    if found.names.from == Named::Numbers {
        odd.push(
            "the labels are the numbers 0 to 999: the names are those of ImageNet's usual order, check that they fit".to_owned(),
        );
    }
    odd
}

fn of_images(found: &Found) -> Vec<String> {
    let images = &found.images;
    let all = images.looked_at;
    let mut odd = Vec::new();
    let mut add = |count: usize, text: &str| {
        if count > 0 {
            odd.push(format!("{count} of {all} images looked at {text}"));
        }
    };
    add(images.grey, "are grey: each channel of three gets the same");
    add(images.cmyk, "are CMYK: they are converted without their colour profile");
    add(images.sixteen_bit, "have 16 bits a channel: the high byte is used");
    add(images.alpha, "have an alpha channel, which is dropped");
    add(
        images.turned,
        "are turned by EXIF, which a run does not heed unless exif_orientation is set",
    );
    add(images.tiny, "have a side below 64 pixels: they are enlarged for the model");
    add(images.repeated, "are another one byte for byte");
    if images.unread > 0 {
        odd.push(format!(
            "{} of {all} images looked at can't be read: {}",
            images.unread,
            images.unread_named.iter().map(|line| printable(line)).collect::<Vec<_>>().join("; ")
        ));
    }
    odd
}

fn of_samples(found: &Found, counted: &Counted) -> Vec<String> {
    let mut odd = Vec::new();
    if found.bad > 0 {
        let all = found.bad + counted.seen;
        let first = found.faults.first().map(|fault| format!(": {}", printable(fault)));
        odd.push(format!("{} of {all} samples are bad{}", found.bad, first.unwrap_or_default()));
    }
    if found.unreadable_shards > 0 {
        let first = found.faults.first().map(|fault| printable(fault)).unwrap_or_default();
        odd.push(format!("{} shards can't be read at all: {first}", found.unreadable_shards));
    }
    if counted.repeated_keys > 0 {
        odd.push(format!(
            "{} samples have the key of another one: keys in tables and reports do not tell them apart",
            counted.repeated_keys
        ));
    }
    odd
}

fn named(classes: &[&(String, u64)]) -> String {
    let shown: Vec<String> = classes
        .iter()
        .take(NAMED)
        .map(|(key, count)| format!("`{}` ({count})", printable(key)))
        .collect();
    shown.join(", ") + if classes.len() > NAMED { ", …" } else { "" }
}
