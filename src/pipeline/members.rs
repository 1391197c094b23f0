//! The members of anchors: the images of a class that each anchor is made of, as `discover` left them.

use super::core_images::{core_image_key, member_image_key};
use super::error::StageError;
use super::latents::{Latents, reduced};
use crate::config::{Anchor, AnchorKind, Features, Spread};
use crate::discovery::anchors::{Mean, auto_spread};
use crate::store::tables::{CoreRow, MemberRow, Numbers, read_members};
use crate::store::{RunDir, StoreError, file_stem};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Bytes of latents read at once.
const CHUNK_BYTES: usize = 64 << 20;

/// Where `discover` leaves the members of the anchors of `class`, below the run directory.
pub(crate) fn members_name(class: &str) -> String {
    format!("discover/{}/members.parquet", file_stem(class))
}

/// The members of the anchors of `class`, by rank and position.
pub(crate) fn members_of(run_dir: &RunDir, class: &str) -> Result<Vec<MemberRow>, StoreError> {
    read_members(&run_dir.local(&members_name(class))?)
}

/// The members of each rank.
pub(crate) fn by_rank(members: &[MemberRow]) -> Vec<&[MemberRow]> {
    members.chunk_by(|a, b| a.rank == b.rank).collect()
}

/// Images of each group.
pub(crate) fn group_sizes(members: &[MemberRow]) -> Vec<usize> {
    by_rank(members).iter().map(|own| own[0].group_size as usize).collect()
}

/// The factor by which the means of these members are spread.
pub(crate) fn spread_of(anchor: &Anchor, members: &[MemberRow]) -> f64 {
    match (anchor.kind, anchor.spread) {
        (AnchorKind::Spread, Spread::By(factor)) => factor,
        (AnchorKind::Spread, Spread::Auto) => {
            let ratio = members.first().map_or(1.0, |member| member.ratio);
            auto_spread(ratio, by_rank(members).len())
        }
        (AnchorKind::Image | AnchorKind::Mean | AnchorKind::Centroid, _) => 1.0,
    }
}

/// What each member's image is called in fetched tars: one that is a core has the core's name.
pub(crate) fn image_keys(class: &str, cores: &[CoreRow], members: &[MemberRow]) -> Vec<String> {
    let ranks: HashMap<u64, u32> = cores.iter().map(|core| (core.row, core.rank)).collect();
    let key = |member: &MemberRow| match ranks.get(&member.row) {
        Some(&rank) => core_image_key(class, rank as usize),
        None => member_image_key(class, member.rank as usize, member.position as usize),
    };
    members.iter().map(key).collect()
}

/// Adds the stored latents of all members, reduced as `how` says, to a mean each group.
///
/// # Errors
/// If rows can't be read, or are of other samples than those that were chosen.
pub(crate) fn stored_means(
    latents: &Latents,
    class: &str,
    members: &[MemberRow],
    how: Features,
) -> Result<Vec<Mean>, StageError> {
    let format = latents.table.format();
    let chunk = (CHUNK_BYTES / (4 * format.latent.values().max(1))).max(1);
    let mut means = Vec::new();
    for some in members.chunks(chunk) {
        let wanted: Vec<usize> = some.iter().map(|member| member.row as usize).collect();
        let rows = latents.table.read_rows(class, &wanted, Numbers::Latent)?;
        if let Some((own, key)) = some.iter().zip(&rows.keys).find(|(own, key)| own.key != **key) {
            return Err(StageError::Other(format!(
                "class {class:?}: row {} is sample {key:?}, but {:?} was chosen for an anchor; the encoded parts changed \
                 after discovery: delete discover/ and run again",
                own.row, own.key
            )));
        }
        let values = reduced(rows.values, format, Numbers::Latent, how)
            .map_err(|source| StageError::Discovery { class: class.to_owned(), source })?;
        add(&mut means, some, &values);
    }
    Ok(means)
}

/// Adds the latents of `members`, one after another in `values`, to the mean of each one's group. Groups come in order.
pub(crate) fn add(means: &mut Vec<Mean>, members: &[MemberRow], values: &[f32]) {
    let width = values.len() / members.len().max(1);
    for (member, latent) in members.iter().zip(values.chunks_exact(width.max(1))) {
        while means.len() <= member.rank as usize {
            means.push(Mean::new(width));
        }
        if let Some(mean) = means.get_mut(member.rank as usize) {
            mean.add(latent);
        }
    }
}

/// What is told of an anchor beside its image: kind, spread and members, nearest first.
pub(crate) fn provenance(anchor: &Anchor, members: &[MemberRow], rank: usize) -> Value {
    let own = members.iter().filter(|member| member.rank as usize == rank);
    let own: Vec<Value> =
        own.map(|member| json!({"key": member.key, "shard": member.shard})).collect();
    json!({
        "anchor_kind": anchor.kind,
        "anchor_members": own,
        "anchor_spread": spread_of(anchor, members),
    })
}
