//! `assemble`: the distilled set G and the real cores R as WebDataset shards, byte for byte reproducible.

mod cost;
pub(crate) mod meta;
mod sets;
mod tar;

use super::anchor::{digest_of, members_digest, receipt_of};
use super::context::Context;
use super::core_images::CoreImages;
use super::discover;
use super::error::StageError;
use super::generate;
use super::generate::image_name;
use super::info::{ModelUse, StageInfo, no_check};
use super::latents::{Latents, Slot};
use super::mix;
use super::sources::Source;
use super::stage::RunStage;
use super::state::{Receipts, RunState};
use crate::engine::{Done, Fingerprint, Input, Scope, Stage};
use crate::shards::dali_index;
use crate::slurm;
use crate::store::Receipt;
use serde_json::{Value, json};
use sets::{OutputSet, Sets, TarPlan, labels};
use std::collections::BTreeMap;
use std::sync::Arc;
use tar::write_tar;

/// The stage.
pub struct Assemble {
    sets: Arc<Sets>,
    discovered: Arc<Receipts>,
    /// Receipts of `mix`, where it is on.
    mixed: Option<Arc<Receipts>>,
    latents: Arc<Latents>,
}

impl Assemble {
    pub(crate) fn new(
        context: Arc<Context>,
        latents: Arc<Latents>,
        sources: &[Source],
        (discovered, mixed): (Arc<Receipts>, Option<Arc<Receipts>>),
        generated: &BTreeMap<String, Receipt>,
    ) -> Self {
        let outputs = generated.values().flat_map(|r| &r.outputs);
        let images = outputs.map(|o| (o.file.clone(), o.xxh3.clone())).collect();
        let classes = latents.classes.clone();
        let core_images = CoreImages::new(context.clone(), sources);
        let sets = Arc::new(Sets { context, classes, core_images, images });
        Self { sets, discovered, mixed, latents }
    }
}

impl Assemble {
    /// What a sample of `class` depends on where real and generated images are mixed: the choices, and what its shards held.
    fn mix_input(&self, class: &str) -> Result<Option<Input>, StageError> {
        let Some(mixed) = &self.mixed else { return Ok(None) };
        let choices = digest_of(receipt_of(mixed, mix::INFO.name, class)?, ".parquet")?;
        Ok(Some(Input::List(vec![choices.into(), self.latents.digest_of(class)])))
    }

    /// The digest of an image, if it was generated.
    fn image(&self, slot: Slot) -> Option<&String> {
        let class = self.sets.classes.classes().get(slot.class)?;
        self.sets.images.get(&image_name(&class.key, slot.rank))
    }
}

/// What the stage declares.
pub(crate) static INFO: StageInfo = StageInfo {
    name: "assemble",
    unit: "output tar",
    folders: &["distilled", "cores"],
    views: &[],
    model: ModelUse::Nothing,
    optional: false,
    leaves_out: false,
    job: &slurm::ASSEMBLE,
    check: no_check,
    cost: &cost::COST,
};

impl RunStage for Assemble {
    const INFO: &'static StageInfo = &INFO;

    fn open(run: &mut RunState<'_>) -> Result<Self, StageError> {
        let (latents, sources) = (run.latents()?, run.sources()?);
        let (discovered, generated) =
            (run.receipts(discover::INFO.name)?, run.receipts(generate::INFO.name)?);
        let on = mix::is_on(&run.context);
        let mixed = on.then(|| run.receipts(mix::INFO.name)).transpose()?;
        Ok(Self::new(run.context.clone(), latents, &sources, (discovered, mixed), &generated))
    }
}

impl Stage for Assemble {
    type Unit = TarPlan;
    type Error = StageError;

