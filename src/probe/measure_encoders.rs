//! Measures the image encoders.

use super::measure::ProbeRun;
use super::timing::{SLOW, memory_of, repeated, timed};
use crate::estimate::Rates;
use crate::onnx::Device;
use crate::pipeline::anchor::device;
use crate::pipeline::core_images::decode_resized;
use crate::pipeline::encode::device::{Encoded, Encoders};
use crate::pipeline::error::StageError;

/// Seconds that encoding is measured for, at least two groups.
const ENCODING: f64 = 2.0;

/// The encoders' output for the probe images.
#[derive(Default)]
pub(crate) struct EncoderProbe {
    pub(crate) encoded: Vec<Encoded>,
    pub(crate) peak: Option<u64>,
}

impl ProbeRun<'_> {
    /// The image encoders: at their own size, and at that of the images to be.
    pub(crate) fn encoder(
        &self,
        device: Device,
        rates: &mut Rates,
    ) -> Result<(EncoderProbe, Vec<Vec<f32>>), StageError> {
        let context = self.context;
        let batch = context.pipeline.encode.batch;
        let mut probe = EncoderProbe::default();
        let (latents, peak) = memory_of(|| {
            let (seconds, mut encoders) = timed(|| Encoders::load(context, device))?;
            rates.load_encoder = seconds;
            // Ready beforehand, as the stage has them: the device does not wait for decoding.
            let ready: Vec<_> =
                self.pictures.iter().filter_map(|picture| picture.prepare(context)).collect();
            let group = |from: usize| -> Vec<_> {
                ready.iter().cycle().skip(from % ready.len().max(1)).take(batch).cloned().collect()
            };
            // The first run of a graph prepares the others; a slow one has to do.
            let (first, encoded) = timed(|| encoders.encode(group(0)))?;
            probe.encoded.extend(encoded);
            let (mut from, mut seconds, mut groups) = (batch, 0.0, 0);
            let more = |seconds: f64, from: usize| {
                seconds < ENCODING || (seconds < SLOW && from < self.pictures.len())
            };
            while first < SLOW && groups < 200 && more(seconds, from) {
                let images = group(from);
                let (taken, encoded) = timed(|| encoders.encode(images))?;
                (from, seconds, groups) = (from + batch, seconds + taken, groups + 1);
                if probe.encoded.len() < self.pictures.len() {
                    probe.encoded.extend(encoded);
                }
            }
            if groups == 0 {
                (seconds, groups) = (first, 1);
            }
            rates.encode_batch = seconds / f64::from(groups);
            rates.load_encoder += (first - rates.encode_batch).max(0.0);
            if self.work.encoded_again {
                self.anchors(&mut encoders, rates)
            } else {
                Ok(probe.encoded.iter().map(|encoded| encoded.latent.clone()).collect())
            }
        })?;
        probe.peak = peak;
        Ok((probe, latents))
    }

    fn anchors(
        &self,
        encoders: &mut Encoders,
        rates: &mut Rates,
    ) -> Result<Vec<Vec<f32>>, StageError> {
        let pipeline = &self.context.pipeline;
        let (size, ipc) = (self.context.size(), pipeline.discover.ipc);
        let runs = ipc.div_ceil(pipeline.anchor.batch.max(1));
        let each = ipc.div_ceil(runs.max(1)).max(1);
        let pictures = self.pictures.iter().cycle().take(each);
        let mut images = Vec::new();
        let (preparing, ()) = timed(|| {
            for picture in pictures {
                let bytes = picture.bytes(self.context).unwrap_or_default();
                images.push(decode_resized(self.context, bytes, size)?);
            }
            Ok(())
        })?;
        let encode = |encoders: &mut Encoders| {
            device::encode(&mut encoders.first, &images, size, pipeline.anchor.batch)
        };
        let (first, latents) = timed(|| encode(encoders))?;
        let encoding = match first > SLOW {
            true => first,
            false => repeated(0.5, || encode(encoders).map(drop))?,
        };
        rates.anchor_image = (preparing / rates.workers.max(1.0) + encoding) / each as f64;
        Ok(latents.chunks_exact((latents.len() / each).max(1)).map(<[f32]>::to_vec).collect())
    }
}
