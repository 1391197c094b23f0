//! What a run takes, estimated before its start: by counting, by probe files, and with `--measure` by short runs.

use super::count::{Counted, count, count_encoded};
use super::footprint::footprint;
use super::measure::ProbeRun;
use super::pictures::{Picture, pictures};
use super::probe_files::{MeasuredSizes, SizeProbe, part_format};
use super::probe_folder::ProbeFolder;
use crate::engine::RunOptions;
use crate::estimate::{
    Rates, RunFacts, StageForecast, StageStatus, Times, Totals, Work, recorded, stages, totals,
    warnings,
};
use crate::imaging;
use crate::models::StepsRun;
use crate::onnx::Device;
use crate::pipeline::anchor::resolution::encoded_again;
use crate::pipeline::class_names::{class_names, sentence};
use crate::pipeline::context::Context;
use crate::pipeline::core_images::decode_resized;
use crate::pipeline::encode;
use crate::pipeline::encode::kept;
use crate::pipeline::error::StageError;
use crate::pipeline::generate::device::steps_run;
use crate::pipeline::mix;
use crate::pipeline::sources::{Source, expand};
use crate::pipeline::stages_to_do;
use crate::run::preflight::findings;
use crate::run::statuses;
use crate::store::{existing, free_bytes};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Images that probe files are written of.
const PROBED: usize = 16;
/// Images that the model is measured on.
const MEASURED: usize = 64;

/// The estimate of a run.
#[derive(Debug, Serialize)]
pub struct Forecast {
    /// Shards of the pipeline.
    pub shards: usize,
    /// Images that will be encoded.
    pub images: u64,
    /// Images of each class that is distilled.
    pub classes: BTreeMap<String, u64>,
    /// Samples without image or label, and damaged ones; undecodable images are not known yet.
    pub bad: u64,
    /// Samples of classes that the list lacks.
    #[serde(rename = "strangers")]
    pub unlisted_classes: u64,
    /// How the counts were estimated; absent where all was counted.
    pub estimate: Option<String>,
    /// Images to make.
    pub cores: u64,
    /// Steps and rows of the denoiser for an image.
    pub denoiser: StepsRun,
    /// The devices found.
    pub devices: Vec<String>,
    /// Stage by stage.
    pub stages: Vec<StageForecast>,
    /// All of them.
    pub totals: Totals,
    /// Hours of the cards together, if the devices are cards and the time is known.
    pub gpu_hours: Option<f64>,
    /// Free bytes at the run directory.
    pub free_bytes: Option<u64>,
    /// The measured rates, with `--measure`.
    pub rates: Option<Rates>,
    /// The amount of work that the figures are computed from.
    #[serde(skip)]
    pub work: Work,
    /// What may stop the run.
    pub warnings: Vec<String>,
    /// How the figures were estimated, and how to get measured_sizes ones.
    pub notes: Vec<String>,
}

/// Estimates a run; with `measure`, runs a short piece of each stage.
///
/// # Errors
/// If a shard can't be read or, to measure, the model can't be used.
pub async fn forecast(
    context: Arc<Context>,
    options: &RunOptions<'_>,
    measure: bool,
) -> Result<Forecast, StageError> {
    let (statuses, refused) = statuses(context.clone(), options).await;
    let refused = refused.map(|error| format!("the run would stop: {error}"));
    let place = if measure { existing(context.run_dir.root()) } else { std::env::temp_dir() };
    // Held here, so that the folder is removed also when this future is dropped.
    let folder = ProbeFolder::new(&place)?;
    let path = folder.path().to_owned();
    let task =
        tokio::task::spawn_blocking(move || estimate(&context, &statuses, refused, measure, &path));
    task.await?
}

