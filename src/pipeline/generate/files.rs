//! The files of a batch of `generate`: anchors in, images out. All of it may wait for a disk or a server.

use super::device::Request;
use super::{image_name, image_of, seed_name};
use crate::engine::Scope;
use crate::models::guidance::ClassAnchors;
use crate::pipeline::anchor::cores_of;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::latents::{Latents, Slot};
use crate::store::tables::{Anchors, read_anchors};
use crate::store::{SampleFault, StoreError, file_stem};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;
use std::sync::Arc;

/// A batch, to be worked on away from the task that all units share.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) context: Arc<Context>,
    pub(crate) latents: Arc<Latents>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) scope: Scope,
}

/// What is read of a class for its images.
struct KnownClass {
    anchors: Anchors,
    whole: Option<Arc<ClassAnchors>>,
}

impl Files {
    /// What the device needs for each image.
    pub(crate) fn requests(&self) -> Result<Vec<Request>, StageError> {
        let g = &self.context.pipeline.generate;
        let values = self.context.model.latent_shape(self.context.size())?.iter().product();
        let mut classes = BTreeMap::new();
        let mut requests = Vec::with_capacity(self.slots.len());
        for &slot in &self.slots {
            let Some(class) = self.latents.classes.classes().get(slot.class) else { continue };
            let known = match classes.entry(slot.class) {
                Entry::Vacant(empty) => empty.insert(self.class(slot.class, &class.key)?),
                Entry::Occupied(known) => known.into_mut(),
            };
            let seed = self.first_seed(&class.key, slot);
            requests.push(Request {
                prompt: class.prompt_by(&g.prompt),
                seed,
                noise: g.noise.values(seed, values),
                anchor: known.anchors.latent(slot.rank),
                class: known.whole.clone(),
            });
        }
        Ok(requests)
    }

    /// The anchors of a class; all of them with the sizes of their groups where terms look at the whole class.
    fn class(&self, number: usize, key: &str) -> Result<KnownClass, StageError> {
        let run_dir = self.scope.run_dir();
        let anchors = read_anchors(&run_dir.local(&format!("anchor/{}.parquet", file_stem(key)))?)?;
        let mut whole = None;
        if self.context.pipeline.guidance.terms.couples() {
            let sizes: Vec<u64> =
                cores_of(run_dir, key)?.iter().map(|core| core.cluster_size).collect();
            let latents = (0..sizes.len()).map(|rank| anchors.latent(rank)).collect();
            whole = Some(Arc::new(ClassAnchors { number, latents, sizes }));
        }
        Ok(KnownClass { anchors, whole })
    }

    /// Writes the images that were made, as PNG with the seed of each, in order; why the others came to nothing.
    pub(crate) fn keep(
        &self,
        made: Vec<Result<(Vec<u8>, u64), String>>,
    ) -> Result<Vec<SampleFault>, StageError> {
        let mut faults = Vec::new();
        for (&slot, made) in self.slots.iter().zip(made) {
            match made {
                Ok((png, seed)) => self.keep_one(slot, png, seed)?,
                Err(reason) => {
                    let key = format!("{}/{}", self.key(slot), slot.rank);
                    faults.push(SampleFault {
                        shard: String::new(),
                        key,
                        reason,
                        whole_shard: false,
                    });
                }
            }
        }
        Ok(faults)
    }

    /// Writes an image, and its seed if that is not the first.
    fn keep_one(&self, slot: Slot, png: Vec<u8>, seed: u64) -> Result<(), StageError> {
        let (class, scope) = (self.key(slot), &self.scope);
        let mut files = vec![(image_name(class, slot.rank), png)];
        if seed != self.first_seed(class, slot) {
            files.push((seed_name(class, slot.rank), format!("{seed}\n").into_bytes()));
        }
        for (name, content) in files {
            let mut file = scope.create(&name)?;
            let written = file.write_all(&content);
            written.map_err(StoreError::io("write", &scope.path(&name)))?;
            scope.publish(file)?;
        }
        Ok(())
    }

    fn first_seed(&self, class: &str, slot: Slot) -> u64 {
        let g = &self.context.pipeline.generate;
        g.seeds.of(g.seed, image_of(&self.context, class, slot))
    }

    fn key(&self, slot: Slot) -> &str {
        self.latents.classes.classes().get(slot.class).map_or("", |class| &class.key)
    }
}
