//! A constant tensor: its name, how many values it has, and the values where they are few.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use half::f16;

use crate::onnx::fields::{Content, next, pass, text, whole_numbers};
use crate::onnx::wire::{Malformed, Wire};

/// Values of a constant that are kept.
const MOST_VALUES: usize = 16;
/// Dimensions of a tensor that are kept; no graph here has more.
const MOST_DIMS: usize = 64;

/// Where the bytes of a weight lie that is in another file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    pub(crate) location: String,
    pub(crate) offset: u64,
    pub(crate) length: Option<u64>,
}

/// A constant tensor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Constant {
    pub(super) name: String,
    pub(crate) dims: Vec<i64>,
    pub(crate) kind: u64,
    /// Its values, where they are few and stand in the graph.
    values: Vec<f64>,
    /// Where its bytes are, if not in the graph.
    pub(crate) elsewhere: Option<Elsewhere>,
}

impl Constant {
    /// One of an attribute.
    pub(super) fn of(values: Vec<f64>, vector: bool) -> Self {
        let dims = if vector { vec![values.len() as i64] } else { Vec::new() };
        Self { dims, values, ..Self::default() }
    }

    /// How many values it has; `None` beyond all proportion.
    pub(crate) fn count(&self) -> Option<u64> {
        let each = self.dims.iter().map(|dim| u64::try_from(*dim).ok());
        each.into_iter().try_fold(1u64, |count, dim| count.checked_mul(dim?))
    }

    /// Its bytes by shape and type.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let width = match self.kind {
            2 | 3 | 9 => 1,
            4 | 5 | 10 | 16 => 2,
            1 | 6 | 12 => 4,
            7 | 11 | 13 => 8,
            _ => return None,
        };
        self.count()?.checked_mul(width)
    }

    /// Its values, if they are few and of a usual type; those in another file are read from there, beside `graph`.
    pub(crate) fn values(&self, graph: &Path) -> Option<Vec<f64>> {
        let count = usize::try_from(self.count()?).ok().filter(|count| *count <= MOST_VALUES)?;
        if let Some(elsewhere) = &self.elsewhere {
            let path = graph.with_file_name("").join(&elsewhere.location);
            let mut file =
                Some(path).filter(|path| path.is_file()).and_then(|path| File::open(path).ok())?;
            file.seek(SeekFrom::Start(elsewhere.offset)).ok()?;
            let mut bytes = vec![0; usize::try_from(self.bytes()?).ok()?];
            file.read_exact(&mut bytes).ok()?;
            return Some(raw(&bytes, self.kind)).filter(|values| values.len() == count);
        }
        Some(self.values.clone()).filter(|values| values.len() == count)
    }
}

/// Reads a tensor that ends at `end`; the bytes of a large one are passed over.
pub(super) fn read(wire: &mut Wire<impl Read + Seek>, end: u64) -> Result<Constant, Malformed> {
    let mut found = Constant::default();
    let (mut whole, mut bytes, mut real) = (Vec::new(), Vec::new(), Vec::new());
    let (mut elsewhere, mut outside) = (Elsewhere::default(), false);
    while let Some(field) = next(wire, end)? {
        match field {
            (1, content) => whole_numbers(wire, content, &mut found.dims, MOST_DIMS)?,
            (2, Content::Number(kind)) => found.kind = kind,
            (4, Content::Four(four)) => real.push(f64::from(f32::from_le_bytes(four))),
            (4, Content::Bytes(inner)) if few(wire, inner) => {
                let packed = wire.bytes(inner, 8 * MOST_VALUES as u64)?;
                real.extend(raw(&packed, 1));
            }
            (10, Content::Bytes(inner)) if few(wire, inner) => {
                let packed = wire.bytes(inner, 8 * MOST_VALUES as u64)?;
                real.extend(raw(&packed, 11));
            }
            (5 | 7, content) => whole_numbers(wire, content, &mut whole, MOST_VALUES)?,
            (8, Content::Bytes(inner)) => found.name = text(wire, inner)?,
            (9, Content::Bytes(inner)) if few(wire, inner) => {
                bytes = wire.bytes(inner, 8 * MOST_VALUES as u64)?;
            }
            (13, Content::Bytes(inner)) => entry(wire, inner, &mut elsewhere)?,
            (14, Content::Number(place)) => outside = place == 1,
            (_, content) => pass(wire, content)?,
        }
    }
    found.values = if !bytes.is_empty() {
        raw(&bytes, found.kind)
    } else if !real.is_empty() {
        real
    } else if found.kind == 10 {
        // Half-precision values stand as their bits among whole numbers.
        whole.iter().map(|bits| f64::from(f16::from_bits(*bits as u16))).collect()
    } else {
        whole.iter().map(|value| *value as f64).collect()
    };
    found.elsewhere = outside.then_some(elsewhere);
    Ok(found)
}

/// Whether what ends at `inner` is short enough to be kept.
fn few(wire: &Wire<impl Read + Seek>, inner: u64) -> bool {
    inner - wire.at() <= 8 * MOST_VALUES as u64
}

/// Takes one entry of what a tensor says of its external data.
fn entry(
    wire: &mut Wire<impl Read + Seek>,
    end: u64,
    found: &mut Elsewhere,
) -> Result<(), Malformed> {
    let (mut key, mut value) = (String::new(), String::new());
    while let Some(field) = next(wire, end)? {
        match field {
            (1, Content::Bytes(inner)) => key = text(wire, inner)?,
            (2, Content::Bytes(inner)) => value = text(wire, inner)?,
            (_, content) => pass(wire, content)?,
        }
    }
    match key.as_str() {
        "location" => found.location = value,
        "offset" => found.offset = value.parse().unwrap_or(0),
        "length" => found.length = value.parse().ok(),
        _ => {}
    }
    Ok(())
}

/// Values of little-endian bytes of the type `kind`; none of a type without use here.
fn raw(bytes: &[u8], kind: u64) -> Vec<f64> {
    fn each<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        let (chunks, _) = bytes.as_chunks::<N>();
        chunks.iter().map(|chunk| value(*chunk)).collect()
    }
    match kind {
        1 => each(bytes, |b| f64::from(f32::from_le_bytes(b))),
        6 => each(bytes, |b| f64::from(i32::from_le_bytes(b))),
        7 => each(bytes, |b| i64::from_le_bytes(b) as f64),
        10 => each(bytes, |b| f64::from(f16::from_le_bytes(b))),
        11 => each(bytes, f64::from_le_bytes),
        _ => Vec::new(),
    }
}
