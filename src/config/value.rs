//! The types a setting can have.

use super::bases::Bases;
use super::document::Document;
use super::error::{Origin, Problem};
use super::key_doc::full_name;
use super::rules::Verdict;
use crate::discovery::{Algorithm, NeighborSearch};
use crate::models::noise::{Noise, Seeds};
use crate::models::noise_schedule::{PredictionType, Sigmas, SolverKind, TimestepSpacing};
use crate::onnx::DeviceChoice;
use crate::shards::LabelSource;
use crate::store::tables::LatentType;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A type that a setting can have.
pub trait Value: Sized {
    /// What is accepted, in words, for errors and the reference.
    const KIND: &'static str;
    /// What can be chosen, and what each does, where a room registers choices with their own documentation.
    fn choices() -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }
    /// The value from TOML's; relative paths are taken from `base`. `None` where the type is wrong.
    fn take(value: &toml::Value, base: &Path) -> Option<Self>;
    /// As it would be written in TOML; empty for "not given".
    fn show(&self) -> String;
}

/// Reads one key: type, then rule, then default.
pub fn read_key<T: Value>(
    document: &Document,
    (section, key): (&str, &str),
    bases: Bases<'_>,
    default: T,
    rule: impl Fn(&T) -> Verdict,
    problems: &mut Vec<Problem>,
) -> T {
    let (value, origin) = match document.get(section, key) {
        None => (default, Origin::Absent),
        Some(entry) => {
            let base = if entry.origin == Origin::Flag { bases.flag } else { bases.file };
            match T::take(&entry.value, base) {
                Some(value) => (value, entry.origin.clone()),
                None => {
                    let name = full_name(section, key);
                    let message = format!("`{name}` must be {}, is {}", T::KIND, entry.value);
                    problems.push(Problem { origin: entry.origin.clone(), message, hint: None });
                    return default;
                }
            }
        }
    };
    if let Err(wrong) = rule(&value) {
        let hint = (origin == Origin::Absent).then(|| format!("add `{key} = …` to [{section}]"));
        let message = format!("`{}` {wrong}", full_name(section, key));
        problems.push(Problem { origin, message, hint });
    }
    value
}

impl Value for bool {
    const KIND: &'static str = "true or false";
    fn take(value: &toml::Value, _: &Path) -> Option<Self> {
        value.as_bool()
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for String {
    const KIND: &'static str = "a string";
    fn take(value: &toml::Value, _: &Path) -> Option<Self> {
        match value {
            toml::Value::String(s) => Some(s.clone()),
            // `--set name=7` reads as a number where a name is meant.
            toml::Value::Integer(i) => Some(i.to_string()),
            _ => None,
        }
    }
    fn show(&self) -> String {
        format!("{self:?}")
    }
}

impl Value for f64 {
    const KIND: &'static str = "a number";
    fn take(value: &toml::Value, _: &Path) -> Option<Self> {
        let number = value.as_float().or_else(|| value.as_integer().map(|i| i as f64))?;
        number.is_finite().then_some(number)
    }
    fn show(&self) -> String {
        format!("{self:?}")
    }
}

macro_rules! whole_number {
    ($($kind:ty),+) => { $(
        impl Value for $kind {
            const KIND: &'static str = "a whole number, not negative";
            fn take(value: &toml::Value, _: &Path) -> Option<Self> {
                value.as_integer().and_then(|i| <$kind>::try_from(i).ok())
            }
            fn show(&self) -> String {
                self.to_string()
            }
        }
    )+ };
}
whole_number!(usize, u64);

impl Value for PathBuf {
    const KIND: &'static str = "a path";
    fn take(value: &toml::Value, base: &Path) -> Option<Self> {
        // A URL has no place below a folder.
        value.as_str().map(|s| if s.contains("://") { s.into() } else { base.join(s) })
    }
    fn show(&self) -> String {
        if self.as_os_str().is_empty() { String::new() } else { format!("{:?}", self.display()) }
    }
}

impl<T: Value> Value for Option<T> {
    const KIND: &'static str = T::KIND;
    fn take(value: &toml::Value, base: &Path) -> Option<Self> {
        T::take(value, base).map(Some)
    }
    fn show(&self) -> String {
        self.as_ref().map_or_else(String::new, T::show)
    }
}

impl Value for Vec<String> {
    const KIND: &'static str = "a list of strings";
    fn take(value: &toml::Value, base: &Path) -> Option<Self> {
        match value {
            toml::Value::Array(items) => items.iter().map(|v| String::take(v, base)).collect(),
            one => String::take(one, base).map(|s| vec![s]),
        }
    }
    fn show(&self) -> String {
        format!("{self:?}")
    }
}

/// Shard patterns and the folder that relative ones are relative to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Patterns {
    /// Paths, brace ranges, globs or folders, as written.
    pub patterns: Vec<String>,
    /// The folder relative ones start from.
    pub base: PathBuf,
}

impl<'a> IntoIterator for &'a Patterns {
    type Item = &'a String;
    type IntoIter = std::slice::Iter<'a, String>;
    fn into_iter(self) -> Self::IntoIter {
        self.patterns.iter()
    }
}

impl Value for Patterns {
    const KIND: &'static str = "a shard pattern, or a list of them";
    fn take(value: &toml::Value, base: &Path) -> Option<Self> {
        Some(Self { patterns: Vec::take(value, base)?, base: base.to_owned() })
    }
    fn show(&self) -> String {
        if self.patterns.is_empty() { String::new() } else { self.patterns.show() }
    }
}

/// The most bad samples of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MaxBad {
    /// At most this many.
    Count(u64),
    /// At most this share of all samples.
    Share(f64),
    /// One in a hundred, and ten in any case.
    Auto,
}

