//! A row as a sample.

use super::columns::ImageColumn;
use super::table::{Names, Table, column_of};
use super::values::{bytes_at, json_at, label_at, plain, text_at};
use super::wanted::{Wanted, WantedImage};
use crate::imaging::{DecodeOptions, decode_rgb, image_extension, is_image_extension};
use crate::shards::entry::MemberEntry;
use crate::shards::fault::FaultReason;
use crate::shards::sample::{Sample, SampleMember};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::error::ArrowError;
use serde_json::{Map, Value};

/// A batch of rows.
pub(super) struct Rows {
    names: Names,
    images: Vec<(Option<ArrayRef>, ArrayRef, Option<ArrayRef>)>,
    label: Option<ArrayRef>,
    plain: Vec<(String, Option<usize>, ArrayRef)>,
    called: Vec<(String, ArrayRef)>,
    /// How many names the numbers of a plain column stand for.
    pub count: usize,
}

impl Rows {
    pub(super) fn of(
        table: &Table,
        wanted: &Wanted,
        batch: &RecordBatch,
    ) -> Result<Self, ArrowError> {
        let columns = &table.columns;
        let column =
            |at: usize| column_of(batch, columns, at).ok_or_else(|| lacks(columns.roots.get(at)));
        let image = |image: &WantedImage| {
            let ImageColumn { at, is_struct, name } = &image.column;
            let whole = column(*at)?;
            if !is_struct {
                return Ok((None, plain(&whole)?, None));
            }
            let fields = whole.as_struct_opt().ok_or_else(|| lacks(Some(name)))?;
            let bytes = fields.column_by_name("bytes").ok_or_else(|| lacks(Some(name)))?;
            let paths = fields.column_by_name("path").map(plain).transpose()?;
            Ok::<_, ArrowError>((Some(whole.clone()), plain(bytes)?, paths))
        };
        let images = wanted.images.iter().map(image).collect::<Result<_, _>>()?;
        let label = columns.label.as_ref().filter(|_| wanted.label);
        let label = label.map(|label| plain(&column(label.at)?)).transpose()?;
        let shown = |at: &usize| {
            let name = columns.roots[*at].clone();
            let names = columns.class_names(&name).map(<[String]>::len);
            Ok((name, names, plain(&column(*at)?)?))
        };
        let json = columns.plain.iter().filter(|at| {
            let label = columns.label.as_ref().is_some_and(|label| label.at == **at);
            wanted.json && (!label || wanted.asked("json"))
        });
        let json = json.map(shown).collect::<Result<_, ArrowError>>()?;
        let called =
            wanted.called.iter().map(|(name, at)| Ok((name.clone(), plain(&column(*at)?)?)));
        let called = called.collect::<Result<_, ArrowError>>()?;
        let names = Names::of(batch, columns)?;
        Ok(Self { names, images, label, plain: json, called, count: batch.num_rows() })
    }

    /// A row's key, and the row as a sample or what is wrong with it. `row` is its number in the file.
    pub(super) fn sample(
        &self,
        table: &Table,
        wanted: &Wanted,
        at: usize,
        row: u64,
    ) -> (String, Result<Sample, FaultReason>) {
        let key = table.keys.key(row, self.names.at(at));
        let sample =
            Sample { key: key.clone(), index: row as usize, offset: row, ..Sample::default() };
        let mut making = Making { sample, wanted };
        let made = self.fill(table, wanted, at, &mut making);
        (key, made.map(|()| making.sample.in_order()))
    }

    fn fill(
        &self,
        table: &Table,
        wanted: &Wanted,
        at: usize,
        making: &mut Making<'_>,
    ) -> Result<(), FaultReason> {
        for (image, columns) in wanted.images.iter().zip(&self.images) {
            self.add_image(image, columns, at, making)?;
        }
        if let Some(unread) = &wanted.unread {
            let extension = self.names.at(at).and_then(extension_of_name);
            making.note(extension.as_deref().unwrap_or(unread.extension), unread.bytes);
        }
        self.add_label(table, wanted, at, making)?;
        for (extension, column) in &self.called {
            if let Some(text) = label_at(column, at).map_err(unreadable)? {
                making.add(extension, text.into_bytes())?;
            }
        }
        if wanted.json {
            let mut object = Map::new();
            for (name, names, column) in &self.plain {
                let value = json_at(column, at).map_err(unreadable)?;
                // What Hugging Face writes where there is no label.
                let none = names.is_some() && value.as_i64().is_some_and(|number| number < 0);
                object.insert(name.clone(), if none { Value::Null } else { value });
            }
            making.add("json", Value::Object(object).to_string().into_bytes())?;
        }
        Ok(())
    }

