//! Images from prompts, noise and anchors.

use std::ops::Range;

use super::denoiser::Network;
use super::error::DiffusionError;
use super::folder::ModelFolder;
use super::group::Group;
use super::guidance::TermSettings;
use super::job::Job;
use super::noise_schedule::{Method, NoiseSchedule};
use super::sampler::TraceStep;
use super::sampling::{Overrides, Sampling};
use super::text::{PromptEmbedding, PromptEncoder};
use super::vae::Decoder;
use crate::imaging::{RgbImage, encode_png};
use crate::onnx::{GraphOptions, Runtime};

/// One image made.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// Pixels per row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// 8-bit RGB, row by row.
    pub rgb: Vec<u8>,
    /// The final latent, channels × height × width.
    pub latent: Vec<f32>,
}

impl Generated {
    /// The image as an 8-bit RGB PNG; the same image gives the same bytes.
    ///
    /// # Errors
    /// [`DiffusionError::Png`] for an image without pixels or with too few for its size.
    pub fn to_png(&self) -> Result<Vec<u8>, DiffusionError> {
        let (width, height) = (self.width as u32, self.height as u32);
        let image = RgbImage::from_raw(width, height, self.rgb.clone());
        let image = image.ok_or_else(|| DiffusionError::Png {
            reason: format!("{} values are no image of {width}×{height} pixels", self.rgb.len()),
        })?;
        encode_png(&image).map_err(|error| DiffusionError::Png { reason: error.to_string() })
    }

    /// True where all pixels are the same within a level: what a model makes that has lost its way.
    pub fn is_blank(&self) -> bool {
        (0..3).all(|channel| {
            let levels = self.rgb.iter().skip(channel).step_by(3);
            let (least, most) = levels.fold((u8::MAX, 0), |(l, m), &v| (l.min(v), m.max(v)));
            most.saturating_sub(least) <= 1
        })
    }
}

/// The text-to-image part of a model, open on one device.
pub struct Generator {
    prompts: PromptEncoder,
    pub(super) denoiser: Network,
    decoder: Decoder,
    pub(super) folder: ModelFolder,
}

impl Generator {
    /// Opens all graphs but the image encoder.
    ///
    /// # Errors
    /// The file at fault, or the device.
    pub fn load(
        folder: &ModelFolder,
        runtime: &Runtime,
        options: &GraphOptions,
    ) -> Result<Self, DiffusionError> {
        Ok(Self {
            prompts: PromptEncoder::load(folder, runtime, options)?,
            denoiser: Network::load(folder, runtime, options)?,
            decoder: Decoder::load(folder, runtime, options)?,
            folder: folder.clone(),
        })
    }

    /// The model's folder.
    pub fn folder(&self) -> &ModelFolder {
        &self.folder
    }

    /// Encodes a prompt.
    ///
    /// # Errors
    /// As there.
    pub fn encode_prompt(&mut self, text: &str) -> Result<PromptEmbedding, DiffusionError> {
        self.prompts.encode(text)
    }

    /// Encodes a negative prompt, of which "" is none.
    ///
    /// # Errors
    /// As there.
    pub fn encode_negative(&mut self, text: &str) -> Result<PromptEmbedding, DiffusionError> {
        self.prompts.encode_negative(text)
    }

    /// Makes the images of `jobs`, in their order, `batch` at a time.
    ///
    /// Every run of the UNet has the shape of a whole batch: the last group is filled up with
    /// copies of its last job, whose results are dropped. What a job comes to may depend on
    /// `batch` in its last bits, never on how many jobs there happen to be.
    ///
    /// # Errors
    /// [`DiffusionError::Setting`] for settings or jobs that don't fit the model, the graphs'
    /// own, and non-finite output with the graph and step.
    pub fn generate(
        &mut self,
        jobs: &[Job],
        sampling: &Sampling,
        batch: usize,
    ) -> Result<Vec<Generated>, DiffusionError> {
        let latents = self.latents(jobs, sampling, batch)?;
        latents.into_iter().map(|latent| self.decode(latent, sampling.size)).collect()
    }

    /// The base model's latents of `jobs`; as [`Generator::generate`] without decoding. With a
    /// denoising factor below 1 they still hold the noise that the refiner is to remove.
    ///
    /// # Errors
    /// As [`Generator::generate`].
    pub fn latents(
        &mut self,
        jobs: &[Job],
        sampling: &Sampling,
        batch: usize,
    ) -> Result<Vec<Vec<f32>>, DiffusionError> {
        self.check(jobs, sampling, batch)?;
        let schedule = self.schedule(sampling);
        self.denoise_groups(jobs, sampling, batch, sampling.base_steps(&schedule))
    }

    /// Finishes the base's latents, given as the jobs' `noise`, with this refiner's own schedule:
    /// Euler's method from the denoising factor on, no noise added and nothing corrected.
    ///
    /// The published program hands the base's variance-preserving latents to a solver that takes
    /// them for variance-exploding; so does this.
    ///
    /// # Errors
    /// As [`Generator::generate`].
    pub fn refine(
        &mut self,
        jobs: &[Job],
        sampling: &Sampling,
        batch: usize,
    ) -> Result<Vec<Generated>, DiffusionError> {
        let latents = self.refined_latents(jobs, sampling, batch)?;
        latents.into_iter().map(|latent| self.decode(latent, sampling.size)).collect()
    }

    /// As [`Generator::refine`] without decoding.
    ///
    /// # Errors
    /// As [`Generator::generate`].
    pub fn refined_latents(
        &mut self,
        jobs: &[Job],
        sampling: &Sampling,
        batch: usize,
    ) -> Result<Vec<Vec<f32>>, DiffusionError> {
        let sampling = refiners(sampling);
        self.check(jobs, &sampling, batch)?;
        let schedule = self.schedule(&sampling);
        let start = schedule.steps_before(sampling.denoising_factor);
        self.denoise_groups(jobs, &sampling, batch, start..schedule.len())
    }

