//! What a reader wants of a table's rows.

use super::columns::ImageColumn;
use super::table::{Table, Unread};
use crate::imaging::is_image_extension;
use crate::shards::fault::FaultReason;
use crate::shards::read_options::ReadOptions;

/// What is read of each row.
pub(super) struct Wanted {
    /// Columns of images that are read.
    pub(super) images: Vec<WantedImage>,
    /// Whether all members are wanted, or else which.
    extensions: Option<Vec<String>>,
    pub(super) label: bool,
    pub(super) json: bool,
    /// Columns that are wanted under their own names.
    pub(super) called: Vec<(String, usize)>,
    pub(super) most_bytes: u64,
    /// What is known of images that are there and not read.
    pub(super) unread: Option<Unread>,
}

pub(super) struct WantedImage {
    pub(super) column: ImageColumn,
    /// Whether it is the sample's image, not another one.
    pub(super) first: bool,
    /// The extension that it is wanted under, where that is the column's name.
    pub(super) called: Option<String>,
}

impl Wanted {
    /// # Errors
    /// If the table has not got what is wanted at all.
    pub(super) fn of(table: &Table, options: &ReadOptions) -> Result<Self, FaultReason> {
        let (columns, schema) = (&table.columns, table.schema());
        if columns.image.is_none() && columns.others.is_empty() {
            return Err(columns.no_image(schema));
        }
        let list = options.extensions.as_deref();
        let asked = |extension: &str| list.is_some_and(|list| list.iter().any(|e| e == extension));
        let wanted = |extension: &str| list.is_none() || asked(extension);
        if asked("cls") && columns.label.is_none() {
            return Err(columns.no_label(schema));
        }
        let label = columns.label.as_ref();
        let called =
            |extension: &String| Some((extension.clone(), columns.called(schema, extension)?));
        let mut called: Vec<_> = list.unwrap_or_default().iter().filter_map(called).collect();
        called.retain(|(extension, _)| !["cls", "json"].contains(&extension.as_str()));
        let names = label.is_some_and(|label| label.names.is_some());
        if names {
            called.retain(|(extension, _)| extension != "txt");
        } else if asked("txt") && !called.iter().any(|(extension, _)| extension == "txt") {
            let label = label.map_or("label", |label| &label.name);
            let detail = format!(
                "the Parquet file has no names for the numbers of column `{label}`: set [data] label = \"cls\" for these"
            );
            return Err(FaultReason::NoLabel { detail });
        }
        // Of a label alone nothing would be left to say.
        let others = columns.plain.iter().any(|at| label.is_none_or(|label| label.at != *at));
        let images = images(table, list);
        let read = images.iter().any(|image| image.first);
        let unread = (columns.image.is_some() && !read).then(|| table.unread());
        Ok(Self {
            images,
            extensions: options.extensions.clone(),
            label: label.is_some() && (wanted("cls") || (names && wanted("txt"))),
            json: asked("json") || (list.is_none() && others),
            called,
            most_bytes: options.max_member_bytes,
            unread,
        })
    }

    /// The leaves to read.
    pub(super) fn leaves(&self, table: &Table) -> Vec<usize> {
        let columns = &table.columns;
        let mut leaves = table.name_leaves();
        for image in &self.images {
            leaves.extend(self.bytes_of(table, image));
            leaves
                .extend(table.leaves(image.column.at, image.column.is_struct.then_some(&["path"])));
        }
        let label = columns.label.iter().filter(|_| self.label).map(|label| label.at);
        let json = columns.plain.iter().copied().filter(|_| self.json);
        let others = label.chain(json).chain(self.called.iter().map(|(_, at)| *at));
        leaves.extend(others.flat_map(|at| table.leaves(at, None)));
        leaves.sort_unstable();
        leaves.dedup();
        leaves
    }

    pub(super) fn bytes_of(&self, table: &Table, image: &WantedImage) -> Vec<usize> {
        table.leaves(image.column.at, image.column.is_struct.then_some(&["bytes"]))
    }

    /// Bytes of a row's images, on average.
    pub(super) fn row_bytes(&self, table: &Table) -> u64 {
        let leaves = self.images.iter().flat_map(|image| self.bytes_of(table, image));
        leaves.map(|leaf| table.row_bytes(leaf)).sum()
    }

    pub(super) fn takes(&self, extension: &str) -> bool {
        self.extensions.as_ref().is_none_or(|list| list.iter().any(|e| e == extension))
    }

    pub(super) fn asked(&self, extension: &str) -> bool {
        self.extensions.is_some() && self.takes(extension)
    }
}

/// The columns of images to read for members of these extensions.
fn images(table: &Table, list: Option<&[String]>) -> Vec<WantedImage> {
    let columns = &table.columns;
    let last =
        |extension: &str| is_image_extension(extension.rsplit('.').next().unwrap_or_default());
    let any = list.is_none_or(|list| list.iter().any(|extension| last(extension)));
    let by_name = |column: &ImageColumn| {
        let name = column.name.to_lowercase();
        list.unwrap_or_default().iter().find(|e| **e == name && !last(e)).cloned()
    };
    let mut images = Vec::new();
    for column in columns.image.iter() {
        let called = by_name(column);
        if any || called.is_some() {
            images.push(WantedImage { column: column.clone(), first: true, called });
        }
    }
    for column in &columns.others {
        let called = by_name(column);
        let start = format!("{}.", column.name.to_lowercase());
        let part =
            list.is_none_or(|list| list.iter().any(|extension| extension.starts_with(&start)));
        // Without an image of its own a row says which it has.
        if part || called.is_some() || (any && columns.image.is_none()) {
            images.push(WantedImage { column: column.clone(), first: false, called });
        }
    }
    images
}
