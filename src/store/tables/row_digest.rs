//! Digests of classes' rows: equal where every column holds the same, however rows were grouped or compressed.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::DataType;
use xxhash_rust::xxh3::Xxh3;

/// Digests of classes that come one after another.
pub(super) struct ClassDigests {
    /// Classes to come, the next one last, and their rows.
    left: Vec<(String, usize)>,
    /// Rows of the next one that have come, and a hash of each of its columns.
    taken: usize,
    columns: Vec<Xxh3>,
    done: Vec<(String, usize, String)>,
}

impl ClassDigests {
    /// Of these classes with their numbers of rows, in this order.
    pub(super) fn new(classes: &[(String, usize)]) -> Self {
        let left = classes.iter().rev().cloned().collect();
        Self { left, taken: 0, columns: Vec::new(), done: Vec::with_capacity(classes.len()) }
    }

    /// Takes the next rows.
    pub(super) fn update(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let mut at = 0;
        while at < batch.num_rows() {
            self.end_empty();
            let Some((_, rows)) = self.left.last() else {
                return Err("it has too many rows".into());
            };
            let own = (rows - self.taken).min(batch.num_rows() - at);
            self.columns.resize_with(batch.num_columns(), Xxh3::new);
            for (hash, column) in self.columns.iter_mut().zip(batch.columns()) {
                add(hash, &*column.slice(at, own))?;
            }
            self.taken += own;
            at += own;
        }
        Ok(())
    }

    /// Class keys, rows and digests, 16 hexadecimal digits each.
    pub(super) fn finish(mut self) -> Vec<(String, usize, String)> {
        self.end_empty();
        self.done
    }

    /// Ends the classes of which all rows have come.
    fn end_empty(&mut self) {
        while let Some((class, rows)) = self.left.pop_if(|(_, rows)| *rows == self.taken) {
            let mut all = Xxh3::new();
            self.columns.drain(..).for_each(|hash| all.update(&hash.digest().to_le_bytes()));
            self.done.push((class, rows, format!("{:016x}", all.digest())));
            self.taken = 0;
        }
    }
}

fn add(hash: &mut Xxh3, column: &dyn Array) -> Result<(), String> {
    match column.data_type() {
        DataType::Utf8 => {
            for text in column.as_string::<i32>().iter().map(Option::unwrap_or_default) {
                hash.update(&(text.len() as u64).to_le_bytes());
                hash.update(text.as_bytes());
            }
        }
        DataType::FixedSizeBinary(_) => hash.update(column.as_fixed_size_binary().value_data()),
        of if of.primitive_width().is_some() => {
            let (width, data) = (of.primitive_width().unwrap_or(1), column.to_data());
            let from = data.offset() * width;
            hash.update(&data.buffers()[0][from..from + data.len() * width]);
        }
        other => return Err(format!("a column of type {other} has no digest")),
    }
    Ok(())
}
