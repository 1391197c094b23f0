//! Models of the Hugging Face hub as folders of this machine: the one place where a run's settings lose their addresses.

use crate::config::Pipeline;
use crate::hub::HubError;
use crate::models::{Purpose, local_graph, local_model, local_paths};

/// Replaces addresses on the hub among the settings of models by folders and files of the cache, with what `purpose` needs
/// fetched. Units depend on the content of a model's files, so that a run is the same however its model is named.
///
/// # Errors
/// With the address, if there is no such model or it can't be fetched.
pub(crate) fn fetch_models(pipeline: &mut Pipeline, purpose: Purpose) -> Result<(), HubError> {
    let model = &mut pipeline.model;
    model.replace(&local_paths(&model.paths(), purpose)?);
    if let Some(refiner) = &mut model.refiner {
        *refiner = local_model(refiner, purpose)?;
    }
    if let Some(graph) = &mut pipeline.features.model {
        *graph = local_graph(graph)?;
    }
    Ok(())
}
