//! The samples of the two sets: what each is made from.

use crate::config::ClassList;
use crate::imaging;
use crate::pipeline::anchor::cores_of;
use crate::pipeline::context::Context;
use crate::pipeline::core_images::{CoreImages, core_image_key};
use crate::pipeline::error::StageError;
use crate::pipeline::generate::{image_name, seed_name};
use crate::pipeline::latents::Slot;
use crate::pipeline::members::members_of;
use crate::pipeline::mix;
use crate::pipeline::mix::mix_of;
use crate::store::StoreError;
use crate::store::tables::{CoreRow, MemberRow, MixRow};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// The inputs of the two sets.
pub(crate) struct Sets {
    pub(crate) context: Arc<Context>,
    pub(crate) classes: ClassList,
    pub(super) core_images: CoreImages,
    /// The digest of every file of `generate`.
    pub(crate) images: BTreeMap<String, String>,
}

/// Which set a shard belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputSet {
    /// G: the generated images.
    Distilled,
    /// R: the source images of the cores, resized.
    Cores,
    /// The map of labels to classes beside both sets, where labels are positions.
    Labels,
}

/// An output tar.
#[derive(Debug, Clone)]
pub struct TarPlan {
    pub(super) set: OutputSet,
    pub(super) number: usize,
    pub(super) slots: Vec<Slot>,
}

/// One sample of the set.
pub(crate) struct Sample<'a> {
    pub(crate) slot: Slot,
    pub(crate) core: &'a CoreRow,
    /// Members of the anchors of its class; none where each anchor is one image.
    pub(crate) members: &'a [MemberRow],
    /// Whether it is the real image, where that was asked.
    pub(crate) mix: Option<MixRow>,
    pub(crate) png: Vec<u8>,
}

impl Sets {
    /// Cores of the classes that `slots` touch, by position of the class.
    pub(super) fn cores(
        &self,
        slots: &[Slot],
    ) -> Result<BTreeMap<usize, Vec<CoreRow>>, StageError> {
        let mut cores = BTreeMap::new();
        for slot in slots {
            if let (Entry::Vacant(empty), Some(class)) =
                (cores.entry(slot.class), self.classes.classes().get(slot.class))
            {
                empty.insert(cores_of(&self.context.run_dir, &class.key)?);
            }
        }
        Ok(cores)
    }

    /// Members of the anchors of the classes that `slots` touch, by position of the class; none where each anchor is one
    /// image.
    pub(super) fn members(
        &self,
        slots: &[Slot],
    ) -> Result<BTreeMap<usize, Vec<MemberRow>>, StageError> {
        let mut members = BTreeMap::new();
        if self.context.pipeline.anchor.group_members().is_none() {
            return Ok(members);
        }
        for slot in slots {
            if let (Entry::Vacant(empty), Some(class)) =
                (members.entry(slot.class), self.classes.classes().get(slot.class))
            {
                empty.insert(members_of(&self.context.run_dir, &class.key)?);
            }
        }
        Ok(members)
    }

    /// Choices of real images for the classes that `slots` touch, by position of the class; none where all are generated.
    pub(super) fn choices(
        &self,
        slots: &[Slot],
    ) -> Result<BTreeMap<usize, Vec<MixRow>>, StageError> {
        let mut choices = BTreeMap::new();
        if !mix::is_on(&self.context) {
            return Ok(choices);
        }
        for slot in slots {
            if let (Entry::Vacant(empty), Some(class)) =
                (choices.entry(slot.class), self.classes.classes().get(slot.class))
            {
                empty.insert(mix_of(&self.context.run_dir, &class.key)?);
            }
        }
        Ok(choices)
    }

    /// `CLASS_RANK`: the sample key in both sets.
    pub(super) fn sample_key(&self, slot: Slot) -> String {
        let class = self.classes.classes().get(slot.class).map_or("", |c| &c.key);
        core_image_key(class, slot.rank)
    }

    /// Downloads the images of `slots` and their metadata.
    pub(super) fn download(&self, slots: &[Slot]) -> Result<(), StageError> {
        let of = |slot: &Slot| {
            let key = self.classes.classes().get(slot.class).map_or("", |c| &c.key);
            [image_name(key, slot.rank), seed_name(key, slot.rank)]
        };
        let names: Vec<String> = slots.iter().flat_map(of).collect();
        let made = names.iter().filter(|name| self.images.contains_key(*name));
        self.context.run_dir.local_all(made.map(String::as_str))?;
        Ok(())
    }

    pub(super) fn generated(&self, slot: Slot) -> Result<Vec<u8>, StageError> {
        let class = self.classes.classes().get(slot.class).map_or("", |c| &c.key);
        let path = self.context.run_dir.local(&image_name(class, slot.rank))?;
        Ok(std::fs::read(&path).map_err(StoreError::io("read", &path))?)
    }

    /// The source image of a core, resized.
    pub(super) fn real(&self, slot: Slot, core: &CoreRow) -> Result<Vec<u8>, StageError> {
        let class = self.classes.classes().get(slot.class).map_or("", |c| &c.key);
        let image = self.core_images.image(class, core, self.context.pipeline.output.size)?;
        Ok(imaging::encode_png(&image)?)
    }
}

/// Class and name of each label.
pub(super) fn labels(classes: &ClassList) -> Value {
    let all = classes.classes().iter().enumerate();
    all.map(|(at, class)| (classes.label(at), json!({"class": class.key, "name": class.prompt})))
        .collect()
}