    /// Makes one image and records every step; with a denoising factor below 1, those of the base.
    ///
    /// # Errors
    /// As [`Generator::generate`].
    pub fn trace(
        &mut self,
        job: &Job,
        sampling: &Sampling,
    ) -> Result<(Generated, Vec<TraceStep>), DiffusionError> {
        self.check(&[*job], sampling, 1)?;
        let schedule = self.schedule(sampling);
        let mut trace = Vec::with_capacity(schedule.len());
        let steps = sampling.base_steps(&schedule);
        let latent = self.denoise_group(&Group::of_one(job), sampling, steps, Some(&mut trace))?;
        Ok((self.decode(latent, sampling.size)?, trace))
    }

    /// As [`Generator::refine`] for one image, recording every step.
    ///
    /// # Errors
    /// As [`Generator::generate`].
    pub fn trace_refined(
        &mut self,
        job: &Job,
        sampling: &Sampling,
    ) -> Result<(Generated, Vec<TraceStep>), DiffusionError> {
        let sampling = refiners(sampling);
        self.check(&[*job], &sampling, 1)?;
        let schedule = self.schedule(&sampling);
        let steps = schedule.steps_before(sampling.denoising_factor)..schedule.len();
        let mut trace = Vec::with_capacity(steps.len());
        let latent = self.denoise_group(&Group::of_one(job), &sampling, steps, Some(&mut trace))?;
        Ok((self.decode(latent, sampling.size)?, trace))
    }

    fn schedule(&self, sampling: &Sampling) -> NoiseSchedule {
        sampling.scheduler(&self.folder).schedule(sampling.method, sampling.steps)
    }

    fn denoise_groups(
        &mut self,
        jobs: &[Job],
        sampling: &Sampling,
        batch: usize,
        steps: Range<usize>,
    ) -> Result<Vec<Vec<f32>>, DiffusionError> {
        let mut latents = Vec::with_capacity(jobs.len());
        for group in jobs.chunks(batch) {
            let (rows, real) = (group.iter().collect::<Vec<&Job>>(), group.len());
            let samples = self.denoise_group(&Group { rows, batch }, sampling, steps.clone(), None);
            let samples = samples.map_err(|error| error.of_group(latents.len(), real))?;
            let size = samples.len() / batch;
            latents.extend(samples.chunks_exact(size).take(real).map(<[f32]>::to_vec));
        }
        Ok(latents)
    }

    fn denoise_group(
        &mut self,
        group: &Group<'_>,
        sampling: &Sampling,
        steps: Range<usize>,
        trace: Option<&mut Vec<TraceStep>>,
    ) -> Result<Vec<f32>, DiffusionError> {
        let shape = self.folder.latent_shape(sampling.size)?;
        let scheduler = sampling.scheduler(&self.folder);
        group.denoise(&mut self.denoiser, (sampling, &scheduler), shape, steps, trace)
    }

    /// The image of a final latent of an image of `size` by `size` pixels.
    ///
    /// # Errors
    /// The graph's own, and non-finite output.
    pub fn decode(&mut self, latent: Vec<f32>, size: usize) -> Result<Generated, DiffusionError> {
        let image = self.decoder.decode(&latent, self.folder.latent_shape(size)?)?;
        Ok(Generated { width: image.width, height: image.height, rgb: image.rgb, latent })
    }

    pub(super) fn check(
        &self,
        jobs: &[Job],
        sampling: &Sampling,
        batch: usize,
    ) -> Result<(), DiffusionError> {
        sampling.check(&sampling.scheduler(&self.folder))?;
        if batch == 0 {
            return Err(DiffusionError::setting("batch", "must be at least 1".to_owned()));
        }
        let latent = self.folder.latent_shape(sampling.size)?;
        let values = latent.iter().product::<usize>();
        let scheduler = sampling.scheduler(&self.folder);
        let needs_anchors = sampling.starts_from_anchors(&scheduler, latent[1]);
        let expect = |name, found: usize| {
            let reason = format!("{found} values, but a latent of this size has {values}");
            if found == values { Ok(()) } else { Err(DiffusionError::setting(name, reason)) }
        };
        let shape = |prompt: &PromptEmbedding| {
            let pooled = (prompt.pooled.len(), prompt.mask.len());
            (prompt.tokens, prompt.hidden.len(), pooled)
        };
        for job in jobs {
            expect("noise", job.noise.len())?;
            match job.anchor {
                Some(anchor) if sampling.terms.takes_anchor(latent, anchor.len()) => {}
                Some(anchor) => expect("anchor", anchor.len())?,
                None if needs_anchors => {
                    let reason = "the term start of guidance needs an anchor".to_owned();
                    return Err(DiffusionError::setting("anchor", reason));
                }
                None => {}
            }
            let anchors = job.class.map_or(&[][..], |class| &class.latents);
            if sampling.terms.couples() {
                anchors.iter().try_for_each(|anchor| expect("anchor", anchor.len()))?;
            }
            if shape(job.prompt) != shape(jobs[0].prompt)
                || shape(job.negative) != shape(job.prompt)
            {
                return Err(DiffusionError::setting(
                    "prompt",
                    "embeddings of different shapes".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

/// The settings of a refiner's half: its own noise schedule, no guidance but classifier-free guidance.
fn refiners(sampling: &Sampling) -> Sampling {
    Sampling {
        method: Method::EULER,
        overrides: Overrides::default(),
        gamma: 0.0,
        terms: TermSettings::default(),
        embedded_scale: None,
        ..sampling.clone()
    }
}
