//! Single linkage: the spanning tree's edges, shortest first, joined into a binary tree.

use super::edge::Edge;

/// One merge. Nodes below the number of rows are rows; node rows + i is merge i.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Merge {
    /// The node of the edge's first end.
    pub left: usize,
    /// The node of the edge's second end.
    pub right: usize,
    /// The edge's length.
    pub distance: f64,
    /// Rows below the merge.
    pub size: usize,
}

/// The merges of one data set, shortest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Hierarchy {
    /// Number of rows.
    pub rows: usize,
    /// rows − 1 merges; the last is the root.
    pub merges: Vec<Merge>,
}

impl Hierarchy {
    /// Rows below a node.
    pub fn size(&self, node: usize) -> usize {
        if node < self.rows { 1 } else { self.merges[node - self.rows].size }
    }

    /// `from` and all nodes below it, level by level from left to right.
    pub fn breadth_first(&self, from: usize) -> Vec<usize> {
        let mut nodes = vec![from];
        let mut next = 0;
        while let Some(&node) = nodes.get(next) {
            next += 1;
            if node >= self.rows {
                let merge = self.merges[node - self.rows];
                nodes.extend([merge.left, merge.right]);
            }
        }
        nodes
    }
}

/// Joins `edges`, sorted by weight, into a hierarchy over `rows` rows.
pub fn single_linkage(rows: usize, edges: &[Edge]) -> Hierarchy {
    // Parent links of a disjoint-set forest over rows and merges.
    let mut parents: Vec<usize> = (0..rows + edges.len()).collect();
    let mut hierarchy = Hierarchy { rows, merges: Vec::with_capacity(edges.len()) };
    for edge in edges {
        let left = root(&mut parents, edge.from as usize);
        let right = root(&mut parents, edge.to as usize);
        let node = rows + hierarchy.merges.len();
        parents[left] = node;
        parents[right] = node;
        let size = hierarchy.size(left) + hierarchy.size(right);
        hierarchy.merges.push(Merge { left, right, distance: edge.weight, size });
    }
    hierarchy
}

/// The topmost node over `node`; halves the way there for the next call.
pub(super) fn root(parents: &mut [usize], mut node: usize) -> usize {
    while parents[node] != node {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_name_nodes_and_count_rows() {
        let edge = |from, to, weight| Edge { from, to, weight };
        let tree = single_linkage(4, &[edge(0, 1, 1.0), edge(2, 3, 2.0), edge(1, 2, 5.0)]);
        assert_eq!(tree.merges[2], Merge { left: 4, right: 5, distance: 5.0, size: 4 });
        assert_eq!(tree.breadth_first(6), [6, 4, 5, 0, 1, 2, 3]);
    }
}
