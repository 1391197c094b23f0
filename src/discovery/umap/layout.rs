//! The layout: stochastic gradient descent on the fuzzy sets' cross entropy.
//!
//! umap-learn walks through the edges in turn and moves both ends at once, which gives another result
//! with every number of threads. Here every vertex is moved on its own, from all positions of the
//! epoch before: its pulls along the edges that are due, and its pushes from random vertices, are
//! applied to it one after another while the others stand still. Each vertex has its own random
//! stream per epoch, so any number of threads gives the same bits.

use rayon::prelude::*;

use super::fuzzy::Graph;
use super::{Curve, UmapSettings};
use crate::discovery::Matrix;
use crate::discovery::rng::Rng;

/// No coordinate moves further than this times the learning rate in one step.
const CLIP: f32 = 4.0;
/// Vertices a thread takes at once.
const BATCH: usize = 16;

/// One edge as one of its ends sees it.
struct Pull {
    target: u32,
    /// Epochs between two pulls; 1 for the heaviest edge.
    period: f32,
    /// The epoch of the next pull.
    next: f32,
    /// Up to which epoch its pushes have been made.
    pushed: f32,
}

/// Moves `positions` for `epochs` passes over the graph's edges.
pub fn optimize(
    mut positions: Matrix,
    graph: &Graph,
    curve: &Curve,
    epochs: usize,
    settings: &UmapSettings,
) -> Matrix {
    let dim = positions.cols();
    let mut schedule = schedule(graph, settings.negative_samples);
    let mut moved = positions.clone();
    for epoch in 0..epochs {
        let done = epoch.saturating_sub(1) as f32 / epochs as f32;
        let forces = Forces {
            positions: &positions,
            curve: (curve.a as f32, curve.b as f32),
            rate: settings.learning_rate * (1.0 - done),
            repulsion: settings.repulsion,
            pushes: settings.negative_samples as f32,
        };
        moved
            .as_mut_slice()
            .par_chunks_exact_mut(dim)
            .zip(&mut schedule)
            .enumerate()
            .with_min_len(BATCH)
            .for_each(|(vertex, (place, pulls))| {
                let mut rng = Rng::new(settings.seed, &[0x1A70, epoch as u64, vertex as u64]);
                forces.move_vertex(vertex, place, pulls, epoch as f32, &mut rng);
            });
        std::mem::swap(&mut positions, &mut moved);
    }
    positions
}

/// When each edge is due: in proportion to its weight, the heaviest in every epoch.
fn schedule(graph: &Graph, negative_samples: usize) -> Vec<Vec<Pull>> {
    let largest = graph.largest_weight();
    let pull = |(target, weight): (usize, f32)| {
        let period = largest / weight;
        let pushed = period / negative_samples.max(1) as f32;
        Pull { target: target as u32, period, next: period, pushed }
    };
    (0..graph.vertices()).map(|vertex| graph.edges(vertex).map(pull).collect()).collect()
}

/// What moves a vertex in one epoch.
struct Forces<'a> {
    positions: &'a Matrix,
    curve: (f32, f32),
    rate: f32,
    repulsion: f32,
    pushes: f32,
}

impl Forces<'_> {
    /// Writes the vertex's new place.
    fn move_vertex(
        &self,
        vertex: usize,
        place: &mut [f32],
        pulls: &mut [Pull],
        epoch: f32,
        rng: &mut Rng,
    ) {
        place.copy_from_slice(self.positions.row(vertex));
        for pull in pulls.iter_mut().filter(|pull| pull.next <= epoch) {
            // The reference meets every edge from both its ends in an epoch.
            for _ in 0..2 {
                self.attract(place, pull.target as usize);
            }
            pull.next += pull.period;
            let spacing = pull.period / self.pushes.max(1.0);
            let count = ((epoch - pull.pushed) / spacing).max(0.0).floor();
            pull.pushed += count * spacing;
            if self.pushes > 0.0 {
                for _ in 0..count as usize {
                    let other = rng.below(self.positions.rows());
                    if other != vertex {
                        self.repel(place, other);
                    }
                }
            }
        }
    }

    /// One step towards `other`.
    fn attract(&self, place: &mut [f32], other: usize) {
        let (a, b) = self.curve;
        let other = self.positions.row(other);
        let squared = squared(place, other);
        if squared > 0.0 {
            let power = squared.powf(b);
            let force = -2.0 * a * b * power / (squared * (a * power + 1.0));
            self.step(place, other, force);
        }
    }

    /// One step away from `other`.
    fn repel(&self, place: &mut [f32], other: usize) {
        let (a, b) = self.curve;
        let other = self.positions.row(other);
        let squared = squared(place, other);
        if squared > 0.0 {
            let force =
                2.0 * self.repulsion * b / ((0.001 + squared) * (a * squared.powf(b) + 1.0));
            self.step(place, other, force);
        }
    }

    /// Moves along the line through both points, each coordinate clipped.
    fn step(&self, place: &mut [f32], other: &[f32], force: f32) {
        for (value, other) in place.iter_mut().zip(other) {
            *value += (force * (*value - other)).clamp(-CLIP, CLIP) * self.rate;
        }
    }
}

/// Squared distance in f32, over partial sums that fit vector registers.
fn squared(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut lanes = [0.0f32; LANES];
    let (mut a, mut b) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    for (a, b) in a.by_ref().zip(b.by_ref()) {
        for lane in 0..LANES {
            lanes[lane] += (a[lane] - b[lane]) * (a[lane] - b[lane]);
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(a.remainder()).zip(b.remainder()) {
        *lane += (a - b) * (a - b);
    }
    lanes.iter().sum()
}
