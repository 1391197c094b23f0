//! NumPy's `.npy` (NEP 1).

use super::{Array, ArrayError};
use crate::store::AtomicFile;
use half::f16;
use npyz::{DType, NpyFile, Order, TypeChar, WriterBuilder};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Reads the file's one array.
pub(super) fn read(path: &Path, name: Option<&str>) -> Result<Array, ArrayError> {
    if let Some(name) = name {
        let reason = format!("a .npy file holds one array without a name; leave {name:?} out");
        return Err(ArrayError::content(path, reason));
    }
    let file = File::open(path).map_err(ArrayError::io("open", path))?;
    // No number takes less than a byte: a shape with more of them than that is not believed.
    let on_disk = file.metadata().map_err(ArrayError::io("examine", path))?.len();
    let broken = |error: std::io::Error| ArrayError::content(path, format!("damaged: {error}"));
    let mut file = BufReader::with_capacity(1 << 20, file);
    // The reader multiplies the lengths unchecked, so this comes before it.
    if file.fill_buf().map_err(broken).map(|start| states_more_than(start, on_disk))? {
        return Err(ArrayError::content(path, "damaged: too short for its shape"));
    }
    let file = NpyFile::new(file).map_err(broken)?;
    let lengths: Option<Vec<usize>> =
        file.shape().iter().map(|&length| usize::try_from(length).ok()).collect();
    let shape = lengths.filter(|shape| !shape.is_empty());
    let shape = shape.ok_or_else(|| ArrayError::content(path, "a single number is no table"))?;
    let (dtype, order) = (file.dtype(), file.order());
    let values = values(file).map_err(broken)?;
    let values = values.ok_or_else(|| {
        let reason = format!("it holds {}: save it as float32", numpy_name(&dtype));
        ArrayError::content(path, reason)
    })?;
    let values = if order == Order::Fortran { row_major(&shape, &values) } else { values };
    Ok(Array { shape, values })
}

/// Whether the header at `start` states a shape of more than `limit` numbers. What is no header is
/// left to the reader to refuse.
fn states_more_than(start: &[u8], limit: u64) -> bool {
    let shape = start.windows(7).position(|window| window == b"'shape'").map(|at| &start[at + 7..]);
    let lengths = shape.and_then(|rest| {
        let open = rest.iter().position(|&byte| byte == b'(')?;
        let close = rest.iter().position(|&byte| byte == b')')?;
        std::str::from_utf8(rest.get(open + 1..close)?).ok()
    });
    let mut lengths = lengths.unwrap_or("").split(',').map(str::trim).filter(|l| !l.is_empty());
    let size = lengths.try_fold(1u64, |size, length| size.checked_mul(length.parse().ok()?));
    size.is_none_or(|size| size > limit.max(1))
}

/// The values as f32, in the file's order; `None` where they are no plain numbers.
fn values<R: Read>(file: NpyFile<R>) -> std::io::Result<Option<Vec<f32>>> {
    let DType::Plain(kind) = file.dtype() else { return Ok(None) };
    Ok(Some(match (kind.type_char(), kind.size_field()) {
        (TypeChar::Float, 4) => file.into_vec::<f32>()?,
        (TypeChar::Float, 2) => converted(file, f16::to_f32)?,
        (TypeChar::Float, 8) => converted(file, |v: f64| v as f32)?,
        (TypeChar::Uint, 1) => converted(file, |v: u8| f32::from(v))?,
        (TypeChar::Uint, 2) => converted(file, |v: u16| f32::from(v))?,
        (TypeChar::Uint, 4) => converted(file, |v: u32| v as f32)?,
        (TypeChar::Uint, 8) => converted(file, |v: u64| v as f32)?,
        (TypeChar::Int, 1) => converted(file, |v: i8| f32::from(v))?,
        (TypeChar::Int, 2) => converted(file, |v: i16| f32::from(v))?,
        (TypeChar::Int, 4) => converted(file, |v: i32| v as f32)?,
        (TypeChar::Int, 8) => converted(file, |v: i64| v as f32)?,
        (TypeChar::Bool, 1) => converted(file, |v: bool| f32::from(u8::from(v)))?,
        _ => return Ok(None),
    }))
}

fn converted<R: Read, T: npyz::Deserialize>(
    file: NpyFile<R>,
    convert: impl Fn(T) -> f32,
) -> std::io::Result<Vec<f32>> {
    Ok(file.into_vec::<T>()?.into_iter().map(convert).collect())
}

/// Values in which the first index runs fastest (Fortran's order), with the last one running fastest.
fn row_major(shape: &[usize], values: &[f32]) -> Vec<f32> {
    // How far apart neighbours along each dimension lie.
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for &length in shape {
        strides.push(stride);
        stride *= length;
    }
    let place = |index: usize| {
        let dimensions = shape.iter().zip(&strides).rev();
        let (_, place) = dimensions.fold((index, 0), |(rest, place), (&length, &stride)| {
            (rest / length, place + rest % length * stride)
        });
        place
    };
    (0..values.len()).map(|index| values[place(index)]).collect()
}

