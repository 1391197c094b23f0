//! The `.json` beside each image: where it comes from and how it was made.

use super::assemble::{Sample, Set, Sets};
use super::context::Context;
use super::generate::prompt_of;
use crate::diffusion::noise::sample_seed;
use serde_json::{Value, json};

/// How the images of this run are generated: the settings that a reader needs to make one again.
pub(super) fn generation(context: &Context) -> Value {
    let g = &context.pipeline.generate;
    json!({
        "size": g.size, "steps": g.steps, "cfg": g.cfg, "gamma": g.gamma,
        "guidance_fraction": g.guidance_fraction, "schedule": g.schedule,
        "prompt": g.prompt, "negative_prompt": g.negative_prompt, "run_seed": g.seed, "noise": g.noise, "batch": g.batch,
    })
}

/// The sidecar of one sample.
pub(super) fn sidecar(stage: &Sets, set: Set, sample: &Sample<'_>) -> String {
    let (core, rank) = (sample.core, sample.slot.rank);
    let g = &stage.context.pipeline.generate;
    let (key, name) = stage
        .classes
        .classes()
        .get(sample.slot.class)
        .map_or(("", ""), |class| (&class.key, &class.prompt));
    let mut meta = json!({
        "class": key,
        "class_name": name,
        "rank": rank,
        "anchor_key": core.key,
        "anchor_shard": core.shard,
        "origin": core.origin,
        "cluster_size": core.cluster_size,
        "probability": core.probability,
    });
    if set == Set::Distilled {
        meta["prompt"] = prompt_of(&g.prompt, name).into();
        meta["seed"] = sample_seed(g.seed, key, rank as u64).into();
        meta["settings"] = generation(&stage.context);
    }
    meta.to_string()
}
