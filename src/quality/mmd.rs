//! The squared maximum mean discrepancy (Gretton et al. 2012) with the kernel of KID (Bińkowski et al. 2018).

use super::points::Points;
use rayon::prelude::*;
use std::sync::Arc;

/// Rows that a thread multiplies at once.
const BLOCK: usize = 128;

/// A reference set with its mean kernel value.
#[derive(Debug)]
pub struct Kernel {
    reference: Arc<Points>,
    among: Option<f64>,
}

impl Kernel {
    /// Compares `reference` with itself once, for any number of [`mmd`]s.
    pub fn new(reference: Arc<Points>) -> Self {
        let among = among(&reference);
        Self { reference, among }
    }
}

/// The unbiased estimate of MMD² with the kernel (x·y / columns + 1)³, which may come out below 0; `None` where a set
/// has a single row.
pub fn mmd(set: &Points, kernel: &Kernel) -> Option<f64> {
    let pairs = set.rows() as f64 * kernel.reference.rows() as f64;
    let across = total(set, &kernel.reference) / pairs;
    Some(among(set)? + kernel.among? - 2.0 * across)
}

/// The mean kernel value of two different rows.
fn among(set: &Points) -> Option<f64> {
    let rows = set.rows() as f64;
    let cols = set.cols() as f64;
    let own: f64 = set.iter().map(|row| cube(row.iter().map(|v| v * v).sum::<f64>(), cols)).sum();
    (set.rows() > 1).then(|| (total(set, set) - own) / (rows * (rows - 1.0)))
}

/// The kernel's sum over all pairs.
fn total(left: &Points, right: &Points) -> f64 {
    let cols = left.cols();
    let blocks = left.values().par_chunks((BLOCK * cols).max(1)).map(|block| {
        let products = Points::new(cols, block.to_vec()).by_rows(right);
        products.values().iter().map(|product| cube(*product, cols as f64)).sum::<f64>()
    });
    blocks.collect::<Vec<f64>>().iter().sum()
}

fn cube(product: f64, cols: f64) -> f64 {
    (product / cols + 1.0).powi(3)
}
