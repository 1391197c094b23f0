//! Labels and membership probabilities from the taken clusters.

use super::condense::CondensedRow;

/// Cluster of each point, numbered in the order of `chosen`; -1 where no taken cluster is above it.
pub(super) fn labels(n: usize, tree: &[CondensedRow], chosen: &[usize]) -> Vec<i32> {
    let top = tree.iter().map(|row| row.parent.max(row.child)).max().unwrap_or(n).max(n);
    let mut label = vec![-1; top + 1];
    for (number, &cluster) in chosen.iter().enumerate() {
        label[cluster] = number as i32;
    }
    // A cluster's row stands before the rows of what leaves it, so one pass downwards carries labels along.
    for row in tree {
        if label[row.child] < 0 {
            label[row.child] = label[row.parent];
        }
    }
    label.truncate(n);
    label
}

/// λ of each point over the largest λ at which anything leaves its cluster; 1 for an infinite one, 0 for noise.
pub(super) fn probabilities(tree: &[CondensedRow], chosen: &[usize], labels: &[i32]) -> Vec<f64> {
    let n = labels.len();
    let mut death = vec![0.0_f64; chosen.last().map_or(0, |c| c + 1)];
    for row in tree {
        if let Some(death) = death.get_mut(row.parent) {
            *death = death.max(row.lambda);
        }
    }
    let mut probabilities = vec![0.0; n];
    for row in tree.iter().filter(|row| row.child < n) {
        let Ok(label) = usize::try_from(labels[row.child]) else { continue };
        let most = death[chosen[label]];
        probabilities[row.child] =
            if most == 0.0 || !row.lambda.is_finite() { 1.0 } else { row.lambda.min(most) / most };
    }
    probabilities
}
