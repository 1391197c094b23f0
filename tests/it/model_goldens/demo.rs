//! The demonstration model, set up for quick runs.

use coda_pipe::models::noise::Noise;
use coda_pipe::models::{Generated, Generator, Job, PromptEmbedding, Sampling};
use coda_pipe::onnx::GraphOptions;

use super::support::{demo, runtime};

/// Settings and inputs for quick runs of the demonstration model.
pub struct Demo {
    pub generator: Generator,
    pub prompts: Vec<PromptEmbedding>,
    pub negative: PromptEmbedding,
    pub noise: Vec<Vec<f32>>,
    pub anchor: Vec<f32>,
    pub sampling: Sampling,
}

impl Demo {
    pub fn new(threads: usize) -> Option<Self> {
        let folder = demo()?;
        let mut generator = {
            let options = GraphOptions { threads, ..GraphOptions::default() };
            Generator::load(&folder, &runtime(), &options).unwrap()
        };
        let encode = |text| generator.encode_prompt(text).unwrap();
        let prompts = ["zero", "seven", "letter a"].map(encode).into();
        let negative = generator.encode_negative("").unwrap();
        let sampling = Sampling { steps: 8, size: 32, gamma: 0.1, ..Sampling::default() };
        let values = folder.latent_shape(sampling.size).unwrap().iter().product();
        let noise = (0..3).map(|seed| Noise::Native.values(seed, values)).collect();
        let anchor = Noise::Native.values(99, values);
        Some(Self { generator, prompts, negative, noise, anchor, sampling })
    }

    pub fn run(&mut self, which: &[usize], batch: usize) -> Vec<Generated> {
        let job = |&i: &usize| Job {
            anchor: (i != 1).then_some(&self.anchor),
            ..Job::new(&self.prompts[i], &self.negative, &self.noise[i])
        };
        let jobs: Vec<Job> = which.iter().map(job).collect();
        self.generator.generate(&jobs, &self.sampling, batch).unwrap()
    }
}
