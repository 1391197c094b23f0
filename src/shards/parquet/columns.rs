//! Which columns of a table hold the image, the label and the name of a row: by their types, by what the file's metadata
//! says of them, and by usual names.

use super::features::{Feature, features};
use crate::shards::fault::FaultReason;
use arrow::datatypes::{DataType, Field, Schema};
use std::collections::HashMap;

/// Usual names of a column of images, by preference, in lower case.
const IMAGES: [&str; 16] = [
    "image",
    "img",
    "jpg",
    "jpeg",
    "png",
    "webp",
    "picture",
    "photo",
    "image_bytes",
    "img_bytes",
    "image_data",
    "img_data",
    "bytes",
    "data",
    "content",
    "input",
];
/// Usual names of a column of labels.
const LABELS: [&str; 14] = [
    "label",
    "cls",
    "class",
    "labels",
    "class_label",
    "label_id",
    "class_id",
    "category",
    "category_id",
    "target",
    "wnid",
    "class_name",
    "label_name",
    "y",
];
/// Usual names of a column of files' names, for the samples' keys.
const NAMES: [&str; 14] = [
    "__key__",
    "file_name",
    "filename",
    "file_path",
    "filepath",
    "path",
    "file",
    "image_path",
    "img_path",
    "image_file",
    "image_name",
    "image_file_name",
    "image_filename",
    "key",
];

/// The columns of a table.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    /// The images that a sample has under their own extensions.
    pub image: Option<ImageColumn>,
    /// Other images, which it has under `COLUMN.EXTENSION`.
    pub others: Vec<ImageColumn>,
    /// The label.
    pub label: Option<LabelColumn>,
    /// The names of the images' files.
    pub name: Option<usize>,
    /// Columns of text, numbers, and what is made of these.
    pub plain: Vec<usize>,
    /// All columns' names.
    pub roots: Vec<String>,
    features: HashMap<String, Feature>,
}

/// A column of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageColumn {
    pub at: usize,
    pub name: String,
    /// Whether it is a struct of `bytes` and perhaps `path`.
    pub is_struct: bool,
}

/// A column of labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelColumn {
    pub at: usize,
    pub name: String,
    /// The names that its numbers stand for.
    pub names: Option<Vec<String>>,
}

impl Columns {
    pub(super) fn of(schema: &Schema) -> Self {
        let features = features(schema.metadata());
        let (image, others) = images(schema, &features);
        let is_image =
            |at: usize| image.iter().chain(&others).any(|column: &ImageColumn| column.at == at);
        let plain = (0..schema.fields().len())
            .filter(|&at| !is_image(at) && is_plain(schema.field(at).data_type()))
            .collect();
        let label = label(schema, &features);
        let name = usual(schema, &NAMES, |field| is_text(field.data_type()));
        let roots = schema.fields().iter().map(|field| field.name().clone()).collect();
        Self { image, others, label, name, plain, roots, features }
    }

    /// The label column called `name`, if the metadata has names for its numbers.
    pub(super) fn class_names(&self, name: &str) -> Option<&[String]> {
        match self.features.get(name)? {
            Feature::ClassLabel(names) => Some(names),
            Feature::Image => None,
        }
    }

    /// The plain column that a member of this extension is asked of by the column's own name.
    pub(super) fn called(&self, schema: &Schema, extension: &str) -> Option<usize> {
        let is = |at: &&usize| schema.field(**at).name().to_lowercase() == extension;
        self.plain.iter().find(is).copied()
    }

    /// Why there is no image at all, for a table without a column of images.
    pub(super) fn no_image(&self, schema: &Schema) -> FaultReason {
        let paths = usual(schema, &[&NAMES[..], &IMAGES[..]].concat(), |f| is_text(f.data_type()));
        let lists = schema.fields().iter().find(|field| is_list_of_images(field.data_type()));
        let cure = match (lists, paths) {
            (Some(field), _) => format!(
                "column `{}` holds lists of images: write one image a row, in a column of its own",
                field.name()
            ),
            (None, Some(at)) => format!(
                "column `{}` holds text, and paths and URLs are not followed: if it has paths of files and labels, pack \
                 these with `coda-pipe shards pack`; else write the table with the images' bytes in it",
                schema.field(at).name()
            ),
            (None, None) => "write the images' bytes into a column, binary or a struct with the field `bytes`, as \
                             Hugging Face's `datasets` does for its type Image"
                .to_owned(),
        };
        let detail =
            format!("no column of the Parquet file holds images; it has {}: {cure}", shown(schema));
        FaultReason::NoImage { detail }
    }

    /// Why there is no label, for a table without a column that is one.
    pub(super) fn no_label(&self, schema: &Schema) -> FaultReason {
        let lists = usual(schema, &LABELS, |field| is_list(field.data_type()));
        let problem = match lists {
            Some(at) => format!(
                "column `{}` holds lists, and an image has one label",
                schema.field(at).name()
            ),
            None => "which column of the Parquet file is the label is not to be told".to_owned(),
        };
        let classes = |at: &&usize| self.class_names(schema.field(**at).name()).is_some();
        let meant = self.plain.iter().find(classes).or_else(|| self.plain.first());
        let cure = meant.map_or_else(String::new, |&at| {
            format!(": name it, such as [data] label = \"json:{}\"", schema.field(at).name())
        });
        FaultReason::NoLabel { detail: format!("{problem}; it has {}{cure}", shown(schema)) }
    }
}

