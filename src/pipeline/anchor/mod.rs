//! `anchor`: the latents that each class's images are pulled towards.
//!
//! Where `encode` worked at the size that images are generated at, they are there already. Else only the cores, or the
//! members of anchors that are means, are encoded again at that size: the search for them needs no more than a small
//! picture of each image.

mod cost;
pub(crate) mod device;
mod members;
pub(crate) mod resolution;

use super::context::Context;
use super::core_images::CoreImages;
use super::discover;
use super::error::StageError;
use super::generate::check::check_size;
use super::info::{ModelUse, StageInfo};
use super::latents::Latents;
use super::model::encoder_digest;
use super::sources::Source;
use super::stage::RunStage;
use super::state::{Receipts, RunState};
use crate::config::{self, AnchorKind, Class};
use crate::engine::{Done, Fingerprint, Input, Scope, Stage};
use crate::imaging::RgbImage;
use crate::slurm;
use crate::store::tables::{Anchors, CoreRow, LatentFormat, Numbers, read_cores, write_anchors};
use crate::store::{Receipt, RunDir, StoreError, file_stem};
use device::{Pool, start_pool};
use resolution::encoded_again;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The stage.
pub struct Anchor {
    context: Arc<Context>,
    latents: Arc<Latents>,
    /// Receipts of `discover`, by unit.
    discovered: Arc<Receipts>,
    /// The model's encoder, where cores are encoded again.
    encoder: Option<String>,
    core_images: Arc<CoreImages>,
    pool: OnceCell<Pool>,
}

/// The receipt of `class` in `stage`, which is complete.
pub(crate) fn receipt_of<'a>(
    receipts: &'a BTreeMap<String, Receipt>,
    stage: &str,
    class: &str,
) -> Result<&'a Receipt, StageError> {
    let unit = format!("{stage}/{}", file_stem(class));
    receipts.get(&unit).ok_or_else(|| {
        StageError::Other(format!("{unit} has no receipt: run the {stage} stage first"))
    })
}

/// The digest of the output of `receipt` whose name ends in `suffix`.
pub(crate) fn digest_of(receipt: &Receipt, suffix: &str) -> Result<String, StageError> {
    let found = receipt.outputs.iter().find(|o| o.file.ends_with(suffix));
    let missing = || {
        StageError::Other(format!(
            "{} has no {suffix} file: delete its receipt and run again",
            receipt.unit
        ))
    };
    found.map(|o| o.xxh3.clone()).ok_or_else(missing)
}

/// The digest of the table of members; nothing where each anchor is one image.
pub(crate) fn members_digest(
    anchor: &config::Anchor,
    discovered: &Receipt,
) -> Result<Option<String>, StageError> {
    anchor.group_members().map(|_| digest_of(discovered, "members.parquet")).transpose()
}

/// Where `discover` leaves the cores of `class`, below the run directory.
pub(crate) fn cores_name(class: &str) -> String {
    format!("discover/{}/cores.parquet", file_stem(class))
}

/// The cores of `class`, as `discover` left them.
pub(crate) fn cores_of(run_dir: &RunDir, class: &str) -> Result<Vec<CoreRow>, StoreError> {
    read_cores(&run_dir.local(&cores_name(class))?)
}

impl Anchor {
    pub(crate) fn new(
        context: Arc<Context>,
        latents: Arc<Latents>,
        sources: &[Source],
        discovered: Arc<Receipts>,
    ) -> Result<Self, StageError> {
        let again = encoded_again(&context, latents.table.format().latent.shape)?;
        let encoder = again.then(|| encoder_digest(&context.model.paths)).transpose()?;
        let core_images = Arc::new(CoreImages::new(context.clone(), sources));
        Ok(Self { context, latents, discovered, encoder, core_images, pool: OnceCell::new() })
    }

    /// The cores encoded again, at the size of the images to be.
    async fn encode(&self, class: &str, cores: Vec<CoreRow>) -> Result<Anchors, StageError> {
        let (core_images, size) = (self.core_images.clone(), self.context.size());
        let permit = self.context.worker().await?;
        let (own, chosen) = (class.to_owned(), cores.clone());
        let images = tokio::task::spawn_blocking(move || {
            let images = chosen.iter().map(|core| core_images.image(&own, core, size));
            let images = images.collect::<Result<Vec<_>, _>>();
            drop(permit);
            images
        });
        let format = self.full_format()?;
        let latents = self.encode_images(images.await??, format).await?;
        Ok(anchors(cores, &latents, format))
    }

    /// What anchors look like at the size of the images to be.
    fn full_format(&self) -> Result<LatentFormat, StageError> {
        let shape = self.context.model.latent_shape(self.context.size())?;
        Ok(LatentFormat { dtype: self.context.pipeline.encode.dtype, shape })
    }

    /// The latents of `images`, one after another.
    async fn encode_images(
        &self,
        images: Vec<RgbImage>,
        format: LatentFormat,
    ) -> Result<Vec<f32>, StageError> {
        let (context, count) = (&self.context, images.len());
        let (size, batch) = (context.size(), context.pipeline.anchor.batch);
        let pool = self.pool.get_or_try_init(|| start_pool(context, size, batch)).await?;
        let latents = pool.run(images).await?;
        if latents.len() != count * format.values() {
            return Err(StageError::Other(format!(
                "vae_encoder returned {} values for {count} images of {size} pixels; {:?} values each were expected",
                latents.len(),
                format.shape
            )));
        }
        Ok(latents)
    }
}

