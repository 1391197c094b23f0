//! What a run will take, found out before it starts: counted, tried, and if asked measured.

use super::count::{Counted, count, count_encoded};
use super::footprint::footprint;
use super::measure::Bench;
use super::pictures::{Picture, pictures};
use super::probe_files::{Better, Trial, part_format};
use super::probe_folder::TrialFolder;
use crate::engine::RunOptions;
use crate::estimate::{
    Found, Rates, StageForecast, Standing, Times, Totals, Work, recorded, stages, totals, warnings,
};
use crate::imaging;
use crate::onnx::Device;
use crate::pipeline::context::Context;
use crate::pipeline::core_images::decode_original;
use crate::pipeline::encode;
use crate::pipeline::encode::kept;
use crate::pipeline::error::StageError;
use crate::pipeline::sources::{Source, expand};
use crate::pipeline::stages_to_do;
use crate::run::preflight::findings;
use crate::run::standings;
use crate::store::{existing, free_bytes};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Images that files are tried on, and those that the model is measured on.
const TRIED: usize = 16;
const MEASURED: usize = 64;
/// What a run will take.
#[derive(Debug, Serialize)]
pub struct Forecast {
    /// Shards of the pipeline.
    pub shards: usize,
    /// Images that will be encoded.
    pub images: u64,
    /// Images of each class that is distilled.
    pub classes: BTreeMap<String, u64>,
    /// Samples without image or label, and damage; what can't be decoded is not known yet.
    pub bad: u64,
    /// Samples of classes that the list lacks.
    pub strangers: u64,
    /// How the counts were estimated; absent where all was counted.
    pub estimate: Option<String>,
    /// Images to make.
    pub cores: u64,
    /// The devices found.
    pub devices: Vec<String>,
    /// Stage by stage.
    pub stages: Vec<StageForecast>,
    /// All of them.
    pub totals: Totals,
    /// Hours of the cards together, if the devices are cards and the time is known.
    pub gpu_hours: Option<f64>,
    /// Bytes free where the run directory is or will be.
    pub free_bytes: Option<u64>,
    /// What was measured, if it was asked for.
    pub rates: Option<Rates>,
    /// How much there is to do, as the figures above were computed from it.
    #[serde(skip)]
    pub work: Work,
    /// What may stop the run.
    pub warnings: Vec<String>,
    /// How the figures came about, and how to have better ones.
    pub notes: Vec<String>,
}

/// Finds out what a run will take; with `measure`, tries a short piece of each stage for real.
///
/// # Errors
/// If a shard can't be read or, to measure, the model can't be used.
pub async fn forecast(
    context: Arc<Context>,
    options: &RunOptions<'_>,
    measure: bool,
) -> Result<Forecast, StageError> {
    let (standings, refused) = standings(context.clone(), options).await;
    let refused = refused.map(|error| format!("the run would stop: {error}"));
    let place = if measure { existing(context.run_dir.root()) } else { std::env::temp_dir() };
    // Held here, so that it goes also when nobody waits any more.
    let folder = TrialFolder::new(&place)?;
    let path = folder.path().to_owned();
    let task = tokio::task::spawn_blocking(move || {
        estimate(&context, &standings, refused, measure, &path)
    });
    task.await?
}

