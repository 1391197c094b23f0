//! The nearest rows to points that are no rows, by comparing each with each: a tile of rows at a time goes by a block of
//! points, and only what could be among the nearest is kept of it. Memory is that of the answer; nothing is copied but
//! the rows of a tile.

use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

use crate::linalg::distance::{squared, squared_norm};
use crate::linalg::gemm::{loss, rows_by_rows};
use crate::linalg::{Matrix, MatrixError};

/// Points compared together.
const POINTS: usize = 128;
/// Rows of a tile.
const TILE: usize = 1024;
/// Into so many pieces of work few points are divided, by the rows they are compared with: fixed, although no answer
/// depends on it.
const PIECES: usize = 64;

/// Rows to which points are compared.
#[derive(Debug)]
pub struct BruteForce<'a> {
    data: Cow<'a, Matrix>,
    /// The columns' means: rows less these are shorter, and their products lose less.
    means: Vec<f32>,
    /// The square of each moved row's length.
    norms: Vec<f32>,
}

impl<'a> BruteForce<'a> {
    /// Takes `data`.
    ///
    /// # Errors
    /// [`MatrixError::Value`] or [`MatrixError::NoColumns`] for a matrix that can't be compared.
    pub fn new(data: &'a Matrix) -> Result<Self, MatrixError> {
        Self::of(Cow::Borrowed(data))
    }

    /// As [`BruteForce::new`], to keep.
    ///
    /// # Errors
    /// As [`BruteForce::new`].
    pub fn owned(data: Matrix) -> Result<BruteForce<'static>, MatrixError> {
        BruteForce::of(Cow::Owned(data))
    }

    fn of(data: Cow<'a, Matrix>) -> Result<Self, MatrixError> {
        data.check()?;
        let means: Vec<f32> = data.column_means().into_iter().map(|mean| mean as f32).collect();
        let blocks = (0..data.rows().div_ceil(TILE)).into_par_iter().flat_map_iter(|block| {
            let (from, to) = (block * TILE, data.rows().min((block + 1) * TILE));
            let mut moved = Vec::new();
            move_by(&means, data.row_range(from, to), &mut moved);
            norms(&moved, means.len())
        });
        let norms = blocks.collect();
        Ok(Self { data, means, norms })
    }

    /// The `k` rows nearest to each row of `points`, as (distance, row), ties by row order (fewer where there are fewer).
    ///
    /// # Errors
    /// As [`BruteForce::new`]; [`MatrixError::Shape`] if the points have another width.
    pub fn nearest(&self, points: &Matrix, k: usize) -> Result<Vec<Vec<(f32, u32)>>, MatrixError> {
        let measured = self.candidates(points, k)?.into_par_iter().enumerate().map(|(at, rows)| {
            let point = points.row(at);
            let distance = |row: u32| squared(point, self.data.row(row as usize)).sqrt() as f32;
            let mut near: Vec<(f32, u32)> =
                rows.into_iter().map(|row| (distance(row), row)).collect();
            near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            near.truncate(k);
            near.shrink_to_fit();
            near
        });
        Ok(measured.collect())
    }

    /// For each row of `points` every row that could be among its `k` nearest, ascending.
    ///
    /// # Errors
    /// As [`BruteForce::nearest`].
    pub fn candidates(&self, points: &Matrix, k: usize) -> Result<Vec<Vec<u32>>, MatrixError> {
        points.check()?;
        let (rows, cols) = (self.data.rows(), self.data.cols());
        if points.cols() != cols {
            let len = points.rows() * points.cols();
            return Err(MatrixError::Shape { rows: points.rows(), cols, len });
        }
        let k = k.min(rows);
        if k == 0 {
            return Ok(vec![Vec::new(); points.rows()]);
        }
        let blocks = points.rows().div_ceil(POINTS);
        let tiles = rows.div_ceil(TILE);
        let across = PIECES.div_ceil(blocks.max(1)).min(tiles);
        let each = tiles.div_ceil(across) * TILE;
        let piece = |at: usize| {
            let first = at / across * POINTS;
            let block = first..points.rows().min(first + POINTS);
            let from = (at % across * each).min(rows);
            self.near(points, block, from..rows.min(from + each), k)
        };
        let pieces: Vec<Vec<Near>> = (0..blocks * across).into_par_iter().map(piece).collect();
        let mut found = Vec::with_capacity(points.rows());
        for of_block in pieces.chunks(across) {
            for at in 0..of_block.first().map_or(0, Vec::len) {
                let mut all = Near::new(k);
                of_block.iter().for_each(|piece| all.join(&piece[at]));
                found.push(all.rows());
            }
        }
        Ok(found)
    }

    /// The candidates among `rows` of each point of `block`.
    fn near(
        &self,
        points: &Matrix,
        block: Range<usize>,
        rows: Range<usize>,
        k: usize,
    ) -> Vec<Near> {
        let (cols, loss) = (self.data.cols(), loss(self.data.cols()));
        let (mut own, mut others) = (Vec::new(), Vec::new());
        move_by(&self.means, points.row_range(block.start, block.end), &mut own);
        let own_norms = norms(&own, cols);
        let mut near = vec![Near::new(k); block.len()];
        let mut products = Vec::new();
        for from in rows.clone().step_by(TILE) {
            let to = rows.end.min(from + TILE);
            let norms = &self.norms[from..to];
            move_by(&self.means, self.data.row_range(from, to), &mut others);
            rows_by_rows(&own, &others, cols, &mut products);
            let each = products.chunks_exact(norms.len()).zip(&own_norms).zip(&mut near);
            for ((products, own), near) in each {
                near.look(from, products, (*own, norms), loss);
            }
        }
        near
    }
}

