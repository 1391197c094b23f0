//! `generate`: one image towards each anchor.
//!
//! A unit is a fixed group of `batch` images by position (class order, then rank), so that an interrupted run, or one on
//! more devices, computes the very same groups: see `groups`.

pub(crate) mod check;
mod cost;
pub(crate) mod device;
pub(crate) mod files;
mod groups;
mod preview;
pub(crate) mod prompts;

use super::anchor;
use super::anchor::{digest_of, receipt_of};
use super::context::Context;
use super::discover;
use super::error::StageError;
use super::info::{ModelUse, StageInfo};
use super::latents::{Latents, Slot};
use super::model::model_digest;
use super::quarantine::row;
use super::stage::RunStage;
use super::state::{Receipts, RunState};
use crate::config::Guidance;
use crate::engine::FlowError;
use crate::engine::{Done, Fingerprint, Scope, Stage};
use crate::imaging;
use crate::imaging::RgbImage;
use crate::models::guidance::PUBLISHED;
use crate::models::noise::Image;
use crate::models::{Generated, ModelFolder};
use crate::slurm;
use crate::store::tables::QuarantineRow;
use crate::store::{SampleFault, file_stem};
use check::prompt_warnings;
use device::{ImageOutcome, Pool, start_pool};
use files::Files;
use futures::future::try_join_all;
use groups::Groups;
use preview::write_previews;
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// The stage.
pub struct Generate {
    context: Arc<Context>,
    latents: Arc<Latents>,
    /// Which images are made together.
    groups: Arc<Groups>,
    /// Receipts of `anchor`, by unit.
    anchored: Arc<Receipts>,
    /// Receipts of `discover`, by unit, where images depend on the sizes of their class's groups.
    discovered: Option<Arc<Receipts>>,
    model: String,
    /// What an image depends on of the refiner, if there is one.
    refiner: Option<String>,
    pool: OnceCell<Pool>,
    /// Images that came to nothing in this run.
    failed: Mutex<Vec<SampleFault>>,
}

/// A group of images.
pub struct Batch {
    number: usize,
    slots: Vec<Slot>,
}

/// Where the seed of an image is kept that its first seed gave nothing for, below the run directory.
pub(crate) fn seed_name(class: &str, rank: usize) -> String {
    format!("generate/{}/{rank:04}.seed.txt", file_stem(class))
}

/// Where the image of `class` and `rank` is kept, below the run directory.
pub(crate) fn image_name(class: &str, rank: usize) -> String {
    format!("generate/{}/{rank:04}.png", file_stem(class))
}

impl Generate {
    pub(crate) fn new(
        context: Arc<Context>,
        latents: Arc<Latents>,
        anchored: Arc<Receipts>,
    ) -> Result<Self, StageError> {
        refuse_lacking(&context, &latents)?;
        let digest =
            |folder: &ModelFolder| model_digest(&folder.paths, &folder.family.image_parts());
        let model = digest(&context.model)?;
        let refiner = context.refiner.as_ref().map(digest).transpose()?;
        let count = latents.classes.classes().len();
        let places = (0..count).map(|class| latents.slots_of(class));
        let by_class = context.pipeline.guidance.terms.couples();
        let groups = Groups::new(places, context.pipeline.generate.batch, by_class).into();
        Ok(Self {
            context,
            latents,
            groups,
            anchored,
            discovered: None,
            model,
            refiner,
            pool: OnceCell::new(),
            failed: Mutex::default(),
        })
    }

    fn key(&self, slot: Slot) -> &str {
        self.latents.classes.classes().get(slot.class).map_or("", |c| &c.key)
    }
}

/// What the stage declares.
pub(crate) static INFO: StageInfo = StageInfo {
    name: "generate",
    unit: "batch of images",
    folders: &[],
    views: &["preview"],
    model: ModelUse::Generator,
    optional: false,
    leaves_out: true,
    job: &slurm::GENERATE,
    check: check::check,
    cost: &cost::COST,
};

impl RunStage for Generate {
    const INFO: &'static StageInfo = &INFO;

    fn open(run: &mut RunState<'_>) -> Result<Self, StageError> {
        let latents = run.latents()?;
        run.findings.cores = latents.slots().len();
        run.findings.classes = latents.classes.classes().len();
        let generate = Self::new(run.context.clone(), latents, run.receipts(anchor::INFO.name)?)?;
        let coupled = run.context.pipeline.guidance.terms.couples();
        let discovered = coupled.then(|| run.receipts(discover::INFO.name)).transpose()?;
        Ok(Self { discovered, ..generate })
    }

