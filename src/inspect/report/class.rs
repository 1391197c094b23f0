//! What the report shows of one class.

use super::members::AnchorMembers;
use super::pictures::{Gallery, Place};
use crate::discovery::Matrix;
use crate::inspect::audit::images::{ImageFile, generated_images};
use crate::inspect::page::{ClassAbout, ClassView, CoreColumns, Points, points};
use crate::linalg::pca;
use crate::pipeline::anchor::cores_of;
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::generate::seed_name;
use crate::similarity::Summary;
use crate::store::tables::{AuditRow, CoreRow, Embedding, read_embedding};
use crate::store::{Receipt, file_stem};
use std::collections::{BTreeMap, HashMap};

/// What a class's view depends on beside the class.
pub(crate) struct Totals<'a> {
    /// The most points of an embedding.
    pub(crate) points: usize,
    /// Members of all anchors of the run.
    pub(crate) members: usize,
    pub(crate) audit: Option<&'a Summary>,
}

/// A class as the run left it, without its embedding and its pictures.
pub(crate) struct ClassFiles {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) cores: Vec<CoreRow>,
    pub(crate) members: AnchorMembers,
    pub(crate) images: BTreeMap<u32, ImageFile>,
    /// The audit's rows, by rank and neighbour (0 for the nearest of the class itself).
    pub(crate) near: BTreeMap<(u32, u32), AuditRow>,
    pub(crate) log: Vec<String>,
}

impl ClassFiles {
    /// Reads what there is: nothing of a class that was not reached.
    pub(crate) fn read(
        context: &Context,
        (key, name): (&str, &str),
        discovered: &BTreeMap<String, Receipt>,
        near: Vec<AuditRow>,
    ) -> Result<Self, StageError> {
        let receipt = discovered.get(&format!("discover/{}", file_stem(key)));
        let cores = match receipt {
            Some(_) => cores_of(&context.run_dir, key)?,
            None => Vec::new(),
        };
        let images = generated_images(&context.run_dir, key)?;
        let members = AnchorMembers::read(context, key, &cores)?;
        Ok(Self {
            members,
            key: key.to_owned(),
            name: name.to_owned(),
            cores,
            images: images.into_iter().map(|image| (image.rank, image)).collect(),
            near: near.into_iter().map(|row| ((row.rank, row.neighbor), row)).collect(),
            log: receipt.map(|receipt| receipt.log.clone()).unwrap_or_default(),
        })
    }

    /// The nearest real image of the image of `rank`.
    pub(crate) fn nearest(&self, rank: u32) -> Option<&AuditRow> {
        self.near.get(&(rank, 1))
    }

    fn embedding(&self, context: &Context) -> Result<Option<Embedding>, StageError> {
        let path =
            context.run_dir.path(&format!("discover/{}/embedding.parquet", file_stem(&self.key)));
        if self.cores.is_empty() || !path.is_file() {
            return Ok(None);
        }
        Ok(Some(read_embedding(&path)?))
    }

    /// What list and gallery say of it, given its embedding's labels.
    fn about(&self, labels: &[i32], images: usize, audit: Option<&Summary>) -> ClassAbout {
        let own = audit.and_then(|a| a.classes.iter().find(|class| class.class == self.key));
        let clusters: std::collections::BTreeSet<i32> =
            labels.iter().copied().filter(|label| *label >= 0).collect();
        ClassAbout {
            key: self.key.clone(),
            name: self.name.clone(),
            images,
            clusters: clusters.len(),
            noise: labels.iter().filter(|label| **label < 0).count(),
            cores: self.cores.len(),
            generated: self.images.len(),
            flagged: own.map(|class| class.flagged),
            least_ratio: own.and_then(|class| class.least_ratio),
        }
    }

    /// Everything the page shows of it. `encoded` is its number of real images.
    pub(crate) fn view(
        &self,
        context: &Context,
        gallery: &Gallery<'_>,
        shards: &HashMap<String, usize>,
        totals: &Totals<'_>,
        encoded: usize,
    ) -> Result<(ClassAbout, ClassView), StageError> {
        let embedding = self.embedding(context)?;
        let labels: Vec<i32> =
            embedding.iter().flat_map(|e| e.rows.iter().map(|row| row.label)).collect();
        let about = self.about(&labels, encoded, totals.audit);
        let points = match embedding {
            Some(embedding) => self.points(embedding, &labels, totals.points)?,
            None => Points::default(),
        };
        let mut origins: Vec<(String, usize)> = Vec::new();
        for core in &self.cores {
            match origins.iter_mut().find(|(name, _)| *name == core.origin) {
                Some((_, count)) => *count += 1,
                None => origins.push((core.origin.clone(), 1)),
            }
        }
        let (rows, there) = self.pictures(gallery);
        let mut cores = self.columns(context, shards, &there);
        self.members.columns(totals.members, &mut cores);
        let pictures = gallery.sheet(&rows)?;
        Ok((about, ClassView { log: self.log.clone(), origins, cores, pictures, points }))
    }