impl MaxBad {
    /// The number of bad samples allowed among `seen`.
    pub fn allowed(self, seen: u64) -> u64 {
        match self {
            MaxBad::Count(n) => n,
            MaxBad::Share(share) => (seen as f64 * share) as u64,
            MaxBad::Auto => (seen / 100).max(10),
        }
    }
}

impl Value for MaxBad {
    const KIND: &'static str = "a count (10), a share between 0.0 and 1.0, or \"auto\"";
    fn take(value: &toml::Value, _: &Path) -> Option<Self> {
        match value {
            toml::Value::Integer(i) => u64::try_from(*i).ok().map(MaxBad::Count),
            toml::Value::Float(f) if (0.0..=1.0).contains(f) => Some(MaxBad::Share(*f)),
            toml::Value::String(s) if s == "auto" => Some(MaxBad::Auto),
            _ => None,
        }
    }
    fn show(&self) -> String {
        match self {
            MaxBad::Count(n) => n.to_string(),
            MaxBad::Share(s) => format!("{s:?}"),
            MaxBad::Auto => "\"auto\"".into(),
        }
    }
}

/// Makes an enum a setting that is given by name.
macro_rules! named {
    ($kind:ty, $words:literal, $( $text:literal => $variant:expr ),+ $(,)?) => {
        impl $crate::config::value::Value for $kind {
            const KIND: &'static str = $words;
            fn take(value: &toml::Value, _: &std::path::Path) -> Option<Self> {
                match value.as_str()? { $( $text => Some($variant), )+ _ => None }
            }
            fn show(&self) -> String {
                $( if *self == $variant { return format!("{:?}", $text); } )+
                String::new()
            }
        }
    };
}
/// Makes a type that a room reads from text a setting.
macro_rules! parsed {
    ($kind:ty, $words:expr $(, $choices:expr)?) => {
        impl $crate::config::value::Value for $kind {
            const KIND: &'static str = $words;
            $( fn choices() -> Vec<(&'static str, &'static str)> { $choices } )?
            fn take(value: &toml::Value, _: &std::path::Path) -> Option<Self> {
                value.as_str()?.parse().ok()
            }
            fn show(&self) -> String {
                format!("{:?}", self.to_string())
            }
        }
    };
}
parsed!(
    LabelSource,
    "\"cls\", \"txt\" or another extension, \"json:FIELD\", \"key\", \"key:last\" or \"key:first\""
);

impl Value for DeviceChoice {
    const KIND: &'static str =
        "\"auto\", \"cpu\", \"cuda\", \"cuda:N\", \"tensorrt:N\" or a list of such devices";
    fn take(value: &toml::Value, base: &Path) -> Option<Self> {
        let names = Vec::<String>::take(value, base)?;
        match names.as_slice() {
            [one] => one.parse().ok(),
            [] => None,
            many => {
                many.iter().map(|name| name.parse().ok()).collect::<Option<_>>().map(Self::Fixed)
            }
        }
    }
    fn show(&self) -> String {
        format!("{:?}", self.to_string())
    }
}
named!(LatentType, "\"f16\" or \"f32\"", "f16" => LatentType::F16, "f32" => LatentType::F32);
parsed!(NeighborSearch, "\"exact\", \"hnsw\" or \"auto\"");
parsed!(
    Algorithm,
    Algorithm::CHOICES,
    Algorithm::ALL.iter().map(|one| (one.name(), one.summary())).collect()
);
named!(Noise, "\"native\", \"torch-cpu\" or \"torch-cuda\"",
    "native" => Noise::Native, "torch-cpu" => Noise::TorchCpu, "torch-cuda" => Noise::TorchCuda);
named!(Seeds, "\"native\" or \"published\"", "native" => Seeds::Native, "published" => Seeds::Published);
named!(SolverKind, "\"dpm++\", \"euler\", \"euler-ancestral\", \"ddim\" or \"lcm\"",
    "dpm++" => SolverKind::DpmSolver, "euler" => SolverKind::Euler, "euler-ancestral" => SolverKind::EulerAncestral,
    "ddim" => SolverKind::Ddim, "lcm" => SolverKind::Lcm);
named!(Sigmas, "\"karras\", \"exponential\" or \"plain\"",
    "karras" => Sigmas::Karras, "exponential" => Sigmas::Exponential, "plain" => Sigmas::Plain);
named!(TimestepSpacing, "\"leading\", \"trailing\" or \"linspace\"", "leading" => TimestepSpacing::Leading,
    "trailing" => TimestepSpacing::Trailing, "linspace" => TimestepSpacing::Linspace);
named!(PredictionType, "\"epsilon\", \"v_prediction\", \"sample\" or \"flow_prediction\"", "epsilon" => PredictionType::Epsilon,
    "v_prediction" => PredictionType::VPrediction, "sample" => PredictionType::Sample,
    "flow_prediction" => PredictionType::FlowPrediction);