    fn name(&self) -> &'static str {
        INFO.name
    }

    fn units(&self) -> Result<Vec<TarPlan>, StageError> {
        let slots = self.latents.slots();
        let mut units = Vec::new();
        for set in [OutputSet::Distilled, OutputSet::Cores] {
            let mut slots = slots.clone();
            if set == OutputSet::Distilled {
                slots.retain(|slot| self.image(*slot).is_some());
            }
            let shards =
                slots.chunks(self.sets.context.pipeline.output.samples_per_shard).enumerate();
            units.extend(shards.map(|(number, s)| TarPlan { set, number, slots: s.to_vec() }));
        }
        if !self.sets.classes.labels_are_keys() {
            units.push(TarPlan { set: OutputSet::Labels, number: 0, slots: Vec::new() });
        }
        Ok(units)
    }

    fn unit_name(&self, plan: &TarPlan) -> String {
        match plan.set {
            OutputSet::Distilled => format!("distilled-{:06}", plan.number),
            OutputSet::Cores => format!("cores-{:06}", plan.number),
            OutputSet::Labels => "labels".to_owned(),
        }
    }

    fn fingerprint(&self, plan: &TarPlan) -> Result<Fingerprint, StageError> {
        if plan.set == OutputSet::Labels {
            return Ok(Fingerprint {
                settings: json!({ "output.name": self.sets.context.pipeline.output.name }),
                inputs: json!({ "labels": labels(&self.sets.classes) }).into(),
            });
        }
        let anchor = &self.sets.context.pipeline.anchor;
        let mut samples = Vec::new();
        for &slot in &plan.slots {
            let Some(class) = self.sets.classes.classes().get(slot.class) else { continue };
            let images = match plan.set {
                // A real core comes from its shard: what the shards held when they were encoded counts.
                OutputSet::Cores => self.latents.digest_of(&class.key),
                OutputSet::Distilled | OutputSet::Labels => Value::Null.into(),
            };
            let discovered = receipt_of(&self.discovered, discover::INFO.name, &class.key)?;
            let image = match plan.set {
                OutputSet::Distilled => self.image(slot),
                OutputSet::Cores | OutputSet::Labels => None,
            };
            let cores = digest_of(discovered, "cores.parquet")?;
            let label = self.sets.classes.label(slot.class);
            let mut sample = vec![
                json!(class).into(),
                json!(slot.rank).into(),
                json!(label).into(),
                cores.into(),
                json!(image).into(),
                images,
            ];
            if plan.set == OutputSet::Distilled {
                sample.extend(members_digest(anchor, discovered)?.map(Input::from));
                sample.extend(self.mix_input(&class.key)?);
            }
            samples.push(Input::List(sample));
        }
        let output = &self.sets.context.pipeline.output;
        let mut settings = json!({
            "output.name": output.name, "output.size": output.size,
            "output.samples_per_shard": output.samples_per_shard,
        });
        if plan.set == OutputSet::Distilled && anchor.group_members().is_some() {
            settings["anchor.kind"] = json!(anchor.kind);
            settings["anchor.spread"] = json!(anchor.spread);
        }
        let generation = match plan.set {
            OutputSet::Distilled => meta::generation(&self.sets.context),
            OutputSet::Cores | OutputSet::Labels => Value::Null,
        };
        Ok(Fingerprint {
            settings,
            inputs: Input::Object(vec![
                ("samples", Input::List(samples)),
                ("generation", generation.into()),
                ("image", json!(self.sets.context.pipeline.data.image).into()),
            ]),
        })
    }

    fn cost(&self, plan: &TarPlan) -> u64 {
        plan.slots.len() as u64
    }

    fn concurrency(&self) -> usize {
        self.sets.context.workers().min(2)
    }

    async fn process(&self, plan: &TarPlan, scope: &Scope) -> Result<Done, StageError> {
        let name = &self.sets.context.pipeline.output.name;
        let file = match plan.set {
            OutputSet::Distilled => format!("distilled/{name}-{:06}.tar", plan.number),
            OutputSet::Cores => format!("cores/{name}-cores-{:06}.tar", plan.number),
            OutputSet::Labels => {
                let text = format!("{:#}\n", labels(&self.sets.classes));
                scope.write(&format!("distilled/{name}.classes.json"), text.as_bytes())?;
                scope.write(&format!("cores/{name}-cores.classes.json"), text.as_bytes())?;
                return Ok(Done::default());
            }
        };
        let (sets, plan, own) = (self.sets.clone(), plan.clone(), scope.clone());
        let samples = plan.slots.len() as u64;
        let permit = self.sets.context.worker().await?;
        let task = tokio::task::spawn_blocking(move || {
            let written = write_tar(&sets, &plan, own.create(&file)?, own.cancel());
            let (out, entries) = written.map_err(StageError::writing_shard(&own.path(&file)))?;
            drop(permit);
            own.publish(out)?;
            let index = file.replace(".tar", ".idx");
            own.write(&index, dali_index(&entries)?.as_bytes())?;
            Ok::<_, StageError>(())
        });
        task.await??;
        scope.tick(samples);
        Ok(Done { samples, ..Done::default() })
    }
}
