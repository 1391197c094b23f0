//! Runs a short piece of each stage, to measure how fast this machine is with this model.

use super::count::Counted;
use super::measure_model::{ProbeImage, SampledImages, sample_images};
use super::pictures::Picture;
use super::probe_files::MeasuredSizes;
use super::timing::{repeated, timed};
use crate::estimate::{Rates, Work};
use crate::imaging;
use crate::onnx::Device;
use crate::pipeline::context::Context;
use crate::pipeline::core_images::decode_resized;
use crate::pipeline::error::StageError;
use crate::pipeline::sources::Source;
use crate::shards::{ReadOptions, ShardIdentity, ShardPlace};
use crate::store::RunDir;
use std::io::Write;
use std::path::Path;

/// Bytes written to measure the disk's speed.
const WRITTEN: usize = 8 << 20;

/// The results of the measurement.
pub(crate) struct Measured {
    pub(crate) rates: Rates,
    pub(crate) measured_sizes: MeasuredSizes,
    /// The peak memory of the encoders, and of the text-to-image model.
    pub(crate) encoder_peak: Option<u64>,
    pub(crate) generator_peak: Option<u64>,
}

/// A measurement of the stages on the run's own data.
pub(crate) struct ProbeRun<'a> {
    pub(crate) context: &'a Context,
    pub(crate) work: &'a Work,
    pub(crate) counted: &'a Counted,
    pub(crate) sources: &'a [Source],
    pub(crate) pictures: &'a [Picture],
    pub(crate) folder: &'a Path,
}

impl ProbeRun<'_> {
    /// Measures each piece.
    ///
    /// # Errors
    /// If the model or a device can't be used, or there is no image to use it on.
    pub(crate) fn measure(&self) -> Result<Measured, StageError> {
        if self.pictures.is_empty() {
            let message = "no image of the data set can be read: nothing can be measured";
            return Err(StageError::Other(message.into()));
        }
        let devices = self.context.runtime()?.1.clone();
        let device = devices.first().copied().unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let workers = self.context.workers();
        let mut rates = Rates {
            devices: devices.len() as f64,
            on_host: device == Device::Cpu,
            workers: workers.min(cores) as f64,
            shards: workers.min(4).min(self.sources.len()) as f64,
            ..Rates::default()
        };
        self.disk(&mut rates)?;
        self.shards(&mut rates)?;
        let (encoder, latents) = self.encoder(device, &mut rates)?;
        self.compact(&mut rates)?;
        let discovered = self.discover(&encoder.encoded, &mut rates)?;
        let SampledImages { pngs, peak } =
            sample_images(self.context, device, &self.wanted(&latents), &mut rates)?;
        let feature_width = encoder.encoded.first().map(|encoded| encoded.feature.len());
        let measured_sizes = MeasuredSizes {
            latents: latents.concat(),
            pngs,
            discovered: Some(discovered),
            feature_width: feature_width.filter(|width| *width > 0),
        };
        Ok(Measured { rates, measured_sizes, encoder_peak: encoder.peak, generator_peak: peak })
    }

    /// Each latent with the prompt of its picture's class.
    fn wanted<'l>(&self, latents: &'l [Vec<f32>]) -> Vec<ProbeImage<'l>> {
        let template = &self.context.pipeline.generate.prompt;
        let prompt = |class: &str| {
            let list = self.context.classes.as_ref();
            let listed = list.and_then(|list| list.classes().get(list.position(class)?));
            listed.map_or_else(|| class.to_owned(), |class| class.prompt_by(template))
        };
        let pictures = self.pictures.iter().cycle();
        let wanted = latents.iter().zip(pictures);
        wanted
            .map(|(anchor, picture)| ProbeImage { anchor, prompt: prompt(&picture.class) })
            .collect()
    }

    /// Small files and large ones.
    fn disk(&self, rates: &mut Rates) -> Result<(), StageError> {
        let run_dir = RunDir::new(self.folder);
        let write = |bytes: &[u8]| run_dir.write("file", bytes).map_err(StageError::from);
        rates.write_file = repeated(0.3, || write(&[7; 2000]).map(drop))?;
        let large = repeated(0.3, || write(&vec![7; WRITTEN]).map(drop))?;
        rates.write_byte = (large - rates.write_file).max(0.0) / WRITTEN as f64;
        Ok(())
    }

    /// Reading and decoding source images.
    fn shards(&self, rates: &mut Rates) -> Result<(), StageError> {
        let (context, pictures) = (self.context, self.pictures);
        let mut at = 0;
        rates.prepare_image = repeated(0.5, || {
            at += 1;
            pictures[at % pictures.len()].prepare(context);
            Ok(())
        })?;
        if let Some((source, row)) = self.sources.first().zip(self.counted.rows.first())
            && let ShardPlace::File(_) | ShardPlace::Images(_) = source.place
            && source.is_seekable()?
        {
            rates.fetch_core = repeated(0.1, || {
                source.open_at(row.offset, ReadOptions::default())?.next();
                Ok(())
            })?;
        } else if let Some(source) = self.sources.first() {
            let (seconds, samples) = timed(|| {
                let extensions = Some(context.pipeline.data.image.clone());
                let options = ReadOptions { extensions, ..ReadOptions::default() };
                Ok(source.open(options)?.take(2000).count())
            })?;
            rates.stream_image = seconds / samples.max(1) as f64;
        }
        // As `assemble` has it: out of a tar, resized, compressed.
        let path = self.folder.join("core.tar");
        let picture = pictures[0].bytes(context).unwrap_or_default();
        write_core(&path, picture)?;
        let part = ShardPlace::File(path);
        let size = context.pipeline.output.size;
        rates.real_core = repeated(0.2, || {
            let mut reader = part.open_at(0, &ShardIdentity::default(), ReadOptions::default())?;
            if let Some(sample) = reader.next().transpose()? {
                let bytes = sample.members.first().map_or(&[][..], |member| &member.bytes);
                imaging::encode_png(&decode_resized(context, bytes, size)?)?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// A tar of one image.
fn write_core(path: &Path, image: &[u8]) -> Result<(), StageError> {
    use crate::shards::{SampleMember, ShardWriter, WriterOptions};
    use crate::store::{AtomicFile, StoreError};
    let mut writer = ShardWriter::new(Vec::new(), WriterOptions::default());
    writer.write_sample("core", &[SampleMember::new("img", image)])?;
    let mut file = AtomicFile::create(path)?;
    file.write_all(&writer.finish()?.0).map_err(StoreError::io("write", path))?;
    file.publish(path)?;
    Ok(())
}
