//! A group of images denoised at once, from their noise to their latents.

use std::ops::Range;

use super::denoiser::{Conditions, Network};
use super::error::DiffusionError;
use super::guidance::{GuidancePlan, GuidedImage, Phase};
use super::job::Job;
use super::noise::solver_seed;
use super::noise_schedule::{SchedulerConfig, Solver};
use super::sampler::{Batch, TraceStep, denoise};
use super::sampling::Sampling;
use super::text::PromptEmbedding;

/// Images denoised at once.
pub(super) struct Group<'a> {
    /// The images.
    pub rows: Vec<&'a Job<'a>>,
    /// The number of samples that the denoiser runs on: the last image is copied until there are as many.
    pub batch: usize,
}

impl<'a> Group<'a> {
    /// An image by itself.
    pub fn of_one(job: &'a Job<'a>) -> Self {
        Self { rows: vec![job], batch: 1 }
    }

    /// Runs the steps `steps` on all samples, one after another in the result. `trace`, if given, receives every step.
    ///
    /// # Errors
    /// The graph's own, and non-finite output.
    pub fn denoise(
        &self,
        denoiser: &mut Network,
        (sampling, scheduler): (&Sampling, &SchedulerConfig),
        shape: [usize; 3],
        steps: Range<usize>,
        mut trace: Option<&mut Vec<TraceStep>>,
    ) -> Result<Vec<f32>, DiffusionError> {
        let mut solver = scheduler.solver(sampling.method, sampling.steps);
        let plan = sampling.guidance_plan(shape[1], steps.end);
        let images = self.images();
        let from = plan.steps_run(solver.schedule(), steps.clone());
        let anchored = plan.starts_from_anchors(solver.schedule());
        let mut samples = self.start(solver.as_ref(), (steps.start, from.start), anchored);
        let noise = |step| self.step_noise(sampling, step);
        let batch = Batch { images: &images, plan: &plan, noise: &noise };
        for phase in plan.phases(solver.schedule(), from) {
            let prompts = self.prompts(&plan, solver.as_ref(), &phase);
            let prompts: Vec<&PromptEmbedding> = prompts.iter().map(Prompt::embedding).collect();
            let negatives: Vec<&PromptEmbedding> = match phase.guided {
                true => self.padded().map(|(job, _)| job.negative).collect(),
                false => Vec::new(),
            };
            let mut model = denoiser.bind(&Conditions {
                prompts: &prompts,
                negatives: &negatives,
                latent_shape: shape,
                size: sampling.size,
                scale: sampling.embedded_scale,
            })?;
            let (solver, trace) = (solver.as_mut(), trace.as_deref_mut());
            denoise(solver, phase.steps, &batch, &mut samples, &mut model, trace)?;
        }
        Ok(samples)
    }

    /// The image of each sample, and whether it is a copy that fills up the batch.
    pub fn padded(&self) -> impl Iterator<Item = (&'a Job<'a>, bool)> + '_ {
        let copies = self.rows.last().into_iter().cycle().take(self.batch - self.rows.len());
        let real = self.rows.iter().map(|job| (*job, false));
        real.chain(copies.map(|job| (*job, true)))
    }

    fn images(&self) -> Vec<GuidedImage<'a>> {
        let image = |(job, padding): (&'a Job<'a>, bool)| GuidedImage {
            anchor: job.anchor,
            class: job.class,
            padding,
        };
        self.padded().map(image).collect()
    }

    /// The samples at step `first` of a run that begins at step `begin`.
    fn start(
        &self,
        solver: &dyn Solver,
        (begin, first): (usize, usize),
        anchored: bool,
    ) -> Vec<f32> {
        // A run that begins in the middle continues latents, which have their scale already.
        let scale = if begin == 0 { solver.schedule().initial_sigma } else { 1.0 };
        let noise =
            |job: &Job<'_>| -> Vec<f32> { job.noise.iter().map(|value| value * scale).collect() };
        let sample = |(job, _): (&'a Job<'a>, bool)| match job.anchor.filter(|_| anchored) {
            Some(anchor) => GuidancePlan::start(solver, first, (anchor, job.noise)),
            None => noise(job),
        };
        self.padded().flat_map(sample).collect()
    }

    /// The noise that a solver adds to each sample at a step, from the image's own seed.
    fn step_noise(&self, sampling: &Sampling, step: usize) -> Vec<f32> {
        let of = |job: &Job<'_>| {
            sampling.noise.values(solver_seed(job.seed, step as u64), job.noise.len())
        };
        self.padded().flat_map(|(job, _)| of(job)).collect()
    }

    /// The prompt of each sample in a phase.
    fn prompts(&self, plan: &GuidancePlan, solver: &dyn Solver, phase: &Phase) -> Vec<Prompt<'a>> {
        let at = (solver.schedule(), phase.steps.start);
        let prompt = |(job, _): (&'a Job<'a>, bool)| match phase.own_prompts {
            true => Prompt::Own(plan.prompt_at(at, job.seed, job.prompt)),
            false => Prompt::Given(job.prompt),
        };
        self.padded().map(prompt).collect()
    }
}

/// A prompt as it was given, or one that a step has for itself.
enum Prompt<'a> {
    Given(&'a PromptEmbedding),
    Own(PromptEmbedding),
}

impl Prompt<'_> {
    fn embedding(&self) -> &PromptEmbedding {
        match self {
            Self::Given(prompt) => prompt,
            Self::Own(prompt) => prompt,
        }
    }
}
