//! The condensed tree: the hierarchy with every split that sheds fewer than `min_cluster_size` rows
//! read as rows falling out of a cluster that goes on.

use super::linkage::Hierarchy;

/// One row of the condensed tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fall {
    /// The cluster that is left. The root is the number of rows; others count up from there.
    pub parent: usize,
    /// The row that falls out, or the cluster that is born (≥ the number of rows).
    pub child: usize,
    /// The density 1 / distance at which that happens; infinite between duplicates.
    pub lambda: f64,
    /// Rows in the child.
    pub size: usize,
}

/// Every fall, parents before their children.
#[derive(Clone, Debug, PartialEq)]
pub struct CondensedTree {
    /// Number of rows clustered; also the root's number.
    pub rows: usize,
    /// Number of clusters in the tree, the root included.
    pub nodes: usize,
    /// The falls, in the order of a walk through the hierarchy level by level.
    pub falls: Vec<Fall>,
}

impl CondensedTree {
    /// Condenses a hierarchy. `min_cluster_size` is at least 2.
    pub fn new(hierarchy: &Hierarchy, min_cluster_size: usize) -> Self {
        let rows = hierarchy.rows;
        let mut tree = Self { rows, nodes: 1, falls: Vec::with_capacity(rows) };
        if hierarchy.merges.is_empty() {
            return tree;
        }
        let top = rows + hierarchy.merges.len() - 1;
        // Which cluster goes on at a node; none where its rows have fallen out above.
        let mut cluster_at: Vec<Option<usize>> = vec![None; top + 1];
        cluster_at[top] = Some(rows);
        for node in hierarchy.breadth_first(top) {
            let (Some(parent), true) = (cluster_at[node], node >= rows) else { continue };
            let merge = hierarchy.merges[node - rows];
            let lambda = if merge.distance > 0.0 { merge.distance.recip() } else { f64::INFINITY };
            let big = |child: usize| hierarchy.size(child) >= min_cluster_size;
            let split = big(merge.left) && big(merge.right);
            for child in [merge.left, merge.right] {
                if split {
                    let born = rows + tree.nodes;
                    tree.nodes += 1;
                    cluster_at[child] = Some(born);
                    let size = hierarchy.size(child);
                    tree.falls.push(Fall { parent, child: born, lambda, size });
                } else if big(child) {
                    cluster_at[child] = Some(parent);
                } else {
                    let below = hierarchy.breadth_first(child);
                    let fallen = below.into_iter().filter(|&row| row < rows);
                    tree.falls.extend(fallen.map(|child| Fall { parent, child, lambda, size: 1 }));
                }
            }
        }
        tree
    }

    /// Position of a cluster in an array over the clusters: the root is 0. `None` for a row.
    pub fn node(&self, child: usize) -> Option<usize> {
        child.checked_sub(self.rows)
    }

    /// The falls that give birth to clusters: (parent's position, child's position, fall).
    pub fn births(&self) -> impl DoubleEndedIterator<Item = (usize, usize, &Fall)> {
        self.falls.iter().filter_map(|fall| {
            Some((fall.parent - self.rows, fall.child.checked_sub(self.rows)?, fall))
        })
    }

    /// The largest density among each cluster's own falls.
    pub fn deaths(&self) -> Vec<f64> {
        let mut deaths = vec![0.0f64; self.nodes];
        for fall in &self.falls {
            let death = &mut deaths[fall.parent - self.rows];
            *death = death.max(fall.lambda);
        }
        deaths
    }
}
