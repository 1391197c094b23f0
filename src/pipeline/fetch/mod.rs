//! `fetch`: copies the source images of all cores into the run directory, one tar for each source shard.
//!
//! Anchors at another resolution and the real cores R are made from these. Each shard is read once, whatever the
//! number of classes, and sources that can't be read a second time by then are not missed. A unit is a shard, known
//! without looking at the cores; which of them lie in it is learnt when the first unit is worked on.

mod cost;
use super::anchor::{cores_name, cores_of, digest_of, receipt_of};
use super::context::Context;
use super::core_images::{core_image_key, part_name};
use super::discover;
use super::error::StageError;
use super::info::{ModelUse, StageInfo, no_check};
use super::latents::Latents;
use super::sources::Source;
use super::stage::RunStage;
use super::state::RunState;
use crate::engine::{Cancel, Done, Fingerprint, Input, Scope, Stage};
use crate::shards::{ReadOptions, Sample, SampleMember, ShardWriter, WriterOptions};
use crate::slurm;
use crate::store::{AtomicFile, Receipt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The stage.
pub struct Fetch {
    context: Arc<Context>,
    latents: Arc<Latents>,
    sources: Vec<Source>,
    /// Digests of every class's cores.
    cores: Input,
    wanted: OnceCell<Arc<CoresByOffset>>,
}

/// The cores of each shard by their offset in it.
type CoresByOffset = BTreeMap<String, BTreeMap<u64, Core>>;

/// A core to fetch.
#[derive(Debug, Clone)]
struct Core {
    /// What it is called in the tar.
    name: String,
    /// Its sample key.
    key: String,
}

impl Fetch {
    pub(crate) fn new(
        context: Arc<Context>,
        latents: Arc<Latents>,
        sources: Vec<Source>,
        discovered: &BTreeMap<String, Receipt>,
    ) -> Result<Self, StageError> {
        let cores = latents.classes.classes().iter().map(|class| {
            let receipt = receipt_of(discovered, discover::INFO.name, &class.key)?;
            Ok::<_, StageError>(json!([class.key, digest_of(receipt, "cores.parquet")?]))
        });
        let cores = Input::shared(&cores.collect::<Result<Value, _>>()?);
        Ok(Self { context, latents, sources, cores, wanted: OnceCell::new() })
    }

    async fn wanted(&self) -> Result<Arc<CoresByOffset>, StageError> {
        let load = || async {
            let (context, latents) = (self.context.clone(), self.latents.clone());
            let task = tokio::task::spawn_blocking(move || wanted(&context, &latents));
            task.await?.map(Arc::new)
        };
        self.wanted.get_or_try_init(load).await.cloned()
    }
}

fn wanted(context: &Context, latents: &Latents) -> Result<CoresByOffset, StageError> {
    let mut wanted = CoresByOffset::new();
    let classes = latents.classes.classes();
    let files: Vec<String> = classes.iter().map(|class| cores_name(&class.key)).collect();
    context.run_dir.local_all(files.iter().map(String::as_str))?;
    for class in classes {
        for core in cores_of(&context.run_dir, &class.key)? {
            let name = core_image_key(&class.key, core.rank as usize);
            let places = wanted.entry(core.shard).or_default();
            places.insert(core.offset, Core { name, key: core.key });
        }
    }
    Ok(wanted)
}

/// What the stage declares.
pub(crate) static INFO: StageInfo = StageInfo {
    name: "fetch",
    unit: "shard",
    folders: &[],
    views: &[],
    model: ModelUse::Nothing,
    optional: false,
    leaves_out: false,
    job: &slurm::DISCOVER,
    check: no_check,
    cost: &cost::COST,
};

impl RunStage for Fetch {
    const INFO: &'static StageInfo = &INFO;

    fn open(run: &mut RunState<'_>) -> Result<Self, StageError> {
        let (latents, sources) = (run.latents()?, run.sources()?);
        Self::new(run.context.clone(), latents, sources, &*run.receipts(discover::INFO.name)?)
    }
}

impl Stage for Fetch {
    type Unit = usize;
    type Error = StageError;

    fn name(&self) -> &'static str {
        INFO.name
    }

    fn units(&self) -> Result<Vec<usize>, StageError> {
        Ok((0..self.sources.len()).collect())
    }

    fn unit_name(&self, number: &usize) -> String {
        format!("part-{number:06}")
    }

    fn describe(&self, number: &usize) -> String {
        self.sources.get(*number).map_or_else(String::new, |source| source.name.clone())
    }

    fn fingerprint(&self, number: &usize) -> Result<Fingerprint, StageError> {
        Ok(Fingerprint {
            settings: json!({ "data.image": self.context.pipeline.data.image }),
            inputs: Input::Object(vec![
                ("cores", self.cores.clone()),
                ("shard", self.describe(number).into()),
                ("part", json!(self.latents.part_digest(*number)).into()),
            ]),
        })
    }

    fn cost(&self, number: &usize) -> u64 {
        self.sources.get(*number).and_then(|source| source.identity.bytes).unwrap_or(1)
    }

    fn concurrency(&self) -> usize {
        self.context.workers().min(4)
    }

    async fn process(&self, number: &usize, scope: &Scope) -> Result<Done, StageError> {
        let wanted = self.wanted().await?;
        let Some(source) = self.sources.get(*number).cloned() else { return Ok(Done::default()) };
        let Some(places) = wanted.get(&source.name).cloned() else { return Ok(Done::default()) };
        let samples = places.len() as u64;
        let name = part_name(*number);
        let (images, own) = (self.context.pipeline.data.image.clone(), scope.clone());
        let task = tokio::task::spawn_blocking(move || {
            let out = own.create(&name)?;
            let written = copy(&source, places, &images, out, own.cancel());
            own.publish(written.map_err(StageError::writing_shard(&own.path(&name)))?)?;
            Ok::<_, StageError>(())
        });
        task.await??;
        scope.tick(samples);
        Ok(Done { samples, ..Done::default() })
    }
}

