//! `purity`: which images have neighbours of another label, and which are sparse in their class. One unit, over all classes;
//! none where it is off.

mod cost;
use super::context::Context;
use super::error::StageError;
use super::excluded::{leave_out_wrong, told};
use super::index::write_index;
use super::info::{ModelUse, StageInfo, no_check};
use super::latents::{Latents, PURITY};
use super::stage::RunStage;
use super::state::{Receipts, RunState};
use crate::config::{Discover, Features, LabelPurity};
use crate::discovery::density::{core_distances, sparse};
use crate::discovery::purity::{
    NEIGHBORS, Part, Purity as Measured, joined, neighbors_of, parts_of, purity,
};
use crate::discovery::{DiscoveryError, HnswSettings, Matrix};
use crate::engine::{Cancel, Done, Fingerprint, Input, Scope, Stage};
use crate::linalg::knn::Neighbors;
use crate::slurm;
use crate::store::tables::{LeftOut, PurityRow, write_purity};
use crate::store::{StoreError, Written};
use rayon::prelude::*;
use serde_json::json;
use std::sync::Arc;

/// Cells a side that latents are averaged over: coarse, since all classes are in memory at once.
pub(crate) const GRID: usize = 8;

/// The index's settings: it is asked for some 15 neighbours, not for the 85 that the defaults are made for, and built on one
/// thread. A recall under `min_recall` doubles the effort.
const INDEX: HnswSettings =
    HnswSettings { m: 16, ef_construction: 100, ef_search: 100, recall_floor: 0.95, rebuilds: 2 };

/// The stage.
pub struct Purity {
    context: Arc<Context>,
    latents: Arc<Latents>,
}

impl Purity {
    pub(crate) fn new(context: Arc<Context>, latents: Arc<Latents>) -> Self {
        Self { context, latents }
    }
}

/// What the stage declares.
pub(crate) static INFO: StageInfo = StageInfo {
    name: "purity",
    unit: "label check",
    folders: &[],
    views: &[],
    model: ModelUse::Nothing,
    optional: true,
    leaves_out: false,
    job: &slurm::DISCOVER,
    check: no_check,
    cost: &cost::COST,
};

impl RunStage for Purity {
    const INFO: &'static StageInfo = &INFO;

    fn open(run: &mut RunState<'_>) -> Result<Self, StageError> {
        Ok(Self::new(run.context.clone(), run.latents()?))
    }

    fn finish(&self, run: &mut RunState<'_>, receipts: &Receipts) -> Result<(), StageError> {
        if !receipts.is_empty() {
            let kept = self.latents.without_impure(&self.context)?;
            run.findings.impure = self.latents.total().saturating_sub(kept.total());
            run.set_latents(kept);
        }
        Ok(())
    }
}

impl Stage for Purity {
    type Unit = ();
    type Error = StageError;

    fn name(&self) -> &'static str {
        INFO.name
    }

    fn units(&self) -> Result<Vec<()>, StageError> {
        let on = self.context.pipeline.discover.compares_classes();
        Ok(if on { vec![()] } else { Vec::new() })
    }

    fn unit_name(&self, (): &()) -> String {
        INFO.name.into()
    }

    fn fingerprint(&self, (): &()) -> Result<Fingerprint, StageError> {
        let d = &self.context.pipeline.discover;
        let classes = self.latents.classes.classes().iter();
        let inputs = classes
            .map(|c| Input::List(vec![c.key.clone().into(), self.latents.digest_of(&c.key)]))
            .collect();
        Ok(Fingerprint {
            settings: json!({
                "discover.min_label_purity": d.label_check(),
                "discover.neighbors": d.search_of_classes(), "discover.min_recall": d.min_recall,
                "features": self.context.pipeline.features.model.is_some(),
                "density": d.algorithm.wants_density(),
            }),
            inputs: Input::Object(vec![("classes", Input::List(inputs))]),
        })
    }

    fn concurrency(&self) -> usize {
        1
    }

    async fn process(&self, (): &(), scope: &Scope) -> Result<Done, StageError> {
        let (context, latents) = (self.context.clone(), self.latents.clone());
        let task = tokio::task::spawn_blocking({
            let cancel = scope.cancel().clone();
            move || measure(&context, &latents, &cancel)
        });
        let (written, samples, log) = task.await??;
        written.into_iter().for_each(|file| scope.record(file));
        scope.tick(samples);
        Ok(Done { samples, log, ..Done::default() })
    }
}

