//! Measures discovery on as many classes at once as the stage works on.

use super::measure::ProbeRun;
use super::probe_files::{MeasuredSizes, part_format};
use super::timing::timed;
use crate::discovery::{Matrix, Settings};
use crate::estimate::{Line, Rates};
use crate::pipeline::discover;
use crate::pipeline::encode::device::Encoded;
use crate::pipeline::error::StageError;
use crate::pipeline::latents::{ClassFeatures, reduced};
use crate::store::tables::{ClassRows, Numbers};
use crate::store::{RunDir, Written};

/// Rows of the largest class that is measured whole; larger classes are extrapolated from this size and half of it.
const CLASS_ROWS: usize = 2000;
/// Seconds that discovery is measured for, at least one class.
const DISCOVERING: f64 = 3.0;

impl ProbeRun<'_> {
    /// As many classes at once as the stage works on, of images between those that were encoded. Answers with the
    /// lengths of embedding and index.
    pub(crate) fn discover(
        &self,
        encoded: &[Encoded],
        rates: &mut Rates,
    ) -> Result<(Line, Line), StageError> {
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
    ) -> Result<(f64, Vec<Written>), StageError> {
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
                let start = |class| {
                    let begun = std::thread::Builder::new().spawn_scoped(scope, move || one(class));
                    begun.map_err(|error| StageError::Task(error.to_string()))
                };
                let running: Vec<_> = of.iter().enumerate().map(start).collect::<Result<_, _>>()?;
                let lost = |_| StageError::Task("the discovery probe panicked".into());
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
        let measured_sizes = MeasuredSizes {
            feature_width: encoded.first().map(|e| e.feature.len()).filter(|width| *width > 0),
            ..MeasuredSizes::default()
        };
        let format = part_format(self.context, &measured_sizes)?;
        let from = if format.feature.is_some() { Numbers::Feature } else { Numbers::Latent };
        let values: Vec<f32> = match from {
            Numbers::Feature => encoded.iter().flat_map(|e| e.feature.iter().copied()).collect(),
            Numbers::Latent => encoded.iter().flat_map(|e| e.latent.iter().copied()).collect(),
        };
        let named = |source| StageError::Discovery { class: "of the probe".into(), source };
        let how = self.context.pipeline.discover.features;
        let known = reduced(values, format, from, how).map_err(named)?;
        let width = known.len() / encoded.len().max(1);
        let between = between(&known, width, rows, seed);
        let features = Matrix::new(rows, width, between).map_err(|e| named(e.into()))?;
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
        Ok(ClassFeatures { rows: rows_of, numbers: (0..rows).collect(), features, sparse: None })
    }
}

/// `rows` points between two of `known` each, nearer to the first.
fn between(known: &[f32], width: usize, rows: usize, seed: u64) -> Vec<f32> {
    let points: Vec<&[f32]> = known.chunks_exact(width.max(1)).collect();
    let mut state = seed + 1;
    let mut sample_images = move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let mut values = Vec::with_capacity(rows * width);
    for _ in 0..rows {
        let (a, b) =
            (points[sample_images() % points.len()], points[sample_images() % points.len()]);
        let share = (sample_images() % 1000) as f32 / 2000.0;
        values.extend(a.iter().zip(b).map(|(a, b)| a + share * (b - a)));
    }
    values
}
