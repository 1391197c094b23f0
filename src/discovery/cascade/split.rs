//! Splitting a cluster in two: HDBSCAN within it proposes seeds, 2-means decides.

use super::cluster::{Pool, Representative, surest};
use crate::discovery::cores::Origin;
use crate::discovery::hdbscan::{HdbscanSettings, Selection, cluster};
use crate::discovery::kmeans::{KMeans, KMeansSettings, kmeans_from};

/// Sub-clusters whose best members are tried as seeds, pair by pair.
const CANDIDATES: usize = 3;
/// What a failed forced split multiplies the least cluster size by.
const SHRINK: f64 = 0.75;

/// Splits clusters of at least twice the least size, largest first, until IPC is reached or none is
/// left. One that doesn't fall apart is left as it is.
pub fn split_large(pool: &mut Pool<'_>) {
    let least = pool.settings.min_cluster_size;
    let mut waiting = waiting(pool, 2 * least);
    while pool.missing() > 0 && !waiting.is_empty() {
        let parent = take_largest(&mut waiting);
        if let Some(halves) = split(pool, parent, least) {
            waiting.extend(halves.into_iter().filter(|half| half.1 >= 2 * least));
        }
    }
}

/// Splits the largest cluster again and again, each failed try at three quarters of the size before,
/// until IPC is reached or no cluster is left to try.
pub fn split_by_force(pool: &mut Pool<'_>) {
    let mut waiting = waiting(pool, pool.settings.min_cluster_size);
    while pool.missing() > 0 && !waiting.is_empty() {
        let parent = take_largest(&mut waiting);
        let mut size = pool.settings.min_cluster_size as f64;
        loop {
            size *= SHRINK;
            let least = (size as usize).max(2);
            if let Some(halves) = split(pool, parent, least) {
                waiting.extend(halves.into_iter().filter(|half| half.1 >= 2 * least));
                break;
            }
            if size <= 2.0 {
                break;
            }
        }
    }
}

/// Clusters of at least `least` rows, as (id, size).
fn waiting(pool: &Pool<'_>, least: usize) -> Vec<(usize, usize)> {
    let sizes = pool.clusters.iter().map(|cluster| (cluster.id, cluster.members.len()));
    sizes.filter(|&(_, size)| size >= least).collect()
}

/// Takes the largest out, the first such; the others stay sorted, as the published program's list
/// does, so that later ties are met in the same order.
fn take_largest(waiting: &mut Vec<(usize, usize)>) -> usize {
    waiting.sort_by_key(|&(_, size)| std::cmp::Reverse(size));
    waiting.remove(0).0
}

/// Replaces a cluster by two. `None`, and nothing changed, if HDBSCAN finds fewer than two clusters
/// of `least` rows in it.
fn split(pool: &mut Pool<'_>, parent: usize, least: usize) -> Option<[(usize, usize); 2]> {
    let at = pool.clusters.iter().position(|cluster| cluster.id == parent)?;
    let members = pool.clusters[at].members.clone();
    let what = format!("cluster {parent} ({} rows)", members.len());
    let Some((seeds, halves)) = best_halves(pool, &members, least) else {
        pool.log.push(format!("{what} has no two clusters of {least} rows"));
        return None;
    };
    pool.clusters.remove(at);
    let mut added = [(0, 0); 2];
    for (half, (slot, rows)) in added.iter_mut().zip(halves.members()).enumerate() {
        let rows: Vec<usize> = rows.into_iter().map(|row| members[row]).collect();
        let size = rows.len();
        let centre = Representative::Centre(halves.centres.row(half).to_vec());
        *slot = (pool.add(rows, centre, Origin::HdbscanKmeansSplit), size);
    }
    let [(first, first_size), (second, second_size)] = added;
    pool.log.push(format!(
        "{what} split into {first} ({first_size}) and {second} ({second_size}): seeds {} and {}, \
         inertia {:.4}",
        seeds.0, seeds.1, halves.inertia
    ));
    Some(added)
}

/// The best 2-means of the rows seeded at the surest members of two of their largest sub-clusters;
/// which two, by size, and the partition.
fn best_halves(
    pool: &Pool<'_>,
    members: &[usize],
    least: usize,
) -> Option<((usize, usize), KMeans)> {
    let rows = pool.embedding.select(members);
    let settings = HdbscanSettings {
        min_cluster_size: least,
        min_samples: pool.settings.min_samples,
        selection: Selection::Eom,
    };
    let found = cluster(&rows, &settings);
    let mut parts: Vec<Vec<usize>> = (0..found.clusters()).map(|c| found.members(c)).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let seeds: Vec<usize> = parts
        .iter()
        .take(CANDIDATES)
        .filter_map(|part| surest(part, &found.probabilities))
        .collect();
    let mut best: Option<((usize, usize), KMeans)> = None;
    for second in 1..seeds.len() {
        for first in 0..second {
            let initial = rows.select(&[seeds[first], seeds[second]]);
            let halves = kmeans_from(&rows, &initial, &KMeansSettings::default());
            if best.as_ref().is_none_or(|(_, best)| halves.inertia < best.inertia) {
                best = Some(((first, second), halves));
            }
        }
    }
    best
}