/// Copies the samples at `places` from their shard.
fn copy(
    source: &Source,
    places: BTreeMap<u64, Core>,
    images: &[String],
    out: AtomicFile,
    cancel: &Cancel,
) -> Result<AtomicFile, StageError> {
    let mut writer = ShardWriter::new(out, WriterOptions::default());
    let options = ReadOptions { extensions: Some(images.to_vec()), ..ReadOptions::default() };
    let mut left = places;
    fetch_by_offset(source, &mut left, &options, |core, sample| {
        cancel.check()?;
        let found = images.iter().find_map(|ext| Some((ext, sample.get(ext)?)));
        let found = found.filter(|_| sample.key == core.key);
        let (extension, bytes) = found.ok_or_else(|| lost(source, &core))?;
        writer.write_sample(&core.name, &[SampleMember::new(extension.as_str(), bytes)])?;
        Ok(())
    })?;
    match left.into_values().next() {
        Some(core) => Err(lost(source, &core)),
        None => Ok(writer.finish()?.0),
    }
}

/// Hands on the samples at the offsets in `places`, in order, taking each found one out: by seeking in a plain shard,
/// by reading any other up to the last of them.
pub(crate) fn fetch_by_offset<What: Clone>(
    source: &Source,
    places: &mut BTreeMap<u64, What>,
    options: &ReadOptions,
    mut found: impl FnMut(What, &Sample) -> Result<(), StageError>,
) -> Result<(), StageError> {
    let seekable = source.is_seekable()?;
    while let Some((&offset, what)) = places.first_key_value().filter(|_| seekable) {
        match source.open_at(offset, options.clone())?.next() {
            Some(Ok(sample)) if sample.offset == 0 => found(what.clone(), &sample)?,
            Some(Err(fault)) if fault.reason.is_io() => return Err(fault.into()),
            _ => return Ok(()),
        }
        places.remove(&offset);
    }
    if places.is_empty() {
        return Ok(());
    }
    for item in source.open(options.clone())? {
        match item {
            Ok(sample) => {
                if let Some(what) = places.remove(&sample.offset) {
                    found(what, &sample)?;
                }
            }
            Err(fault) if fault.reason.is_io() => return Err(fault.into()),
            Err(_) => {}
        }
        if places.is_empty() {
            break;
        }
    }
    Ok(())
}

fn lost(source: &Source, core: &Core) -> StageError {
    StageError::OfShard(format!(
        "{}: sample {:?} was chosen as a core and is no longer in the shard; check whether the shard changed after encoding",
        source.name, core.key
    ))
}
