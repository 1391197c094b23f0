//! Which rows could be among a row's nearest, by the product form |x|² + |y|² − 2x·y.
//!
//! That form is as fast as the machine multiplies but loses digits where two rows are close, so it
//! only narrows the field. Rows are compared tile by tile; where a panel of queries meets itself,
//! each tile is computed once for both its sides. Memory is one panel's products.

use rayon::prelude::*;

use crate::linalg::Matrix;
use crate::linalg::distance::squared_norm;
use crate::linalg::gemm::{loss, rows_by_rows};

/// Products held at once: 64 MiB of f32.
const PANEL_VALUES: usize = 1 << 24;
/// Rows on a tile's side at most: enough to keep the product busy.
const SIDE: usize = 384;
/// Rows are centred if that makes them shorter by this share.
const WORTH_CENTRING: f64 = 0.25;

/// Calls `use_panel` with query after query, a panel at a time: the queries, and for each of them
/// every row, itself included, that could be among its `k` nearest, ascending.
pub fn visit(
    data: &Matrix,
    queries: &[usize],
    k: usize,
    use_panel: impl FnMut(&[usize], &[Vec<u32>]),
) {
    visit_other_labels(data, queries, k, None, use_panel);
}

/// As [`visit`], but given labels, only rows with another label than the query's count.
pub fn visit_other_labels(
    data: &Matrix,
    queries: &[usize],
    k: usize,
    labels: Option<&[u32]>,
    mut use_panel: impl FnMut(&[usize], &[Vec<u32>]),
) {
    if data.rows() == 0 {
        return;
    }
    let centred = shortened(data);
    let data = centred.as_ref().unwrap_or(data);
    let norms: Vec<f32> =
        (0..data.rows()).into_par_iter().map(|row| squared_norm(data.row(row)) as f32).collect();
    let side = data.rows().div_ceil(data.rows().div_ceil(SIDE));
    let panel = (PANEL_VALUES / data.rows() / side).max(1) * side;
    for queries in queries.chunks(panel) {
        let products = Products::new(data, queries, side);
        let find = |at: usize| {
            let mut row = vec![0.0; data.rows()];
            products.row(at, &mut row);
            candidates(queries[at], &row, &norms, loss(data.cols()), labels, k)
        };
        let found: Vec<Vec<u32>> = (0..queries.len()).into_par_iter().map(find).collect();
        drop(products);
        use_panel(queries, &found);
    }
}

/// The rows less their mean if that shortens them: it changes no distance, and less is lost.
fn shortened(data: &Matrix) -> Option<Matrix> {
    let mean: f64 = data.column_means().iter().map(|mean| mean * mean).sum();
    let total: f64 = (0..data.rows())
        .into_par_iter()
        .map(|row| squared_norm(data.row(row)))
        .collect::<Vec<_>>()
        .iter()
        .sum();
    (mean * data.rows() as f64 > WORTH_CENTRING * total).then(|| data.centred())
}

/// The products of some queries with all rows.
struct Products {
    /// Rows on a tile's side.
    side: usize,
    /// Tiles across: all rows' blocks.
    across: usize,
    /// Where in the blocks of all rows the queries' first is, if they are whole blocks in order.
    diagonal: Option<usize>,
    /// Tiles, row-major; empty where the mirrored one holds the values.
    tiles: Vec<Vec<f32>>,
}

impl Products {
    fn new(data: &Matrix, queries: &[usize], side: usize) -> Self {
        let across = data.rows().div_ceil(side);
        let consecutive = queries.windows(2).all(|pair| pair[0] + 1 == pair[1]);
        let first = queries.first().copied().unwrap_or(0);
        let diagonal = (consecutive && first % side == 0).then_some(first / side);
        let selected = if consecutive { None } else { Some(data.select(queries)) };
        let rows_of = |block: usize| {
            let (from, to) = (block * side, queries.len().min((block + 1) * side));
            match &selected {
                Some(selected) => selected.row_range(from, to),
                None => data.row_range(first + from, first + to),
            }
        };
        let mut products = Self { side, across, diagonal, tiles: Vec::new() };
        products.tiles = (0..queries.len().div_ceil(side) * across)
            .into_par_iter()
            .map(|tile| {
                let (down, right) = (tile / across, tile % across);
                let mut values = Vec::new();
                if products.mirror(down, right).is_none() {
                    let others = data.row_range(right * side, data.rows().min((right + 1) * side));
                    rows_by_rows(rows_of(down), others, data.cols(), &mut values);
                }
                values
            })
            .collect();
        products
    }

    /// The tile that holds a tile's values mirrored, if another does.
    fn mirror(&self, down: usize, right: usize) -> Option<(usize, usize)> {
        let first = self.diagonal?;
        (right >= first && right < first + down).then(|| (right - first, first + down))
    }

    /// Writes a query's products with all rows.
    fn row(&self, query: usize, out: &mut [f32]) {
        let (down, within) = (query / self.side, query % self.side);
        for (right, out) in out.chunks_mut(self.side).enumerate() {
            match self.mirror(down, right) {
                None => {
                    let tile = &self.tiles[down * self.across + right];
                    out.copy_from_slice(&tile[within * out.len()..(within + 1) * out.len()]);
                }
                Some((down, right)) => {
                    let tile = &self.tiles[down * self.across + right];
                    let width = tile.len() / out.len();
                    let column = tile.iter().skip(within).step_by(width);
                    out.iter_mut().zip(column).for_each(|(out, &value)| *out = value);
                }
            }
        }
    }
}

/// Every row that could be among the `k` nearest of `row`, given what the product form can lose.
fn candidates(
    row: usize,
    products: &[f32],
    norms: &[f32],
    loss: f32,
    labels: Option<&[u32]>,
    k: usize,
) -> Vec<u32> {
    let own = norms[row];
    // No more than the distance; twice the error more is no less.
    let mut lower: Vec<f32> = products
        .iter()
        .zip(norms)
        .map(|(product, norm)| (own + norm - 2.0 * product) - 2.0 * loss * (own + norm))
        .collect();
    match labels {
        // The row itself is nearest, whatever was lost.
        None => lower[row] = f32::NEG_INFINITY,
        Some(labels) => {
            let alike = lower.iter_mut().zip(labels).filter(|(_, label)| **label == labels[row]);
            alike.for_each(|(lower, _)| *lower = f32::INFINITY);
        }
    }
    let upper = |at: usize| lower[at] + 4.0 * loss * (own + norms[at]);
    // The least of each group: when `k` groups have a row within reach, so have `k` rows. That
    // bounds the reach without sorting all rows.
    let group = (lower.len() / (4 * k)).clamp(1, 64);
    let mut least: Vec<f32> = (0..lower.len())
        .step_by(group)
        .map(|from| {
            let rows = from..lower.len().min(from + group);
            rows.fold(f32::INFINITY, |least, at| least.min(upper(at)))
        })
        .collect();
    let reach = kth(&mut least, k).min(f32::MAX);
    let mut found: Vec<u32> =
        (0..lower.len() as u32).filter(|&at| lower[at as usize] <= reach).collect();
    let mut uppers: Vec<f32> = found.iter().map(|&at| upper(at as usize)).collect();
    let reach = kth(&mut uppers, k);
    found.retain(|&at| lower[at as usize] <= reach);
    found
}

/// The `k`-th smallest of `values`, infinite if there are fewer.
fn kth(values: &mut [f32], k: usize) -> f32 {
    if values.len() < k {
        return f32::INFINITY;
    }
    *values.select_nth_unstable_by(k - 1, f32::total_cmp).1
}
