//! `assemble`: the distilled set G and the real cores R as WebDataset shards, byte for byte reproducible.

mod cost;
pub(crate) mod meta;

use super::anchor::{cores_of, digest_of, members_digest, receipt_of};
use super::context::Context;
use super::core_images::{CoreImages, core_image_key};
use super::discover;
use super::error::StageError;
use super::generate;
use super::generate::{image_name, seed_name};
use super::info::{ModelUse, StageInfo, no_check};
use super::latents::{Latents, Slot};
use super::members::members_of;
use super::mix;
use super::mix::mix_of;
use super::sources::Source;
use super::stage::RunStage;
use super::state::{Receipts, RunState};
use crate::config::ClassList;
use crate::engine::{Cancel, Done, Fingerprint, Input, Scope, Stage};
use crate::imaging;
use crate::shards::{SampleEntry, SampleMember, ShardWriter, WriterOptions, dali_index};
use crate::slurm;
use crate::store::tables::{CoreRow, MemberRow, MixRow};
use crate::store::{Receipt, StoreError};
use meta::sidecar;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;
use std::sync::Arc;

/// The stage.
pub struct Assemble {
    sets: Arc<Sets>,
    discovered: Arc<Receipts>,
    /// Receipts of `mix`, where it is on.
    mixed: Option<Arc<Receipts>>,
    latents: Arc<Latents>,
}

/// The inputs of the two sets.
pub(crate) struct Sets {
    pub(crate) context: Arc<Context>,
    pub(crate) classes: ClassList,
    core_images: CoreImages,
    /// The digest of every file of `generate`.
    pub(crate) images: BTreeMap<String, String>,
}

/// Which set a shard belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputSet {
    /// G: the generated images.
    Distilled,
    /// R: the source images of the cores, resized.
    Cores,
    /// The map of labels to classes beside both sets, where labels are positions.
    Labels,
}

/// An output tar.
#[derive(Debug, Clone)]
pub struct TarPlan {
    set: OutputSet,
    number: usize,
    slots: Vec<Slot>,
}

/// One sample of the set.
pub(crate) struct Sample<'a> {
    pub(crate) slot: Slot,
    pub(crate) core: &'a CoreRow,
    /// Members of the anchors of its class; none where each anchor is one image.
    pub(crate) members: &'a [MemberRow],
    /// Whether it is the real image, where that was asked.
    pub(crate) mix: Option<MixRow>,
    pub(crate) png: Vec<u8>,
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

impl Sets {
    /// Cores of the classes that `slots` touch, by position of the class.
    fn cores(&self, slots: &[Slot]) -> Result<BTreeMap<usize, Vec<CoreRow>>, StageError> {
        let mut cores = BTreeMap::new();
        for slot in slots {
            if let (Entry::Vacant(empty), Some(class)) =
                (cores.entry(slot.class), self.classes.classes().get(slot.class))
            {
                empty.insert(cores_of(&self.context.run_dir, &class.key)?);
            }
        }
        Ok(cores)
    }

    /// Members of the anchors of the classes that `slots` touch, by position of the class; none where each anchor is one
    /// image.
    fn members(&self, slots: &[Slot]) -> Result<BTreeMap<usize, Vec<MemberRow>>, StageError> {
        let mut members = BTreeMap::new();
        if self.context.pipeline.anchor.group_members().is_none() {
            return Ok(members);
        }
        for slot in slots {
            if let (Entry::Vacant(empty), Some(class)) =
                (members.entry(slot.class), self.classes.classes().get(slot.class))
            {
                empty.insert(members_of(&self.context.run_dir, &class.key)?);
            }
        }
        Ok(members)
    }

    /// Choices of real images for the classes that `slots` touch, by position of the class; none where all are generated.
    fn choices(&self, slots: &[Slot]) -> Result<BTreeMap<usize, Vec<MixRow>>, StageError> {
        let mut choices = BTreeMap::new();
        if !mix::is_on(&self.context) {
            return Ok(choices);
        }
        for slot in slots {
            if let (Entry::Vacant(empty), Some(class)) =
                (choices.entry(slot.class), self.classes.classes().get(slot.class))
            {
                empty.insert(mix_of(&self.context.run_dir, &class.key)?);
            }
        }
        Ok(choices)
    }

