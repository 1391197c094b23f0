//! The device's side of `generate`: the loaded model and the prompts it has seen.

use super::prompts::Prompts;
use crate::engine::DevicePool;
use crate::models::guidance::ClassAnchors;
use crate::models::noise::{Noise, retry_seed};
use crate::models::{
    DiffusionError, Generated, Generator, Job, PromptEmbedding, Sampling, StepsRun,
};
use crate::onnx::{Device, GraphOptions};
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::sampling::sampling as sampling_of;
use std::sync::Arc;

/// One image asked of the device.
pub(crate) struct Request {
    pub(crate) prompt: String,
    pub(crate) seed: u64,
    /// Initial noise of unit variance, channels × height × width.
    pub(crate) noise: Vec<f32>,
    /// The latent that guides the image, of the same shape.
    pub(crate) anchor: Vec<f32>,
    /// The anchors of its class, where terms of guidance look at a whole class.
    pub(crate) class: Option<Arc<ClassAnchors>>,
}

/// The outcome of a request.
pub(crate) enum ImageOutcome {
    /// An image and the seed that it was generated from.
    Image(Generated, u64),
    /// The reason why no usable image was generated.
    Failed(String),
}

/// Devices that generate a batch of requests.
pub(crate) type Pool = DevicePool<Vec<Request>, Vec<ImageOutcome>, StageError>;

pub(crate) async fn start_pool(context: &Arc<Context>) -> Result<Pool, StageError> {
    let devices = context.devices().await?;
    let makers = devices.into_iter().map(|device| {
        let context = context.clone();
        move || {
            let mut worker = Worker::load(&context, device)?;
            Ok(move |requests: Vec<Request>| worker.generate(requests))
        }
    });
    DevicePool::start(makers.collect()).await
}

/// How a run has images sampled.
pub(crate) fn sampling(context: &Context) -> Sampling {
    sampling_of(&context.pipeline, &context.traits, context.size())
}

/// The steps that the denoiser runs for an image of the run; all of them for settings that are refused.
pub(crate) fn steps_run(context: &Context) -> Result<StepsRun, StageError> {
    let [_, side, _] = context.model.latent_shape(context.size())?;
    let sampling = sampling(context);
    let (model, refiner) = (sampling.scheduler(&context.model), context.refiner.as_ref());
    Ok(match sampling.check(&model) {
        Ok(()) => sampling.steps_run(&model, refiner.map(|refiner| &refiner.scheduler), side),
        Err(_) => StepsRun { steps: sampling.steps, ..StepsRun::default() },
    })
}

/// A model and the prompts that it has encoded of late: a class has one for all its images.
struct Model {
    generator: Generator,
    prompts: Prompts,
}

impl Model {
    fn new(generator: Generator) -> Self {
        Self { generator, prompts: Prompts::default() }
    }

    fn prompt(&mut self, text: &str) -> Result<Arc<PromptEmbedding>, DiffusionError> {
        self.prompts.get(text, || self.generator.encode_prompt(text))
    }

    fn negative(&mut self, text: &str) -> Result<Arc<PromptEmbedding>, DiffusionError> {
        // Never a prompt's own text, so that the two kinds can share the room.
        self.prompts.get(&format!("\0{text}"), || self.generator.encode_negative(text))
    }
}

/// A device's models.
pub(crate) struct Worker {
    base: Model,
    refiner: Option<Model>,
    sampling: Sampling,
    batch: usize,
    negative_prompt: String,
    noise: Noise,
    retry: bool,
}

impl Worker {
    pub(crate) fn load(context: &Context, device: Device) -> Result<Self, StageError> {
        let (runtime, devices) = context.runtime()?;
        let options = GraphOptions {
            // Nothing but this model wants the cores then.
            spin: devices.len() == 1,
            ..context.graph_options(device)
        };
        let load = |folder| Generator::load(folder, runtime, &options);
        let g = &context.pipeline.generate;
        Ok(Self {
            base: Model::new(load(&context.model)?),
            refiner: context.refiner.as_ref().map(load).transpose()?.map(Model::new),
            sampling: sampling(context),
            batch: g.batch,
            negative_prompt: g.negative_prompt.clone(),
            noise: g.noise,
            retry: g.retry_failed,
        })
    }

    /// From now on as many steps, all of them whole, to see what one takes.
    pub(crate) fn set_steps(&mut self, steps: usize) {
        self.sampling.steps = steps;
        self.sampling.terms = self.sampling.terms.of_whole_steps();
        // The greatest of them stands as `cfg`.
        self.sampling.cfg_schedule.clear();
    }