    fn add_image(
        &self,
        image: &WantedImage,
        (whole, bytes, paths): &(Option<ArrayRef>, ArrayRef, Option<ArrayRef>),
        at: usize,
        making: &mut Making<'_>,
    ) -> Result<(), FaultReason> {
        let name = &image.column.name;
        let there = whole.as_ref().is_none_or(|whole| whole.is_valid(at));
        let path = paths.as_ref().filter(|_| there).and_then(|paths| text_at(paths, at));
        let bytes = bytes_at(bytes, at).filter(|bytes| there && !bytes.is_empty());
        let Some(bytes) = bytes else {
            if !image.first {
                return Ok(());
            }
            let detail = match path.filter(|path| !path.is_empty()) {
                Some(path) => format!(
                    "column `{name}` has the path `{path}` and no bytes, so that the image is not in the Parquet file: \
                     write it with the images embedded (`embed_table_storage` of Hugging Face's `datasets`), or pack the \
                     files with `coda-pipe shards pack`"
                ),
                None => format!("column `{name}` is empty in this row"),
            };
            return Err(FaultReason::NoImage { detail });
        };
        if let Some(called) = &image.called {
            return making.add_bytes(called, bytes);
        }
        let told = image_extension(bytes).map(str::to_owned);
        match told {
            Some(extension) if image.first => making.add_bytes(&extension, bytes),
            Some(extension) => {
                making.add_bytes(&format!("{}.{extension}", name.to_lowercase()), bytes)
            }
            None if image.first => {
                // Says what the bytes are, if that is known.
                let what = decode_rgb(bytes, DecodeOptions::default()).err();
                let what = what.map_or_else(String::new, |error| format!(": {error}"));
                let detail =
                    format!("column `{name}` has {} bytes that are no image{what}", bytes.len());
                Err(FaultReason::NoImage { detail })
            }
            None => Ok(()),
        }
    }

    fn add_label(
        &self,
        table: &Table,
        wanted: &Wanted,
        at: usize,
        making: &mut Making<'_>,
    ) -> Result<(), FaultReason> {
        let (Some(column), Some(label)) = (&self.label, &table.columns.label) else {
            return Ok(());
        };
        let asked = wanted.asked("cls") || wanted.asked("txt");
        let name = &label.name;
        let Some(text) = label_at(column, at).map_err(unreadable)? else {
            let detail = format!("column `{name}` is empty in this row");
            return if asked { Err(FaultReason::NoLabel { detail }) } else { Ok(()) };
        };
        if let Some(names) = &label.names {
            let number = text.parse::<i64>();
            let class =
                number.as_ref().ok().and_then(|number| names.get(usize::try_from(*number).ok()?));
            match (class, number) {
                (Some(class), _) => making.add("txt", class.clone().into_bytes())?,
                (None, Ok(..0)) if asked => {
                    let detail = format!("column `{name}` has {text}, which stands for no label");
                    return Err(FaultReason::NoLabel { detail });
                }
                (None, _) if asked => {
                    let detail = format!(
                        "column `{name}` has {text}, and there are {} classes",
                        names.len()
                    );
                    return Err(FaultReason::BadLabel { detail });
                }
                _ => {}
            }
        }
        making.add("cls", text.into_bytes())
    }
}

/// A sample that is being put together.
struct Making<'w> {
    sample: Sample,
    wanted: &'w Wanted,
}

impl Making<'_> {
    /// Notes a member, and answers whether it is wanted.
    fn note(&mut self, extension: &str, size: u64) -> bool {
        let name = format!("{}.{extension}", self.sample.key);
        let offset = self.sample.offset;
        self.sample.places.push(MemberEntry {
            extension: extension.to_owned(),
            name,
            offset,
            size,
        });
        self.wanted.takes(extension)
    }

    fn add_bytes(&mut self, extension: &str, bytes: &[u8]) -> Result<(), FaultReason> {
        let (size, limit) = (bytes.len() as u64, self.wanted.most_bytes);
        if !self.note(extension, size) {
            return Ok(());
        }
        if size > limit {
            let extension = extension.to_owned();
            return Err(FaultReason::MemberTooLarge { extension, size, limit });
        }
        self.sample.members.push(SampleMember::new(extension, bytes));
        Ok(())
    }

    fn add(&mut self, extension: &str, bytes: Vec<u8>) -> Result<(), FaultReason> {
        self.add_bytes(extension, &bytes)
    }
}

fn extension_of_name(name: &str) -> Option<String> {
    let extension = name.rsplit_once('.')?.1.to_lowercase();
    is_image_extension(&extension).then_some(extension)
}

fn lacks(name: Option<&String>) -> ArrowError {
    ArrowError::SchemaError(format!(
        "column {} is not as the schema has it",
        name.map_or("", String::as_str)
    ))
}

fn unreadable(error: ArrowError) -> FaultReason {
    FaultReason::BadParquet { detail: error.to_string() }
}
