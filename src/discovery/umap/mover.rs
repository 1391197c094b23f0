//! One epoch of a batch of vertices: the loop in which nearly all of UMAP's time goes.
//!
//! A row is a few groups of eight lanes. Two pulls in a row along one edge stay on the line through
//! both points, so they are one factor; the pushes that belong to a pull are measured at once from
//! where the vertex is, which keeps their sums independent.

use super::force::{CLIP, Forces};
use super::schedule::Due;
use crate::discovery::distance::{Lanes, Simd, WIDTH, Work};
use crate::discovery::rng::Rng;

/// Vertices `first`… with their new places and their edges' times.
pub struct Mover<'a> {
    /// All places of the epoch before, `width` groups each.
    pub places: &'a [Lanes],
    /// Lane groups per vertex.
    pub width: usize,
    /// The epoch's forces.
    pub forces: &'a Forces,
    /// The epoch.
    pub epoch: f32,
    /// The epoch's random stream, of which every vertex has a branch.
    pub rng: &'a Rng,
    /// The batch's first vertex.
    pub first: usize,
    /// Where the new places go.
    pub moved: &'a mut [Lanes],
    /// The times of the vertices' edges.
    pub due: &'a mut [Due],
}

impl Work for Mover<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { places, width, forces, epoch, rng, first, moved, due } = self;
        let field = Field { simd, places, width, forces };
        let mut pulls = Vec::new();
        for (at, (place, due)) in moved.chunks_exact_mut(width).zip(due).enumerate() {
            let vertex = first + at;
            let mut rng = rng.child(vertex as u64);
            place.copy_from_slice(field.of(vertex));
            due.take(simd, epoch, &mut pulls);
            for &(target, pushes) in &pulls {
                field.attract(place, target as usize);
                // Behind the last pull, not at the end: late pushes in one heap blur the clusters.
                field.repel(place, vertex, pushes as usize, &mut rng);
            }
        }
    }
}

/// What a vertex feels.
#[derive(Clone, Copy)]
struct Field<'a, S> {
    simd: S,
    places: &'a [Lanes],
    width: usize,
    forces: &'a Forces,
}

impl<'a, S: Simd> Field<'a, S> {
    #[inline(always)]
    fn of(&self, vertex: usize) -> &'a [Lanes] {
        &self.places[vertex * self.width..(vertex + 1) * self.width]
    }

    /// Two steps towards `target`: the reference meets every edge from both its ends in an epoch.
    #[inline(always)]
    fn attract(&self, place: &mut [Lanes], target: usize) {
        let simd = self.simd;
        let other = self.of(target);
        let mut squares = simd.splat(0.0);
        for (place, other) in place.iter().zip(other) {
            let apart = simd.sub(simd.load(&place.0), simd.load(&other.0));
            squares = simd.add(squares, simd.mul(apart, apart));
        }
        let left = self.forces.pulled_twice(simd.sum(squares));
        if left.is_nan() {
            attract_slowly(place, other, self.forces);
            return;
        }
        let left = simd.splat(left);
        for (place, other) in place.iter_mut().zip(other) {
            let to = simd.load(&other.0);
            let apart = simd.sub(simd.load(&place.0), to);
            simd.store(simd.add(to, simd.mul(left, apart)), place);
        }
    }

    /// A step away from each of `count` random vertices.
    #[inline(always)]
    fn repel(&self, place: &mut [Lanes], vertex: usize, count: usize, rng: &mut Rng) {
        let vertices = self.places.len() / self.width;
        let mut left = count;
        while left > 0 {
            let now = left.min(WIDTH);
            left -= now;
            let mut others = [0usize; WIDTH];
            let mut drawn = 0;
            for _ in 0..now {
                others[drawn % WIDTH] = rng.below(vertices);
                drawn += usize::from(others[drawn % WIDTH] != vertex);
            }
            // The published five, or as many as fit.
            if drawn <= 5 {
                self.repel_at_once::<5>(place, &others, drawn);
            } else {
                self.repel_at_once::<WIDTH>(place, &others, drawn);
            }
        }
    }

    /// One step away from the first `count` ≤ N of `others`, all measured from where the vertex is.
    #[inline(always)]
    fn repel_at_once<const N: usize>(
        &self,
        place: &mut [Lanes],
        others: &[usize; WIDTH],
        count: usize,
    ) {
        let simd = self.simd;
        let mut rows = [&self.places[..0]; N];
        for (row, &other) in rows.iter_mut().zip(others) {
            *row = &self.of(other)[..place.len()];
        }
        let squared = self.squared(place, &rows);
        let mut factors = [0.0f32; N];
        let mut slow = 0u32;
        for (at, (factor, &squared)) in factors.iter_mut().zip(&squared.0).enumerate().take(count) {
            let push = self.forces.push(squared);
            if push.is_nan() {
                slow |= 1 << at;
            } else {
                *factor = push * self.forces.rate();
            }
        }
        for (at, place) in place.iter_mut().enumerate() {
            let from = simd.load(&place.0);
            let mut moved = from;
            for (row, &factor) in rows.iter().zip(&factors) {
                let apart = simd.sub(from, simd.load(&row[at].0));
                moved = simd.add(moved, simd.mul(simd.splat(factor), apart));
            }
            simd.store(moved, place);
        }
        if slow != 0 {
            for (at, row) in rows.iter().enumerate().filter(|(at, _)| slow >> at & 1 == 1) {
                debug_assert!(at < count);
                repel_slowly(place, row, self.forces);
            }
        }
    }

    /// Squared distances of one row to some others.
    #[inline(always)]
    fn squared<const N: usize>(&self, place: &[Lanes], rows: &[&[Lanes]; N]) -> Lanes {
        let simd = self.simd;
        let mut sums = [simd.splat(0.0); WIDTH];
        for (at, place) in place.iter().enumerate() {
            let from = simd.load(&place.0);
            for (sum, row) in sums.iter_mut().zip(rows) {
                let apart = simd.sub(from, simd.load(&row[at].0));
                *sum = simd.add(*sum, simd.mul(apart, apart));
            }
        }
        simd.sums(sums)
    }
}

/// The two steps towards `other` one by one, each coordinate clipped.
#[cold]
fn attract_slowly(place: &mut [Lanes], other: &[Lanes], forces: &Forces) {
    for _ in 0..2 {
        step(place, other, forces.pull_of(squared(place, other)), forces.rate());
    }
}

/// The step away from `other`, each coordinate clipped.
#[cold]
fn repel_slowly(place: &mut [Lanes], other: &[Lanes], forces: &Forces) {
    step(place, other, forces.push_of(squared(place, other)), forces.rate());
}

/// Moves along the line through both points, each coordinate clipped.
fn step(place: &mut [Lanes], other: &[Lanes], force: f32, rate: f32) {
    for (place, other) in place.iter_mut().zip(other) {
        for (value, other) in place.0.iter_mut().zip(other.0) {
            *value += (force * (*value - other)).clamp(-CLIP, CLIP) * rate;
        }
    }
}

/// Squared distance of two rows.
fn squared(left: &[Lanes], right: &[Lanes]) -> f32 {
    let pairs = left.iter().zip(right).flat_map(|(a, b)| a.0.into_iter().zip(b.0));
    pairs.map(|(a, b)| (a - b) * (a - b)).sum()
}
