//! What an image is described by in the search for cores.

use super::value::Value;
use serde::Serialize;
use std::path::Path;

/// How a latent becomes a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Features {
    /// The whole latent, as published.
    Latent,
    /// Each channel averaged over so many cells a side.
    Grid(usize),
}

impl Value for Features {
    const KIND: &'static str = "\"latent\" or { grid = N }";

    fn take(value: &toml::Value, _: &Path) -> Option<Self> {
        match value {
            toml::Value::String(name) if name == "latent" => Some(Self::Latent),
            toml::Value::Table(table) if table.len() == 1 => {
                let cells = table.get("grid")?.as_integer()?;
                usize::try_from(cells).ok().filter(|n| *n > 0).map(Self::Grid)
            }
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Latent => "\"latent\"".into(),
            Self::Grid(cells) => format!("{{ grid = {cells} }}"),
        }
    }
}

/// One number for each of red, green and blue.
impl Value for [f64; 3] {
    const KIND: &'static str = "three numbers: [red, green, blue]";

    fn take(value: &toml::Value, base: &Path) -> Option<Self> {
        let numbers: Option<Vec<f64>> =
            value.as_array()?.iter().map(|number| f64::take(number, base)).collect();
        numbers?.try_into().ok()
    }

    fn show(&self) -> String {
        format!("{self:?}")
    }
}
