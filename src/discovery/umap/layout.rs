//! The layout: stochastic gradient descent on the fuzzy sets' cross entropy.
//!
//! umap-learn walks through the edges in turn and moves both ends at once, which gives another result
//! with every number of threads. Here every vertex is moved on its own, from all positions of the
//! epoch before: its pulls along the edges that are due one after another, each followed by its
//! pushes from random vertices ([`super::mover`]), while the others stand still. Each vertex has its own random
//! stream per epoch, so any number of threads gives the same bits.

use rayon::prelude::*;

use super::force::Forces;
use super::fuzzy::Graph;
use super::mover::Mover;
use super::schedule::schedule;
use super::{Curve, UmapSettings};
use crate::discovery::Matrix;
use crate::discovery::distance::{Lanes, WIDTH, wide};
use crate::discovery::rng::Rng;

/// Vertices a thread takes at once.
const BATCH: usize = 16;

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
    let mut places = padded(&positions, width);
    let mut moved = places.clone();
    drop(positions);
    let mut due = schedule(graph, settings.negative_samples);
    let mut forces = Forces::new(curve, settings.repulsion);
    for epoch in 0..epochs {
        let done = epoch.saturating_sub(1) as f32 / epochs as f32;
        forces.set_rate(settings.learning_rate * (1.0 - done));
        let rng = Rng::new(settings.seed, &[0x1A70, epoch as u64]);
        moved.par_chunks_mut(BATCH * width).zip(due.par_chunks_mut(BATCH)).enumerate().for_each(
            |(batch, (moved, due))| {
                wide(Mover {
                    places: &places,
                    width,
                    forces: &forces,
                    epoch: epoch as f32,
                    rng: &rng,
                    first: batch * BATCH,
                    moved,
                    due,
                });
            },
        );
        std::mem::swap(&mut places, &mut moved);
    }
    Matrix::from_fn(rows, dim, |row, col| places[row * width + col / WIDTH].0[col % WIDTH])
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
