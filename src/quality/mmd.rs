//! The squared maximum mean discrepancy (Gretton et al. 2012) with the kernel of KID (Bińkowski et al. 2018).

use super::metric::{Compare, Format, Measure, Metric};
use crate::linalg::MatrixError;
use crate::linalg::gemm::rows_by_rows;
use crate::linalg::points::Points;
use rayon::prelude::*;
use std::sync::Arc;

/// The squared discrepancy of a set from the real images.
pub(super) const MEASURE: Measure = Measure::Comparison(
    &[Metric { key: "mmd", title: "MMD²", format: Format::Decimals(4) }],
    |reference| Ok(Box::new(Kernel::new(reference))),
);

impl Compare for Kernel {
    fn compare(&self, set: &Points) -> Result<Vec<Option<f64>>, MatrixError> {
        Ok(vec![mmd(set, self)])
    }
}

/// Rows that are multiplied at once.
const BLOCK: usize = 256;

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
    (set.rows() > 1).then(|| (total_among(set) - own) / (rows * (rows - 1.0)))
}

/// The kernel's sum over all pairs of a row of `left` and one of `right`.
fn total(left: &Points, right: &Points) -> f64 {
    let each = (BLOCK * left.cols()).max(1);
    let blocks = left.values().par_chunks(each).map(|block| {
        right.values().chunks(each).map(|other| of_blocks(block, other, left.cols())).sum()
    });
    blocks.collect::<Vec<f64>>().iter().sum()
}

/// The kernel's sum over all pairs of rows: of two blocks once, as it is the same both ways.
fn total_among(set: &Points) -> f64 {
    let each = (BLOCK * set.cols()).max(1);
    let blocks = set.values().par_chunks(each).enumerate().map(|(at, block)| {
        let others = set.values().chunks(each).skip(at + 1);
        let others: f64 = others.map(|other| of_blocks(block, other, set.cols())).sum();
        of_blocks(block, block, set.cols()) + 2.0 * others
    });
    blocks.collect::<Vec<f64>>().iter().sum()
}

fn of_blocks(left: &[f64], right: &[f64], cols: usize) -> f64 {
    let mut products = Vec::new();
    rows_by_rows(left, right, cols, &mut products);
    products.iter().map(|product| cube(*product, cols as f64)).sum()
}

fn cube(product: f64, cols: f64) -> f64 {
    let value = product / cols + 1.0;
    value * value * value
}
