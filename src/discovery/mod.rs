//! stub
/// s
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)] pub enum NeighborSearch {/// s
 Exact, /// s
 Hnsw, /// s
 Auto}
