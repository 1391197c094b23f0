//! An edge between two rows.

/// An edge of the spanning tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The end that was in the tree already.
    pub from: u32,
    /// The end that joined with this edge.
    pub to: u32,
    /// Mutual reachability distance of the two.
    pub weight: f64,
}
