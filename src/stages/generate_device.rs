//! The device's side of `generate`: the loaded model and the prompts it has seen.

use super::context::Context;
use super::error::StageError;
use crate::config::Pipeline;
use crate::dataflow::DevicePool;
use crate::diffusion::{Generated, Generator, Job, PromptEmbedding, Sampling};
use std::collections::HashMap;
use std::sync::Arc;

/// One image asked of the device.
pub(super) struct Request {
    pub(super) prompt: String,
    /// Initial noise of unit variance, channels × height × width.
    pub(super) noise: Vec<f32>,
    /// The latent to pull towards, of the same shape.
    pub(super) anchor: Vec<f32>,
}

/// Devices that answer a batch of requests with its images.
pub(super) type Pool = DevicePool<Vec<Request>, Vec<Generated>, StageError>;

pub(super) async fn start_pool(context: &Arc<Context>) -> Result<Pool, StageError> {
    let devices = context.runtime()?.1.clone();
    let makers = devices.into_iter().map(|device| {
        let context = context.clone();
        move || {
            let (runtime, _) = context.runtime()?;
            let generator = Generator::load(&context.model, runtime, device, context.threads())?;
            let mut worker = Worker::new(generator, &context.pipeline);
            Ok(move |requests: Vec<Request>| worker.generate(&requests))
        }
    });
    DevicePool::start(makers.collect()).await
}

struct Worker {
    generator: Generator,
    sampling: Sampling,
    batch: usize,
    negative_prompt: String,
    /// Prompts are encoded once: a class has one for all its images.
    prompts: HashMap<String, Arc<PromptEmbedding>>,
}

impl Worker {
    fn new(generator: Generator, pipeline: &Pipeline) -> Self {
        let g = &pipeline.generate;
        let sampling = Sampling {
            steps: g.steps,
            cfg: g.cfg as f32,
            gamma: g.gamma as f32,
            guidance_fraction: g.guidance_fraction,
            pull: g.schedule,
            size: g.size,
            ..Sampling::default()
        };
        let negative_prompt = g.negative_prompt.clone();
        Self { generator, sampling, batch: g.batch, negative_prompt, prompts: HashMap::new() }
    }

    fn prompt(&mut self, text: &str) -> Result<Arc<PromptEmbedding>, StageError> {
        if let Some(known) = self.prompts.get(text) {
            return Ok(known.clone());
        }
        let embedding = Arc::new(self.generator.encode_prompt(text)?);
        self.prompts.insert(text.to_owned(), embedding.clone());
        Ok(embedding)
    }

    fn negative(&mut self) -> Result<Arc<PromptEmbedding>, StageError> {
        let text = self.negative_prompt.clone();
        // Never a prompt's own text, so that the two kinds can share the map.
        let key = format!("\0{text}");
        if let Some(known) = self.prompts.get(&key) {
            return Ok(known.clone());
        }
        let embedding = Arc::new(self.generator.encode_negative(&text)?);
        self.prompts.insert(key, embedding.clone());
        Ok(embedding)
    }

    fn generate(&mut self, requests: &[Request]) -> Result<Vec<Generated>, StageError> {
        let negative = self.negative()?;
        let prompts = requests.iter().map(|r| self.prompt(&r.prompt));
        let prompts = prompts.collect::<Result<Vec<_>, _>>()?;
        let jobs: Vec<Job<'_>> = requests
            .iter()
            .zip(&prompts)
            .map(|(request, prompt)| Job {
                prompt,
                negative: &negative,
                noise: &request.noise,
                anchor: Some(&request.anchor),
            })
            .collect();
        Ok(self.generator.generate(&jobs, &self.sampling, self.batch)?)
    }
}
