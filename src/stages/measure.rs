//! A short piece of each stage for real, to learn how fast this machine is with this model.

use super::anchor_device;
use super::context::Context;
use super::count::{Counted, Picture};
use super::discover;
use super::encode_device::{Encoded, Encoders};
use super::error::StageError;
use super::latents::{ClassFeatures, reduced};
use super::measure_model::{Drawn, Wanted, draw};
use super::originals::decode_original;
use super::sources::Source;
use super::stopwatch::{memory_of, repeated, timed};
use super::trial_files::{Better, part_format};
use crate::discovery::{Matrix, Settings};
use crate::forecast::{Line, Rates, Work};
use crate::imaging;
use crate::onnx::Device;
use crate::shards::{ReadOptions, ShardIdentity, ShardPlace};
use crate::store::RunDir;
use crate::store::tables::{ClassRows, Numbers};
use std::io::Write;
use std::path::Path;

/// Rows of the largest class that is tried whole; a larger one is told from this and half of it.
const CLASS_ROWS: usize = 2000;
/// Seconds that encoding is tried for, if two groups take no longer.
const ENCODING: f64 = 2.0;
/// Seconds after which a piece of work is not done again to know it better.
pub(super) const SLOW: f64 = 10.0;
/// Seconds that discovery is tried for, if one class takes no longer.
const DISCOVERING: f64 = 3.0;
/// Bytes that are written to see how fast the disk is.
const WRITTEN: usize = 8 << 20;

/// What was learnt.
pub(super) struct Measured {
    pub(super) rates: Rates,
    pub(super) better: Better,
    /// The most memory that the encoders and the text-to-image model held.
    pub(super) encoder_peak: Option<u64>,
    pub(super) generator_peak: Option<u64>,
}

/// What is measured, and on what.
pub(super) struct Bench<'a> {
    pub(super) context: &'a Context,
    pub(super) work: &'a Work,
    pub(super) counted: &'a Counted,
    pub(super) sources: &'a [Source],
    pub(super) pictures: &'a [Picture],
    pub(super) folder: &'a Path,
}