pub(crate) fn anchors(cores: Vec<CoreRow>, latents: &[f32], format: LatentFormat) -> Anchors {
    let mut raw = Vec::with_capacity(cores.len() * format.bytes());
    format.encode(latents, &mut raw);
    let (keys, shards) = cores.into_iter().map(|core| (core.key, core.shard)).unzip();
    Anchors { keys, shards, members: Vec::new(), latents: raw, format }
}

/// What the stage declares.
pub(crate) static INFO: StageInfo = StageInfo {
    name: "anchor",
    unit: "class",
    folders: &[],
    views: &[],
    model: ModelUse::Encoder,
    optional: false,
    leaves_out: false,
    job: &slurm::GENERATE,
    check: check_size,
    cost: &cost::COST,
};

impl RunStage for Anchor {
    const INFO: &'static StageInfo = &INFO;

    fn open(run: &mut RunState<'_>) -> Result<Self, StageError> {
        let (latents, sources) = (run.latents()?, run.sources()?);
        Self::new(run.context.clone(), latents, &sources, run.receipts(discover::INFO.name)?)
    }
}

impl Stage for Anchor {
    type Unit = Class;
    type Error = StageError;

    fn name(&self) -> &'static str {
        INFO.name
    }

    fn units(&self) -> Result<Vec<Class>, StageError> {
        Ok(self.latents.classes.classes().to_vec())
    }

    fn unit_name(&self, class: &Class) -> String {
        file_stem(&class.key)
    }

    fn fingerprint(&self, class: &Class) -> Result<Fingerprint, StageError> {
        let discovered = receipt_of(&self.discovered, discover::INFO.name, &class.key)?;
        let cores = digest_of(discovered, "cores.parquet")?;
        let mut settings = json!({});
        let mut inputs = vec![
            ("class", class.key.clone().into()),
            ("cores", cores.into()),
            ("images", self.latents.digest_of(&class.key)),
        ];
        if let Some(encoder) = &self.encoder {
            let pipeline = &self.context.pipeline;
            settings = json!({
                "generate.size": self.context.size(), "anchor.batch": pipeline.anchor.batch,
                "encode.dtype": pipeline.encode.dtype,
            });
            inputs.push(("model", encoder.clone().into()));
        }
        let anchor = &self.context.pipeline.anchor;
        if let Some(members) = members_digest(anchor, discovered)? {
            settings["anchor.kind"] = json!(anchor.kind);
            if anchor.kind == AnchorKind::Spread {
                settings["anchor.spread"] = json!(anchor.spread);
            }
            inputs.push(("members", members.into()));
        }
        Ok(Fingerprint { settings, inputs: Input::Object(inputs) })
    }

    fn cost(&self, class: &Class) -> u64 {
        self.latents.cores(&class.key) as u64
    }

    fn concurrency(&self) -> usize {
        self.context.workers()
    }

    async fn process(&self, class: &Class, scope: &Scope) -> Result<Done, StageError> {
        let (run_dir, class) = (scope.run_dir().clone(), class.key.clone());
        let (from, of) = (run_dir.clone(), class.clone());
        let cores = tokio::task::spawn_blocking(move || cores_of(&from, &of)).await??;
        let samples = cores.len() as u64;
        let of_members = self.context.pipeline.anchor.group_members().is_some();
        let mut log = Vec::new();
        let anchors = if of_members {
            let (anchors, sentence) = self.of_members(&class, cores).await?;
            log.push(sentence);
            anchors
        } else if self.encoder.is_some() {
            self.encode(&class, cores).await?
        } else {
            let (latents, class) = (self.latents.clone(), class.clone());
            tokio::task::spawn_blocking(move || gather(&latents, &class, cores)).await??
        };
        let task = tokio::task::spawn_blocking(move || {
            let path = run_dir.path(&format!("anchor/{}.parquet", file_stem(&class)));
            write_anchors(&path, run_dir.root(), &class, &anchors)
        });
        scope.record(task.await??);
        scope.tick(samples);
        Ok(Done { samples, log, ..Done::default() })
    }
}

/// The cores' latents out of the encoded parts.
fn gather(latents: &Latents, class: &str, cores: Vec<CoreRow>) -> Result<Anchors, StageError> {
    let wanted: Vec<usize> = cores.iter().map(|core| core.row as usize).collect();
    let rows = latents.table.read_rows(class, &wanted, Numbers::Latent)?;
    if let Some((core, key)) = cores.iter().zip(&rows.keys).find(|(core, key)| core.key != **key) {
        return Err(StageError::Other(format!(
            "class {class:?}: row {} is sample {key:?}, but {:?} was chosen; the encoded parts changed during the \
             cores: delete discover/ and run again",
            core.row, core.key
        )));
    }
    Ok(anchors(cores, &rows.values, latents.table.format().latent))
}