    /// Fails the run if more images came to nothing than the user allows, over all runs: a unit counts this one's only.
    fn finish(&self, run: &mut RunState<'_>, receipts: &Receipts) -> Result<(), StageError> {
        run.findings.failed = receipts.values().flat_map(|r| r.faults.clone()).collect();
        let (failed, allowed) =
            (run.findings.failed.len(), self.context.pipeline.generate.max_failed);
        match run.findings.failed.first() {
            Some(first) if failed > allowed => {
                Err(StageError::Other(too_many_failed(failed, allowed, first)))
            }
            _ => Ok(()),
        }
    }

    /// Images of batches that are not done, by their limit.
    fn failed(&self, _: &FlowError<StageError>) -> Vec<QuarantineRow> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.iter().map(|fault| row(INFO.name, fault)).collect()
    }
}

impl Stage for Generate {
    type Unit = Batch;
    type Error = StageError;

    fn name(&self) -> &'static str {
        INFO.name
    }

    fn units(&self) -> Result<Vec<Batch>, StageError> {
        let slots = self.latents.slots();
        let batch = |(number, places): (usize, &Range<usize>)| {
            let slots = slots.get(places.clone()).map_or_else(Vec::new, <[Slot]>::to_vec);
            Batch { number, slots }
        };
        Ok(self.groups.places().iter().enumerate().map(batch).collect())
    }

    fn unit_name(&self, batch: &Batch) -> String {
        format!("batch-{:06}", batch.number)
    }

    fn describe(&self, batch: &Batch) -> String {
        let image = |slot: &Slot| format!("{}/{}", self.key(*slot), slot.rank);
        match batch.slots.as_slice() {
            [first, .., last] => format!("images {} to {}", image(first), image(last)),
            slots => slots.iter().map(image).collect(),
        }
    }

    fn fingerprint(&self, batch: &Batch) -> Result<Fingerprint, StageError> {
        let (g, output) = (&self.context.pipeline.generate, &self.context.pipeline.output);
        let mut images = Vec::new();
        for &slot in &batch.slots {
            let class = self.key(slot);
            let anchors =
                digest_of(receipt_of(&self.anchored, anchor::INFO.name, class)?, ".parquet")?;
            let about = self.latents.classes.classes().get(slot.class);
            let prompt = about.map(|c| (&c.prompt, &c.supercategory));
            let mut image = vec![json!(class), json!(slot.rank), json!(prompt), json!(anchors)];
            if let Some(discovered) = &self.discovered {
                let cores = receipt_of(discovered, discover::INFO.name, class)?;
                image.push(json!(digest_of(cores, "cores.parquet")?));
            }
            images.push(image);
        }
        let mut settings = json!({
                "generate.size": self.context.size(), "generate.steps": g.steps, "generate.cfg": g.cfg,
                "generate.gamma": g.gamma, "generate.guidance_fraction": g.guidance_fraction,
                "generate.prompt": g.prompt,
                "generate.negative_prompt": g.negative_prompt, "generate.noise": g.noise,
                "generate.seed": g.seed, "generate.batch": g.batch, "output.size": output.size,
                "generate.seeds": g.seeds, "generate.scheduler": g.scheduler, "generate.sigmas": g.sigmas,
                "generate.solver_order": g.solver_order, "generate.timestep_spacing": g.timestep_spacing,
                "generate.prediction_type": g.prediction_type,
                "generate.guidance_rescale": g.guidance_rescale,
                "generate.denoising_factor": g.denoising_factor,
                "generate.retry_failed": g.retry_failed,
        });
        record_guidance(&mut settings, &self.context.pipeline.guidance);
        let inputs = json!({"images": images, "model": self.model, "refiner": self.refiner}).into();
        Ok(Fingerprint { settings, inputs })
    }

    fn can_succeed_again(&self, _fault: &SampleFault) -> bool {
        // A device that miscalculated, a driver since mended.
        true
    }

    fn cost(&self, batch: &Batch) -> u64 {
        batch.slots.len() as u64
    }

    fn concurrency(&self) -> usize {
        // One batch on the device, the next one's noise and the last one's PNGs beside it.
        let devices = self.context.runtime().map_or(1, |(_, devices)| devices.len());
        devices + 1
    }

    async fn process(&self, batch: &Batch, scope: &Scope) -> Result<Done, StageError> {
        let pool = self.pool.get_or_try_init(|| self.start()).await?;
        let files = Files {
            context: self.context.clone(),
            latents: self.latents.clone(),
            slots: batch.slots.clone(),
            scope: scope.clone(),
        };
        let asked = files.clone();
        let requests = tokio::task::spawn_blocking(move || asked.requests()).await??;
        let made = pool.run(requests).await?;
        let size = self.context.pipeline.output.size;
        let encoded = made.into_iter().map(|made| async move {
            let (image, seed) = match made {
                ImageOutcome::Image(image, seed) => (image, seed),
                ImageOutcome::Failed(reason) => return Ok(Err(reason)),
            };
            let permit = self.context.worker().await?;
            let png = tokio::task::spawn_blocking(move || finish(image, size)).await?;
            drop(permit);
            png.map(|png| Ok((png, seed)))
        });
        let encoded = try_join_all(encoded).await?;
        let kept = files.clone();
        let faults = tokio::task::spawn_blocking(move || kept.keep(encoded)).await??;
        self.judge(&faults)?;
        if self.context.pipeline.generate.preview {
            let groups = self.groups.clone();
            let show = move || {
                let classes: Vec<usize> = files.slots.iter().map(|slot| slot.class).collect();
                write_previews(&files.context, (&files.latents, &groups), &classes)
            };
            tokio::task::spawn_blocking(show).await??;
        }
        scope.tick(batch.slots.len() as u64);
        let samples = (batch.slots.len() - faults.len()) as u64;
        Ok(Done { samples, faults, ..Done::default() })
    }
}

