//! `generate`: one image towards each anchor.
//!
//! A unit is a fixed group of `batch` images by position (class order, then rank), so that an interrupted run, or one on
//! more devices, computes the very same groups.

use super::anchor::{digest_of, receipt_of};
use super::context::Context;
use super::error::StageError;
use super::generate_device::{Pool, Request, start_pool};
use super::latents::{Latents, Slot};
use super::model::model_digest;
use crate::dataflow::{Done, Fingerprint, Scope, Stage};
use crate::diffusion::Generated;
use crate::diffusion::noise::sample_seed;
use crate::imaging::{self, RgbImage};
use crate::store::tables::read_anchors;
use crate::store::{Receipt, RunDir, file_stem};
use futures::future::try_join_all;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The stage.
pub struct Generate {
    context: Arc<Context>,
    latents: Arc<Latents>,
    /// Receipts of `anchor`, by unit.
    anchored: BTreeMap<String, Receipt>,
    model: String,
    pool: OnceCell<Pool>,
}

/// A group of images.
pub struct Batch {
    number: usize,
    slots: Vec<Slot>,
}

/// Parts of the model folder that an image depends on.
const PARTS: [&str; 8] = [
    "model_index.json",
    "scheduler",
    "text_encoder",
    "text_encoder_2",
    "tokenizer",
    "tokenizer_2",
    "unet",
    "vae_decoder",
];

/// What the prompt of a class is.
pub(super) fn prompt_of(template: &str, name: &str) -> String {
    template.replace("{name}", name)
}

/// Where the image of `class` and `rank` is kept, below the run directory.
pub(super) fn image_name(class: &str, rank: usize) -> String {
    format!("generate/{}/{rank:04}.png", file_stem(class))
}

impl Generate {
    pub(super) fn new(
        context: Arc<Context>,
        latents: Arc<Latents>,
        anchored: BTreeMap<String, Receipt>,
    ) -> Result<Self, StageError> {
        let model = model_digest(&context.pipeline.model.path, &PARTS)?;
        Ok(Self { context, latents, anchored, model, pool: OnceCell::new() })
    }

    fn key(&self, slot: Slot) -> &str {
        self.latents.classes.classes().get(slot.class).map_or("", |c| &c.key)
    }

    /// What the device needs for each image of a batch.
    fn requests(&self, batch: &Batch, run_dir: &RunDir) -> Result<Vec<Request>, StageError> {
        let g = &self.context.pipeline.generate;
        let mut anchors = BTreeMap::new();
        let mut requests = Vec::with_capacity(batch.slots.len());
        for &slot in &batch.slots {
            let Some(class) = self.latents.classes.classes().get(slot.class) else { continue };
            if let std::collections::btree_map::Entry::Vacant(empty) = anchors.entry(slot.class) {
                let name = format!("anchor/{}.parquet", file_stem(&class.key));
                empty.insert(read_anchors(&run_dir.path(&name))?);
            }
            let anchor = anchors.get(&slot.class).map(|a| a.latent(slot.rank)).unwrap_or_default();
            let seed = sample_seed(g.seed, &class.key, slot.rank as u64);
            requests.push(Request {
                prompt: prompt_of(&g.prompt, &class.prompt),
                noise: g.noise.values(seed, anchor.len()),
                anchor,
            });
        }
        Ok(requests)
    }
}

impl Stage for Generate {
    type Unit = Batch;
    type Error = StageError;

    fn name(&self) -> &'static str {
        "generate"
    }

    fn units(&self) -> Result<Vec<Batch>, StageError> {
        let slots = self.latents.slots();
        let batches = slots.chunks(self.context.pipeline.generate.batch).enumerate();
        Ok(batches.map(|(number, slots)| Batch { number, slots: slots.to_vec() }).collect())
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
            let anchors = digest_of(receipt_of(&self.anchored, "anchor", class)?, ".parquet")?;
            let prompt = self.latents.classes.classes().get(slot.class).map(|c| &c.prompt);
            images.push(json!([class, slot.rank, prompt, anchors]));
        }
        Ok(Fingerprint {
            settings: json!({
                "generate.size": g.size, "generate.steps": g.steps, "generate.cfg": g.cfg,
                "generate.gamma": g.gamma, "generate.guidance_fraction": g.guidance_fraction,
                "generate.schedule": g.schedule, "generate.prompt": g.prompt,
                "generate.negative_prompt": g.negative_prompt, "generate.noise": g.noise,
                "generate.seed": g.seed, "generate.batch": g.batch, "output.size": output.size,
            }),
            inputs: json!({"images": images, "model": self.model}),
        })
    }

    fn concurrency(&self) -> usize {
        // One batch on the device, the next one's noise and the last one's PNGs beside it.
        let devices = self.context.runtime().map_or(1, |(_, devices)| devices.len());
        devices + 1
    }

    async fn process(&self, batch: &Batch, scope: &Scope) -> Result<Done, StageError> {
        let pool = self.pool.get_or_try_init(|| start_pool(&self.context)).await?;
        let images = pool.run(self.requests(batch, scope.run_dir())?).await?;
        let size = self.context.pipeline.output.size;
        let encoded = images.into_iter().map(|image| async move {
            let permit = self.context.worker().await?;
            let png = tokio::task::spawn_blocking(move || finish(image, size)).await?;
            drop(permit);
            png
        });
        for (slot, png) in batch.slots.iter().zip(try_join_all(encoded).await?) {
            let name = image_name(self.key(*slot), slot.rank);
            let mut file = scope.create(&name)?;
            let written = file.write_all(&png);
            written.map_err(crate::store::StoreError::io("write", &scope.path(&name)))?;
            scope.publish(file)?;
        }
        scope.tick(batch.slots.len() as u64);
        Ok(Done { samples: batch.slots.len() as u64, ..Done::default() })
    }
}

/// The model's image as the PNG that is kept.
fn finish(image: Generated, size: usize) -> Result<Vec<u8>, StageError> {
    let (width, height) = (image.width as u32, image.height as u32);
    let pixels = RgbImage::from_raw(width, height, image.rgb).ok_or_else(|| {
        StageError::Other(format!("vae_decoder gives no image of {width}×{height} pixels"))
    })?;
    Ok(imaging::encode_png(&imaging::resize_lanczos(&pixels, size as u32, size as u32)?)?)
}
