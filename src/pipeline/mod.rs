//! The stages of a run, one folder each: they read the store, call the modules that compute, and write the store. No
//! arithmetic is here, and no checkpoint code (see [`crate::engine`]).
//!
//! This file is the registry: a new stage is a folder, and a line in the list below.

pub(crate) mod anchor;
pub(crate) mod assemble;
pub(crate) mod class_names;
pub(crate) mod compact;
pub(crate) mod context;
pub(crate) mod core_images;
pub(crate) mod discover;
pub(crate) mod encode;
pub(crate) mod encoded;
pub(crate) mod error;
mod excluded;
pub(crate) mod fetch;
pub(crate) mod generate;
mod index;
pub(crate) mod info;
pub(crate) mod latents;
pub(crate) mod members;
pub(crate) mod mix;
pub(crate) mod model;
pub(crate) mod model_files;
pub(crate) mod model_reading;
pub(crate) mod model_source;
pub(crate) mod purity;
pub(crate) mod quarantine;
pub(crate) mod sampling;
pub(crate) mod sources;
pub(crate) mod stage;
pub(crate) mod state;

pub use context::Context;
pub use error::StageError;
pub use info::{ModelUse, StageInfo};
pub use state::Findings;

use crate::engine::FlowError;
use crate::estimate::StageToDo;
use crate::slurm::JobKind;
use stage::{RunStage, StageVisitor};

/// Lists the stages in their order.
macro_rules! stages {
    ($($module:ident::$stage:ident),+ $(,)?) => {
        /// What each stage declares, in their order.
        pub static STAGES: &[&StageInfo] = &[$(<$module::$stage as RunStage>::INFO),+];

        /// Takes `visitor` through the stages, until it breaks off.
        pub(crate) async fn visit_stages<V: StageVisitor>(
            visitor: &mut V,
        ) -> Result<(), FlowError<StageError>> {
            $(if visitor.visit::<$module::$stage>().await?.is_break() {
                return Ok(());
            })+
            Ok(())
        }
    };
}

stages! {
    encode::Encode,
    compact::Compact,
    purity::Purity,
    discover::Discover,
    fetch::Fetch,
    anchor::Anchor,
    mix::Mix,
    generate::Generate,
    assemble::Assemble,
}

/// The stages' names, in their order.
pub fn stage_names() -> impl Iterator<Item = &'static str> + Clone {
    STAGES.iter().map(|stage| stage.name)
}

/// The position of the stage called `name`; the number of stages if there is none.
pub fn position(name: &str) -> usize {
    stage_names().position(|stage| stage == name).unwrap_or(STAGES.len())
}

/// Folders of the run directory that results lie in.
pub fn result_folders() -> Vec<&'static str> {
    STAGES
        .iter()
        .flat_map(|stage| [stage.name].into_iter().chain(stage.folders.iter().copied()))
        .collect()
}

/// Folders of views of results: no receipt of a stage names them.
pub fn view_folders() -> impl Iterator<Item = &'static str> {
    STAGES.iter().flat_map(|stage| stage.views.iter().copied())
}

/// The stages as the estimate takes them.
pub fn stages_to_do() -> Vec<StageToDo> {
    let one = |stage: &&'static StageInfo| StageToDo {
        name: stage.name,
        cost: stage.cost,
        on_devices: stage.model != ModelUse::Nothing,
    };
    STAGES.iter().map(one).collect()
}

/// The stages with the Slurm jobs that they belong to.
pub fn slurm_stages() -> Vec<(&'static str, &'static JobKind)> {
    STAGES.iter().map(|stage| (stage.name, stage.job)).collect()
}

#[cfg(test)]
mod cost_tests;
