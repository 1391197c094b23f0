//! `stability`: how much a class's cores and clusters change with the seed and the settings of the search.
//!
//! A stage like a run's, below `stability/`; each class is searched again by what `discover` calls.

mod changes;
mod searches;

pub use changes::{Changes, ClassStability, Stability};

use super::evaluate::complete;
use crate::config::Class;
use crate::engine::{Done, Fingerprint, FlowError, RunOptions, Scope, Stage};
use crate::inspect::class_major::class_major;
use crate::pipeline::context::Context;
use crate::pipeline::discover;
use crate::pipeline::discover::{Discover, settings};
use crate::pipeline::encode;
use crate::pipeline::encoded::Encoded;
use crate::pipeline::error::StageError;
use crate::pipeline::latents::{ClassFeatures, Latents};
use crate::run::driver::planning;
use crate::run::open_run::{require, state_of};
use crate::store::{Receipt, StoreError, file_stem};
use searches::Searches;
use std::sync::Arc;

/// The stage's name and folder.
const STAGE: &str = "stability/classes";

/// Answers for the run of `context`, and leaves the answer in `stability/stability.json`.
///
/// # Errors
/// If the run's cores are not all found yet, or a class can't be searched; classes that were done are kept.
pub async fn stability(
    context: Arc<Context>,
    options: &RunOptions<'_>,
    seeds: usize,
) -> Result<Stability, FlowError<StageError>> {
    require(options.run_dir, discover::INFO.name)?;
    let fail = |error: StageError| planning(STAGE, error);
    let encoded: Vec<Receipt> =
        options.run_dir.receipts(encode::INFO.name)?.into_values().collect();
    let compacted = class_major(options.run_dir, &encoded).map_err(fail)?;
    let latents = Encoded::of(options.run_dir, context.classes.as_ref(), &encoded)
        .map_err(StageError::from)
        .and_then(|encoded| Latents::open(&context, &encoded, &compacted));
    let mut latents = latents.map_err(fail)?;
    if context.pipeline.discover.compares_classes() {
        latents = latents.without_impure(&context).map_err(fail)?;
    }
    let latents = Arc::new(latents);
    let stage = Search { discover: Discover::new(context, latents.clone()), seeds };
    let receipts = complete(&stage, options).await?.receipts;
    let mut classes = Vec::new();
    for class in latents.classes.classes() {
        let unit = format!("{STAGE}/{}", file_stem(&class.key));
        let path = options.run_dir.path(&format!("{unit}.json"));
        if receipts.contains_key(&unit) {
            let text = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
            let read = serde_json::from_slice(&text);
            classes.push(read.map_err(|e| StoreError::Malformed { path, message: e.to_string() })?);
        }
    }
    let state = state_of(options.run_dir, discover::INFO.name)?;
    let answer = Stability { state, seeds, mean: Changes::mean(&classes), classes };
    let text = serde_json::to_vec_pretty(&answer);
    let mut text = text.map_err(|e| fail(StageError::Other(e.to_string())))?;
    text.push(b'\n');
    options.run_dir.write("stability/stability.json", &text)?;
    Ok(answer)
}

struct Search {
    discover: Discover,
    seeds: usize,
}

impl Stage for Search {
    type Unit = Class;
    type Error = StageError;

    fn name(&self) -> &'static str {
        STAGE
    }

    fn units(&self) -> Result<Vec<Class>, StageError> {
        self.discover.units()
    }

    fn unit_name(&self, class: &Class) -> String {
        self.discover.unit_name(class)
    }

    fn fingerprint(&self, class: &Class) -> Result<Fingerprint, StageError> {
        let mut own = self.discover.fingerprint(class)?;
        own.settings["seeds"] = self.seeds.into();
        Ok(own)
    }

    fn concurrency(&self) -> usize {
        self.discover.concurrency()
    }

    async fn process(&self, class: &Class, scope: &Scope) -> Result<Done, StageError> {
        let (context, latents) = (self.discover.context.clone(), self.discover.latents.clone());
        let settings = settings(&context, latents.cores(&class.key));
        let (key, seeds, cancel) = (class.key.clone(), self.seeds, scope.cancel().clone());
        let out = scope.clone();
        let name = format!("{STAGE}/{}.json", self.unit_name(class));
        let task = tokio::task::spawn_blocking(move || {
            let ClassFeatures { features, sparse, .. } = latents.features(&context, &key)?;
            let sparse = sparse.as_deref();
            let searches = Searches { class: &key, features: &features, sparse, settings, cancel };
            let changes = searches.all(seeds)?;
            let images = features.rows();
            let found = ClassStability { class: key.clone(), images, changes };
            let text = serde_json::to_vec_pretty(&found);
            let text = text.map_err(|e| StageError::Other(e.to_string()))?;
            out.write(&name, &text)?;
            Ok::<_, StageError>(images as u64)
        });
        let samples = task.await??;
        scope.tick(samples);
        Ok(Done { samples, ..Done::default() })
    }
}
