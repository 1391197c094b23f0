//! The rows that Prim's tree hasn't reached, each with the shortest edge to it so far.
//!
//! A row that joins offers every other one an edge. Distances to 32 rows at once are summed in f32,
//! and given up as soon as they are, rounding allowed for, too long for all of them; only a row whose
//! edge could get shorter is measured exactly. So the result is that of measuring all of them.

use rayon::prelude::*;

use super::edge::Edge;
use crate::discovery::Matrix;
use crate::linalg::distance::exact;
use crate::linalg::simd::{LANES as WIDTH, Lanes, Simd, Work, wide};

/// Lane groups in a block.
const GROUPS: usize = 4;
/// Rows in a block.
const ROWS: usize = GROUPS * WIDTH;
/// Columns between two looks at whether a block can be given up.
const STRIDE: usize = 8;
/// Values above which blocks are spread over threads.
const PARALLEL_VALUES: usize = 1 << 20;
/// Blocks a thread takes at least.
const PARALLEL_BLOCKS: usize = 64;

/// Up to 32 rows.
struct Block {
    /// Row numbers, ascending.
    rows: Vec<u32>,
    /// Per column the values of all rows.
    columns: Vec<[Lanes; GROUPS]>,
    /// The square of the shortest edge, rounded up: what a new one must beat. Negative for a row that
    /// is in the tree, or whose edge is as short as its core distance.
    beat: [Lanes; GROUPS],
    /// The shortest edge: (weight, its other end). Infinite before there is one, NaN in the tree.
    best: Vec<(f64, u32)>,
    /// The place of the shortest of all and its weight.
    least: Option<(f64, usize)>,
}

/// The rows outside the tree.
pub struct Frontier<'a> {
    data: &'a Matrix,
    cores: &'a [f64],
    blocks: Vec<Block>,
    outside: usize,
}

impl<'a> Frontier<'a> {
    /// All rows but row 0.
    pub fn new(data: &'a Matrix, cores: &'a [f64]) -> Self {
        let rows = (1..data.rows() as u32).map(|row| (row, (f64::INFINITY, 0))).collect();
        let mut frontier =
            Self { data, cores, blocks: Vec::new(), outside: data.rows().saturating_sub(1) };
        frontier.lay_out(rows);
        frontier
    }

    /// Puts the rows that are left into new blocks, in order.
    fn lay_out(&mut self, rows: Vec<(u32, (f64, u32))>) {
        self.blocks =
            rows.chunks(ROWS).map(|rows| Block::new(self.data, self.cores, rows)).collect();
    }

    /// Offers everyone an edge from `current`, which has just joined, and takes the row nearest to
    /// the tree, the first such, into it. `None` if no row is left.
    pub fn join(&mut self, current: u32) -> Option<Edge> {
        if self.outside == 0 {
            return None;
        }
        if self.outside < self.blocks.len() * ROWS / 2 {
            let left = self.blocks.iter().flat_map(|block| block.rows.iter().zip(&block.best));
            let left = left.filter(|(_, best)| !best.0.is_nan());
            self.lay_out(left.map(|(&row, &best)| (row, best)).collect());
        }
        let (data, cores) = (self.data, self.cores);
        if self.outside * data.cols() < PARALLEL_VALUES {
            wide(Offer { data, cores, current, blocks: &mut self.blocks });
        } else {
            self.blocks
                .par_chunks_mut(PARALLEL_BLOCKS)
                .for_each(|blocks| wide(Offer { data, cores, current, blocks }));
        }
        let mut nearest: Option<(f64, usize, usize)> = None;
        for (at, block) in self.blocks.iter().enumerate() {
            if let Some((weight, place)) = block.least
                && nearest.is_none_or(|(least, _, _)| weight < least)
            {
                nearest = Some((weight, at, place));
            }
        }
        let (weight, at, place) = nearest?;
        let block = &mut self.blocks[at];
        let edge = Edge { from: block.best[place].1, to: block.rows[place], weight };
        block.best[place].0 = f64::NAN;
        block.beat[place / WIDTH].0[place % WIDTH] = -1.0;
        block.find_least();
        self.outside -= 1;
        Some(edge)
    }
}

