//! The `.json` beside each image: where it comes from and how it was made.

use super::sets::{OutputSet, Sample, Sets};
use crate::config::Class;
use crate::models::guidance::PUBLISHED;
use crate::pipeline::context::Context;
use crate::pipeline::generate::{image_of, seed_name};
use crate::pipeline::members::provenance;
use crate::store::tables::{CoreRow, MemberRow};
use serde_json::{Value, json};

/// How the images of this run are generated: the settings that a reader needs to make one again.
pub(crate) fn generation(context: &Context) -> Value {
    let g = &context.pipeline.generate;
    let mut settings = json!({
        "size": g.size, "steps": g.steps, "cfg": g.cfg,
    });
    let terms = &context.pipeline.guidance.terms;
    if terms.is_used(PUBLISHED) {
        settings["gamma"] = json!(g.gamma);
        settings["guidance_fraction"] = json!(g.guidance_fraction);
    }
    for (term, key, value) in terms.in_use() {
        // The published pull's keys stand beside γ, as ever.
        match term {
            PUBLISHED => settings[key] = json!(value),
            _ => settings["guidance"][term][key] = json!(value),
        }
    }
    let scales = &context.pipeline.guidance.cfg_schedule;
    if !scales.is_empty() {
        settings["cfg_schedule"] = json!(scales);
    }
    let others = json!({
        "scheduler": g.scheduler, "sigmas": g.sigmas, "solver_order": g.solver_order,
        "timestep_spacing": g.timestep_spacing, "prediction_type": g.prediction_type,
        "guidance_rescale": g.guidance_rescale, "denoising_factor": g.denoising_factor, "seeds": g.seeds,
        "prompt": g.prompt, "negative_prompt": g.negative_prompt, "run_seed": g.seed, "noise": g.noise, "batch": g.batch,
    });
    if let (Some(settings), Value::Object(others)) = (settings.as_object_mut(), others) {
        settings.extend(others);
    }
    settings
}

/// The sidecar of one sample.
pub(crate) fn sidecar(stage: &Sets, set: OutputSet, sample: &Sample<'_>) -> String {
    let (core, rank) = (sample.core, sample.slot.rank);
    let g = &stage.context.pipeline.generate;
    let class = stage.classes.classes().get(sample.slot.class);
    let key = class.map_or("", |class| &class.key);
    let mut meta = real_meta(class, rank, core);
    if let Some(mix) = sample.mix {
        meta["source"] = if mix.real { "real" } else { "generated" }.into();
        meta["prompt_gap"] = mix.prompt_gap.into();
    }
    if set == OutputSet::Distilled && !sample.mix.is_some_and(|mix| mix.real) {
        // An image whose first seed came to nothing has another beside it.
        let second = Some(seed_name(key, rank)).filter(|name| stage.images.contains_key(name));
        let second = second.and_then(|name| {
            std::fs::read_to_string(stage.context.run_dir.path(&name)).ok()?.trim().parse().ok()
        });
        let first = || g.seeds.of(g.seed, image_of(&stage.context, key, sample.slot));
        let seed = second.unwrap_or_else(first);
        add_generated(&mut meta, (&stage.context, class), seed, sample.members);
    }
    meta.to_string()
}

/// The metadata of a real core.
pub(crate) fn real_meta(class: Option<&Class>, rank: usize, core: &CoreRow) -> Value {
    let (key, name) = class.map_or(("", ""), |class| (&class.key, &class.prompt));
    json!({
        "class": key,
        "class_name": name,
        "rank": rank,
        "anchor_key": core.key,
        "anchor_shard": core.shard,
        "origin": core.origin,
        "cluster_size": core.cluster_size,
        "probability": core.probability,
    })
}

/// Adds the metadata of a generated image. `members` are those of the anchors of its class, or of its own anchor alone.
pub(crate) fn add_generated(
    meta: &mut Value,
    (context, class): (&Context, Option<&Class>),
    seed: u64,
    members: &[MemberRow],
) {
    let anchor = &context.pipeline.anchor;
    if anchor.group_members().is_some() {
        let rank = meta["rank"].as_u64().unwrap_or(0) as usize;
        if let (Some(meta), Value::Object(told)) =
            (meta.as_object_mut(), provenance(anchor, members, rank))
        {
            meta.extend(told);
        }
    }
    let template = &context.pipeline.generate.prompt;
    meta["prompt"] = class.map(|class| class.prompt_by(template)).into();
    meta["seed"] = seed.into();
    meta["settings"] = generation(context);
}
