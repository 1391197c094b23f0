//! `encode`: each shard's images to latents, one Parquet part a shard.
//!
//! reader thread → bounded channel → decode and resize on all workers, in order → fixed groups → device thread →
//! writer thread → part.
//! A group is the next `batch` good images of the shard, whatever the number of workers: a resumed run computes the
//! very same groups.

mod check;
mod cost;
pub(crate) mod device;
pub(crate) mod inputs;
pub(crate) mod part;
mod pool;
pub(crate) mod read;

use super::context::Context;
use super::error::StageError;
use super::info::{ModelUse, StageInfo};
use super::model::encoder_digest;
use super::quarantine::{ShardFaults, bad_samples, failed_shards, too_many_bad};
use super::sources::Source;
use super::stage::RunStage;
use super::state::{Receipts, RunState};
use crate::config::Features;
use crate::engine::FlowError;
use crate::engine::{Done, Fingerprint, Input, Scope, Stage};
use crate::slurm;
use crate::store::SampleFault;
use crate::store::tables::QuarantineRow;
use crate::store::tables::{LatentFormat, LatentType, PartFormat};
use device::Encoded;
use futures::StreamExt;
use inputs::{class_input, feature_input, fingerprint};
use part::PartWriter;
use pool::{Pool, start_pool};
use read::{BadSample, Item, Prepared, read_shard};
use serde_json::Value;
use serde_json::json;
use std::sync::{Arc, OnceLock};
use tokio::sync::{OnceCell, mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// The stage.
pub struct Encode {
    context: Arc<Context>,
    sources: Vec<Source>,
    model: String,
    /// The allowed classes of samples.
    classes: Input,
    /// The settings and file digest of the second encoder, if there is one.
    features: Option<Value>,
    parts_folder: PartsFolder,
    pool: OnceCell<Pool>,
    /// The width of a feature; set when the pool has started.
    feature_width: Arc<OnceLock<Option<usize>>>,
}

/// The folder of the parts and their content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartsFolder {
    /// The folder, which is also the stage's name.
    pub(crate) folder: &'static str,
    /// Whether parts hold only the second encoder's features in place of latents, without running the model's encoder.
    pub(crate) features_alone: bool,
}

/// The parts of a run.
const RUN: PartsFolder = PartsFolder { folder: INFO.name, features_alone: false };

/// One shard, with its place in the list.
pub struct ShardUnit {
    pub(crate) number: usize,
    pub(crate) source: Source,
}

impl Encode {
    pub(crate) fn new(context: Arc<Context>, sources: Vec<Source>) -> Result<Self, StageError> {
        Self::at(RUN, context, sources)
    }

    /// Encodes other shards into another folder.
    pub(crate) fn at(
        parts_folder: PartsFolder,
        context: Arc<Context>,
        sources: Vec<Source>,
    ) -> Result<Self, StageError> {
        let model = encoder_digest(&context.model.paths)?;
        let features = feature_input(&context)?;
        let (pool, feature_width) = (OnceCell::new(), Arc::default());
        let classes = class_input(&context);
        Ok(Self { context, sources, model, classes, features, parts_folder, pool, feature_width })
    }

    /// The format of a part under these settings; known when the pool has started.
    fn format(&self) -> Result<PartFormat, StageError> {
        let encode = &self.context.pipeline.encode;
        let shape =
            kept(self.context.model.latent_shape(encode.size)?, self.context.pipeline.kept());
        let feature = self.feature_width.get().copied().flatten();
        if let (true, Some(width)) = (self.parts_folder.features_alone, feature) {
            let latent = LatentFormat { dtype: LatentType::F32, shape: [1, 1, width] };
            return Ok(PartFormat { latent, feature: None });
        }
        Ok(PartFormat { latent: LatentFormat { dtype: encode.dtype, shape }, feature })
    }

    async fn pool(&self) -> Result<&Pool, StageError> {
        let (context, width, alone) =
            (&self.context, &self.feature_width, self.parts_folder.features_alone);
        self.pool.get_or_try_init(|| start_pool(context, width, alone)).await
    }
}

/// The shape of what is kept of a latent.
pub(crate) fn kept([channels, height, width]: [usize; 3], keep: Features) -> [usize; 3] {
    match keep {
        Features::Latent => [channels, height, width],
        Features::Grid(cells) => [channels, height.min(cells), width.min(cells)],
    }
}

/// What the stage declares.
pub(crate) static INFO: StageInfo = StageInfo {
    name: "encode",
    unit: "shard",
    folders: &[],
    views: &[],
    model: ModelUse::Encoder,
    optional: false,
    leaves_out: true,
    job: &slurm::ENCODE,
    check: check::check,
    cost: &cost::COST,
};

impl RunStage for Encode {
    const INFO: &'static StageInfo = &INFO;

    fn open(run: &mut RunState<'_>) -> Result<Self, StageError> {
        let sources = run.sources()?;
        Self::new(run.context.clone(), sources)
    }