impl Generate {
    /// Starts the devices, with a word on prompts whose classes were not known before.
    async fn start(&self) -> Result<Pool, StageError> {
        if self.context.classes.is_none() {
            let warnings = prompt_warnings(&self.context, &self.latents.classes)?;
            warnings.iter().for_each(|text| self.context.say(&format!("warning: {text}")));
        }
        start_pool(&self.context).await
    }

    /// Fails the batch when more images have failed than `max_failed` allows.
    fn judge(&self, faults: &[SampleFault]) -> Result<(), StageError> {
        let failed = {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.extend_from_slice(faults);
            failed.len()
        };
        let allowed = self.context.pipeline.generate.max_failed;
        match faults.first() {
            Some(fault) if failed > allowed => {
                Err(StageError::Other(too_many_failed(failed, allowed, fault)))
            }
            _ => Ok(()),
        }
    }
}

/// Adds the terms of guidance in use to the settings of a fingerprint. Settings of terms that are not in use leave no trace.
fn record_guidance(settings: &mut Value, guidance: &Guidance) {
    let terms = &guidance.terms;
    if !guidance.cfg_schedule.is_empty() {
        settings["guidance.cfg_schedule"] = json!(guidance.cfg_schedule);
    }
    if let (false, Some(settings)) = (terms.is_used(PUBLISHED), settings.as_object_mut()) {
        settings.shift_remove("generate.gamma");
        settings.shift_remove("generate.guidance_fraction");
    }
    for (term, key, value) in terms.in_use() {
        // The name in receipts of earlier versions, whose images stay what they are.
        let name =
            if term == PUBLISHED { "guidance".to_owned() } else { format!("guidance.{term}") };
        settings[format!("{name}.{key}")] = json!(value);
    }
}

/// What an image's seed depends on.
pub(crate) fn image_of<'a>(context: &Context, class: &'a str, slot: Slot) -> Image<'a> {
    Image { class, position: slot.class, ipc: context.pipeline.discover.ipc, index: slot.rank }
}

/// A prompt that says what a class is a kind of needs a list that knows.
fn refuse_lacking(context: &Context, latents: &Latents) -> Result<(), StageError> {
    if !context.pipeline.generate.prompt.contains("{supercategory}") {
        return Ok(());
    }
    match latents.classes.classes().iter().find(|class| class.supercategory.is_none()) {
        None => Ok(()),
        Some(class) => Err(StageError::Other(format!(
            "[generate] prompt contains {{supercategory}}, but the class list has no supercategory for {:?}: write `{}, {} | …`",
            class.key, class.key, class.prompt
        ))),
    }
}

/// The model's image as the PNG that is kept.
pub(crate) fn finish(image: Generated, size: usize) -> Result<Vec<u8>, StageError> {
    let (width, height) = (image.width as u32, image.height as u32);
    let pixels = RgbImage::from_raw(width, height, image.rgb).ok_or_else(|| {
        StageError::Other(format!(
            "the output of vae_decoder is not an image of {width}×{height} pixels"
        ))
    })?;
    Ok(imaging::encode_png(&imaging::resize_lanczos(&pixels, size as u32, size as u32)?)?)
}

/// Why a run in which `failed` images came to nothing fails.
pub(crate) fn too_many_failed(failed: usize, allowed: usize, first: &SampleFault) -> String {
    format!(
        "image {}: {}\n{failed} images could not be generated and [generate] max_failed allows {allowed}",
        first.key, first.reason
    )
}
