//! From clusters to rows: every core a different image.

use super::cluster::{Pool, Representative};
use crate::discovery::Matrix;
use crate::discovery::cores::{Core, Origin};
use crate::discovery::nearest::{farthest_first, nearest_free};

/// One core per cluster, in the clusters' order. Rows that stand for their clusters are set; a centre
/// takes the nearest of its cluster's members that no other core has, the first such, and where
/// there is none (a group of duplicates) the nearest row of all.
pub fn represent(pool: &Pool<'_>, probabilities: &[f64]) -> Vec<Core> {
    let data = pool.embedding;
    let mut taken = vec![false; data.rows()];
    for cluster in &pool.clusters {
        if let Representative::Row(row) = cluster.representative {
            taken[row] = true;
        }
    }
    let mut cores = Vec::with_capacity(pool.settings.ipc);
    for cluster in &pool.clusters {
        let row = match &cluster.representative {
            Representative::Row(row) => Some(*row),
            Representative::Centre(centre) => {
                let members = cluster.members.iter().copied();
                let any = || nearest_free(data, 0..data.rows(), centre, &taken);
                nearest_free(data, members, centre, &taken).or_else(any)
            }
        };
        // There are at least as many rows as clusters, so one is always free.
        let Some(row) = row else { continue };
        taken[row] = true;
        let size = cluster.members.len();
        cores.push(Core { row, origin: cluster.origin, size, probability: probabilities[row] });
    }
    cores
}

/// Appends `count` rows, each the farthest from all cores so far, ties by row order.
pub fn add_farthest(data: &Matrix, probabilities: &[f64], count: usize, cores: &mut Vec<Core>) {
    let mut chosen: Vec<usize> = cores.iter().map(|core| core.row).collect();
    if chosen.is_empty() && data.rows() > 0 {
        let centre: Vec<f32> = data.column_means().into_iter().map(|mean| mean as f32).collect();
        chosen.extend(nearest_free(data, 0..data.rows(), &centre, &vec![false; data.rows()]));
    }
    let given = cores.len();
    farthest_first(data, &mut chosen, given + count);
    cores.extend(chosen[given..].iter().map(|&row| Core {
        row,
        origin: Origin::FarthestPoint,
        size: 1,
        probability: probabilities[row],
    }));
}
