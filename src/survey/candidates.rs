//! The sources of labels that samples may have.

use super::fields::add_fields;
use super::look::is_image;
use crate::shards::{LabelSource, Sample};
use std::collections::BTreeSet;

/// Samples whose `.json` is searched for fields.
const SEARCHED: usize = 200;
/// Bytes of a class's name at most.
const NAME_BYTES: usize = 255;

/// All that is worth a try: short members, fields of `.json`, parts of keys.
pub(super) fn candidates(samples: &[Sample]) -> Vec<LabelSource> {
    let (mut members, mut fields) = (BTreeSet::from(["cls".to_owned()]), BTreeSet::new());
    for sample in samples {
        for member in &sample.members {
            let short = member.bytes.len() <= NAME_BYTES && !is_image(&member.extension);
            if short && member.extension != "json" {
                members.insert(member.extension.clone());
            }
        }
    }
    for json in samples.iter().filter_map(|sample| sample.get("json")).take(SEARCHED) {
        add_fields(json, &mut fields);
    }
    let members = members.into_iter().map(LabelSource::Extension);
    let fields = fields.into_iter().map(|field| LabelSource::Json { field });
    let keys = [LabelSource::KeyPrefix, LabelSource::KeyStart, LabelSource::KeyEnd];
    members.chain(fields).chain(keys).collect()
}

/// Names that people give to what is a sample's class.
const CLASS_WORDS: [&str; 19] = [
    "label",
    "labels",
    "class",
    "class_id",
    "class_idx",
    "class_index",
    "class_name",
    "classname",
    "cls",
    "category",
    "category_id",
    "category_name",
    "target",
    "y",
    "wnid",
    "synset",
    "species",
    "breed",
    "fine_label",
];
/// Names of what has few values as well, and is no class.
const OTHER_WORDS: [&str; 31] = [
    "width",
    "height",
    "original_width",
    "original_height",
    "size",
    "split",
    "subset",
    "index",
    "idx",
    "id",
    "uid",
    "uuid",
    "url",
    "path",
    "file",
    "filename",
    "file_name",
    "source",
    "caption",
    "text",
    "description",
    "sha256",
    "md5",
    "hash",
    "status",
    "error_message",
    "license",
    "licence",
    "date",
    "exif",
    "format",
];

/// How well a source's name goes with a class, 0 for one that is no class by its name.
pub(super) fn prior(source: &LabelSource) -> u32 {
    match source {
        LabelSource::Extension(name) if name == "cls" => 100,
        LabelSource::Extension(name) if CLASS_WORDS.contains(&name.as_str()) => 90,
        LabelSource::Extension(name) if name == "txt" => 70,
        LabelSource::Extension(name) => other(name, 40),
        LabelSource::Json { field } => {
            let last = field.rsplit('.').next().unwrap_or(field).to_lowercase();
            if CLASS_WORDS.contains(&last.as_str()) { 80 } else { other(&last, 20) }
        }
        LabelSource::KeyPrefix => 60,
        LabelSource::KeyStart => 55,
        LabelSource::KeyEnd => 54,
    }
}

fn other(name: &str, prior: u32) -> u32 {
    if OTHER_WORDS.contains(&name) { 0 } else { prior }
}
