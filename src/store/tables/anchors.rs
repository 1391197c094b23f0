//! `anchor/CLASS.parquet`: the latent that each distilled image is pulled towards.

use super::columns::{Columns, described, read_all, write_all};
use super::latent_format::LatentFormat;
use crate::store::{StoreError, Written};
use arrow::array::{
    ArrayRef, AsArray, FixedSizeBinaryArray, ListBuilder, RecordBatch, StringArray, StringBuilder,
    UInt32Array,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema};
use std::path::Path;
use std::sync::Arc;

/// The column with the keys of the images that an anchor is made of.
const MEMBERS: &str = "members";

/// The anchors of one class, by rank.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchors {
    /// Sample keys.
    pub keys: Vec<String>,
    /// Shards, as the pipeline names them.
    pub shards: Vec<String>,
    /// Keys of the images that each is made of, nearest first; empty where each is the latent of one image.
    pub members: Vec<Vec<String>>,
    /// Latents, one after the other, as stored.
    pub latents: Vec<u8>,
    /// What the bytes of a latent mean.
    pub format: LatentFormat,
}

impl Anchors {
    /// The latent of `rank`, channels × height × width.
    pub fn latent(&self, rank: usize) -> Vec<f32> {
        let width = self.format.bytes();
        self.latents.get(rank * width..(rank + 1) * width).map_or_else(Vec::new, |raw| {
            let mut values = Vec::new();
            self.format.decode(raw, &mut values);
            values
        })
    }
}

/// Writes the anchors of `class`.
///
/// # Errors
/// If the file can't be written.
pub fn write_anchors(
    path: &Path,
    root: &Path,
    class: &str,
    anchors: &Anchors,
) -> Result<Written, StoreError> {
    let width = i32::try_from(anchors.format.bytes()).map_err(StoreError::table(path))?;
    let mut fields = vec![
        Field::new("rank", DataType::UInt32, false),
        Field::new("key", DataType::Utf8, false),
        Field::new("shard", DataType::Utf8, false),
        Field::new("latent", DataType::FixedSizeBinary(width), false),
    ];
    let mut metadata = anchors.format.metadata();
    metadata.push(("coda.class", class.to_owned()));
    let latents =
        FixedSizeBinaryArray::try_new(width, Buffer::from_vec(anchors.latents.clone()), None)
            .map_err(StoreError::table(path))?;
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(0..anchors.keys.len() as u32)),
        Arc::new(StringArray::from_iter_values(&anchors.keys)),
        Arc::new(StringArray::from_iter_values(&anchors.shards)),
        Arc::new(latents),
    ];
    if !anchors.members.is_empty() {
        let members = lists(&anchors.members);
        fields.push(Field::new(MEMBERS, members.data_type().clone(), false));
        columns.push(members);
    }
    let schema = described(Schema::new(fields), "anchors", &metadata);
    let batch = RecordBatch::try_new(schema, columns).map_err(StoreError::table(path))?;
    write_all(path, root, &batch)
}

/// A column of lists of texts.
fn lists(texts: &[Vec<String>]) -> ArrayRef {
    let item = Field::new("item", DataType::Utf8, false);
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(item);
    for list in texts {
        list.iter().for_each(|text| builder.values().append_value(text));
        builder.append(true);
    }
    Arc::new(builder.finish())
}

/// The lists of the column `members`; none where there is no such column.
fn read_lists(batch: &RecordBatch, path: &Path) -> Result<Vec<Vec<String>>, StoreError> {
    let Some(column) = batch.column_by_name(MEMBERS) else { return Ok(Vec::new()) };
    let wrong = || StoreError::table(path)("its column `members` has another type than ours");
    let lists = column.as_list_opt::<i32>().ok_or_else(wrong)?;
    let texts = |list: Option<ArrayRef>| {
        let list = list.ok_or_else(wrong)?;
        let texts = list.as_string_opt::<i32>().ok_or_else(wrong)?;
        Ok(texts.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
    };
    lists.iter().map(texts).collect()
}

/// Reads what [`write_anchors`] wrote.
///
/// # Errors
/// If the file can't be read or has other columns.
pub fn read_anchors(path: &Path) -> Result<Anchors, StoreError> {
    let batch = read_all(path)?;
    let columns = Columns { batch: &batch, path };
    Ok(Anchors {
        keys: columns.strings("key")?,
        shards: columns.strings("shard")?,
        members: read_lists(&batch, path)?,
        latents: columns.bytes("latent")?.to_vec(),
        format: LatentFormat::from_metadata(batch.schema().metadata())
            .map_err(StoreError::table(path))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tables::LatentType;

    #[test]
    fn anchors_come_back_with_their_members_and_without() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.parquet");
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut anchors = Anchors {
            keys: texts(&["a", "b"]),
            shards: texts(&["s", "t"]),
            members: vec![texts(&["a", "c", "d"]), texts(&["b"])],
            latents: vec![1, 2, 3, 4],
            format: LatentFormat { dtype: LatentType::F16, shape: [1, 1, 1] },
        };
        write_anchors(&path, dir.path(), "n01", &anchors).unwrap();
        assert_eq!(read_anchors(&path).unwrap(), anchors);
        anchors.members.clear();
        write_anchors(&path, dir.path(), "n01", &anchors).unwrap();
        assert_eq!(read_anchors(&path).unwrap(), anchors);
        assert!(read_all(&path).unwrap().column_by_name(MEMBERS).is_none());
    }
}
