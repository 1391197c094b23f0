//! The table of members: who each anchor of a class is made of.

use super::{Discovery, Settings};
use crate::config::Features;
use crate::discovery::anchors::{auto_spread, distance_ratio};
use crate::discovery::groups::groups;
use crate::pipeline::error::StageError;
use crate::pipeline::latents::{ClassFeatures, Latents};
use crate::pipeline::members::{group_sizes, members_name, stored_means};
use crate::store::tables::{MemberRow, write_members};
use crate::store::{RunDir, Written};

/// Cells a side that latents are averaged over for the ratio: detail that is like noise would make it small.
const GRID: usize = 16;

/// Writes the members of the anchors of `class`, `most` a group at most; the file, and what was found in a sentence.
pub(super) fn write(
    run_dir: &RunDir,
    latents: &Latents,
    (class, images): (&str, &ClassFeatures),
    found: &Discovery,
    (settings, most): (&Settings, usize),
) -> Result<(Written, String), StageError> {
    let mut rows = member_rows(images, found, settings, most);
    let sizes = group_sizes(&rows);
    let means = stored_means(latents, class, &rows, Features::Grid(GRID))?;
    let ratio = distance_ratio(&means, &sizes);
    rows.iter_mut().for_each(|row| row.ratio = ratio);
    let path = run_dir.path(&members_name(class));
    let written = write_members(&path, run_dir.root(), class, &rows)?;
    Ok((written, sentence(&rows, &sizes, ratio)))
}

fn member_rows(
    images: &ClassFeatures,
    found: &Discovery,
    settings: &Settings,
    most: usize,
) -> Vec<MemberRow> {
    let groups = groups(&images.features, found, settings.algorithm, most);
    let mut rows = Vec::new();
    for (rank, group) in (0..).zip(&groups) {
        for (position, member) in (0..).zip(&group.members) {
            rows.push(MemberRow {
                rank,
                position,
                key: images.rows.keys[member.row].clone(),
                shard: images.rows.shards[member.row].clone(),
                offset: images.rows.offsets[member.row],
                row: images.numbers[member.row] as u64,
                distance: member.distance,
                group_size: group.size as u64,
                ratio: 0.0,
            });
        }
    }
    rows
}

fn sentence(rows: &[MemberRow], sizes: &[usize], ratio: f64) -> String {
    let (least, most) = (sizes.iter().min().unwrap_or(&0), sizes.iter().max().unwrap_or(&0));
    format!(
        "{} members of {} groups of {least} to {most} images; their means lie at {ratio:.2} of the members' distance from \
         the mean of the class, so spread = \"auto\" is {:.2}",
        rows.len(),
        sizes.len(),
        auto_spread(ratio, sizes.len())
    )
}
