//! `discover`: each class's cores.

mod cost;
mod members;
use super::context::Context;
use super::error::StageError;
use super::index::write_index;
use super::info::{ModelUse, StageInfo, no_check};
use super::latents::{ClassFeatures, Latents};
use super::stage::RunStage;
use super::state::RunState;
use crate::config::Class;
use crate::discovery;
use crate::discovery::{Discovery, HnswSettings, Settings};
use crate::engine::{Done, Fingerprint, Input, Scope, Stage};
use crate::slurm;
use crate::store::tables::{CoreRow, EmbeddedRow, Numbers, write_cores, write_embedding};
use crate::store::{RunDir, StoreError, Written, file_stem};
use serde_json::{Value, json};
use std::sync::Arc;

/// The stage.
pub struct Discover {
    pub(crate) context: Arc<Context>,
    pub(crate) latents: Arc<Latents>,
}

impl Discover {
    pub(crate) fn new(context: Arc<Context>, latents: Arc<Latents>) -> Self {
        Self { context, latents }
    }
}

/// What discovery goes by in a class that gets `ipc` cores.
pub(crate) fn settings(context: &Context, ipc: usize) -> Settings {
    let d = &context.pipeline.discover;
    Settings {
        ipc,
        algorithm: d.algorithm,
        pca: d.pca,
        n_neighbors: d.n_neighbors,
        min_cluster_size: d.min_cluster_size,
        min_samples: d.min_samples,
        components: d.components,
        neighbors: d.neighbors,
        hnsw: HnswSettings { recall_floor: d.min_recall, ..HnswSettings::default() },
        seed: d.seed,
    }
}

/// Finds the cores of `class` and writes all that is kept of it.
pub(crate) fn find(
    run_dir: &RunDir,
    class: &str,
    images: &ClassFeatures,
    settings: &Settings,
) -> Result<(Discovery, Vec<Written>), StageError> {
    let found = discovery::discover_known(&images.features, images.sparse.as_deref(), settings)
        .map_err(|source| StageError::Discovery { class: class.to_owned(), source })?;
    let written = write(run_dir, class, images, &found)?;
    Ok((found, written))
}

/// What the stage declares.
pub(crate) static INFO: StageInfo = StageInfo {
    name: "discover",
    unit: "class",
    folders: &[],
    views: &[],
    model: ModelUse::Nothing,
    optional: false,
    leaves_out: false,
    job: &slurm::DISCOVER,
    check: no_check,
    cost: &cost::COST,
};

impl RunStage for Discover {
    const INFO: &'static StageInfo = &INFO;

    fn open(run: &mut RunState<'_>) -> Result<Self, StageError> {
        Ok(Self::new(run.context.clone(), run.latents()?))
    }
}

impl Stage for Discover {
    type Unit = Class;
    type Error = StageError;

    fn name(&self) -> &'static str {
        INFO.name
    }

    fn units(&self) -> Result<Vec<Class>, StageError> {
        Ok(self.latents.classes.classes().to_vec())
    }

    fn unit_name(&self, class: &Class) -> String {
        file_stem(&class.key)
    }

    fn fingerprint(&self, class: &Class) -> Result<Fingerprint, StageError> {
        let d = &self.context.pipeline.discover;
        let mut settings = json!({
            "discover.ipc": self.latents.cores(&class.key), "discover.algorithm": d.algorithm,
            "discover.features": d.features, "discover.pca": d.pca,
            "discover.n_neighbors": d.n_neighbors,
            "discover.min_cluster_size": d.min_cluster_size, "discover.min_samples": d.min_samples,
            "discover.components": d.components, "discover.neighbors": d.neighbors,
            "discover.min_recall": d.min_recall, "discover.seed": d.seed,
        });
        if let Some(most) = self.context.pipeline.anchor.group_members() {
            let most = if most == usize::MAX { json!("all") } else { json!(most) };
            settings["anchor.members"] = most;
        }
        // What changes no core makes none stale.
        let mut idle = d.idle();
        if self.context.pipeline.features.model.is_some() {
            // What features depend on is in the parts already.
            idle.push("features");
        }
        if let Value::Object(settings) = &mut settings {
            settings.retain(|name, _| idle.iter().all(|key| *name != format!("discover.{key}")));
        }
        Ok(Fingerprint {
            settings,
            inputs: Input::Object(vec![
                ("class", class.key.clone().into()),
                ("images", self.latents.digest_of(&class.key)),
                ("kept", json!(self.latents.kept_digest(&class.key)).into()),
            ]),
        })
    }

    fn cost(&self, class: &Class) -> u64 {
        self.latents.images(&class.key) as u64
    }

    fn concurrency(&self) -> usize {
        // Each class holds all its latents; the arithmetic inside a class is parallel already.
        self.context.workers().min(2)
    }

    async fn process(&self, class: &Class, scope: &Scope) -> Result<Done, StageError> {
        let (context, latents) = (self.context.clone(), self.latents.clone());
        let settings = settings(&context, latents.cores(&class.key));
        let run_dir = scope.run_dir().clone();
        let class = class.key.clone();
        let found = tokio::task::spawn_blocking(move || -> Result<_, StageError> {
            let images = latents.features(&context, &class)?;
            if images.features.alike() {
                tell_alike(&context, &latents, &class, &images)?;
            }
            let (mut found, mut written) = find(&run_dir, &class, &images, &settings)?;
            if let Some(most) = context.pipeline.anchor.group_members() {
                let of = (&class[..], &images);
                let (file, sentence) =
                    members::write(&run_dir, &latents, of, &found, (&settings, most))?;
                written.push(file);
                found.log.push(sentence);
            }
            Ok((found, written))
        });
        let (found, written) = found.await??;
        written.into_iter().for_each(|file| scope.record(file));
        scope.tick(found.labels.len() as u64);
        Ok(Done { samples: found.cores.len() as u64, log: found.log, ..Done::default() })
    }
}

