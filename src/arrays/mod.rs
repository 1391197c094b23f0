//! Arrays of numbers in files that other programs write: `.npy`, `.safetensors` and Parquet columns.
//!
//! Told apart by content, not by name. Whatever the element type, values arrive as f32.

mod codec;
mod error;
mod folder;
mod npy;
mod parquet;
mod parquet_rows;
mod safetensors;

pub(crate) use codec::unread_codec;
pub use error::ArrayError;
pub use npy::write_npy;

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A dense array in row-major (C) order; the first dimension counts rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each dimension, outermost first; at least one dimension.
    pub shape: Vec<usize>,
    /// The values; as many as the product of the shape.
    pub values: Vec<f32>,
}

impl Array {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Values in one row.
    pub fn row_len(&self) -> usize {
        self.shape.iter().skip(1).fold(1, |size, &length| size.saturating_mul(length))
    }
}

/// Reads the array in `path`, or in all the Parquet files of a folder, by name one after the other. `name` is the tensor of a `.safetensors` file or the column of a Parquet file; where the
/// file holds just one that could be meant, it may be left out. A `.npy` file holds a single array without a name.
///
/// # Errors
/// [`ArrayError`] naming the file, and the names there are where one has to be chosen.
pub fn read(path: &Path, name: Option<&str>) -> Result<Array, ArrayError> {
    if path.is_dir() {
        return folder::read(path, name);
    }
    let mut file = File::open(path).map_err(ArrayError::io("open", path))?;
    let mut magic = Vec::new();
    file.by_ref().take(9).read_to_end(&mut magic).map_err(ArrayError::io("read", path))?;
    match magic.as_slice() {
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => npy::read(path, name),
        [b'P', b'A', b'R', b'1', ..] => parquet::read(path, name),
        // Eight bytes of header length, then JSON.
        [_, _, _, _, _, _, _, _, b'{'] => safetensors::read(path, name),
        [b'P', b'A', b'R', b'E', ..] => {
            Err(ArrayError::content(path, "it is encrypted Parquet, which is not read"))
        }
        [b'P', b'K', 3 | 5, 4 | 6, ..] => {
            let reason =
                "it is a zip archive, of arrays if it is a .npz: save one of them with numpy.save";
            Err(ArrayError::content(path, reason))
        }
        [0x80, 2..=5, ..] => {
            let reason = "it is a Python pickle, which is not read: save the array with numpy.save";
            Err(ArrayError::content(path, reason))
        }
        _ => {
            let reason = "it is no .npy, .safetensors or Parquet file";
            Err(ArrayError::content(path, reason))
        }
    }
}

/// The one of `names` that is meant.
fn choose<'a>(
    path: &Path,
    what: &'static str,
    flag: &'static str,
    names: &[&'a str],
    wanted: Option<&str>,
) -> Result<&'a str, ArrayError> {
    let list = || names.join(", ");
    match wanted {
        Some(wanted) => names.iter().find(|name| **name == wanted).copied().ok_or_else(|| {
            ArrayError::content(path, format!("no {what} is called {wanted:?}; it has {}", list()))
        }),
        None if names.len() == 1 => Ok(names[0]),
        None if names.is_empty() => {
            Err(ArrayError::content(path, format!("it holds no {what} of numbers")))
        }
        None => Err(ArrayError::Choose {
            path: path.to_owned(),
            what,
            flag,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_array_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.npy");
        std::fs::write(&path, "hello").unwrap();
        let message = read(&path, None).unwrap_err().to_string();
        assert!(message.contains("x.npy: it is no .npy"), "{message}");
        std::fs::write(&path, b"PK\x03\x04arr_0.npy").unwrap();
        assert!(read(&path, None).unwrap_err().to_string().contains(".npz: save one of them"));
        assert!(read(&dir.path().join("none"), None).unwrap_err().to_string().contains("open"));
    }

    #[test]
    fn a_name_is_chosen_or_asked_for() {
        let path = Path::new("f");
        assert_eq!(choose(path, "tensor", "--tensor", &["a"], None).unwrap(), "a");
        assert_eq!(choose(path, "tensor", "--tensor", &["a", "b"], Some("b")).unwrap(), "b");
        let many = choose(path, "tensor", "--tensor", &["a", "b"], None).unwrap_err();
        assert_eq!(many.to_string(), "f: choose a tensor with --tensor: a, b");
        let wrong = choose(path, "tensor", "--tensor", &["a"], Some("c")).unwrap_err();
        assert!(wrong.to_string().contains("no tensor is called \"c\"; it has a"), "{wrong}");
    }
}
