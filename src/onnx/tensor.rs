//! Host tensors and their way into and out of ONNX Runtime.
//!
//! Callers compute in f32 and i64. What a graph wants (exports in half precision take f16
//! throughout, old exports take i32 token ids) is read from the graph and converted here.

use half::f16;
use ort::session::SessionInputValue;
use ort::value::{DynValue, Shape, TensorElementType, TensorRef, ValueType};

/// Values of a host tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Real numbers.
    F32(Vec<f32>),
    /// Whole numbers: token ids, and the timestep of some old exports.
    I64(Vec<i64>),
}

/// A dense tensor in host memory, row-major. A scalar has the empty shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Length of each dimension, outermost first.
    pub shape: Vec<usize>,
    /// The values; as many as the product of the shape.
    pub data: Data,
}

/// Element types that graphs may declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// 64-bit integer.
    I64,
    /// 32-bit integer.
    I32,
}

/// An input or output of a graph as its file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The tensor's name.
    pub name: String,
    /// Its element type; `None` for a type that this program has no use for.
    pub element: Option<Element>,
    /// Its dimensions; `None` where the length is free. Their number is the tensor's rank.
    pub dims: Vec<Option<usize>>,
    /// The declared type in ONNX Runtime's words, for messages.
    pub declared: String,
}

impl Tensor {
    /// A tensor of real numbers.
    pub fn f32(shape: impl Into<Vec<usize>>, values: Vec<f32>) -> Self {
        Self { shape: shape.into(), data: Data::F32(values) }
    }

    /// A tensor of whole numbers.
    pub fn i64(shape: impl Into<Vec<usize>>, values: Vec<i64>) -> Self {
        Self { shape: shape.into(), data: Data::I64(values) }
    }

    /// Number of values held.
    pub fn len(&self) -> usize {
        match &self.data {
            Data::F32(values) => values.len(),
            Data::I64(values) => values.len(),
        }
    }

    /// True when it holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values as f32, rounding whole numbers beyond 2²⁴.
    pub fn into_f32(self) -> Vec<f32> {
        match self.data {
            Data::F32(values) => values,
            Data::I64(values) => values.into_iter().map(|value| value as f32).collect(),
        }
    }

    /// True when the values fill the shape exactly.
    pub(super) fn fills_shape(&self) -> bool {
        let wanted = self.shape.iter().try_fold(1usize, |size, &dim| size.checked_mul(dim));
        wanted == Some(self.len())
    }

    /// A value of type `element` for ONNX Runtime, borrowed when the type is already right.
    pub(super) fn to_value(&self, element: Element) -> ort::Result<SessionInputValue<'_>> {
        let shape = self.shape.as_slice();
        match (&self.data, element) {
            (Data::F32(values), Element::F32) => {
                TensorRef::from_array_view((shape, values.as_slice())).map(Into::into)
            }
            (Data::I64(values), Element::I64) => {
                TensorRef::from_array_view((shape, values.as_slice())).map(Into::into)
            }
            _ => self.converted(element).map(Into::into),
        }
    }

    /// The same, owned; nothing is copied when the type is already right.
    pub(super) fn into_value(self, element: Element) -> ort::Result<DynValue> {
        match (self.data, element) {
            (Data::F32(values), Element::F32) => owned(&self.shape, values),
            (Data::I64(values), Element::I64) => owned(&self.shape, values),
            (data, _) => Self { shape: self.shape, data }.converted(element),
        }
    }

    /// The values as `element`, in memory of their own.
    fn converted(&self, element: Element) -> ort::Result<DynValue> {
        let shape = self.shape.as_slice();
        match &self.data {
            Data::F32(values) => match element {
                Element::F32 => owned(shape, values.clone()),
                Element::F16 => owned(shape, cast(values, f16::from_f32)),
                Element::I64 => owned(shape, cast(values, |value| value.round() as i64)),
                Element::I32 => owned(shape, cast(values, |value| value.round() as i32)),
            },
            Data::I64(values) => match element {
                Element::F32 => owned(shape, cast(values, |value| value as f32)),
                Element::F16 => owned(shape, cast(values, |value| f16::from_f32(value as f32))),
                Element::I64 => owned(shape, values.clone()),
                Element::I32 => owned(shape, cast(values, narrow)),
            },
        }
    }

    /// A copy of an output, as f32 or i64.
    pub(super) fn from_value(value: &DynValue, element: Element) -> ort::Result<Self> {
        Ok(match element {
            Element::F32 => {
                let (shape, values) = value.try_extract_tensor::<f32>()?;
                Self::f32(lengths(shape), values.to_vec())
            }
            Element::F16 => {
                let (shape, values) = value.try_extract_tensor::<f16>()?;
                Self::f32(lengths(shape), values.iter().map(|value| value.to_f32()).collect())
            }
            Element::I64 => {
                let (shape, values) = value.try_extract_tensor::<i64>()?;
                Self::i64(lengths(shape), values.to_vec())
            }
            Element::I32 => {
                let (shape, values) = value.try_extract_tensor::<i32>()?;
                Self::i64(lengths(shape), values.iter().map(|&value| value.into()).collect())
            }
        })
    }
}

impl Port {
    pub(super) fn new(name: &str, declared: &ValueType) -> Self {
        let element = match declared.tensor_type() {
            Some(TensorElementType::Float32) => Some(Element::F32),
            Some(TensorElementType::Float16) => Some(Element::F16),
            Some(TensorElementType::Int64) => Some(Element::I64),
            Some(TensorElementType::Int32) => Some(Element::I32),
            _ => None,
        };
        let dims = declared.tensor_shape().map(|shape| {
            shape.iter().map(|&length| usize::try_from(length).ok()).collect::<Vec<_>>()
        });
        Self {
            name: name.to_owned(),
            element,
            dims: dims.unwrap_or_default(),
            declared: declared.to_string(),
        }
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// True when a tensor of this shape may be given here.
    pub(super) fn accepts(&self, shape: &[usize]) -> bool {
        shape.len() == self.dims.len()
            && shape
                .iter()
                .zip(&self.dims)
                .all(|(&length, dim)| dim.is_none_or(|dim| dim == length))
    }

    /// The expected shape for messages, such as `[?, 4, ?, ?]`.
    pub(super) fn expected(&self) -> String {
        let dims = self.dims.iter().map(|dim| dim.map_or("?".to_owned(), |dim| dim.to_string()));
        format!("rank {}: [{}]", self.rank(), dims.collect::<Vec<_>>().join(", "))
    }
}

fn owned<T>(shape: &[usize], values: Vec<T>) -> ort::Result<DynValue>
where
    T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
{
    ort::value::Tensor::from_array((shape.to_vec(), values)).map(|tensor| tensor.into_dyn())
}

fn cast<A: Copy, B>(values: &[A], change: impl Fn(A) -> B) -> Vec<B> {
    values.iter().map(|&value| change(value)).collect()
}

/// Saturating.
fn narrow(value: i64) -> i32 {
    value.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

fn lengths(shape: &Shape) -> Vec<usize> {
    shape.iter().map(|&length| usize::try_from(length).unwrap_or(0)).collect()
}
