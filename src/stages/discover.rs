//! `discover`: each class's cores.

use super::context::Context;
use super::error::StageError;
use crate::config::{Class, ClassList};
use crate::dataflow::{Done, Fingerprint, Scope, Stage};
use crate::discovery::hnsw::Index;
use crate::discovery::{self, Discovery, Matrix, Settings};
use crate::store::tables::{
    ClassRows, CoreRow, EmbeddedRow, LatentTable, write_cores, write_embedding,
};
use crate::store::{Receipt, RunDir, StoreError, Written, adopt, file_stem};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The stage.
pub struct Discover {
    context: Arc<Context>,
    latents: Arc<Latents>,
}

/// The encoded data set, as later stages see it.
pub struct Latents {
    /// The parts.
    pub(super) table: LatentTable,
    /// The classes to distil, in order.
    pub(super) classes: ClassList,
    /// Digests of all parts, in order.
    digests: Vec<String>,
}

impl Latents {
    /// Opens what `encode` left.
    pub(super) fn open(context: &Context, encoded: &[Receipt]) -> Result<Self, StageError> {
        let outputs: Vec<_> = encoded.iter().flat_map(|r| &r.outputs).collect();
        let paths: Vec<_> = outputs.iter().map(|o| context.run_dir.path(&o.file)).collect();
        let table = LatentTable::open(&paths)?;
        let found = table.classes();
        let classes = match &context.classes {
            Some(list) => list.clone(),
            None => ClassList::from_keys(found.keys()),
        };
        refuse_small(&classes, &found, context.pipeline.discover.ipc)?;
        let digests = outputs.iter().map(|o| o.xxh3.clone()).collect();
        Ok(Self { table, classes, digests })
    }

    /// Digests of the parts that hold samples of `class`: what its cores depend on.
    pub(super) fn digests_of(&self, class: &str) -> Value {
        let parts = self.table.parts_of(class);
        parts.into_iter().filter_map(|part| self.digests.get(part).cloned()).collect()
    }
}

fn refuse_small(
    classes: &ClassList,
    found: &BTreeMap<String, usize>,
    ipc: usize,
) -> Result<(), StageError> {
    if classes.classes().is_empty() {
        return Err(StageError::Other("no image was encoded: nothing can be distilled".into()));
    }
    let images = |key: &String| found.get(key).copied().unwrap_or(0);
    let small: Vec<_> = classes
        .classes()
        .iter()
        .map(|class| (class.key.clone(), images(&class.key)))
        .filter(|(_, images)| *images < ipc)
        .collect();
    if small.is_empty() { Ok(()) } else { Err(StageError::TooSmall { ipc, classes: small }) }
}

impl Discover {
    pub(super) fn new(context: Arc<Context>, latents: Arc<Latents>) -> Self {
        Self { context, latents }
    }

    fn settings(&self) -> Settings {
        let d = &self.context.pipeline.discover;
        Settings {
            ipc: d.ipc,
            n_neighbors: d.n_neighbors,
            min_cluster_size: d.min_cluster_size,
            min_samples: d.min_samples,
            components: d.components,
            neighbors: d.neighbors,
            seed: d.seed,
            ..Settings::default()
        }
    }
}

impl Stage for Discover {
    type Unit = Class;
    type Error = StageError;

    fn name(&self) -> &'static str {
        "discover"
    }

    fn units(&self) -> Result<Vec<Class>, StageError> {
        Ok(self.latents.classes.classes().to_vec())
    }

    fn unit_name(&self, class: &Class) -> String {
        file_stem(&class.key)
    }

    fn fingerprint(&self, class: &Class) -> Result<Fingerprint, StageError> {
        let d = &self.context.pipeline.discover;
        Ok(Fingerprint {
            settings: json!({
                "discover.ipc": d.ipc, "discover.n_neighbors": d.n_neighbors,
                "discover.min_cluster_size": d.min_cluster_size, "discover.min_samples": d.min_samples,
                "discover.components": d.components, "discover.neighbors": d.neighbors,
                "discover.seed": d.seed,
            }),
            inputs: json!({"class": class.key, "parts": self.latents.digests_of(&class.key)}),
        })
    }

    fn concurrency(&self) -> usize {
        // Each class holds all its latents; the arithmetic inside a class is parallel already.
        self.context.workers().min(2)
    }

    async fn process(&self, class: &Class, scope: &Scope) -> Result<Done, StageError> {
        let (latents, settings) = (self.latents.clone(), self.settings());
        let (class, run_dir) = (class.key.clone(), scope.run_dir().clone());
        let found = tokio::task::spawn_blocking(move || -> Result<_, StageError> {
            let mut rows = latents.table.read_class(&class)?;
            let values = std::mem::take(&mut rows.latents);
            let found =
                find_cores(rows.keys.len(), values, latents.table.format().values(), &settings)
                    .map_err(|source| StageError::Discovery { class: class.clone(), source })?;
            let written = write(&run_dir, &class, &rows, &found)?;
            Ok((found, written))
        });
        let (found, written) = found.await??;
        written.into_iter().for_each(|file| scope.record(file));
        scope.tick(found.labels.len() as u64);
        Ok(Done { samples: found.cores.len() as u64, faults: Vec::new(), log: found.log })
    }
}

fn find_cores(
    rows: usize,
    values: Vec<f32>,
    columns: usize,
    settings: &Settings,
) -> Result<Discovery, discovery::DiscoveryError> {
    let features = Matrix::new(rows, columns, values)?;
    discovery::discover(&features, settings)
}

fn write(
    run_dir: &RunDir,
    class: &str,
    rows: &ClassRows,
    found: &Discovery,
) -> Result<Vec<Written>, StageError> {
    let folder = run_dir.path(&format!("discover/{}", file_stem(class)));
    std::fs::create_dir_all(&folder).map_err(StoreError::io("create the folder", &folder))?;
    let mut written = Vec::new();
    if let Some(index) = &found.index {
        written.extend(write_index(run_dir, class, &folder, index)?);
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
            row: core.row as u64,
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

/// The library writes its two files itself and in place, so it writes them into a temporary folder.
fn write_index(
    run_dir: &RunDir,
    class: &str,
    folder: &Path,
    index: &Index<'_>,
) -> Result<Vec<Written>, StageError> {
    let temporary = folder.join("index.tmp");
    if temporary.exists() {
        std::fs::remove_dir_all(&temporary).map_err(StoreError::io("remove", &temporary))?;
    }
    std::fs::create_dir(&temporary).map_err(StoreError::io("create the folder", &temporary))?;
    let dumped = index
        .dump(&temporary, "index")
        .map_err(|source| StageError::Discovery { class: class.into(), source })?;
    let mut written = Vec::new();
    for (from, name) in dumped.iter().zip(["index.hnsw.graph", "index.hnsw.data"]) {
        written.push(adopt(from, &folder.join(name), run_dir.root())?);
    }
    std::fs::remove_dir(&temporary).map_err(StoreError::io("remove", &temporary))?;
    Ok(written)
}