/// What is done in one thread: the table of all images, and the index that found their neighbours.
fn measure(
    context: &Context,
    latents: &Latents,
    cancel: &Cancel,
) -> Result<(Vec<Written>, u64, Vec<String>), StageError> {
    let d = &context.pipeline.discover;
    let Images { mut rows, labels, features } = images(context, latents)?;
    let by_index = d.search_of_classes().uses_index(features.rows(), features.cols());
    let parts = if by_index { parts_of(rows.len()) } else { 1 };
    let (found, mut written, mut log) =
        search(context, &features, (parts, neighbors(d, &rows, parts)), cancel)?;
    let Measured { shares, others, noise } = purity(&found, &labels);
    for (row, (share, other)) in rows.iter_mut().zip(shares.into_iter().zip(others)) {
        (row.purity, row.other) = (share, other);
    }
    if d.label_check() == LabelPurity::Auto {
        log.push(match noise.rate {
            Some(rate) => format!("{:.1} % of the labels seem wrong", 100.0 * rate),
            None => "the neighbours tell too little of the classes to judge labels".into(),
        });
    }
    leave_out_wrong(&mut rows, d.label_check(), &noise.wrong);
    if d.algorithm.wants_density() {
        leave_out_sparse(&mut rows, &features)?;
    }
    log.extend(told(&rows));
    let kept = rows.iter().filter(|row| row.kept).count();
    let run_dir = &context.run_dir;
    written.push(write_purity(&run_dir.path(PURITY), run_dir.root(), &rows)?);
    Ok((written, kept as u64, log))
}

/// The `k` nearest others of every image in its part, the files of the indexes that found them, and what was done.
fn search(
    context: &Context,
    features: &Matrix,
    (parts, k): (usize, usize),
    cancel: &Cancel,
) -> Result<(Neighbors, Vec<Written>, Vec<String>), StageError> {
    let d = &context.pipeline.discover;
    let settings = HnswSettings { recall_floor: d.min_recall, ..INDEX };
    let run_dir = &context.run_dir;
    let table = run_dir.path(PURITY);
    let folder = table.parent().unwrap_or(run_dir.root());
    std::fs::create_dir_all(folder).map_err(StoreError::io("create the folder", folder))?;
    let one = |number: usize| {
        cancel.check()?;
        let part = Part::search(features, (number, parts), k, d.search_of_classes(), &settings);
        let mut part = part.map_err(unchecked)?;
        let name = if parts == 1 { "index".to_owned() } else { format!("index-{number:04}") };
        let written = match part.index.take() {
            Some(index) => write_index(run_dir, folder, &name, &index, unchecked)?,
            None => Vec::new(),
        };
        Ok::<_, StageError>((part, written))
    };
    let found: Vec<(Part, Vec<Written>)> =
        (0..parts).into_par_iter().map(one).collect::<Result<_, _>>()?;
    let (found, written): (Vec<Part>, Vec<Vec<Written>>) = found.into_iter().unzip();
    let mut log = Vec::new();
    if parts > 1 {
        log.push(format!("{} images searched in {parts} parts", features.rows()));
    }
    log.extend(found.iter().flat_map(|part| part.log.iter().cloned()));
    Ok((joined(found), written.concat(), log))
}

/// The images of all classes, class by class.
struct Images {
    rows: Vec<PurityRow>,
    /// The position of each one's class.
    labels: Vec<u32>,
    features: Matrix,
}

fn images(context: &Context, latents: &Latents) -> Result<Images, StageError> {
    let (mut rows, mut labels, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (label, class) in (0u32..).zip(latents.classes.classes()) {
        let found = latents.features_by(context, &class.key, Features::Grid(GRID))?;
        for (i, row) in found.numbers.iter().enumerate() {
            rows.push(PurityRow {
                class: class.key.clone(),
                row: *row as u64,
                key: found.rows.keys[i].clone(),
                shard: found.rows.shards[i].clone(),
                purity: 1.0,
                other: 0.0,
                core_distance: None,
                kept: true,
                reason: None,
            });
            labels.push(label);
        }
        values.extend(found.features.into_values());
    }
    let features = Matrix::new(rows.len(), values.len() / rows.len().max(1), values);
    Ok(Images { rows, labels, features: features.map_err(|e| unchecked(e.into()))? })
}

/// Neighbours that a label is judged by: a fixed number for a fixed share, else as many as the median class gives in a part.
fn neighbors(discover: &Discover, rows: &[PurityRow], parts: usize) -> usize {
    let by_share = |share: f64| share > 0.0;
    match discover.label_check() {
        LabelPurity::Least(share) if by_share(share) => NEIGHBORS,
        _ => {
            let mut sizes: Vec<usize> =
                rows.chunk_by(|a, b| a.class == b.class).map(<[_]>::len).collect();
            sizes.sort_unstable();
            neighbors_of(sizes.get(sizes.len() / 2).copied().unwrap_or(0) / parts)
        }
    }
}

/// Leaves out what is sparse among the rows of its class that are left.
fn leave_out_sparse(rows: &mut [PurityRow], features: &Matrix) -> Result<(), StageError> {
    let mut start = 0;
    for class in rows.chunk_by_mut(|a, b| a.class == b.class) {
        let left: Vec<usize> = (0..class.len()).filter(|&at| class[at].kept).collect();
        let own: Vec<usize> = left.iter().map(|at| start + at).collect();
        let distances = core_distances(&features.select(&own)).map_err(unchecked)?;
        for ((at, distance), sparse) in left.iter().zip(&distances).zip(sparse(&distances)) {
            class[*at].core_distance = Some(*distance);
            if sparse {
                (class[*at].kept, class[*at].reason) = (false, Some(LeftOut::Sparse));
            }
        }
        start += class.len();
    }
    Ok(())
}

fn unchecked(error: DiscoveryError) -> StageError {
    StageError::Other(format!("the classes can't be compared: {error}"))
}