/// Of images that nothing tells from another, cores can't be chosen. A second encoder that gives every image of every
/// class the same is wrong, or wrongly set; a single class may be of one picture only.
fn tell_alike(
    context: &Context,
    latents: &Latents,
    class: &str,
    images: &ClassFeatures,
) -> Result<(), StageError> {
    let count = images.features.rows();
    if context.pipeline.features.model.is_some() {
        let one = images.features.row(0);
        let mut same = true;
        for other in latents.classes.classes() {
            let first = latents.table.read_range(&other.key, 0..1, Numbers::Feature)?;
            same &= first.values.is_empty() || first.values == one;
        }
        if same {
            return Err(StageError::Other(format!(
                "[features] model returns the same feature for every image (seen in all {count} images of \
                 class {class:?}, and in the others), so cores can't be chosen: check [features] mean, std, size and output"
            )));
        }
    }
    context.say(&format!(
        "warning: class {class:?}: all {count} images have the same features: the choice of cores is arbitrary"
    ));
    Ok(())
}

fn write(
    run_dir: &RunDir,
    class: &str,
    images: &ClassFeatures,
    found: &Discovery,
) -> Result<Vec<Written>, StageError> {
    let rows = &images.rows;
    let folder = run_dir.path(&format!("discover/{}", file_stem(class)));
    std::fs::create_dir_all(&folder).map_err(StoreError::io("create the folder", &folder))?;
    let mut written = Vec::new();
    if let Some(index) = &found.index {
        let named = |source| StageError::Discovery { class: class.to_owned(), source };
        written.extend(write_index(run_dir, &folder, "index", index, named)?);
    }
    let cores: Vec<CoreRow> = found
        .cores
        .iter()
        .enumerate()
        .map(|(rank, core)| CoreRow {
            rank: rank as u32,
            key: rows.keys[core.row].clone(),
            shard: rows.shards[core.row].clone(),
            offset: rows.offsets[core.row],
            origin: core.origin.to_string(),
            cluster_size: core.size as u64,
            probability: core.probability,
            row: images.numbers[core.row] as u64,
        })
        .collect();
    written.push(write_cores(&folder.join("cores.parquet"), run_dir.root(), class, &cores)?);
    let embedded: Vec<EmbeddedRow> = (0..rows.keys.len())
        .map(|i| EmbeddedRow {
            key: rows.keys[i].clone(),
            shard: rows.shards[i].clone(),
            label: found.labels[i],
            probability: found.probabilities[i],
        })
        .collect();
    let (coordinates, dimensions) = (found.embedding.as_slice().to_vec(), found.embedding.cols());
    let path = folder.join("embedding.parquet");
    written.push(write_embedding(
        &path,
        run_dir.root(),
        class,
        &embedded,
        coordinates,
        dimensions,
    )?);
    Ok(written)
}
