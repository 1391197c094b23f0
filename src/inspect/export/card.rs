//! The card of a data-set repository: what Hugging Face shows of it, and what its programs read.

use super::labels::label_names;
use super::parquet::COLUMNS;
use super::set::{ExportSet, Set};
use super::sheet::{FILE as SHEET, Sheet};
use super::{Exporting, settings};
use crate::store::RunRecord;
use serde_json::json;
use std::fmt::Write as _;

/// Classes listed in the card's table; the label names above have all.
const LISTED: usize = 100;

/// What a card is written from.
pub(super) struct Card<'a> {
    pub(super) set: &'a Set,
    pub(super) record: &'a RunRecord,
    pub(super) how: &'a Exporting,
    /// Bytes of the Parquet files.
    pub(super) bytes: u64,
    pub(super) sheet: &'a Sheet,
}

impl Card<'_> {
    /// The file's text.
    pub(super) fn text(&self) -> String {
        let mut text = self.front_matter();
        text.push_str(&self.about());
        text.push_str(&self.classes());
        text.push_str(&self.settings());
        text.push_str(LICENCE);
        text
    }

    fn name(&self) -> String {
        let name = self.record.settings["output"]["name"].as_str().unwrap_or("distilled");
        match self.how.set {
            ExportSet::Distilled => name.to_owned(),
            ExportSet::Cores => format!("{name}-cores"),
        }
    }

    fn front_matter(&self) -> String {
        let (images, bytes) = (self.set.rows.len(), self.set.bytes());
        let license = match &self.how.license {
            Some(license) => format!("license: {license}\n"),
            None => "# license: cc-by-4.0    # fill in: the data set's and the model's licences both apply\n".to_owned(),
        };
        let mut text = format!(
            "---\n{license}pretty_name: {}\ntask_categories:\n- image-classification\nsize_categories:\n- {}\n\
             tags:\n- dataset-distillation\n- coda\n",
            quoted(&self.name()),
            size_category(images)
        );
        if self.how.set == ExportSet::Distilled {
            text.push_str("- synthetic\n");
        }
        text.push_str("configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*\n");
        text.push_str("dataset_info:\n  features:\n  - name: image\n    dtype: image\n");
        text.push_str("  - name: label\n    dtype:\n      class_label:\n        names:\n");
        for (at, name) in label_names(&self.set.classes).iter().enumerate() {
            // Writing to a string can't fail, here and below.
            let _ = writeln!(text, "          '{at}': {}", quoted(name));
        }
        for (name, kind) in COLUMNS {
            let _ = write!(text, "  - name: {name}\n    dtype: {kind}\n");
        }
        let download = self.bytes;
        let _ = write!(
            text,
            "  splits:\n  - name: train\n    num_bytes: {bytes}\n    num_examples: {images}\n  \
             download_size: {download}\n  dataset_size: {bytes}\n---\n\n"
        );
        text
    }

    fn about(&self) -> String {
        let set = self.set;
        let (width, height) = self.sheet.size;
        let real = set.rows.iter().filter(|row| row.real).count();
        let (images, classes) = (set.rows.len(), set.classes.len());
        let counts = set.classes.iter().map(|class| class.images);
        let (least, most) = (counts.clone().min().unwrap_or(0), counts.max().unwrap_or(0));
        let each = if least == most { format!("{most}") } else { format!("{least} to {most}") };
        let made = match self.how.set {
            ExportSet::Distilled => {
                "A labelled data set reduced to a few images per class, to train a classifier on in its place. A text-to-image model \
                 made the images, guided towards representatives of each class (*cores*) that were found in the data; no model was \
                 trained. The method is Core Distribution Alignment, CoDA ([arXiv 2512.03844](https://arxiv.org/abs/2512.03844)), as \
                 coda-pipe runs it."
            }
            ExportSet::Cores => {
                "The images are real ones, resized: representatives of each class (*cores*) of a labelled data set, found by Core \
                 Distribution Alignment, CoDA ([arXiv 2512.03844](https://arxiv.org/abs/2512.03844)), as coda-pipe \
                 runs it."
            }
        };
        let name = markdown(&self.name());
        let mut text = format!(
            "# {name}\n\n{made}\n\n![The first images of {} classes, a row a class]({SHEET})\n\n| | |\n|---|---|\n\
             | images | {images} |\n| classes | {classes} |\n| images per class | {each} |\n\
             | size | {width} × {height} pixels, PNG |\n",
            self.sheet.classes
        );
        if self.how.set == ExportSet::Distilled && real > 0 {
            let _ = writeln!(text, "| real images among them | {real} (`real` is true) |");
        }
        text.push_str(
            "\n```python\nfrom datasets import load_dataset\n\nimages = load_dataset(\"OWNER/NAME\", split=\"train\")    \
             # or the path of this folder\nimages[0][\"image\"], images.features[\"label\"].int2str(images[0][\"label\"])\n```\n\n\
             `class` is the class key in the original data, `key` the image's name (class and rank), `core` the sample key of the \
             real image that the image stands for",
        );
        text.push_str(match self.how.set {
            ExportSet::Distilled => ", `prompt` and `seed` what it was generated from.\n\n",
            ExportSet::Cores => "; `prompt` and `seed` are empty.\n\n",
        });
        text
    }

    fn classes(&self) -> String {
        let mut text =
            String::from("## Classes\n\n| label | class | name | images |\n|---|---|---|---|\n");
        for (at, class) in self.set.classes.iter().take(LISTED).enumerate() {
            let (key, name) = (markdown(&class.key), markdown(&class.name));
            let _ = writeln!(text, "| {at} | {key} | {name} | {} |", class.images);
        }
        if self.set.classes.len() > LISTED {
            let more = self.set.classes.len() - LISTED;
            let _ = writeln!(text, "\nand {more} more; the features have the names of all.");
        }
        text + "\n"
    }

    fn settings(&self) -> String {
        let mut text = String::from("## How it was made\n\n| setting | value |\n|---|---|\n");
        for (name, value) in settings::facts(self.record) {
            let _ = writeln!(text, "| {name} | {} |", markdown(&value));
        }
        text + "\n"
    }
}

const LICENCE: &str = "## Licence\n\nThe images derive from a data set and from a text-to-image model: the terms of both apply. Name them, and set \
                       `license` above.\n";

/// The category of Hugging Face's card for `images` rows.
fn size_category(images: usize) -> &'static str {
    match images {
        0..1_000 => "n<1K",
        1_000..10_000 => "1K<n<10K",
        10_000..100_000 => "10K<n<100K",
        100_000..1_000_000 => "100K<n<1M",
        _ => "1M<n<10M",
    }
}

/// A text in YAML: JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// A text in a cell of a table, as it stands.
fn markdown(text: &str) -> String {
    let mut shown = String::new();
    for c in crate::text::printable(text).chars() {
        match c {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '#' | '~' | '$' => shown.extend(['\\', c]),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            _ => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_no_markup() {
        assert_eq!(markdown("<img src=x> a|b\n"), "&lt;img src=x&gt; a\\|b\\\\n");
        assert_eq!(quoted("a: \"b\"\n- c"), "\"a: \\\"b\\\"\\n- c\"");
    }

    #[test]
    fn categories_are_hugging_faces() {
        let of = [999, 1_000, 99_999, 100_000].map(size_category);
        assert_eq!(of, ["n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M"]);
    }
}