/// Whole rows less the means, into `out`.
fn move_by(means: &[f32], rows: &[f32], out: &mut Vec<f32>) {
    out.clear();
    out.reserve(rows.len());
    for row in rows.chunks_exact(means.len()) {
        out.extend(row.iter().zip(means).map(|(value, mean)| value - mean));
    }
}

/// The square of each row's length.
fn norms(rows: &[f32], cols: usize) -> Vec<f32> {
    rows.chunks_exact(cols).map(|row| squared_norm(row) as f32).collect()
}

/// What could be among the nearest of a point, of the rows that have gone by.
#[derive(Debug, Clone)]
struct Near {
    k: usize,
    /// The least of what squared distances are at most, ascending, `k` of them in the end.
    most: Vec<f32>,
    /// Rows with what their squared distance is at least.
    found: Vec<(f32, u32)>,
}

impl Near {
    fn new(k: usize) -> Self {
        Self { k, most: Vec::with_capacity(k + 1), found: Vec::new() }
    }

    /// No row farther than this is among the nearest.
    fn reach(&self) -> f32 {
        match self.most.get(self.k - 1) {
            Some(reach) => *reach,
            None => f32::INFINITY,
        }
    }

    /// Looks at the rows from `first` on, by their products with the point and the squares of lengths.
    fn look(&mut self, first: usize, products: &[f32], (own, norms): (f32, &[f32]), loss: f32) {
        let mut reach = self.reach();
        for (at, (product, norm)) in products.iter().zip(norms).enumerate() {
            let lengths = own + norm;
            // No more than the distance; twice the error more is no less.
            let least = lengths - 2.0 * product - 2.0 * loss * lengths;
            if least <= reach {
                self.found.push((least, (first + at) as u32));
                self.bound(least + 4.0 * loss * lengths);
                reach = self.reach();
            }
        }
        if self.found.len() > 32 * (self.k + 4) {
            self.found.retain(|(least, _)| *least <= reach);
        }
    }

    fn bound(&mut self, most: f32) {
        if most < self.reach() {
            let at = self.most.partition_point(|other| *other <= most);
            self.most.insert(at, most);
            self.most.truncate(self.k);
        }
    }

    fn join(&mut self, other: &Self) {
        other.most.iter().for_each(|most| self.bound(*most));
        self.found.extend(&other.found);
    }

    fn rows(mut self) -> Vec<u32> {
        let reach = self.reach();
        self.found.retain(|(least, _)| *least <= reach);
        let mut rows: Vec<u32> = self.found.into_iter().map(|(_, row)| row).collect();
        rows.sort_unstable();
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::rng::Rng;

    fn cloud(rows: usize, cols: usize, offset: f32, seed: u64) -> Matrix {
        let mut rng = Rng::new(seed, &[rows as u64]);
        Matrix::from_fn(rows, cols, |_, _| offset + rng.normal() as f32)
    }

    fn by_hand(data: &Matrix, point: &[f32], k: usize) -> Vec<(f32, u32)> {
        let distance = |row: usize| squared(point, data.row(row)).sqrt() as f32;
        let mut all: Vec<(f32, u32)> =
            (0..data.rows()).map(|row| (distance(row), row as u32)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all.truncate(k);
        all
    }

    #[test]
    fn every_distance_counts_over_tiles_and_blocks_also_far_from_the_origin() {
        for (rows, points, cols, offset) in
            [(5000, 3, 6, 0.0), (1500, 300, 40, 0.0), (1030, 129, 7, 1e4), (3, 2, 1, 0.0)]
        {
            let (data, asked) = (cloud(rows, cols, offset, 1), cloud(points, cols, offset, 2));
            let found = BruteForce::new(&data).unwrap().nearest(&asked, 4).unwrap();
            for (at, near) in found.iter().enumerate() {
                assert_eq!(*near, by_hand(&data, asked.row(at), 4), "{rows} {points} {at}");
            }
        }
    }

    #[test]
    fn equal_rows_come_in_their_order_and_threads_change_nothing() {
        let data = Matrix::from_fn(2100, 3, |row, _| (row % 2) as f32);
        let asked = Matrix::from_fn(2, 3, |row, _| row as f32 + 0.1);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| BruteForce::new(&data).unwrap().nearest(&asked, 3).unwrap())
        };
        let rows = |near: &[(f32, u32)]| near.iter().map(|near| near.1).collect::<Vec<_>>();
        let found = on(1);
        assert_eq!((rows(&found[0]), rows(&found[1])), (vec![0, 2, 4], vec![1, 3, 5]));
        assert_eq!(found, on(4));
    }
}