fn estimate(
    context: &Context,
    statuses: &[StageStatus],
    refused: Option<String>,
    measure: bool,
    folder: &Path,
) -> Result<Forecast, StageError> {
    let sources = expand(&context.pipeline.data)?;
    let names = class_names(context, &sources)?;
    let run_dir = &context.run_dir;
    let mut counted = count(context, &sources)?;
    let encoded =
        statuses.iter().any(|s| s.stage == encode::INFO.name && s.done == s.units && s.stale == 0);
    if encoded {
        count_encoded(run_dir, &run_dir.receipts(encode::INFO.name)?, &mut counted)?;
    }
    let work = work(context, &counted)?;
    let pictures = pictures(context, &sources, if measure { MEASURED } else { PROBED })?;
    let parts = (&counted, &sources[..], &pictures[..]);
    let measured =
        measure.then(|| probe_run(context, &work, parts, folder).measure()).transpose()?;
    let none = MeasuredSizes::default();
    let measured_sizes = measured.as_ref().map_or(&none, |measured| &measured.measured_sizes);
    let (real, shapes) = real_images(context, &pictures);
    let probe = SizeProbe {
        context,
        work: &work,
        counted: &counted,
        real: &real,
        sizes: &shapes,
        measured_sizes,
        folder,
    };
    let sizes = probe.sizes()?;
    let footprint = footprint(context, &shapes, measured.as_ref(), measured_sizes)?;

    let (devices, no_devices) = match context.runtime() {
        Ok((_, devices)) => (devices.clone(), None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let events = run_dir.logs().concat();
    let rates = measured.map(|measured| measured.rates);
    let times = Times {
        rates: rates.clone(),
        recorded: recorded(&events),
        devices: devices.len().max(1) as f64,
    };
    let declared = stages_to_do();
    let stages = stages(&declared, &work, &sizes, &footprint, statuses, &times);
    let totals = totals(&declared, &stages, &work, &sizes, times.devices);
    let free = free_bytes(run_dir.root());
    let found = found(context, &counted, totals.bytes_left, free);
    let mut warnings = warnings(&found);
    // The refusal repeats what the warnings above say of the classes.
    warnings.extend(refused.filter(|_| warnings.is_empty()));
    warnings.extend(findings(context));
    warnings.extend(context.pipeline.unused.iter().cloned());
    warnings.extend(no_devices.map(|error| format!("no model can be run: {error}")));
    let named: Vec<String> = names.iter().map(|names| sentence(names)).collect();
    let cards = !devices.is_empty() && devices.iter().all(|device| *device != Device::Cpu);
    Ok(Forecast {
        shards: sources.len(),
        images: work.images(),
        classes: found.classes.iter().cloned().collect(),
        bad: counted.bad,
        unlisted_classes: counted.unlisted_classes,
        cores: work.cores(),
        denoiser: steps_run(context)?,
        devices: devices.iter().map(ToString::to_string).collect(),
        gpu_hours: totals.device_hours.filter(|_| cards),
        free_bytes: free,
        warnings,
        notes: [notes(context, (&counted, &work), measure, &stages), named].concat(),
        estimate: counted.estimate,
        work,
        stages,
        totals,
        rates,
    })
}

fn probe_run<'a>(
    context: &'a Context,
    work: &'a Work,
    (counted, sources, pictures): (&'a Counted, &'a [Source], &'a [Picture]),
    folder: &'a Path,
) -> ProbeRun<'a> {
    ProbeRun { context, work, counted, sources, pictures, folder }
}

/// The classes that are distilled and their images, in order.
fn classes(context: &Context, counted: &Counted) -> Vec<(String, u64)> {
    let images = |key: &String| counted.classes.get(key).copied().unwrap_or(0);
    match &context.classes {
        Some(list) => list.classes().iter().map(|c| (c.key.clone(), images(&c.key))).collect(),
        None => counted.classes.clone().into_iter().collect(),
    }
}

fn work(context: &Context, counted: &Counted) -> Result<Work, StageError> {
    let pipeline = &context.pipeline;
    let steps = steps_run(context)?;
    Ok(Work {
        shards: counted.shards.clone(),
        row_bytes: part_format(context, &MeasuredSizes::default())?.bytes() as u64,
        streamed: counted.streamed,
        classes: classes(context, counted).into_iter().map(|(_, images)| images).collect(),
        ipc: pipeline.discover.ipc as u64,
        encode_batch: pipeline.encode.batch as u64,
        anchor_batch: pipeline.anchor.batch as u64,
        encoded_again: encoded_again(
            context,
            kept(context.model.latent_shape(pipeline.encode.size)?, pipeline.kept()),
        )?,
        members: pipeline.anchor.group_members().map(|most| most as u64),
        mixed: mix::is_on(context),
        generate_batch: pipeline.generate.batch as u64,
        batches_by_class: pipeline.guidance.terms.couples(),
        steps: steps.steps as u64,
        unguided_steps: steps.unguided as u64,
        samples_per_tar: pipeline.output.samples_per_shard as u64,
        purity: pipeline.discover.compares_classes(),
    })
}

/// The pictures as PNGs of the sets, and their own sizes.
fn real_images(context: &Context, pictures: &[Picture]) -> (Vec<Vec<u8>>, Vec<(u32, u32)>) {
    let size = context.pipeline.output.size;
    let pngs = pictures.iter().take(PROBED).filter_map(|picture| {
        let image = decode_resized(context, picture.bytes(context)?, size).ok()?;
        imaging::encode_png(&image).ok()
    });
    let shapes = pictures.iter().filter_map(|picture| {
        let row = picture.prepare(context)?.row;
        Some((row.width, row.height))
    });
    (pngs.collect(), shapes.collect())
}

fn found(context: &Context, counted: &Counted, bytes: u64, free: Option<u64>) -> RunFacts {
    let data = &context.pipeline.data;
    let unlisted_classes = if data.skip_others { 0 } else { counted.unlisted_classes };
    let bad = counted.bad + unlisted_classes;
    RunFacts {
        classes: classes(context, counted),
        ipc: context.pipeline.discover.ipc as u64,
        allow_fewer: context.pipeline.discover.allow_fewer,
        estimated: counted.estimate.is_some(),
        unlisted_classes,
        bad: counted.bad,
        allowed: data.max_bad.allowed(bad + counted.images()),
        bytes,
        free,
    }
}

fn notes(
    context: &Context,
    (counted, work): (&Counted, &Work),
    measured: bool,
    stages: &[StageForecast],
) -> Vec<String> {
    let mut notes: Vec<String> = counted.estimate.clone().into_iter().collect();
    if work.encoded_again && work.members.is_some() {
        notes.push(format!(
            "anchors are made of up to {} images, which are fetched and encoded again at {} pixels: [anchor] members",
            work.fetched(),
            context.size()
        ));
    }
    if !measured {
        notes.push(
            "PNGs are assumed to be as large as source images at the sets' size; memory is that of \
             weights and buffers, without the model's working memory"
                .into(),
        );
    }
    if !measured && context.pipeline.features.model.is_some() {
        notes.push("features are assumed to have 768 values".into());
    }
    if stages.iter().any(|stage| stage.seconds.is_none()) {
        let unknown: Vec<&str> = stages
            .iter()
            .filter(|stage| stage.seconds.is_none())
            .map(|stage| stage.stage)
            .collect();
        let unknown = unknown.join(", ");
        notes.push(match measured {
            true => format!("the time of {unknown} is not measured"),
            false => format!(
                "the time of {unknown} is unknown: --measure runs a short piece of each stage, and finished units of a run are \
                 used too"
            ),
        });
    }
    notes
}
