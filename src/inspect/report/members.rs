//! What the report shows of the images that anchors are made of.

use super::pictures::{Gallery, PictureRequest};
use crate::imaging::RgbImage;
use crate::inspect::page::{CoreColumns, MEMBERS};
use crate::pipeline::context::Context;
use crate::pipeline::error::StageError;
use crate::pipeline::members::{by_rank, image_keys, members_of};
use crate::store::tables::{CoreRow, MemberRow};

/// Members of a run whose keys are all shown; of more, only those that may have pictures.
const KEYS: usize = 20_000;

/// The members of the anchors of a class, by rank; none where each anchor is one image.
#[derive(Default)]
pub(crate) struct AnchorMembers {
    rows: Vec<MemberRow>,
    /// What fetched tars call each.
    names: Vec<String>,
}

impl AnchorMembers {
    /// Reads those of `class`, whose cores are these.
    pub(crate) fn read(
        context: &Context,
        class: &str,
        cores: &[CoreRow],
    ) -> Result<Self, StageError> {
        if cores.is_empty() || context.pipeline.anchor.group_members().is_none() {
            return Ok(Self::default());
        }
        let rows = members_of(&context.run_dir, class)?;
        let names = image_keys(class, cores, &rows);
        Ok(Self { rows, names })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.rows.len()
    }

    /// The `at`-th member of each core that has one.
    fn nth(&self, at: usize) -> impl Iterator<Item = (&MemberRow, &String)> {
        let rows = self.rows.iter().zip(&self.names);
        rows.filter(move |(row, _)| row.position as usize == at)
    }

    /// Adds the members that need a picture to `wanted`, of the first `columns` cores.
    pub(crate) fn request(
        &self,
        gallery: &Gallery<'_>,
        columns: usize,
        wanted: &mut PictureRequest,
    ) {
        for (row, name) in (0..MEMBERS).flat_map(|at| self.nth(at)) {
            if (row.rank as usize) < columns && !gallery.has(name) {
                wanted.entry(row.shard.clone()).or_default().insert(row.offset, row.offset);
            }
        }
    }

    /// Rows of pictures: the first members of each core, then the second ones, and so on.
    pub(crate) fn pictures(&self, gallery: &Gallery<'_>) -> Vec<Vec<Option<RgbImage>>> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let cores = by_rank(&self.rows).len().min(gallery.plan.columns);
        let row = |at: usize| {
            let mut row = vec![None; cores];
            for (member, name) in self.nth(at) {
                if let Some(place) = row.get_mut(member.rank as usize) {
                    let near = || gallery.near(&(member.shard.clone(), member.offset));
                    *place = gallery.fetched(name).or_else(near);
                }
            }
            row
        };
        (0..MEMBERS).map(row).collect()
    }

    /// Fills the columns of members; `all` are the members of the whole run.
    pub(crate) fn columns(&self, all: usize, columns: &mut CoreColumns) {
        let most = if all <= KEYS { usize::MAX } else { MEMBERS };
        for own in by_rank(&self.rows) {
            columns.members.push(own.iter().take(most).map(|member| member.key.clone()).collect());
            columns.member_count.push(own.len());
            columns.group_size.push(own[0].group_size);
        }
    }
}
