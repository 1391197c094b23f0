//! The errors of a stage's units.

use crate::config::{ClassListError, ConfigError};
use crate::discovery::DiscoveryError;
use crate::engine::{Cancelled, DeviceGone, UnitError};
use crate::hub::HubError;
use crate::imaging::ImagingError;
use crate::models::DiffusionError;
use crate::models::image_features::FeatureError;
use crate::models::validate::Unusable;
use crate::onnx::OnnxError;
use crate::shards::{ShardError, ShardFault};
use crate::store::StoreError;
use std::path::Path;

/// A failure of a stage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The run was asked to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The run directory.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A shard.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A shard that could not be read.
    #[error(transparent)]
    Fault(#[from] ShardFault),
    /// A shard without any readable sample.
    #[error(
        "shard {shard} could not be read: {reason}\n    repair the shard or remove it from [data] shards, or let the \
         run skip such shards: --set max_bad_shards=…"
    )]
    Unreadable {
        /// The shard.
        shard: String,
        /// Why.
        reason: String,
    },
    /// Too many bad samples in a row in a shard, or a sample that is gone; the text is the whole message.
    #[error("{0}")]
    OfShard(String),
    /// An image.
    #[error(transparent)]
    Imaging(#[from] ImagingError),
    /// ONNX Runtime.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The model.
    #[error(transparent)]
    Diffusion(#[from] DiffusionError),
    /// The Hugging Face hub.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// A model that lacks what the run needs.
    #[error(transparent)]
    Model(#[from] Unusable),
    /// The second encoder.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// The pipeline file that a run directory keeps.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The class list.
    #[error(transparent)]
    Classes(#[from] ClassListError),
    /// A device thread.
    #[error(transparent)]
    Device(#[from] DeviceGone),
    /// A class whose cores can't be found.
    #[error("class {class:?}: {source}")]
    Discovery {
        /// The class key.
        class: String,
        /// The cause.
        source: DiscoveryError,
    },
    /// Classes without enough images.
    #[error("{}", too_small(*ipc, classes, *pure))]
    TooSmall {
        /// Images per class, as set.
        ipc: usize,
        /// Class keys and their number of images.
        classes: Vec<(String, usize)>,
        /// Whether images were left out by their neighbours' labels.
        pure: bool,
    },
    /// A background task panicked.
    #[error("a background task panicked: {0}; this is a bug, please report it")]
    Task(String),
    /// Any other error; the text is the whole message.
    #[error("{0}")]
    Other(String),
}

impl StageError {
    /// For `map_err` around the writing of a shard to `path`: a failed write is the disk's, which may be full for all.
    pub(crate) fn writing_shard(path: &Path) -> impl FnOnce(Self) -> Self {
        let path = path.to_owned();
        move |error| match error {
            StageError::Shard(ShardError::Write(source)) => {
                StoreError::io("write", &path)(source).into()
            }
            other => other,
        }
    }
}

fn too_small(ipc: usize, classes: &[(String, usize)], pure: bool) -> String {
    let left = if pure { " left by min_label_purity" } else { "" };
    let mut text = format!("{} classes have fewer than ipc = {ipc} images{left}:", classes.len());
    for (class, images) in classes.iter().take(20) {
        text.push_str(&format!("\n  {class}: {images}"));
    }
    if classes.iter().any(|(_, images)| *images > 0) {
        text.push_str(
            "\nlower ipc (--set ipc=…), accept fewer images (--set allow_fewer=true), or remove these classes from the \
             class list",
        );
    }
    let none = classes.iter().filter(|(_, images)| *images == 0).count();
    if none > 0 && !pure {
        text.push_str(&format!(
            "\n{none} of them have no image at all: remove these classes from the class list, or see quarantine.parquet for \
             the reasons why images were skipped, and compare the labels with the keys of the class list"
        ));
    } else if none > 0 {
        text.push_str(&format!(
            "\n{none} of them have no image left: lower min_label_purity (--set min_label_purity=…), or remove these classes \
             from the class list"
        ));
    }
    text
}

impl UnitError for StageError {
    fn concerns_all(&self) -> bool {
        match self {
            StageError::Store(error) => error.place_is_lost(),
            // The library is looked for once: other units would say the same.
            StageError::Onnx(error) => matches!(
                error,
                OnnxError::NoLibrary(_)
                    | OnnxError::Environment { .. }
                    | OnnxError::DeviceUnavailable { .. }
            ),
            _ => false,
        }
    }

    fn is_its_own(&self) -> bool {
        matches!(
            self,
            StageError::Fault(_)
                | StageError::Unreadable { .. }
                | StageError::OfShard(_)
                | StageError::Discovery { .. }
        )
    }
}

impl From<tokio::task::JoinError> for StageError {
    fn from(error: tokio::task::JoinError) -> Self {
        StageError::Task(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_help_is_not_proposed() {
        let message = |classes: &[(&str, usize)]| {
            let classes: Vec<_> = classes.iter().map(|(k, n)| ((*k).to_owned(), *n)).collect();
            too_small(4, &classes, false)
        };
        let none = message(&[("a", 0)]);
        assert!(!none.contains("allow_fewer") && none.contains("no image at all"), "{none}");
        let few = message(&[("a", 3)]);
        assert!(few.contains("allow_fewer=true") && !few.contains("no image at all"), "{few}");
        let both = message(&[("a", 3), ("b", 0)]);
        assert!(
            both.contains("allow_fewer=true") && both.contains("1 of them have no image"),
            "{both}"
        );
    }
}