impl Bench<'_> {
    /// Measures each piece.
    ///
    /// # Errors
    /// If the model or a device can't be used, or there is no image to use it on.
    pub(super) fn measure(&self) -> Result<Measured, StageError> {
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
        let discovered = self.discover(&encoder.encoded, &mut rates)?;
        let Drawn { pngs, peak } = draw(self.context, device, &self.wanted(&latents), &mut rates)?;
        let feature_width = encoder.encoded.first().map(|encoded| encoded.feature.len());
        let better = Better {
            latents: latents.concat(),
            pngs,
            discovered: Some(discovered),
            feature_width: feature_width.filter(|width| *width > 0),
        };
        Ok(Measured { rates, better, encoder_peak: encoder.peak, generator_peak: peak })
    }

    /// Each latent with the prompt of its picture's class.
    fn wanted<'l>(&self, latents: &'l [Vec<f32>]) -> Vec<Wanted<'l>> {
        let template = &self.context.pipeline.generate.prompt;
        let prompt = |class: &str| {
            let list = self.context.classes.as_ref();
            let listed = list.and_then(|list| list.classes().get(list.position(class)?));
            listed.map_or_else(|| class.to_owned(), |class| class.prompt_by(template))
        };
        let pictures = self.pictures.iter().cycle();
        let wanted = latents.iter().zip(pictures);
        wanted.map(|(anchor, picture)| Wanted { anchor, prompt: prompt(&picture.class) }).collect()
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
            && let ShardPlace::File(_) = source.place
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
                imaging::encode_png(&decode_original(context, bytes, size)?)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// The image encoders: at their own size, and at that of the images to be.
    fn encoder(
        &self,
        device: Device,
        rates: &mut Rates,
    ) -> Result<(Tried, Vec<Vec<f32>>), StageError> {
        let context = self.context;
        let batch = context.pipeline.encode.batch;
        let mut tried = Tried::default();
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
            tried.encoded.extend(encoded);
            let (mut from, mut seconds, mut groups) = (batch, 0.0, 0);
            let more = |seconds: f64, from: usize| {
                seconds < ENCODING || (seconds < SLOW && from < self.pictures.len())
            };
            while first < SLOW && groups < 200 && more(seconds, from) {
                let images = group(from);
                let (taken, encoded) = timed(|| encoders.encode(images))?;
                (from, seconds, groups) = (from + batch, seconds + taken, groups + 1);
                if tried.encoded.len() < self.pictures.len() {
                    tried.encoded.extend(encoded);
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
                Ok(tried.encoded.iter().map(|encoded| encoded.latent.clone()).collect())
            }
        })?;
        tried.peak = peak;
        Ok((tried, latents))
    }

    fn anchors(
        &self,
        encoders: &mut Encoders,
        rates: &mut Rates,
    ) -> Result<Vec<Vec<f32>>, StageError> {
        let pipeline = &self.context.pipeline;
        let (size, ipc) = (pipeline.generate.size, pipeline.discover.ipc);
        let runs = ipc.div_ceil(pipeline.anchor.batch.max(1));
        let each = ipc.div_ceil(runs.max(1)).max(1);
        let pictures = self.pictures.iter().cycle().take(each);
        let mut images = Vec::new();
        let (preparing, ()) = timed(|| {
            for picture in pictures {
                let bytes = picture.bytes(self.context).unwrap_or_default();
                images.push(decode_original(self.context, bytes, size)?);
            }
            Ok(())
        })?;
        let encode = |encoders: &mut Encoders| {
            anchor_device::encode(&mut encoders.first, &images, size, pipeline.anchor.batch)
        };
        let (first, latents) = timed(|| encode(encoders))?;
        let encoding = match first > SLOW {
            true => first,
            false => repeated(0.5, || encode(encoders).map(drop))?,
        };
        rates.anchor_image = (preparing / rates.workers.max(1.0) + encoding) / each as f64;
        Ok(latents.chunks_exact((latents.len() / each).max(1)).map(<[f32]>::to_vec).collect())
    }

    /// As many classes at once as the stage works on, of images between those that were encoded. Answers with the
    /// lengths of embedding and index.
    fn discover(&self, encoded: &[Encoded], rates: &mut Rates) -> Result<(Line, Line), StageError> {
        let classes = self.work.classes.len().max(1);
        let images = (self.work.classes.iter().sum::<u64>() as usize / classes).max(2);
        let rows = images.min(CLASS_ROWS);
        let at_once = self.context.workers().min(2).min(classes);
        let (mut seconds, written) = self.discover_at_once(encoded, rows, at_once)?;
        // Short ones a few times more, for what else the machine does meanwhile.
        let times = ((DISCOVERING / seconds.max(1e-6)) as u64).min(5);
        for _ in 0..times {
            seconds += self.discover_at_once(encoded, rows, at_once)?.0;
        }
        seconds /= (times + 1) as f64;
        if images > rows {
            let (half, _) = self.discover_at_once(encoded, rows / 2, at_once)?;
            let power = (seconds / half.max(1e-6)).log2().clamp(1.0, 2.0);
            seconds *= (images as f64 / rows as f64).powf(power);
        }
        rates.discover_class = seconds / at_once as f64;
        let length = |name: &str| {
            let of = written.iter().filter(|file| file.file.contains(name)).map(|file| file.bytes);
            Line { fixed: 0.0, each: of.sum::<u64>() as f64 / rows as f64 }
        };
        Ok((length("embedding"), length("index")))
    }

    fn discover_at_once(
        &self,
        encoded: &[Encoded],
        rows: usize,
        at_once: usize,
    ) -> Result<(f64, Vec<crate::store::Written>), StageError> {
        let of: Vec<ClassFeatures> = (0..at_once)
            .map(|class| self.class(encoded, rows, class as u64))
            .collect::<Result<_, _>>()?;
        let ipc = self.context.pipeline.discover.ipc.min(rows);
        let settings: Settings = discover::settings(self.context, ipc);
        let run_dir = RunDir::new(self.folder);
        let one = |(number, images): (usize, &ClassFeatures)| {
            discover::find(&run_dir, &format!("class{number}"), images, &settings)
                .map(|(_, written)| written)
        };
        let (seconds, mut written) = timed(|| {
            std::thread::scope(|scope| {
                let running: Vec<_> =
                    of.iter().enumerate().map(|class| scope.spawn(move || one(class))).collect();
                let lost = |_| StageError::Task("a trial of discovery panicked".into());
                running
                    .into_iter()
                    .map(|thread| thread.join().map_err(lost)?)
                    .collect::<Result<Vec<_>, StageError>>()
            })
        })?;
        Ok((seconds, written.pop().unwrap_or_default()))
    }

    /// A class of images that lie between those that were encoded.
    fn class(
        &self,
        encoded: &[Encoded],
        rows: usize,
        seed: u64,
    ) -> Result<ClassFeatures, StageError> {
        let better = Better {
            feature_width: encoded.first().map(|e| e.feature.len()).filter(|width| *width > 0),
            ..Better::default()
        };
        let format = part_format(self.context, &better)?;
        let from = if format.feature.is_some() { Numbers::Feature } else { Numbers::Latent };
        let values: Vec<f32> = match from {
            Numbers::Feature => encoded.iter().flat_map(|e| e.feature.iter().copied()).collect(),
            Numbers::Latent => encoded.iter().flat_map(|e| e.latent.iter().copied()).collect(),
        };
        let named = |source| StageError::Discovery { class: "of the trial".into(), source };
        let how = self.context.pipeline.discover.features;
        let known = reduced(values, format, from, how).map_err(named)?;
        let width = known.len() / encoded.len().max(1);
        let between = between(&known, width, rows, seed);
        let features = Matrix::new(rows, width, between).map_err(named)?;
        let key = |i: usize| {
            let known = &self.counted.rows;
            known.get(i % known.len().max(1)).map_or_else(|| i.to_string(), |row| row.key.clone())
        };
        let rows_of = ClassRows {
            keys: (0..rows).map(key).collect(),
            shards: vec!["shard".into(); rows],
            offsets: (0..rows as u64).map(|i| 4096 * i).collect(),
            values: Vec::new(),
        };
        Ok(ClassFeatures { rows: rows_of, numbers: (0..rows).collect(), features })
    }
}

/// What the encoders made of the pictures.
#[derive(Default)]
struct Tried {
    encoded: Vec<Encoded>,
    peak: Option<u64>,
}

/// `rows` points between two of `known` each, nearer to the first.
fn between(known: &[f32], width: usize, rows: usize, seed: u64) -> Vec<f32> {
    let points: Vec<&[f32]> = known.chunks_exact(width.max(1)).collect();
    let mut state = seed + 1;
    let mut draw = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let mut values = Vec::with_capacity(rows * width);
    for _ in 0..rows {
        let (a, b) = (points[draw() % points.len()], points[draw() % points.len()]);
        let share = (draw() % 1000) as f32 / 2000.0;
        values.extend(a.iter().zip(b).map(|(a, b)| a + share * (b - a)));
    }
    values
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
