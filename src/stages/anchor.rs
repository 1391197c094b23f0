//! `anchor`: the latents that each class's images are pulled towards.

use super::context::Context;
use super::error::StageError;
use super::latents::Latents;
use crate::config::Class;
use crate::dataflow::{Done, Fingerprint, Scope, Stage};
use crate::store::tables::{Anchors, read_cores, write_anchors};
use crate::store::{Receipt, RunDir, file_stem};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The stage.
pub struct Anchor {
    context: Arc<Context>,
    latents: Arc<Latents>,
    /// Receipts of `discover`, by unit.
    discovered: BTreeMap<String, Receipt>,
}

/// The receipt of `class` in `stage`, which is complete.
pub(super) fn receipt_of<'a>(
    receipts: &'a BTreeMap<String, Receipt>,
    stage: &str,
    class: &str,
) -> Result<&'a Receipt, StageError> {
    let unit = format!("{stage}/{}", file_stem(class));
    receipts.get(&unit).ok_or_else(|| {
        StageError::Other(format!("{unit} has no receipt: run the {stage} stage first"))
    })
}

/// The digest of the output of `receipt` whose name ends in `suffix`.
pub(super) fn digest_of(receipt: &Receipt, suffix: &str) -> Result<String, StageError> {
    let found = receipt.outputs.iter().find(|o| o.file.ends_with(suffix));
    let missing = || StageError::Other(format!("{} left no {suffix}: run it again", receipt.unit));
    found.map(|o| o.xxh3.clone()).ok_or_else(missing)
}

/// Where `discover` leaves the cores of `class`.
pub(super) fn cores_path(run_dir: &RunDir, class: &str) -> std::path::PathBuf {
    run_dir.path(&format!("discover/{}/cores.parquet", file_stem(class)))
}

impl Anchor {
    pub(super) fn new(
        context: Arc<Context>,
        latents: Arc<Latents>,
        discovered: BTreeMap<String, Receipt>,
    ) -> Self {
        Self { context, latents, discovered }
    }
}

impl Stage for Anchor {
    type Unit = Class;
    type Error = StageError;

    fn name(&self) -> &'static str {
        "anchor"
    }

    fn units(&self) -> Result<Vec<Class>, StageError> {
        Ok(self.latents.classes.classes().to_vec())
    }

    fn unit_name(&self, class: &Class) -> String {
        file_stem(&class.key)
    }

    fn fingerprint(&self, class: &Class) -> Result<Fingerprint, StageError> {
        let discovered = receipt_of(&self.discovered, "discover", &class.key)?;
        let cores = digest_of(discovered, "cores.parquet")?;
        Ok(Fingerprint {
            settings: json!({}),
            inputs: json!({"class": class.key, "cores": cores, "parts": self.latents.digests_of(&class.key)}),
        })
    }

    fn concurrency(&self) -> usize {
        self.context.workers()
    }

    async fn process(&self, class: &Class, scope: &Scope) -> Result<Done, StageError> {
        let (latents, class) = (self.latents.clone(), class.key.clone());
        let run_dir = scope.run_dir().clone();
        let task = tokio::task::spawn_blocking(move || gather(&run_dir, &latents, &class));
        let (written, samples) = task.await??;
        scope.record(written);
        scope.tick(samples);
        Ok(Done { samples, ..Done::default() })
    }
}

fn gather(
    run_dir: &RunDir,
    latents: &Latents,
    class: &str,
) -> Result<(crate::store::Written, u64), StageError> {
    let cores = read_cores(&cores_path(run_dir, class))?;
    let wanted: Vec<usize> = cores.iter().map(|core| core.row as usize).collect();
    let rows = latents.table.read_rows(class, &wanted)?;
    if let Some((core, key)) = cores.iter().zip(&rows.keys).find(|(core, key)| core.key != **key) {
        return Err(StageError::Other(format!(
            "class {class:?}: row {} is sample {key:?} where {:?} was chosen; the encoded parts changed under the \
             cores: delete discover/ and run again",
            core.row, core.key
        )));
    }
    let format = latents.table.format().latent;
    let mut raw = Vec::with_capacity(rows.keys.len() * format.bytes());
    format.encode(&rows.values, &mut raw);
    let anchors = Anchors { keys: rows.keys, shards: rows.shards, latents: raw, format };
    let path = run_dir.path(&format!("anchor/{}.parquet", file_stem(class)));
    Ok((write_anchors(&path, run_dir.root(), class, &anchors)?, cores.len() as u64))
}