/// The column that samples have their image from, and the other columns of images.
fn images(
    schema: &Schema,
    features: &HashMap<String, Feature>,
) -> (Option<ImageColumn>, Vec<ImageColumn>) {
    let mut certain = Vec::new();
    let mut perhaps = Vec::new();
    for (at, field) in schema.fields().iter().enumerate() {
        let is_struct = has_bytes(field.data_type());
        let column = ImageColumn { at, name: field.name().clone(), is_struct };
        let said = features.get(field.name()) == Some(&Feature::Image);
        if is_struct || (said && is_binary(field.data_type())) {
            certain.push(column);
        } else if is_binary(field.data_type()) {
            perhaps.push(column);
        }
    }
    // Bytes that nobody calls images are taken for such where there are no others.
    let mut all = if certain.is_empty() { perhaps } else { certain };
    let by_name =
        IMAGES.iter().find_map(|name| all.iter().position(|c| c.name.to_lowercase() == *name));
    let first = by_name.or((all.len() == 1).then_some(0)).map(|at| all.remove(at));
    (first, all)
}

fn label(schema: &Schema, features: &HashMap<String, Feature>) -> Option<LabelColumn> {
    let names = |at: usize| match features.get(schema.field(at).name()) {
        Some(Feature::ClassLabel(names)) => Some(names.clone()),
        _ => None,
    };
    let found = usual(schema, &LABELS, |field| is_label(field.data_type())).or_else(|| {
        let fits = |at: &usize| is_label(schema.field(*at).data_type()) && names(*at).is_some();
        let mut with_names = (0..schema.fields().len()).filter(fits);
        with_names.next().filter(|_| with_names.next().is_none())
    });
    found.map(|at| LabelColumn { at, name: schema.field(at).name().clone(), names: names(at) })
}

/// The first column of these names that fits.
fn usual(schema: &Schema, names: &[&str], fits: impl Fn(&Field) -> bool) -> Option<usize> {
    let called = |name: &str, field: &Field| field.name().to_lowercase() == name && fits(field);
    names.iter().find_map(|name| schema.fields().iter().position(|field| called(name, field)))
}

/// What a column's values are, behind a dictionary.
fn values(kind: &DataType) -> &DataType {
    match kind {
        DataType::Dictionary(_, values) => values,
        kind => kind,
    }
}

fn is_binary(kind: &DataType) -> bool {
    use DataType::{Binary, BinaryView, LargeBinary};
    matches!(values(kind), Binary | LargeBinary | BinaryView)
}

pub(super) fn is_text(kind: &DataType) -> bool {
    matches!(values(kind), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn has_bytes(kind: &DataType) -> bool {
    let DataType::Struct(fields) = kind else { return false };
    fields.iter().any(|field| field.name() == "bytes" && is_binary(field.data_type()))
}

fn is_label(kind: &DataType) -> bool {
    let kind = values(kind);
    is_text(kind) || kind.is_integer() || kind.is_floating() || *kind == DataType::Boolean
}

fn item(kind: &DataType) -> Option<&DataType> {
    use DataType::{FixedSizeList, LargeList, LargeListView, List, ListView};
    match kind {
        List(item)
        | LargeList(item)
        | ListView(item)
        | LargeListView(item)
        | FixedSizeList(item, _) => Some(item.data_type()),
        _ => None,
    }
}

fn is_list(kind: &DataType) -> bool {
    item(kind).is_some()
}

fn is_list_of_images(kind: &DataType) -> bool {
    item(kind).is_some_and(|kind| has_bytes(kind) || is_binary(kind))
}

/// Whether a row's value can be written as JSON.
fn is_plain(kind: &DataType) -> bool {
    match values(kind) {
        DataType::Struct(fields) => fields.iter().all(|field| is_plain(field.data_type())),
        kind => {
            is_label(kind)
                || kind.is_temporal()
                || kind.is_numeric()
                || item(kind).is_some_and(is_plain)
        }
    }
}

/// The columns with their types, for messages.
fn shown(schema: &Schema) -> String {
    const NAMED: usize = 12;
    let kind = |field: &Field| match field.data_type() {
        DataType::Struct(fields) => {
            let names: Vec<&str> =
                fields.iter().take(NAMED).map(|field| field.name().as_str()).collect();
            format!("struct of {}", names.join(", "))
        }
        kind if is_list(kind) => "list".to_owned(),
        kind => values(kind).to_string(),
    };
    let columns = schema.fields().iter().take(NAMED);
    let columns: Vec<String> = columns.map(|f| format!("`{}` ({})", f.name(), kind(f))).collect();
    let more = if schema.fields().len() > NAMED { ", …" } else { "" };
    if columns.is_empty() { "none".to_owned() } else { format!("{}{more}", columns.join(", ")) }
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