    fn points(
        &self,
        embedding: Embedding,
        labels: &[i32],
        most: usize,
    ) -> Result<Points, StageError> {
        let Embedding { rows, coordinates, dimensions } = embedding;
        let space = Matrix::new(rows.len(), dimensions, coordinates).map_err(|source| {
            StageError::Discovery { class: self.key.clone(), source: source.into() }
        })?;
        let keys: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
        // A core is known by shard and key: rows of the table lack those that a label check left out.
        let places: HashMap<(&str, &str), usize> =
            rows.iter().enumerate().map(|(at, row)| ((&row.shard[..], &row.key[..]), at)).collect();
        let cores: Vec<(usize, u32)> = self
            .cores
            .iter()
            .filter_map(|core| Some((*places.get(&(&core.shard[..], &core.key[..]))?, core.rank)))
            .collect();
        Ok(points(&pca::reduce(&space, 2, 0), labels, &keys, &cores, most))
    }

    /// Rows of pictures, and for each core which of them are there, as bits.
    fn pictures(
        &self,
        gallery: &Gallery<'_>,
    ) -> (Vec<Vec<Option<crate::imaging::RgbImage>>>, Vec<u8>) {
        let shown = || self.cores.iter().take(gallery.plan.columns);
        let near = |core: &CoreRow| {
            let row = self.nearest(core.rank)?;
            if (&row.shard, row.offset) == (&core.shard, core.offset) {
                return gallery.core(&self.key, core.rank as usize);
            }
            let place: Place = (row.shard.clone(), row.offset);
            gallery.near(&place)
        };
        let generated = |core: &CoreRow| gallery.generated(&self.images.get(&core.rank)?.name);
        let mut rows: Vec<Vec<_>> = vec![
            shown().map(|core| gallery.core(&self.key, core.rank as usize)).collect(),
            shown().map(generated).collect(),
            shown().map(near).collect(),
        ];
        rows.extend(self.members.pictures(gallery));
        let bit = |at: usize, row: usize| {
            let there = rows[row].get(at).is_some_and(Option::is_some);
            u8::from(there) << row
        };
        let bits = |at: usize| (0..rows.len()).fold(0, |bits, row| bits | bit(at, row));
        let there = (0..self.cores.len()).map(bits).collect();
        (rows, there)
    }

    fn columns(
        &self,
        context: &Context,
        shards: &HashMap<String, usize>,
        pictures: &[u8],
    ) -> CoreColumns {
        let mut all = CoreColumns { pictures: pictures.to_vec(), ..CoreColumns::default() };
        let shard = |name: &String| shards.get(name).copied().unwrap_or(0);
        for core in &self.cores {
            all.rank.push(core.rank);
            all.key.push(core.key.clone());
            all.shard.push(shard(&core.shard));
            all.origin.push(core.origin.clone());
            all.size.push(core.cluster_size);
            all.probability.push(core.probability);
            all.generated.push(self.images.contains_key(&core.rank));
            let second = seed_name(&self.key, core.rank as usize);
            all.retried.push(context.run_dir.path(&second).is_file());
            let near = self.nearest(core.rank);
            all.near_key.push(near.map(|row| row.key.clone()));
            all.near_shard.push(near.map(|row| shard(&row.shard)));
            let other = near.filter(|row| row.real_class != self.key);
            all.near_class.push(other.map(|row| row.real_class.clone()));
            all.distance.push(near.map(|row| row.distance));
            all.ratio.push(near.map(|row| row.ratio));
            all.flagged.push(near.is_some_and(|row| row.flagged));
            // Said where the nearest is of another class.
            let own = other.and_then(|_| self.near.get(&(core.rank, 0)));
            all.own_key.push(own.map(|row| row.key.clone()));
            all.own_distance.push(own.map(|row| row.distance));
        }
        all
    }
}