impl Block {
    fn new(data: &Matrix, cores: &[f64], rows: &[(u32, (f64, u32))]) -> Self {
        let mut block = Self {
            rows: rows.iter().map(|row| row.0).collect(),
            columns: vec![Default::default(); data.cols()],
            beat: [Lanes([-1.0; WIDTH]); GROUPS],
            best: rows.iter().map(|row| row.1).collect(),
            least: None,
        };
        for (place, &(row, best)) in rows.iter().enumerate() {
            for (column, &value) in block.columns.iter_mut().zip(data.row(row as usize)) {
                column[place / WIDTH].0[place % WIDTH] = value;
            }
            block.beat[place / WIDTH].0[place % WIDTH] = to_beat(best.0, cores[row as usize]);
        }
        block.find_least();
        block
    }

    /// Finds the shortest edge anew.
    fn find_least(&mut self) {
        self.least = None;
        for (place, &(weight, _)) in self.best.iter().enumerate() {
            if !weight.is_nan() && self.least.is_none_or(|(least, _)| weight < least) {
                self.least = Some((weight, place));
            }
        }
    }

    /// Measures one row's distance from `current` and keeps the edge if it is shorter.
    #[inline(never)]
    fn offer(&mut self, data: &Matrix, cores: &[f64], current: u32, place: usize) {
        let row = self.rows[place] as usize;
        let distance = exact(data.row(current as usize), data.row(row));
        let weight = distance.max(cores[row]).max(cores[current as usize]);
        if weight < self.best[place].0 {
            self.best[place] = (weight, current);
            self.beat[place / WIDTH].0[place % WIDTH] = to_beat(weight, cores[row]);
            if self
                .least
                .is_none_or(|(least, at)| weight < least || (weight == least && place < at))
            {
                self.least = Some((weight, place));
            }
        }
    }
}

/// What the square of a shorter edge is below. No edge is shorter than the core distance.
fn to_beat(weight: f64, core: f64) -> f32 {
    if weight.is_nan() || weight <= core { -1.0 } else { ((weight * weight) as f32).next_up() }
}

/// An edge from `current` for every row of some blocks.
struct Offer<'a> {
    data: &'a Matrix,
    cores: &'a [f64],
    current: u32,
    blocks: &'a mut [Block],
}

impl Work for Offer<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { data, cores, current, blocks } = self;
        let own = data.row(current as usize);
        // Each of the sum's terms and of its additions is off by half an epsilon at most.
        let shrink = simd.splat(1.0 - (own.len() + 8) as f32 * f32::EPSILON);
        // And by less than this where they are too small for full precision.
        let tiny = simd.splat(f32::MIN_POSITIVE);
        let core = cores[current as usize];
        let core = simd.splat(((core * core) as f32).next_down());
        for block in blocks {
            let mut left = 0u32;
            for (group, beat) in block.beat.iter().enumerate() {
                left |= simd.less(core, simd.load(&beat.0)) << (group * WIDTH);
            }
            if left == 0 {
                continue;
            }
            let mut sums = [simd.splat(0.0); GROUPS];
            for (own, columns) in own.chunks(STRIDE).zip(block.columns.chunks(STRIDE)) {
                for (&own, column) in own.iter().zip(columns) {
                    let own = simd.splat(own);
                    for group in 0..GROUPS {
                        let apart = simd.sub(own, simd.load(&column[group].0));
                        sums[group] = simd.add(sums[group], simd.mul(apart, apart));
                    }
                }
                let mut near = 0u32;
                for (group, (&sum, beat)) in sums.iter().zip(&block.beat).enumerate() {
                    let least = simd.sub(simd.mul(sum, shrink), tiny);
                    near |= simd.less(least, simd.load(&beat.0)) << (group * WIDTH);
                }
                left &= near;
                if left == 0 {
                    break;
                }
            }
            while left != 0 {
                let place = left.trailing_zeros() as usize;
                left &= left - 1;
                block.offer(data, cores, current, place);
            }
        }
    }
}
