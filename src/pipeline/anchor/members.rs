//! Anchors that are made of many images: the members' latents are added up, group by group.

use super::Anchor;
use crate::config;
use crate::config::Features;
use crate::discovery::anchors::{Mean, spread_means};
use crate::pipeline::error::StageError;
use crate::pipeline::members;
use crate::pipeline::members::{by_rank, group_sizes, image_keys, members_of, spread_of};
use crate::store::tables::{Anchors, CoreRow, LatentFormat, MemberRow};
use std::sync::Arc;

impl Anchor {
    /// The anchors of `class` from all members of its groups, and what they are in a sentence.
    pub(super) async fn of_members(
        &self,
        class: &str,
        cores: Vec<CoreRow>,
    ) -> Result<(Anchors, String), StageError> {
        let (run_dir, of) = (self.context.run_dir.clone(), class.to_owned());
        let read = tokio::task::spawn_blocking(move || members_of(&run_dir, &of)).await??;
        let members = Arc::new(read);
        refuse_other(class, &cores, &members)?;
        let (means, format) = if self.encoder.is_some() {
            self.encoded_means(class, &cores, &members).await?
        } else {
            let latents = self.latents.clone();
            let (of, rows) = (class.to_owned(), members.clone());
            let task = tokio::task::spawn_blocking(move || {
                members::stored_means(&latents, &of, &rows, Features::Latent)
            });
            (task.await??, self.latents.table.format().latent)
        };
        let settings = &self.context.pipeline.anchor;
        let sentence = sentence(settings, &members);
        Ok((anchors(settings, cores, &members, &means, format), sentence))
    }

    /// Means of the members encoded at the size of the images to be, in groups that their order alone decides. One group
    /// is in memory at a time, beside the sums.
    async fn encoded_means(
        &self,
        class: &str,
        cores: &[CoreRow],
        members: &Arc<Vec<MemberRow>>,
    ) -> Result<(Vec<Mean>, LatentFormat), StageError> {
        let keys = Arc::new(image_keys(class, cores, members));
        let batch = self.context.pipeline.anchor.batch.max(1);
        let format = self.full_format()?;
        let mut means = Vec::new();
        for from in (0..members.len()).step_by(batch) {
            let some = from..members.len().min(from + batch);
            let images = {
                let (core_images, size) = (self.core_images.clone(), self.context.size());
                let (keys, members) = (keys.clone(), members.clone());
                let (own, some) = (class.to_owned(), some.clone());
                let permit = self.context.worker().await?;
                tokio::task::spawn_blocking(move || {
                    let image = |at: usize| {
                        let member = &members[at];
                        core_images.named(&keys[at], (&own, &member.shard, &member.key), size)
                    };
                    let images = some.map(image).collect::<Result<Vec<_>, StageError>>();
                    drop(permit);
                    images
                })
            };
            let latents = self.encode_images(images.await??, format).await?;
            members::add(&mut means, &members[some], &latents);
        }
        Ok((means, format))
    }
}

fn sentence(settings: &config::Anchor, rows: &[MemberRow]) -> String {
    let (kind, groups) = (settings.kind.name(), by_rank(rows).len());
    let spread = spread_of(settings, rows);
    format!("{groups} anchors, kind \"{kind}\", of {} images: spread {spread:.2}", rows.len())
}

fn anchors(
    settings: &config::Anchor,
    cores: Vec<CoreRow>,
    rows: &[MemberRow],
    means: &[Mean],
    format: LatentFormat,
) -> Anchors {
    let latents = spread_means(means, &group_sizes(rows), spread_of(settings, rows)).concat();
    let keys = |own: &&[MemberRow]| own.iter().map(|member| member.key.clone()).collect();
    let members = by_rank(rows).iter().map(keys).collect();
    Anchors { members, ..super::anchors(cores, &latents, format) }
}

/// Each core has a group, in the order of ranks.
fn refuse_other(class: &str, cores: &[CoreRow], members: &[MemberRow]) -> Result<(), StageError> {
    let ranks = by_rank(members).into_iter().map(|own| own[0].rank);
    if ranks.eq(cores.iter().map(|core| core.rank)) {
        return Ok(());
    }
    Err(StageError::Other(format!(
        "{} has members of other cores than cores.parquet: delete discover/ and run again",
        members::members_name(class)
    )))
}
