//! `fetch`: copies the source images of all cores, and of the anchors' members where they are encoded again, into the run
//! directory, one tar for each source shard.
//!
//! Anchors at another resolution and the real cores R are made from these. Each shard is read once, whatever the
//! number of classes, and sources that can't be read a second time by then are not missed. A unit is a shard, known
//! without looking at the cores; which of them lie in it is learnt when the first unit is worked on.

mod cost;
use super::anchor::resolution::encoded_again;
use super::anchor::{cores_name, cores_of, digest_of, members_digest, receipt_of};
use super::context::Context;
use super::core_images::{core_image_key, part_name};
use super::discover;
use super::error::StageError;
use super::info::{ModelUse, StageInfo, no_check};
use super::latents::Latents;
use super::members::{image_keys, members_name, members_of};
use super::sources::Source;
use super::stage::RunStage;
use super::state::RunState;
use crate::engine::{Cancel, Done, Fingerprint, Input, Scope, Stage};
use crate::shards::{ReadOptions, Sample, SampleMember, ShardReader, ShardWriter, WriterOptions};
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
    /// Digests of every class's members, where they are fetched too.
    members: Option<Input>,
    wanted: OnceCell<Arc<ImagesByOffset>>,
}

/// The images to fetch of each shard by their offset in it.
type ImagesByOffset = BTreeMap<String, BTreeMap<u64, ImageToFetch>>;

/// A core, or a member of an anchor.
#[derive(Debug, Clone)]
struct ImageToFetch {
    /// What it is called in the tar.
    name: String,
    /// Its sample key.
    key: String,
    /// What it was chosen as.
    what: &'static str,
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
        let members = match fetches_members(&context, &latents)? {
            true => Some(members_input(&context, &latents, discovered)?),
            false => None,
        };
        Ok(Self { context, latents, sources, cores, members, wanted: OnceCell::new() })
    }

    async fn wanted(&self) -> Result<Arc<ImagesByOffset>, StageError> {
        let load = || async {
            let (context, latents) = (self.context.clone(), self.latents.clone());
            let members = self.members.is_some();
            let task = tokio::task::spawn_blocking(move || wanted(&context, &latents, members));
            task.await?.map(Arc::new)
        };
        self.wanted.get_or_try_init(load).await.cloned()
    }
}

/// Whether anchors are made of many images that are encoded again.
fn fetches_members(context: &Context, latents: &Latents) -> Result<bool, StageError> {
    let many = context.pipeline.anchor.group_members().is_some();
    Ok(many && encoded_again(context, latents.table.format().latent.shape)?)
}

fn members_input(
    context: &Context,
    latents: &Latents,
    discovered: &BTreeMap<String, Receipt>,
) -> Result<Input, StageError> {
    let members = latents.classes.classes().iter().map(|class| {
        let receipt = receipt_of(discovered, discover::INFO.name, &class.key)?;
        Ok::<_, StageError>(json!([class.key, members_digest(&context.pipeline.anchor, receipt)?]))
    });
    Ok(Input::shared(&members.collect::<Result<Value, _>>()?))
}

fn wanted(
    context: &Context,
    latents: &Latents,
    with_members: bool,
) -> Result<ImagesByOffset, StageError> {
    let mut wanted = ImagesByOffset::new();
    let classes = latents.classes.classes();
    let mut files: Vec<String> = classes.iter().map(|class| cores_name(&class.key)).collect();
    if with_members {
        files.extend(classes.iter().map(|class| members_name(&class.key)));
    }
    context.run_dir.local_all(files.iter().map(String::as_str))?;
    for class in classes {
        let cores = cores_of(&context.run_dir, &class.key)?;
        for core in &cores {
            let name = core_image_key(&class.key, core.rank as usize);
            let image = ImageToFetch { name, key: core.key.clone(), what: "a core" };
            wanted.entry(core.shard.clone()).or_default().insert(core.offset, image);
        }
        if !with_members {
            continue;
        }
        let members = members_of(&context.run_dir, &class.key)?;
        let names = image_keys(&class.key, &cores, &members);
        for (member, name) in members.into_iter().zip(names) {
            let places = wanted.entry(member.shard).or_default();
            let image = ImageToFetch { name, key: member.key, what: "a member of an anchor" };
            // One that is a core is there already.
            places.entry(member.offset).or_insert(image);
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
        let mut inputs = vec![
            ("cores", self.cores.clone()),
            ("shard", self.describe(number).into()),
            ("part", json!(self.latents.part_digest(*number)).into()),
        ];
        inputs.extend(self.members.clone().map(|members| ("members", members)));
        Ok(Fingerprint {
            settings: json!({ "data.image": self.context.pipeline.data.image }),
            inputs: Input::Object(inputs),
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
    places: BTreeMap<u64, ImageToFetch>,
    images: &[String],
    out: AtomicFile,
    cancel: &Cancel,
) -> Result<AtomicFile, StageError> {
    let mut writer = ShardWriter::new(out, WriterOptions::default());
    let options = ReadOptions { extensions: Some(images.to_vec()), ..ReadOptions::default() };
    let mut left = places;
    fetch_by_offset(source, &mut left, &options, |image, sample| {
        cancel.check()?;
        let found = images.iter().find_map(|ext| Some((ext, sample.get(ext)?)));
        let found = found.filter(|_| sample.key == image.key);
        let (extension, bytes) = found.ok_or_else(|| lost(source, &image))?;
        writer.write_sample(&image.name, &[SampleMember::new(extension.as_str(), bytes)])?;
        Ok(())
    })?;
    match left.into_values().next() {
        Some(image) => Err(lost(source, &image)),
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
    if places.is_empty() {
        return Ok(());
    }
    let offsets: Vec<u64> = places.keys().copied().collect();
    if let Some(reader) = source.open_some(&offsets, options.clone())? {
        return take_found(reader, places, found);
    }
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
    take_found(source.open(options.clone())?, places, found)
}

/// Hands on the samples at the offsets in `places`, until none is left.
fn take_found<What>(
    reader: ShardReader,
    places: &mut BTreeMap<u64, What>,
    mut found: impl FnMut(What, &Sample) -> Result<(), StageError>,
) -> Result<(), StageError> {
    for item in reader {
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

fn lost(source: &Source, image: &ImageToFetch) -> StageError {
    StageError::OfShard(format!(
        "{}: sample {:?} was chosen as {} and is no longer in the shard; check whether the shard changed after encoding",
        source.name, image.key, image.what
    ))
}