fn estimate(
    context: &Context,
    standings: &[Standing],
    refused: Option<String>,
    measure: bool,
    folder: &Path,
) -> Result<Forecast, StageError> {
    let sources = expand(&context.pipeline.data)?;
    let run_dir = &context.run_dir;
    let mut counted = count(context, &sources)?;
    let encoded =
        standings.iter().any(|s| s.stage == encode::INFO.name && s.done == s.units && s.stale == 0);
    if encoded {
        count_encoded(run_dir, &run_dir.receipts(encode::INFO.name)?, &mut counted)?;
    }
    let work = work(context, &counted)?;
    let pictures = pictures(context, &sources, if measure { MEASURED } else { TRIED })?;
    let parts = (&counted, &sources[..], &pictures[..]);
    let measured = measure.then(|| bench(context, &work, parts, folder).measure()).transpose()?;
    let none = Better::default();
    let better = measured.as_ref().map_or(&none, |measured| &measured.better);
    let (real, shapes) = real_images(context, &pictures);
    let trial = Trial {
        context,
        work: &work,
        counted: &counted,
        real: &real,
        sizes: &shapes,
        better,
        folder,
    };
    let sizes = trial.sizes()?;
    let footprint = footprint(context, &shapes, measured.as_ref(), better)?;

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
    let stages = stages(&declared, &work, &sizes, &footprint, standings, &times);
    let totals = totals(&declared, &stages, &work, &sizes, times.devices);
    let free = free_bytes(run_dir.root());
    let found = found(context, &counted, totals.bytes_left, free);
    let mut said = warnings(&found);
    // What the classes lack is said above already, with all of them.
    said.extend(refused.filter(|_| said.is_empty()));
    said.extend(findings(context));
    said.extend(context.pipeline.unused.iter().cloned());
    said.extend(no_devices.map(|error| format!("no model can be run: {error}")));
    let cards = !devices.is_empty() && devices.iter().all(|device| *device != Device::Cpu);
    Ok(Forecast {
        shards: sources.len(),
        images: work.images(),
        classes: found.classes.iter().cloned().collect(),
        bad: counted.bad,
        strangers: counted.strangers,
        cores: work.cores(),
        devices: devices.iter().map(ToString::to_string).collect(),
        gpu_hours: totals.device_hours.filter(|_| cards),
        free_bytes: free,
        warnings: said,
        notes: notes(context, &counted, measure, &stages),
        estimate: counted.estimate,
        work,
        stages,
        totals,
        rates,
    })
}

fn bench<'a>(
    context: &'a Context,
    work: &'a Work,
    (counted, sources, pictures): (&'a Counted, &'a [Source], &'a [Picture]),
    folder: &'a Path,
) -> Bench<'a> {
    Bench { context, work, counted, sources, pictures, folder }
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
    let shape = |size| context.model.latent_shape(size);
    Ok(Work {
        shards: counted.shards.clone(),
        row_bytes: part_format(context, &Better::default())?.bytes() as u64,
        streamed: counted.streamed,
        classes: classes(context, counted).into_iter().map(|(_, images)| images).collect(),
        ipc: pipeline.discover.ipc as u64,
        encode_batch: pipeline.encode.batch as u64,
        anchor_batch: pipeline.anchor.batch as u64,
        encoded_again: kept(shape(pipeline.encode.size)?, pipeline.kept())
            != shape(context.size())?
            || pipeline.encode.size != context.size(),
        generate_batch: pipeline.generate.batch as u64,
        steps: pipeline.generate.steps as u64,
        samples_per_tar: pipeline.output.samples_per_shard as u64,
        purity: pipeline.discover.min_label_purity > 0.0,
    })
}

/// The pictures as PNGs of the sets, and their own sizes.
fn real_images(context: &Context, pictures: &[Picture]) -> (Vec<Vec<u8>>, Vec<(u32, u32)>) {
    let size = context.pipeline.output.size;
    let pngs = pictures.iter().take(TRIED).filter_map(|picture| {
        let image = decode_original(context, picture.bytes(context)?, size).ok()?;
        imaging::encode_png(&image).ok()
    });
    let shapes = pictures.iter().filter_map(|picture| {
        let row = picture.prepare(context)?.row;
        Some((row.width, row.height))
    });
    (pngs.collect(), shapes.collect())
}

fn found(context: &Context, counted: &Counted, bytes: u64, free: Option<u64>) -> Found {
    let data = &context.pipeline.data;
    let strangers = if data.skip_others { 0 } else { counted.strangers };
    let bad = counted.bad + strangers;
    Found {
        classes: classes(context, counted),
        ipc: context.pipeline.discover.ipc as u64,
        allow_fewer: context.pipeline.discover.allow_fewer,
        estimated: counted.estimate.is_some(),
        strangers,
        bad: counted.bad,
        allowed: data.max_bad.allowed(bad + counted.images()),
        bytes,
        free,
    }
}

fn notes(
    context: &Context,
    counted: &Counted,
    measured: bool,
    stages: &[StageForecast],
) -> Vec<String> {
    let mut notes: Vec<String> = counted.estimate.clone().into_iter().collect();
    if !measured {
        notes.push(
            "PNGs are taken to be as long as source images at the sets' size; memory is that of \
             weights and buffers, without what a model needs while it runs"
                .into(),
        );
    }
    if !measured && context.pipeline.features.model.is_some() {
        notes.push("a feature is taken to have 768 values".into());
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
                "no time is known of {unknown}: --measure tries a short piece of each for real, and what a run has done \
                 tells of the rest"
            ),
        });
    }
    notes
}
