//! Tensors of a `.safetensors` file.

use super::{Array, ArrayError, choose};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use std::path::Path;

/// Reads the tensor called `name`, or the only one there is.
pub(super) fn read(path: &Path, name: Option<&str>) -> Result<Array, ArrayError> {
    let bytes = std::fs::read(path).map_err(ArrayError::io("read", path))?;
    let broken = |error| ArrayError::content(path, format!("damaged: {error}"));
    let file = SafeTensors::deserialize(&bytes).map_err(broken)?;
    let mut names = file.names();
    names.sort_unstable();
    let name = choose(path, "tensor", "--tensor", &names, name)?;
    let tensor = file.tensor(name).map_err(broken)?;
    let values = values(tensor.dtype(), tensor.data()).ok_or_else(|| {
        let reason = format!("tensor {name:?} is {:?}; save F16, BF16, F32 or F64", tensor.dtype());
        ArrayError::content(path, reason)
    })?;
    if tensor.shape().is_empty() {
        let reason = format!("tensor {name:?} is a single number, no table");
        return Err(ArrayError::content(path, reason));
    }
    Ok(Array { shape: tensor.shape().to_vec(), values })
}

/// Little-endian numbers as f32.
fn values(dtype: Dtype, raw: &[u8]) -> Option<Vec<f32>> {
    let two = || raw.as_chunks::<2>().0.iter().copied();
    let four = || raw.as_chunks::<4>().0.iter().copied();
    let eight = || raw.as_chunks::<8>().0.iter().copied();
    Some(match dtype {
        Dtype::F16 => two().map(|v| f16::from_le_bytes(v).to_f32()).collect(),
        Dtype::BF16 => two().map(|v| bf16::from_le_bytes(v).to_f32()).collect(),
        Dtype::F32 => four().map(f32::from_le_bytes).collect(),
        Dtype::F64 => eight().map(|v| f64::from_le_bytes(v) as f32).collect(),
        Dtype::U8 => raw.iter().map(|&v| f32::from(v)).collect(),
        Dtype::I32 => four().map(|v| i32::from_le_bytes(v) as f32).collect(),
        Dtype::I64 => eight().map(|v| i64::from_le_bytes(v) as f32).collect(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    #[test]
    fn tensors_are_found_by_name_and_converted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.safetensors");
        let halves = [bf16::from_f32(2.0), bf16::from_f32(-0.5)].map(bf16::to_le_bytes).concat();
        let doubles = [0.25f64; 3].map(f64::to_le_bytes).concat();
        let tensors = [
            ("b", TensorView::new(Dtype::BF16, vec![2, 1], &halves).unwrap()),
            ("d", TensorView::new(Dtype::F64, vec![1, 3], &doubles).unwrap()),
            ("z", TensorView::new(Dtype::BOOL, vec![1], &[1]).unwrap()),
        ];
        std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
        assert_eq!(read(&path, Some("b")).unwrap().values, [2.0, -0.5]);
        assert_eq!(read(&path, Some("d")).unwrap().shape, [1, 3]);
        assert!(read(&path, Some("z")).unwrap_err().to_string().contains("BOOL"));
        assert!(read(&path, None).unwrap_err().to_string().contains("--tensor: b, d, z"));
        std::fs::write(&path, b"\x10\0\0\0\0\0\0\0{\"a\": ").unwrap();
        assert!(read(&path, None).unwrap_err().to_string().contains("damaged"));
    }
}
