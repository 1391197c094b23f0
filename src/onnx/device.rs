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
    /// The NVIDIA card with this number.
    Cuda(u32),
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

    /// Reads `cpu`, `cuda` (card 0) or `cuda:N`.
    fn from_str(text: &str) -> Result<Self, OnnxError> {
        let unknown = || OnnxError::UnknownDevice(text.to_owned());
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", number)) => number.parse().map(Self::Cuda).map_err(|_| unknown()),
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
        for name in ["cpu", "cuda:0", "cuda:3", "auto", "cuda:0,cuda:1", "cpu,cpu"] {
            let choice: DeviceChoice = name.parse().unwrap();
            assert_eq!(choice.to_string(), name);
        }
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda(0));
    }

    #[test]
    fn other_names_are_refused_by_name() {
        for name in ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "CUDA"] {
            let message = name.parse::<DeviceChoice>().unwrap_err().to_string();
            assert!(message.contains(&format!("\"{name}\"")), "{message}");
        }
    }
}
