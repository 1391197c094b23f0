//! Single linkage from the spanning tree, and the tree condensed to splits into clusters of the least size.

use super::prim::Edge;

/// One merge of single linkage: two nodes (points below `n`, earlier merges from `n` on), distance, points below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Merge {
    left: usize,
    right: usize,
    distance: f64,
    size: usize,
}

/// One row of the condensed tree: `child` (a point below `n`, or a cluster) leaves `parent` at `lambda`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CondensedRow {
    /// The cluster it leaves; the root is `n`.
    pub parent: usize,
    /// What leaves it.
    pub child: usize,
    /// 1 / distance.
    pub lambda: f64,
    /// Points in the child.
    pub size: usize,
}

/// Merges in order of distance.
pub(super) fn single_linkage(n: usize, edges: &[Edge]) -> Vec<Merge> {
    let mut parent: Vec<usize> = (0..2 * n - 1).collect();
    let mut size = vec![1; n];
    let mut merges = Vec::with_capacity(edges.len());
    for edge in edges {
        let (left, right) = (find(&mut parent, edge.from), find(&mut parent, edge.to));
        let node = n + merges.len();
        parent[left] = node;
        parent[right] = node;
        size.push(size[left] + size[right]);
        merges.push(Merge { left, right, distance: edge.weight, size: size[node] });
    }
    merges
}

fn find(parent: &mut [usize], mut node: usize) -> usize {
    while parent[node] != node {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    node
}

/// Nodes below `root`, itself first, level by level.
fn breadth_first(n: usize, merges: &[Merge], root: usize) -> Vec<usize> {
    let mut order = vec![root];
    let mut at = 0;
    while at < order.len() {
        if let Some(merge) = order[at].checked_sub(n).map(|m| merges[m]) {
            order.extend([merge.left, merge.right]);
        }
        at += 1;
    }
    order
}

/// The condensed tree, rows in the reference's order: breadth first from the root.
pub(super) fn condense(n: usize, merges: &[Merge], min_cluster_size: usize) -> Vec<CondensedRow> {
    let root = n + merges.len() - 1;
    let size = |node: usize| node.checked_sub(n).map_or(1, |m| merges[m].size);
    let mut name = vec![0; root + 1];
    name[root] = n;
    let mut next = n + 1;
    let mut gone = vec![false; root + 1];
    let mut tree = Vec::new();
    for node in breadth_first(n, merges, root) {
        if node < n || gone[node] {
            continue;
        }
        let Merge { left, right, distance, .. } = merges[node - n];
        let lambda = if distance > 0.0 { 1.0 / distance } else { f64::INFINITY };
        let parent = name[node];
        let both = size(left) >= min_cluster_size && size(right) >= min_cluster_size;
        for child in [left, right] {
            if both {
                name[child] = next;
                next += 1;
                tree.push(CondensedRow { parent, child: name[child], lambda, size: size(child) });
            } else if size(child) >= min_cluster_size {
                name[child] = parent;
            } else {
                for below in breadth_first(n, merges, child) {
                    gone[below] = true;
                    if below < n {
                        tree.push(CondensedRow { parent, child: below, lambda, size: 1 });
                    }
                }
            }
        }
    }
    tree
}
