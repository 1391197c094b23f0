//! What a part of `encode` depends on.

use super::PartsFolder;
use crate::config::Features;
use crate::engine::{Fingerprint, Input};
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::model::graph_digest;
use crate::pipeline::sources::Source;
use serde_json::{Value, json};

/// What features depend on, for fingerprints.
pub(crate) fn feature_input(context: &Context) -> Result<Option<Value>, StageError> {
    let features = &context.pipeline.features;
    let Some(path) = &features.model else { return Ok(None) };
    if !path.is_file() {
        return Err(StageError::Other(format!(
            "features.model: the file {} does not exist: name the ONNX file of an image encoder, such as .../model.onnx",
            path.display()
        )));
    }
    let digest = graph_digest(path)?;
    Ok(Some(json!({
        "model": digest, "size": features.size, "mean": features.mean, "std": features.std,
        "output": features.output,
    })))
}

/// The classes that samples may be of, written once for all shards.
pub(crate) fn class_input(context: &Context) -> Input {
    let list = context.classes.as_ref();
    Input::shared(&json!(
        list.map(|list| list.classes().iter().map(|c| &c.key).collect::<Vec<_>>())
    ))
}

/// The fingerprint of the part of `source`, by the model's digest, the classes and what features depend on.
pub(crate) fn fingerprint(
    context: &Context,
    parts_folder: PartsFolder,
    source: &Source,
    (model, classes, features): (&str, &Input, Option<&Value>),
) -> Fingerprint {
    let shard = &source.identity;
    let (data, encode) = (&context.pipeline.data, &context.pipeline.encode);
    let mut settings = json!({
        "encode.size": encode.size, "encode.batch": encode.batch, "encode.dtype": encode.dtype,
        "data.label": data.label, "data.image": data.image,
        "data.max_megapixels": data.max_megapixels,
    });
    if data.skip_others {
        settings["data.skip_others"] = true.into();
    }
    if data.exif_orientation {
        settings["data.exif_orientation"] = true.into();
    }
    if context.pipeline.kept() != Features::Latent {
        settings["encode.keep"] = json!(context.pipeline.kept());
    }
    if encode.compress {
        settings["encode.compress"] = true.into();
    }
    if let Some(features) = features {
        settings["features"] = features.clone();
    }
    if parts_folder.features_alone {
        settings["features_alone"] = true.into();
    }
    Fingerprint {
        settings,
        inputs: Input::Object(vec![
            ("shard", source.name.clone().into()),
            ("bytes", json!(shard.bytes).into()),
            ("modified", json!(shard.version).into()),
            ("classes", classes.clone()),
            ("model", model.to_owned().into()),
        ]),
    }
}
