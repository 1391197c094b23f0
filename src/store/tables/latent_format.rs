//! What the bytes of latents and features mean.

use arrow::datatypes::Metadata;
use half::f16;
use serde::{Deserialize, Serialize};

/// How latents are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LatentType {
    /// IEEE half precision.
    F16,
    /// IEEE single precision.
    F32,
}

impl LatentType {
    /// Bytes a value takes.
    pub fn width(self) -> usize {
        match self {
            LatentType::F16 => 2,
            LatentType::F32 => 4,
        }
    }

    /// `f16` or `f32`.
    pub fn name(self) -> &'static str {
        match self {
            LatentType::F16 => "f16",
            LatentType::F32 => "f32",
        }
    }
}

/// No latent, and no feature, has more values: their size in bytes is a 32-bit number in Parquet.
const MOST_VALUES: usize = i32::MAX as usize / 4;

/// What the bytes of a latent mean: little-endian numbers of `dtype`, `shape` = channels, height, width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatentFormat {
    /// The numbers' type.
    pub dtype: LatentType,
    /// Channels, height, width.
    pub shape: [usize; 3],
}

impl LatentFormat {
    /// Values of one latent.
    pub fn values(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of one latent.
    pub fn bytes(&self) -> usize {
        self.values() * self.dtype.width()
    }

    /// Appends `latent` to `out` as it is stored.
    pub fn encode(&self, latent: &[f32], out: &mut Vec<u8>) {
        match self.dtype {
            LatentType::F16 => {
                out.extend(latent.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()));
            }
            LatentType::F32 => out.extend(latent.iter().flat_map(|v| v.to_le_bytes())),
        }
    }

    /// Appends stored bytes to `out` as numbers.
    pub fn decode(&self, raw: &[u8], out: &mut Vec<f32>) {
        match self.dtype {
            LatentType::F16 => out.extend(
                raw.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()),
            ),
            LatentType::F32 => {
                out.extend(raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            }
        }
    }

    pub(super) fn metadata(&self) -> Vec<(&'static str, String)> {
        let [c, h, w] = self.shape;
        vec![
            ("coda.latent.dtype", self.dtype.name().to_owned()),
            ("coda.latent.shape", format!("{c},{h},{w}")),
            ("coda.latent.byte_order", "little".to_owned()),
        ]
    }

    pub(crate) fn from_metadata(metadata: &Metadata) -> Result<Self, String> {
        let get = |name: &str| metadata.get(name).map(String::as_str).unwrap_or_default();
        let dtype = match get("coda.latent.dtype") {
            "f16" => LatentType::F16,
            "f32" => LatentType::F32,
            other => return Err(format!("its metadata give the latent type {other:?}")),
        };
        let shape: Vec<usize> =
            get("coda.latent.shape").split(',').filter_map(|n| n.parse().ok()).collect();
        let shape: [usize; 3] =
            shape.try_into().map_err(|_| "its metadata give no latent shape".to_owned())?;
        let size = shape.iter().try_fold(1usize, |size, &length| size.checked_mul(length));
        if size.is_none_or(|size| size > MOST_VALUES) {
            return Err(format!("its metadata give the latent shape {shape:?}"));
        }
        Ok(Self { dtype, shape })
    }
}

/// Name in the metadata of the number of values in the column `feature`.
const FEATURE_WIDTH: &str = "coda.feature.width";

/// What a part holds of each image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartFormat {
    /// Its latent.
    pub latent: LatentFormat,
    /// Values of the second encoder's feature (little-endian f32), if there is one.
    pub feature: Option<usize>,
}

impl PartFormat {
    /// Whether a part can hold such numbers.
    pub(super) fn is_possible(&self) -> bool {
        let shape = self.latent.shape.iter();
        let values = shape.copied().try_fold(1usize, |size, length| size.checked_mul(length));
        values.is_some_and(|values| values <= MOST_VALUES)
            && self.feature.is_none_or(|width| width <= MOST_VALUES)
    }

    /// Bytes of one feature.
    pub fn feature_bytes(&self) -> usize {
        4 * self.feature.unwrap_or(0)
    }

    /// Bytes of one image: latent, then feature.
    pub fn bytes(&self) -> usize {
        self.latent.bytes() + self.feature_bytes()
    }

    /// Appends latent and feature to `out` as they are stored.
    pub fn encode(&self, latent: &[f32], feature: &[f32], out: &mut Vec<u8>) {
        self.latent.encode(latent, out);
        out.extend(feature.iter().flat_map(|value| value.to_le_bytes()));
    }

    pub(super) fn metadata(&self) -> Vec<(&'static str, String)> {
        let mut all = self.latent.metadata();
        all.extend(self.feature.map(|width| (FEATURE_WIDTH, width.to_string())));
        all
    }

    pub(super) fn from_metadata(metadata: &Metadata) -> Result<Self, String> {
        let latent = LatentFormat::from_metadata(metadata)?;
        let feature = metadata.get(FEATURE_WIDTH).and_then(|width| width.parse().ok());
        let feature = feature.filter(|&width| width <= MOST_VALUES);
        Ok(Self { latent, feature })
    }
}
