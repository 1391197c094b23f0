//! The dense part of a class, and the modes in it: what HDBSCAN (Campello, Moulavi, Sander 2013) calls density, by core
//! distances and mutual reachability.

mod modes;
mod tail;

pub use modes::modes;
pub use tail::{core_distances, sparse};
