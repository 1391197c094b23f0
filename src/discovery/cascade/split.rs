//! One cluster in two: HDBSCAN proposes seeds, 2-means decides.

use super::{Cluster, Origin};
use crate::discovery::hdbscan::{self, HdbscanSettings};
use crate::discovery::kmeans::{Partition, lloyd};
use crate::discovery::matrix::{Matrix, squared_distance};

/// Halves of `members` (rows of `points`), or `None` where HDBSCAN sees fewer than two clusters in them.
pub(super) fn halve(
    points: &Matrix,
    members: &[usize],
    settings: HdbscanSettings,
) -> Option<[Cluster; 2]> {
    let own = points.select(members);
    let found = hdbscan::cluster(&own, &settings);
    if found.clusters < 2 {
        return None;
    }
    let best = best_members(&found);
    let mut least: Option<Partition> = None;
    for i in 0..best.len() {
        for j in i + 1..best.len() {
            let parts = lloyd(&own, own.select(&[best[i], best[j]]));
            if least.as_ref().is_none_or(|l| parts.inertia < l.inertia) {
                least = Some(parts);
            }
        }
    }
    let parts = least?;
    let half = |label: usize| -> Option<Cluster> {
        let members: Vec<usize> = members
            .iter()
            .zip(&parts.labels)
            .filter(|(_, l)| **l == label)
            .map(|(i, _)| *i)
            .collect();
        let core = nearest(points, &members, parts.centers.row(label))?;
        Some(Cluster { members, core, origin: Origin::Split })
    };
    Some([half(0)?, half(1)?])
}

/// The best member of each of the three largest clusters, the largest first.
fn best_members(found: &hdbscan::Clustering) -> Vec<usize> {
    let mut clusters = vec![(0_usize, usize::MAX); found.clusters];
    for (i, &label) in found.labels.iter().enumerate() {
        let Ok(label) = usize::try_from(label) else { continue };
        let (size, best) = &mut clusters[label];
        *size += 1;
        if *best == usize::MAX || found.probabilities[i] > found.probabilities[*best] {
            *best = i;
        }
    }
    clusters.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    clusters.into_iter().take(3).map(|(_, best)| best).filter(|&b| b != usize::MAX).collect()
}

/// The row of `members` nearest to `center`; the first of equals.
pub(super) fn nearest(points: &Matrix, members: &[usize], center: &[f32]) -> Option<usize> {
    let distance = |i: usize| squared_distance(points.row(i), center);
    members
        .iter()
        .copied()
        .fold(None, |best: Option<(f64, usize)>, i| {
            let d = distance(i);
            match best {
                Some((least, _)) if least <= d => best,
                _ => Some((d, i)),
            }
        })
        .map(|(_, i)| i)
}