    /// Fails the run if more samples are bad than the user allows.
    fn finish(&self, run: &mut RunState<'_>, receipts: &Receipts) -> Result<(), StageError> {
        if run.dry {
            return Ok(());
        }
        run.quarantine(Vec::new());
        let data = &self.context.pipeline.data;
        let (faults, lost) = bad_samples(receipts.values(), data.max_bad_shards)?;
        let bad = faults.len() as u64;
        let seen = bad + receipts.values().map(|r| r.samples).sum::<u64>();
        run.options.events.record("quarantine", json!({"bad": bad, "seen": seen}));
        let allowed = data.max_bad.allowed(seen);
        if bad > allowed {
            return Err(too_many_bad(&faults, seen, allowed));
        }
        (run.findings.faults, run.findings.lost_shards) = (faults, lost);
        Ok(())
    }

    fn failed(&self, error: &FlowError<StageError>) -> Vec<QuarantineRow> {
        failed_shards(INFO.name, error)
    }
}

impl Stage for Encode {
    type Unit = ShardUnit;
    type Error = StageError;

    fn name(&self) -> &'static str {
        self.parts_folder.folder
    }

    fn units(&self) -> Result<Vec<ShardUnit>, StageError> {
        let numbered = self.sources.iter().cloned().enumerate();
        Ok(numbered.map(|(number, source)| ShardUnit { number, source }).collect())
    }

    fn unit_name(&self, unit: &ShardUnit) -> String {
        format!("part-{:06}", unit.number)
    }

    fn describe(&self, unit: &ShardUnit) -> String {
        unit.source.name.clone()
    }

    fn fingerprint(&self, unit: &ShardUnit) -> Result<Fingerprint, StageError> {
        let (context, parts_folder, source) = (&self.context, self.parts_folder, &unit.source);
        Ok(fingerprint(
            context,
            parts_folder,
            source,
            (&self.model, &self.classes, self.features.as_ref()),
        ))
    }

    fn cost(&self, unit: &ShardUnit) -> u64 {
        unit.source.identity.bytes.unwrap_or(1)
    }

    fn concurrency(&self) -> usize {
        // A few shards at once keep the device fed over a shard's end; more would only take memory.
        self.context.workers().min(4)
    }

    async fn process(&self, unit: &ShardUnit, scope: &Scope) -> Result<Done, StageError> {
        let pool = self.pool().await?;
        let (context, workers) = (&self.context, self.context.workers());
        let compress = context.pipeline.encode.compress;
        let (sender, receiver) = mpsc::channel(workers);
        let reader = {
            let (context, source) = (context.clone(), unit.source.clone());
            tokio::task::spawn_blocking(move || read_shard(&context, &source, &sender))
        };
        let faults = ShardFaults::new(context.pipeline.data.max_consecutive_bad);
        let mut encoded = ReceiverStream::new(receiver)
            .map(|item| item.prepare(context))
            .buffered(workers)
            .filter_map(|item| std::future::ready(self.keep(item, &unit.source, &faults)))
            .chunks(context.pipeline.encode.batch)
            .map(|group| async {
                pool.run(group.into_iter().collect::<Result<Vec<_>, _>>()?).await
            })
            .buffered(2);
        let (place, format) = ((self.parts_folder.folder, unit.number), (self.format()?, compress));
        let (groups, made) = mpsc::channel(1);
        let writer = {
            let scope = scope.clone();
            tokio::task::spawn_blocking(move || collect(scope, place, format, made))
        };
        while let Some(group) = encoded.next().await {
            scope.check()?;
            let group: Vec<Encoded> = group?;
            let count = group.len() as u64;
            if groups.send(group).await.is_err() {
                // The writer has failed, and says why below.
                break;
            }
            scope.tick(count);
        }
        drop((encoded, groups));
        let part = writer.await??;
        reader.await??;
        let (samples, source) = (part.len() as u64, unit.source.name.clone());
        let order = context.classes.clone();
        let finish = tokio::task::spawn_blocking(move || part.finish(&source, order.as_ref()));
        let contents = finish.await??;
        Ok(Done { samples, faults: faults.take(), contents, ..Done::default() })
    }
}

/// Keeps what is encoded until no more comes: files are written on a thread of their own.
fn collect(
    scope: Scope,
    place: (&str, usize),
    format: (PartFormat, bool),
    mut made: mpsc::Receiver<Vec<Encoded>>,
) -> Result<PartWriter, StageError> {
    let mut part = PartWriter::create(scope, place, format)?;
    while let Some(group) = made.blocking_recv() {
        for Encoded { image, latent, feature } in group {
            part.push(image.row, &latent, &feature)?;
        }
    }
    Ok(part)
}

impl Encode {
    /// A good image goes on; a fault is kept for the receipt.
    fn keep(
        &self,
        item: Result<Item, StageError>,
        source: &Source,
        faults: &ShardFaults,
    ) -> Option<Result<Prepared, StageError>> {
        match item {
            Ok(Item::Good(image)) => {
                faults.good();
                Some(Ok(image))
            }
            Ok(Item::Bad(BadSample { key, reason, whole_shard })) => {
                let fault = SampleFault { shard: source.name.clone(), key, reason, whole_shard };
                faults.bad(fault).err().map(Err)
            }
            Err(error) => Some(Err(error)),
        }
    }
}
