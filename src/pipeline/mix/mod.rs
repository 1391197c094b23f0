//! `mix`: which of a class's images are better taken as they are. A unit is a class; none where it is off.
//!
//! Where the class's prompt does not help the model to tell an anchor from noise, the model does not know what it sees, and
//! the core's own image is the better sample. `assemble` then takes that one.

mod cost;

use super::anchor;
use super::anchor::{digest_of, receipt_of};
use super::context::Context;
use super::error::StageError;
use super::generate::device::sampling;
use super::generate::image_of;
use super::info::{ModelUse, StageInfo, no_check};
use super::latents::{Latents, Slot};
use super::model::model_digest;
use super::stage::RunStage;
use super::state::{Receipts, RunState};
use crate::config::{Class, Mix as Choice};
use crate::engine::{DevicePool, Done, Fingerprint, Scope, Stage};
use crate::models::{Generator, Job};
use crate::onnx::GraphOptions;
use crate::slurm;
use crate::store::tables::{MixRow, read_anchors, read_mix, write_mix};
use crate::store::{RunDir, StoreError, file_stem};
use serde_json::json;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The stage.
pub struct Mix {
    context: Arc<Context>,
    latents: Arc<Latents>,
    /// Receipts of `anchor`, by unit.
    anchored: Arc<Receipts>,
    /// The model's digest, where the stage is on.
    model: Option<String>,
    pool: OnceCell<Pool>,
}

/// A class to test: its prompt, and of each image the noise and the anchor.
struct Request {
    prompt: String,
    images: Vec<(Vec<f32>, Vec<f32>)>,
}

/// Devices that test a class: the gap of each image.
type Pool = DevicePool<Request, Vec<f64>, StageError>;

/// Where the choices for `class` are, below the run directory.
pub(crate) fn mix_name(class: &str) -> String {
    format!("mix/{}.parquet", file_stem(class))
}

/// The choices for `class`.
pub(crate) fn mix_of(run_dir: &RunDir, class: &str) -> Result<Vec<MixRow>, StoreError> {
    read_mix(&run_dir.local(&mix_name(class))?)
}

/// Whether the stage is on.
pub(crate) fn is_on(context: &Context) -> bool {
    context.pipeline.generate.mix == Choice::Forward
}

/// What the stage declares.
pub(crate) static INFO: StageInfo = StageInfo {
    name: "mix",
    unit: "class",
    folders: &[],
    views: &[],
    model: ModelUse::Generator,
    optional: true,
    leaves_out: false,
    job: &slurm::GENERATE,
    // What the model needs, `generate` checks.
    check: no_check,
    cost: &cost::COST,
};

impl RunStage for Mix {
    const INFO: &'static StageInfo = &INFO;

    fn open(run: &mut RunState<'_>) -> Result<Self, StageError> {
        let (context, latents) = (run.context.clone(), run.latents()?);
        let digest = || model_digest(&context.model.paths, &context.model.family.image_parts());
        let model = is_on(&context).then(digest).transpose()?;
        let anchored = run.receipts(anchor::INFO.name)?;
        Ok(Self { context, latents, anchored, model, pool: OnceCell::new() })
    }
}

impl Mix {
    async fn start(&self) -> Result<Pool, StageError> {
        let devices = self.context.devices().await?;
        let makers = devices.into_iter().map(|device| {
            let context = self.context.clone();
            move || {
                let (runtime, devices) = context.runtime()?;
                let spin = devices.len() == 1;
                let options = GraphOptions { spin, ..context.graph_options(device) };
                let mut generator = Generator::load(&context.model, runtime, &options)?;
                Ok(move |request: Request| gaps(&context, &mut generator, &request))
            }
        });
        DevicePool::start(makers.collect()).await
    }
}

/// Tests the images of one class.
fn gaps(
    context: &Context,
    generator: &mut Generator,
    request: &Request,
) -> Result<Vec<f64>, StageError> {
    let g = &context.pipeline.generate;
    let prompt = generator.encode_prompt(&request.prompt)?;
    let negative = generator.encode_negative(&g.negative_prompt)?;
    let jobs: Vec<Job<'_>> = request
        .images
        .iter()
        .map(|(noise, anchor)| Job { anchor: Some(anchor), ..Job::new(&prompt, &negative, noise) })
        .collect();
    let sampling = sampling(context);
    Ok(generator.prompt_gaps(&jobs, &sampling, g.batch)?)
}