/// A type of elements as numpy calls it.
fn numpy_name(dtype: &DType) -> String {
    let DType::Plain(kind) = dtype else { return "records (a structured dtype)".to_owned() };
    let size = kind.size_field();
    let bits = size.saturating_mul(8);
    match kind.type_char() {
        TypeChar::Bool => "bool".to_owned(),
        TypeChar::Int => format!("int{bits}"),
        TypeChar::Uint => format!("uint{bits}"),
        TypeChar::Float => format!("float{bits}"),
        TypeChar::Complex => format!("complex{bits}"),
        TypeChar::TimeDelta => "timedelta64".to_owned(),
        TypeChar::DateTime => "datetime64".to_owned(),
        TypeChar::ByteStr => format!("bytes (S{size})"),
        TypeChar::UnicodeStr => format!("text (U{size})"),
        TypeChar::Object => "Python objects (dtype object)".to_owned(),
        _ => format!("raw bytes (V{size})"),
    }
}

/// Writes `rows × cols` values as float32; the file is whole or absent.
///
/// # Errors
/// If the file can't be written.
pub fn write_npy(path: &Path, shape: [usize; 2], values: &[f32]) -> Result<(), ArrayError> {
    let mut out = AtomicFile::create(path)?;
    let mut write = || -> std::io::Result<()> {
        let shape = shape.map(|length| length as u64);
        let options = npyz::WriteOptions::new().default_dtype().shape(&shape);
        let mut writer = options.writer(&mut out).begin_nd()?;
        writer.extend(values.iter().copied())?;
        writer.finish()
    };
    write().map_err(ArrayError::io("write", path))?;
    out.publish(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        write_npy(&path, [2, 3], &[0.5, 1.0, -2.0, 3.0, 4.0, 5.5]).unwrap();
        let array = read(&path, None).unwrap();
        assert_eq!((array.shape.as_slice(), array.values[5]), ([2, 3].as_slice(), 5.5));
        assert!(read(&path, Some("x")).unwrap_err().to_string().contains("leave \"x\" out"));
    }

    /// A `.npy` file by hand: version 1.0, header padded to 64 bytes.
    fn bytes(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
        let fortran = if fortran { "True" } else { "False" };
        let mut header =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let mut all = b"\x93NUMPY\x01\x00".to_vec();
        all.extend((header.len() as u16).to_le_bytes());
        all.extend(header.as_bytes());
        all.extend(values);
        all
    }

    #[test]
    fn other_types_are_converted_or_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        let read_as = |content: Vec<u8>| {
            std::fs::write(&path, content).unwrap();
            read(&path, None)
        };
        let halves = [f16::from_f32(0.5), f16::from_f32(-3.0)].map(f16::to_le_bytes).concat();
        assert_eq!(read_as(bytes("<f2", false, "(2, 1)", &halves)).unwrap().values, [0.5, -3.0]);
        let doubles = [1.5f64, 2.0].map(f64::to_be_bytes).concat();
        assert_eq!(read_as(bytes(">f8", false, "(1, 2)", &doubles)).unwrap().values, [1.5, 2.0]);
        let bytes_u8 = bytes("|u1", false, "(2, 1, 1)", &[7, 255]);
        assert_eq!(read_as(bytes_u8).unwrap().shape, [2, 1, 1]);
        let complex = read_as(bytes("<c8", false, "(1, 1)", &[0; 8])).unwrap_err();
        let text = complex.to_string();
        assert!(text.contains("it holds complex64: save it as float32"), "{text}");
        for (descr, size, name) in
            [("<f16", 16, "float128"), ("<U2", 8, "text (U2)"), ("<M8[ns]", 8, "datetime64")]
        {
            let error = read_as(bytes(descr, false, "(1, 1)", &vec![0; size])).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        let vast =
            read_as(bytes("<f4", false, "(4294967296, 4294967296, 4)", &[0; 9])).unwrap_err();
        assert!(vast.to_string().contains("too short for its shape"), "{vast}");
        let short = read_as(bytes("<f4", false, "(2, 2)", &[0; 9])).unwrap_err();
        assert!(short.to_string().contains("damaged"), "{short}");
    }

    #[test]
    fn all_whole_numbers_and_booleans_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        for (descr, raw, expected) in [
            ("|i1", vec![0xff, 2], [-1.0, 2.0]),
            ("|b1", vec![1, 0], [1.0, 0.0]),
            ("<i2", [-300i16, 5].map(i16::to_le_bytes).concat(), [-300.0, 5.0]),
            (">u2", [40000u16, 5].map(u16::to_be_bytes).concat(), [40000.0, 5.0]),
            ("<u4", [7u32, 5].map(u32::to_le_bytes).concat(), [7.0, 5.0]),
            ("<u8", [1u64 << 60, 5].map(u64::to_le_bytes).concat(), [(1u64 << 60) as f32, 5.0]),
        ] {
            std::fs::write(&path, bytes(descr, false, "(2, 1)", &raw)).unwrap();
            assert_eq!(read(&path, None).unwrap().values, expected, "{descr}");
        }
    }

    #[test]
    fn fortran_order_is_read_as_rows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npy");
        // Element (i, j, k) is 100 i + 10 j + k.
        let (mut stored, mut expected) = (Vec::new(), Vec::new());
        for k in 0..4 {
            for j in 0..3 {
                (0..2).for_each(|i| stored.push((100 * i + 10 * j + k) as f32));
            }
        }
        for i in 0..2 {
            for j in 0..3 {
                (0..4).for_each(|k| expected.push((100 * i + 10 * j + k) as f32));
            }
        }
        let raw: Vec<u8> = stored.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(&path, bytes("<f4", true, "(2, 3, 4)", &raw)).unwrap();
        let array = read(&path, None).unwrap();
        assert_eq!((array.shape, array.values), (vec![2, 3, 4], expected));
    }
}