    /// `CLASS_RANK`: the sample key in both sets.
    fn sample_key(&self, slot: Slot) -> String {
        let class = self.classes.classes().get(slot.class).map_or("", |c| &c.key);
        core_image_key(class, slot.rank)
    }

    /// Downloads the images of `slots` and their metadata.
    fn download(&self, slots: &[Slot]) -> Result<(), StageError> {
        let of = |slot: &Slot| {
            let key = self.classes.classes().get(slot.class).map_or("", |c| &c.key);
            [image_name(key, slot.rank), seed_name(key, slot.rank)]
        };
        let names: Vec<String> = slots.iter().flat_map(of).collect();
        let made = names.iter().filter(|name| self.images.contains_key(*name));
        self.context.run_dir.local_all(made.map(String::as_str))?;
        Ok(())
    }

    fn generated(&self, slot: Slot) -> Result<Vec<u8>, StageError> {
        let class = self.classes.classes().get(slot.class).map_or("", |c| &c.key);
        let path = self.context.run_dir.local(&image_name(class, slot.rank))?;
        Ok(std::fs::read(&path).map_err(StoreError::io("read", &path))?)
    }

    /// The source image of a core, resized.
    fn real(&self, slot: Slot, core: &CoreRow) -> Result<Vec<u8>, StageError> {
        let class = self.classes.classes().get(slot.class).map_or("", |c| &c.key);
        let image = self.core_images.image(class, core, self.context.pipeline.output.size)?;
        Ok(imaging::encode_png(&image)?)
    }

    fn write_shard<W: Write>(
        &self,
        plan: &TarPlan,
        out: W,
        cancel: &Cancel,
    ) -> Result<(W, Vec<SampleEntry>), StageError> {
        if plan.set == OutputSet::Distilled {
            self.download(&plan.slots)?;
        }
        let cores = self.cores(&plan.slots)?;
        let members = match plan.set {
            OutputSet::Distilled => self.members(&plan.slots)?,
            OutputSet::Cores | OutputSet::Labels => BTreeMap::new(),
        };
        let core = |slot: &Slot| {
            let found = cores.get(&slot.class).and_then(|c| c.get(slot.rank));
            let lost = || {
                format!("{} has no core: delete discover/ and run again", self.sample_key(*slot))
            };
            found.map(|core| (*slot, core)).ok_or_else(|| StageError::Other(lost()))
        };
        let wanted: Vec<(Slot, &CoreRow)> =
            plan.slots.iter().map(core).collect::<Result<_, _>>()?;
        let choices = match plan.set {
            OutputSet::Distilled => self.choices(&plan.slots)?,
            OutputSet::Cores | OutputSet::Labels => BTreeMap::new(),
        };
        let mut writer = ShardWriter::new(out, WriterOptions::default());
        for (slot, core) in wanted {
            cancel.check()?;
            let mix = choices.get(&slot.class).and_then(|rows| rows.get(slot.rank)).copied();
            let real = plan.set != OutputSet::Distilled || mix.is_some_and(|mix| mix.real);
            let png = if real { self.real(slot, core)? } else { self.generated(slot)? };
            let members = members.get(&slot.class).map_or(&[][..], Vec::as_slice);
            let sample = Sample { slot, core, members, mix, png };
            let meta = sidecar(self, plan.set, &sample);
            let label = self.classes.label(slot.class);
            let members = [
                SampleMember::new("cls", label),
                SampleMember::new("json", meta),
                SampleMember::new("png", sample.png),
            ];
            writer.write_sample(&self.sample_key(slot), &members)?;
        }
        Ok(writer.finish()?)
    }
}

/// Class and name of each label.
fn labels(classes: &ClassList) -> Value {
    let all = classes.classes().iter().enumerate();
    all.map(|(at, class)| (classes.label(at), json!({"class": class.key, "name": class.prompt})))
        .collect()
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
            let written = sets.write_shard(&plan, own.create(&file)?, own.cancel());
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
