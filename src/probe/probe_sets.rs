//! Probe tars of the two sets.

use super::probe_files::SizeProbe;
use crate::config::Class;
use crate::pipeline::assemble::meta::{add_generated, real_meta};
use crate::pipeline::core_images::core_image_key;
use crate::pipeline::error::StageError;
use crate::shards::{SampleMember, ShardWriter, WriterOptions, dali_index};
use crate::store::tables::MemberRow;

impl SizeProbe<'_> {
    /// A tar of one of the sets, with its index.
    pub(crate) fn set(&self, n: u64, pngs: &[Vec<u8>], generated: bool) -> Result<u64, StageError> {
        let class = match &self.context.classes {
            Some(list) => list.classes().first().cloned(),
            None => None,
        };
        let class = class.unwrap_or_else(|| {
            let key = self.row(0).class;
            Class { prompt: key.clone(), key, supercategory: None }
        });
        let mut writer = ShardWriter::new(Vec::new(), WriterOptions::default());
        for rank in 0..n {
            let mut meta = real_meta(Some(&class), rank as usize, &self.core(rank));
            if generated {
                let members = self.members_of(rank);
                let members = members.as_deref().unwrap_or_default();
                add_generated(&mut meta, (self.context, Some(&class)), u64::MAX / 3, members);
            }
            let png = pngs.get(rank as usize % pngs.len().max(1)).cloned().unwrap_or_default();
            let members = [
                SampleMember::new("cls", "0"),
                SampleMember::new("json", meta.to_string()),
                SampleMember::new("png", png),
            ];
            writer.write_sample(&core_image_key(&class.key, rank as usize), &members)?;
        }
        let (tar, entries) = writer.finish()?;
        Ok((tar.len() + dali_index(&entries)?.len()) as u64)
    }

    /// Made-up members of an anchor, as many as the anchors of the first class have on average.
    fn members_of(&self, rank: u64) -> Option<Vec<MemberRow>> {
        self.work.members?;
        let (members, cores) = (self.work.members_of_classes().next()?, self.work.ipc.max(1));
        Some((0..members.div_ceil(cores)).map(|position| self.member(rank, position)).collect())
    }
}
