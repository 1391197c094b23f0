//! The pipeline file: TOML in, typed and validated settings out.
//!
//! Every setting is declared once, in [`sections`], with its type, default, rule and documentation; the parser,
//! the error messages, `docs/settings.md` and the fingerprints of the stages all come from that one table.
//! Unknown keys are refused with the nearest valid one, and all errors of a file are reported together.

mod anchor;
mod bases;
mod class;
mod class_labels;
mod class_line;
mod classes;
mod document;
mod error;
mod features;
mod guidance;
mod guidance_scale;
#[cfg(test)]
mod guidance_tests;
mod imagenet;
mod key_doc;
mod label_purity;
mod pipeline;
mod reference;
mod renamed;
mod rules;
#[macro_use]
mod section;
#[macro_use]
mod value;
mod mix;
mod model_paths;
mod preset;
mod sections;
mod together;

pub use crate::text::plain_text;
pub use anchor::{AnchorKind, Spread};
pub use class::Class;
pub use classes::{ClassList, ClassListError, key_fits};
pub use error::{ConfigError, Problem};
pub use features::Features;
pub use guidance::{Guidance, guidance_of};
pub use imagenet::{
    ImageNetClass, imagenet_class, imagenet_classes, imagenet_subset, is_wordnet_id,
};
pub use key_doc::KeyDoc;
pub use label_purity::LabelPurity;
pub use mix::Mix;
pub use pipeline::Pipeline;
pub use preset::Preset;
pub use reference::settings_reference;
pub use section::Section;
pub use sections::{
    Anchor, Data, Discover, Encode, FeatureModel, General, Generate, Model, Output, Runtime,
};
pub use value::{MaxBad, Patterns};
