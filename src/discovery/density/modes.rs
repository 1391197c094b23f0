//! The modes of a class: dense regions that sparser ones part, with the share of the class that each holds.

use crate::discovery::hdbscan::{HdbscanSettings, Selection, cluster};
use crate::discovery::purity::neighbors_of;
use crate::discovery::{DiscoveryError, Matrix};
use crate::linalg::knn::BruteForce;

/// A partition of the rows by mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Modes {
    /// The rows of each mode, ascending; the modes by their first row.
    pub members: Vec<Vec<usize>>,
    /// Cores that each mode gets, at least one and no more than it has rows.
    pub cores: Vec<usize>,
}

/// Finds the modes of `features` and shares `ipc` cores (1 to the rows) out among them by size, largest remainder first.
///
/// A mode is a cluster of HDBSCAN that deserves a core by its size. Where clusters hold less than half of the rows, they are
/// chance condensations in one mode. Rows between the modes belong to that of their nearest row.
///
/// # Errors
/// Rows that can't be compared.
pub fn modes(features: &Matrix, ipc: usize) -> Result<Modes, DiscoveryError> {
    let rows = features.rows();
    let one = || Modes { members: vec![(0..rows).collect()], cores: vec![ipc] };
    let k = neighbors_of(rows);
    let least = rows.div_ceil(ipc.max(1)).max(k);
    if least * 2 > rows {
        return Ok(one());
    }
    let settings =
        HdbscanSettings { min_cluster_size: least, min_samples: k, selection: Selection::Eom };
    let found = cluster(features, &settings);
    if found.clusters() < 2 || found.noise() * 2 > rows {
        return Ok(one());
    }
    let labels = every_row(features, found.labels)?;
    let mut members = vec![Vec::new(); labels.iter().max().map_or(0, |most| most + 1)];
    labels.iter().enumerate().for_each(|(row, &mode)| members[mode].push(row));
    members.sort();
    let sizes: Vec<usize> = members.iter().map(Vec::len).collect();
    Ok(Modes { members, cores: shares(&sizes, ipc) })
}

/// Gives rows without a cluster that of their nearest row which has one.
fn every_row(features: &Matrix, labels: Vec<i32>) -> Result<Vec<usize>, DiscoveryError> {
    let (inside, outside): (Vec<usize>, Vec<usize>) =
        (0..labels.len()).partition(|&row| labels[row] >= 0);
    let mut modes: Vec<usize> = labels.iter().map(|&label| label.max(0) as usize).collect();
    if outside.is_empty() {
        return Ok(modes);
    }
    let of = features.select(&inside);
    let nearest = BruteForce::new(&of)?.nearest(&features.select(&outside), 1)?;
    for (row, near) in outside.into_iter().zip(nearest) {
        if let Some((_, other)) = near.first() {
            modes[row] = modes[inside[*other as usize]];
        }
    }
    Ok(modes)
}

/// Shares `count` out in proportion to `sizes`, by largest remainders, ties to the first. Every size of at least
/// total / count gets one; nobody gets more than its size where `count` is no more than the total.
fn shares(sizes: &[usize], count: usize) -> Vec<usize> {
    let total: usize = sizes.iter().sum::<usize>().max(1);
    let mut shares: Vec<usize> = sizes.iter().map(|size| size * count / total).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(sizes[at] * count % total));
    let left = count - shares.iter().sum::<usize>();
    order.into_iter().take(left).for_each(|at| shares[at] += 1);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::rng::Rng;

    /// Normal heaps of these sizes, 20 apart, in 4 columns.
    fn heaps(sizes: &[usize]) -> Matrix {
        let mut rng = Rng::new(8, &[]);
        let heap: Vec<usize> =
            sizes.iter().enumerate().flat_map(|(heap, &size)| vec![heap; size]).collect();
        Matrix::from_fn(heap.len(), 4, |row, col| {
            let centre = if col == 0 { 20.0 * heap[row] as f32 } else { 0.0 };
            centre + rng.normal() as f32
        })
    }

    #[test]
    fn two_heaps_are_two_modes_with_their_share_of_cores() {
        let found = modes(&heaps(&[61, 39]), 10).unwrap();
        let sizes: Vec<usize> = found.members.iter().map(Vec::len).collect();
        assert_eq!((sizes, found.cores), (vec![61, 39], vec![6, 4]));
        assert_eq!(found.members[1], (61..100).collect::<Vec<_>>());
    }

    #[test]
    fn one_heap_or_one_core_is_one_mode() {
        for (sizes, ipc) in [(&[100][..], 10), (&[61, 39], 1), (&[4], 4), (&[1], 1)] {
            let rows = sizes.iter().sum();
            let whole = Modes { members: vec![(0..rows).collect()], cores: vec![ipc] };
            assert_eq!(modes(&heaps(sizes), ipc).unwrap(), whole, "{sizes:?}");
        }
    }

    #[test]
    fn a_heap_too_small_for_a_core_is_no_mode() {
        let found = modes(&heaps(&[95, 5]), 5).unwrap();
        assert_eq!(found.members.len(), 1);
    }

    #[test]
    fn shares_add_up_and_leave_nobody_out() {
        assert_eq!(shares(&[61, 39], 10), [6, 4]);
        assert_eq!(shares(&[50, 25, 25], 5), [3, 1, 1]);
        assert_eq!(shares(&[10, 10, 10], 10), [4, 3, 3]);
        assert_eq!(shares(&[3, 2], 5), [3, 2]);
    }
}