/// Anchors and noise of the class at `place`, as generation has them.
fn request(context: &Context, class: &Class, place: usize) -> Result<Request, StageError> {
    let g = &context.pipeline.generate;
    let name = format!("anchor/{}.parquet", file_stem(&class.key));
    let anchors = read_anchors(&context.run_dir.local(&name)?)?;
    let image = |rank: usize| {
        let anchor = anchors.latent(rank);
        let of = image_of(context, &class.key, Slot { class: place, rank });
        (g.noise.values(g.seeds.of(g.seed, of), anchor.len()), anchor)
    };
    let images = (0..anchors.keys.len()).map(image).collect();
    Ok(Request { prompt: class.prompt_by(&g.prompt), images })
}

impl Stage for Mix {
    type Unit = usize;
    type Error = StageError;

    fn name(&self) -> &'static str {
        INFO.name
    }

    fn units(&self) -> Result<Vec<usize>, StageError> {
        let classes = if is_on(&self.context) { self.latents.classes.classes().len() } else { 0 };
        Ok((0..classes).collect())
    }

    fn unit_name(&self, place: &usize) -> String {
        self.latents.classes.classes().get(*place).map_or_else(String::new, |c| file_stem(&c.key))
    }

    fn fingerprint(&self, place: &usize) -> Result<Fingerprint, StageError> {
        let g = &self.context.pipeline.generate;
        let Some(class) = self.latents.classes.classes().get(*place) else {
            return Err(StageError::Other(format!("no class at position {place}")));
        };
        let anchors = receipt_of(&self.anchored, anchor::INFO.name, &class.key)?;
        Ok(Fingerprint {
            settings: json!({
                "generate.mix": g.mix, "generate.mix_margin": g.mix_margin,
                "generate.size": self.context.size(), "generate.steps": g.steps,
                "generate.prompt": g.prompt, "generate.negative_prompt": g.negative_prompt,
                "generate.noise": g.noise, "generate.seed": g.seed, "generate.seeds": g.seeds,
                "generate.batch": g.batch, "generate.scheduler": g.scheduler,
                "generate.sigmas": g.sigmas, "generate.timestep_spacing": g.timestep_spacing,
                "generate.prediction_type": g.prediction_type,
            }),
            inputs: json!({
                "class": class, "position": place, "ipc": self.context.pipeline.discover.ipc,
                "anchors": digest_of(anchors, ".parquet")?, "model": self.model,
            })
            .into(),
        })
    }

    fn cost(&self, place: &usize) -> u64 {
        let class = self.latents.classes.classes().get(*place);
        class.map_or(0, |class| self.latents.cores(&class.key) as u64)
    }

    fn concurrency(&self) -> usize {
        let devices = self.context.runtime().map_or(1, |(_, devices)| devices.len());
        devices + 1
    }

    async fn process(&self, place: &usize, scope: &Scope) -> Result<Done, StageError> {
        let Some(class) = self.latents.classes.classes().get(*place).cloned() else {
            return Ok(Done::default());
        };
        let pool = self.pool.get_or_try_init(|| self.start()).await?;
        let (context, of, place) = (self.context.clone(), class.clone(), *place);
        let request = tokio::task::spawn_blocking(move || request(&context, &of, place)).await??;
        let margin = self.context.pipeline.generate.mix_margin;
        let gaps = pool.run(request).await?;
        let row = |(rank, prompt_gap): (u32, f64)| {
            let real = prompt_gap < margin;
            MixRow { rank, prompt_gap, real }
        };
        let rows: Vec<MixRow> = (0..).zip(gaps).map(row).collect();
        let log = vec![sentence(&rows)];
        let (samples, run_dir) = (rows.len() as u64, scope.run_dir().clone());
        let task = tokio::task::spawn_blocking(move || {
            let path = run_dir.path(&mix_name(&class.key));
            write_mix(&path, run_dir.root(), &class.key, &rows)
        });
        scope.record(task.await??);
        scope.tick(samples);
        Ok(Done { samples, log, ..Done::default() })
    }
}

fn sentence(rows: &[MixRow]) -> String {
    let real = rows.iter().filter(|row| row.real).count();
    let gaps = rows.iter().map(|row| row.prompt_gap);
    let (least, most) = gaps.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), gap| {
        (least.min(gap), most.max(gap))
    });
    format!(
        "{real} of {} images are real ones: the prompt lowers the error of the anchors by {:.2} % to {:.2} %",
        rows.len(),
        100.0 * least,
        100.0 * most
    )
}