    /// Encodes a prompt.
    pub(crate) fn embed(&mut self, text: &str) -> Result<(), DiffusionError> {
        self.base.prompt(text).map(drop)
    }

    /// Generates the images of one batch; failed images once more with another seed, if `retry_failed` is set.
    fn generate(&mut self, requests: Vec<Request>) -> Result<Vec<ImageOutcome>, StageError> {
        let mut made = self.make(&requests)?;
        let failed: Vec<usize> =
            (0..made.len()).filter(|&i| matches!(made[i], ImageOutcome::Failed(_))).collect();
        if !self.retry || failed.is_empty() {
            return Ok(made);
        }
        let mut again = Vec::with_capacity(failed.len());
        for &i in &failed {
            let seed = retry_seed(requests[i].seed);
            let noise = self.noise.values(seed, requests[i].noise.len());
            let (prompt, anchor) = (requests[i].prompt.clone(), requests[i].anchor.clone());
            again.push(Request { prompt, seed, noise, anchor, class: requests[i].class.clone() });
        }
        for (i, second) in failed.into_iter().zip(self.make(&again)?) {
            made[i] = match (second, &made[i]) {
                (ImageOutcome::Failed(second), ImageOutcome::Failed(first)) => {
                    ImageOutcome::Failed(format!("{first}; with another seed: {second}"))
                }
                (second, _) => second,
            };
        }
        Ok(made)
    }

    /// Makes the images; a request whose values stop being finite is taken out and the others are made without it, which
    /// depends on these requests alone, also where they depend on each other.
    fn make(&mut self, requests: &[Request]) -> Result<Vec<ImageOutcome>, StageError> {
        let mut made: Vec<Option<ImageOutcome>> = requests.iter().map(|_| None).collect();
        loop {
            let open: Vec<usize> = (0..made.len()).filter(|&i| made[i].is_none()).collect();
            if open.is_empty() {
                break;
            }
            let jobs: Vec<&Request> = open.iter().map(|&i| &requests[i]).collect();
            match self.latents(&jobs) {
                Ok(latents) => {
                    for (&i, latent) in open.iter().zip(latents) {
                        made[i] = Some(self.decode(latent, requests[i].seed)?);
                    }
                }
                Err(error) => match error.images() {
                    Some(images) => {
                        let reason = error.to_string();
                        let lost = images.iter().filter_map(|&image| open.get(image));
                        lost.for_each(|&i| made[i] = Some(ImageOutcome::Failed(reason.clone())));
                    }
                    None => return Err(error.into()),
                },
            }
        }
        Ok(made.into_iter().flatten().collect())
    }

    pub(crate) fn latents(
        &mut self,
        requests: &[&Request],
    ) -> Result<Vec<Vec<f32>>, DiffusionError> {
        let prompts = embeddings(&mut self.base, requests)?;
        let negative = self.base.negative(&self.negative_prompt)?;
        let jobs: Vec<Job<'_>> = requests
            .iter()
            .zip(&prompts)
            .map(|(request, prompt)| Job {
                prompt,
                negative: &negative,
                noise: &request.noise,
                anchor: Some(&request.anchor),
                seed: request.seed,
                class: request.class.as_deref(),
            })
            .collect();
        let latents = self.base.generator.latents(&jobs, &self.sampling, self.batch)?;
        let Some(refiner) = &mut self.refiner else { return Ok(latents) };
        let prompts = embeddings(refiner, requests)?;
        let negative = refiner.negative(&self.negative_prompt)?;
        let jobs: Vec<Job<'_>> = latents
            .iter()
            .zip(&prompts)
            .map(|(noise, prompt)| Job::new(prompt, &negative, noise))
            .collect();
        refiner.generator.refined_latents(&jobs, &self.sampling, self.batch)
    }

    pub(crate) fn decode(
        &mut self,
        latent: Vec<f32>,
        seed: u64,
    ) -> Result<ImageOutcome, StageError> {
        let model = self.refiner.as_mut().unwrap_or(&mut self.base);
        match model.generator.decode(latent, self.sampling.size) {
            Ok(image) if image.is_blank() => {
                Ok(ImageOutcome::Failed("the image is blank: all pixels have one colour".into()))
            }
            Ok(image) => Ok(ImageOutcome::Image(image, seed)),
            Err(error) if error.images().is_some() => Ok(ImageOutcome::Failed(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }
}

fn embeddings(
    model: &mut Model,
    requests: &[&Request],
) -> Result<Vec<Arc<PromptEmbedding>>, DiffusionError> {
    requests.iter().map(|request| model.prompt(&request.prompt)).collect()
}
