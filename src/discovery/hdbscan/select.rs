//! Which clusters of the condensed tree are taken: excess of mass.

use super::condense::CondensedRow;

/// Stability of each cluster of the tree, the root's first: Σ (λ − λ at birth) · size over what leaves it.
fn stabilities(n: usize, tree: &[CondensedRow], clusters: usize) -> Vec<f64> {
    let mut birth = vec![0.0; clusters];
    for row in tree.iter().filter(|row| row.child > n) {
        birth[row.child - n] = row.lambda;
    }
    let mut stability = vec![0.0; clusters];
    for row in tree {
        let cluster = row.parent - n;
        // Points at distance zero leave at infinity together with their cluster's birth there: no mass, not NaN.
        let alive = if row.lambda == birth[cluster] { 0.0 } else { row.lambda - birth[cluster] };
        stability[cluster] += alive * row.size as f64;
    }
    stability
}

/// The taken clusters in order of their numbers in the tree. The root is never one.
pub(super) fn excess_of_mass(n: usize, tree: &[CondensedRow]) -> Vec<usize> {
    let clusters =
        tree.iter().map(|row| row.parent.max(row.child)).max().unwrap_or(n).max(n) + 1 - n;
    let mut stability = stabilities(n, tree, clusters);
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); clusters];
    for row in tree.iter().filter(|row| row.child > n) {
        children[row.parent - n].push(row.child - n);
    }
    let mut taken = vec![true; clusters];
    taken[0] = false;
    // A child's number is larger than its parent's: downwards means leaves first.
    for cluster in (1..clusters).rev() {
        let below: f64 = children[cluster].iter().map(|&c| stability[c]).sum();
        if below > stability[cluster] {
            taken[cluster] = false;
            stability[cluster] = below;
        } else {
            let mut under = children[cluster].clone();
            while let Some(c) = under.pop() {
                taken[c] = false;
                under.extend(&children[c]);
            }
        }
    }
    (1..clusters).filter(|&c| taken[c]).map(|c| c + n).collect()
}
