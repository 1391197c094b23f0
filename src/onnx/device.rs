//! Which processor a graph runs on.

use std::fmt;
use std::str::FromStr;

use super::error::OnnxError;

/// A processor that graphs run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Device {
    /// The host's processor.
    #[default]
    Cpu,
    /// The NVIDIA card with this number, through CUDA.
    Cuda(u32),
    /// The same through TensorRT, which builds an engine for each graph and shape first.
    TensorRt(u32),
}

impl Device {
    /// The NVIDIA card's number.
    pub fn card(self) -> Option<u32> {
        match self {
            Self::Cpu => None,
            Self::Cuda(number) | Self::TensorRt(number) => Some(number),
        }
    }
}

/// Devices as a user asks for them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum DeviceChoice {
    /// All CUDA cards that work, else the host's processor.
    #[default]
    Auto,
    /// These or an error. One named twice is used by two threads with sessions of their own.
    Fixed(Vec<Device>),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::TensorRt(number) => write!(f, "tensorrt:{number}"),
        }
    }
}

impl serde::Serialize for DeviceChoice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(devices) => {
                let names: Vec<String> = devices.iter().map(ToString::to_string).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

impl FromStr for Device {
    type Err = OnnxError;

    /// Reads `cpu`, `cuda` (card 0), `cuda:N`, `tensorrt` or `tensorrt:N`.
    fn from_str(text: &str) -> Result<Self, OnnxError> {
        let unknown = || OnnxError::UnknownDevice(text.to_owned());
        let (name, card) = text.split_once(':').unwrap_or((text, "0"));
        let card = || card.parse().map_err(|_| unknown());
        match name {
            "cpu" if name == text => Ok(Self::Cpu),
            "cuda" => card().map(Self::Cuda),
            "tensorrt" => card().map(Self::TensorRt),
            _ => Err(unknown()),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = OnnxError;

    /// Reads `auto`, or whatever [`Device`] reads, several separated by commas.
    fn from_str(text: &str) -> Result<Self, OnnxError> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        text.split(',').map(|name| name.trim().parse()).collect::<Result<_, _>>().map(Self::Fixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_written() {
        for name in ["cpu", "cuda:0", "cuda:3", "auto", "cuda:0,cuda:1", "cpu,cpu", "tensorrt:1"] {
            let choice: DeviceChoice = name.parse().unwrap();
            assert_eq!(choice.to_string(), name);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
        assert_eq!("tensorrt".parse::<Device>().unwrap(), Device::TensorRt(0));
    }

    #[test]
    fn other_names_are_refused_by_name() {
        for name in ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "CUDA", "tensorrt:"] {
            let message = name.parse::<DeviceChoice>().unwrap_err().to_string();
            assert!(message.contains(&format!("\"{name}\"")), "{message}");
        }
    }
}
