//! The layout: stochastic gradient descent on the fuzzy sets' cross entropy.
//!
//! umap-learn walks through the edges in turn and moves both ends of each at once, in threads that
//! race with each other. Both ends at once matters: moved one by one, from positions of the epoch
//! before, neighbours settle elsewhere (a third of the 15 nearest are others, against a quarter
//! between two seeds of umap-learn). So the vertices are cut into blocks, and an epoch is a
//! tournament: in each round every block meets one other, or itself, and the edges between the two
//! are walked in turn, both ends moving (`mover.rs`). Pairs of a round share no block; vertices
//! of neither block push from where they were when the epoch began; every pair has its own random
//! stream: any number of threads gives the same bits.

use rayon::prelude::*;

use super::force::Forces;
use super::fuzzy::Graph;
use super::mover::{Mover, Places};
use super::schedule::{Due, schedule};
use super::{Curve, UmapSettings};
use crate::discovery::Matrix;
use crate::linalg::rng::Rng;
use crate::linalg::simd::{LANES as WIDTH, Lanes, wide};

/// Vertices for which another block is worth its loss of order: fewer blocks come closer to one walk.
const BLOCK: usize = 300;
/// Blocks at most: pairs for 16 threads.
const MOST_BLOCKS: usize = 32;

/// Two blocks that meet, and the edges between them.
struct Pair {
    blocks: [usize; 2],
    /// Edges from the first block's vertices to the second's.
    there: Vec<Due>,
    /// And back; empty where a block meets itself.
    back: Vec<Due>,
    /// Their places, while they meet.
    places: [Vec<Lanes>; 2],
}

/// Moves `positions` for `epochs` passes over the graph's edges.
pub fn optimize(
    positions: Matrix,
    graph: &Graph,
    curve: &Curve,
    epochs: usize,
    settings: &UmapSettings,
) -> Matrix {
    let (rows, dim) = (positions.rows(), positions.cols());
    let width = dim.div_ceil(WIDTH).max(1);
    let count = (rows / BLOCK).clamp(1, MOST_BLOCKS);
    let size = rows.div_ceil(count).max(1);
    let mut before = padded(&positions, width);
    drop(positions);
    let mut blocks: Vec<Vec<Lanes>> = before.chunks(size * width).map(<[Lanes]>::to_vec).collect();
    let mut rounds = tournament(graph, blocks.len(), size, settings.negative_samples);
    let mut forces = Forces::new(curve, settings.repulsion);
    for epoch in 0..epochs {
        let done = epoch.saturating_sub(1) as f32 / epochs as f32;
        forces.set_rate(settings.learning_rate * (1.0 - done));
        let rng = Rng::new(settings.seed, &[0x1A70, epoch as u64]);
        for (before, now) in before.chunks_mut(size * width).zip(&blocks) {
            before.copy_from_slice(now);
        }
        let meeting = Meeting { before: &before, width, size, forces: &forces, epoch, rng: &rng };
        for round in &mut rounds {
            for pair in round.iter_mut() {
                for (place, block) in pair.places.iter_mut().zip(pair.blocks) {
                    *place = std::mem::take(&mut blocks[block]);
                }
            }
            round.par_iter_mut().for_each(|pair| meeting.of(pair));
            for pair in round.iter_mut() {
                // Backwards: a block that meets itself was taken as the first, and the second is empty.
                for (place, block) in pair.places.iter_mut().zip(pair.blocks).rev() {
                    blocks[block] = std::mem::take(place);
                }
            }
        }
    }
    let all: Vec<Lanes> = blocks.concat();
    Matrix::from_fn(rows, dim, |row, col| all[row * width + col / WIDTH].0[col % WIDTH])
}

/// The rounds of an epoch: in round r the blocks whose numbers add up to r, modulo their count, meet.
fn tournament(graph: &Graph, blocks: usize, size: usize, negatives: usize) -> Vec<Vec<Pair>> {
    let pair = |[first, second]: [usize; 2]| {
        let edges = |from: usize, to: usize| {
            let vertices = from * size..graph.vertices().min((from + 1) * size);
            schedule(graph, vertices, to * size..(to + 1) * size, negatives)
        };
        let back = if first == second { Vec::new() } else { edges(second, first) };
        Pair {
            blocks: [first, second],
            there: edges(first, second),
            back,
            places: Default::default(),
        }
    };
    (0..blocks)
        .map(|round| {
            let met = |first: usize| [first, (round + blocks - first) % blocks];
            (0..blocks).map(met).filter(|[first, second]| first <= second).map(pair).collect()
        })
        .collect()
}

/// What all meetings of an epoch share.
struct Meeting<'a> {
    before: &'a [Lanes],
    width: usize,
    size: usize,
    forces: &'a Forces,
    epoch: usize,
    rng: &'a Rng,
}

impl Meeting<'_> {
    /// Walks the edges between the two blocks, those of the first one's vertices first.
    fn of(&self, pair: &mut Pair) {
        let [first, second] = pair.blocks;
        let [own, other] = &mut pair.places;
        if first == second {
            return self.walk([first, first], own, None, &mut pair.there);
        }
        self.walk([first, second], own, Some(other), &mut pair.there);
        self.walk([second, first], other, Some(own), &mut pair.back);
    }

    fn walk(
        &self,
        [from, to]: [usize; 2],
        own: &mut [Lanes],
        other: Option<&mut Vec<Lanes>>,
        due: &mut [Due],
    ) {
        wide(Mover {
            places: Places {
                before: self.before,
                width: self.width,
                own,
                own_first: from * self.size,
                other: other.map(Vec::as_mut_slice),
                other_first: to * self.size,
            },
            forces: self.forces,
            epoch: self.epoch as f32,
            rng: self.rng.child(from as u64).child(to as u64),
            due,
        });
    }
}

/// The rows in whole lane groups, zeros after their ends.
fn padded(positions: &Matrix, width: usize) -> Vec<Lanes> {
    let mut lanes = vec![Lanes::default(); positions.rows() * width];
    for (row, lanes) in lanes.chunks_exact_mut(width).enumerate() {
        for (group, values) in lanes.iter_mut().zip(positions.row(row).chunks(WIDTH)) {
            group.0[..values.len()].copy_from_slice(values);
        }
    }
    lanes
}
