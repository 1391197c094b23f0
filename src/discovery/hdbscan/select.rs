//! Choosing clusters from the condensed tree.

use serde::{Deserialize, Serialize};

use super::CondensedTree;

/// How clusters are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// Excess of mass: a cluster stands unless its descendants together are more stable.
    #[default]
    Eom,
    /// The tree's leaves.
    Leaf,
}

/// Each cluster's stability: Σ (λ of the fall − λ of the cluster's birth) · rows that fall, over its
/// falls in order. Indexed by cluster position, the root first.
pub fn stabilities(tree: &CondensedTree) -> Vec<f64> {
    let mut births = vec![0.0f64; tree.nodes];
    for (_, child, fall) in tree.births() {
        births[child] = fall.lambda;
    }
    let mut stabilities = vec![0.0f64; tree.nodes];
    for fall in &tree.falls {
        let cluster = fall.parent - tree.rows;
        // Duplicates only: born and dissolved at infinite density, the cluster never lived.
        if births[cluster].is_finite() {
            stabilities[cluster] += (fall.lambda - births[cluster]) * fall.size as f64;
        }
    }
    stabilities
}

/// The chosen clusters' positions, ascending; never the root. Their order is that of the labels.
pub fn choose(tree: &CondensedTree, selection: Selection) -> Vec<usize> {
    match selection {
        Selection::Eom => excess_of_mass(tree),
        Selection::Leaf => leaves(tree),
    }
}

/// Clusters that have no clusters below them.
fn leaves(tree: &CondensedTree) -> Vec<usize> {
    let mut is_parent = vec![false; tree.nodes];
    tree.births().for_each(|(parent, _, _)| is_parent[parent] = true);
    (1..tree.nodes).filter(|&cluster| !is_parent[cluster]).collect()
}

/// From the leaves up, keeps a cluster where its children's best total is no larger than its own
/// stability, and then nothing below it.
fn excess_of_mass(tree: &CondensedTree) -> Vec<usize> {
    let mut best = stabilities(tree);
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); tree.nodes];
    tree.births().for_each(|(parent, child, _)| children[parent].push(child));
    let mut stands = vec![true; tree.nodes];
    stands[0] = false;
    // Children are born after their parents, so a falling count meets them first.
    for cluster in (1..tree.nodes).rev() {
        let below: f64 = children[cluster].iter().map(|&child| best[child]).sum();
        if below > best[cluster] {
            stands[cluster] = false;
            best[cluster] = below;
        }
    }
    let mut covered = vec![false; tree.nodes];
    for cluster in 0..tree.nodes {
        for &child in &children[cluster] {
            covered[child] = covered[cluster] || stands[cluster];
        }
    }
    (1..tree.nodes).filter(|&cluster| stands[cluster] && !covered[cluster]).collect()
}
