//! One walk along the edges from one block of vertices to another: the loop in which nearly all of
//! UMAP's time goes.
//!
//! A row is a few groups of eight lanes. The pushes that belong to a pull are measured at once from
//! where the vertex is, which keeps their sums independent.

use super::force::{CLIP, Forces};
use super::schedule::Due;
use crate::linalg::rng::Rng;
use crate::linalg::simd::{LANES as WIDTH, Lanes, Simd, Work};

/// Where the vertices are while two blocks meet.
pub struct Places<'a> {
    /// All of them when the epoch began, `width` groups each.
    pub before: &'a [Lanes],
    /// Lane groups per vertex.
    pub width: usize,
    /// The block whose edges are walked, and its first vertex.
    pub own: &'a mut [Lanes],
    /// The first vertex of `own`.
    pub own_first: usize,
    /// The block that they lead to; nothing where that is `own`.
    pub other: Option<&'a mut [Lanes]>,
    /// The first vertex of `other`.
    pub other_first: usize,
}

/// A walk along a block's edges.
pub struct Mover<'a> {
    /// Where the vertices are.
    pub places: Places<'a>,
    /// The epoch's forces.
    pub forces: &'a Forces,
    /// The epoch.
    pub epoch: f32,
    /// The walk's random stream.
    pub rng: Rng,
    /// The times of the edges, a list a vertex.
    pub due: &'a mut [Due],
}

impl Work for Mover<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { mut places, forces, epoch, mut rng, due } = self;
        let field = Field { simd, forces };
        let width = places.width;
        // The vertex on its way: nobody else moves it meanwhile, and pushes look at all others.
        let mut here = vec![Lanes::default(); width];
        let mut pulls = Vec::new();
        for (vertex, due) in due.iter_mut().enumerate() {
            due.take(simd, epoch, &mut pulls);
            if pulls.is_empty() {
                continue;
            }
            let row = vertex * width..(vertex + 1) * width;
            here.copy_from_slice(&places.own[row.clone()]);
            let number = places.own_first + vertex;
            for &(target, pushes) in &pulls {
                field.attract(&mut here, places.target(target as usize));
                // Behind the last pull, not at the end: late pushes in one heap blur the clusters.
                field.repel(&mut here, &places, number, pushes as usize, &mut rng);
            }
            places.own[row].copy_from_slice(&here);
        }
    }
}

impl Places<'_> {
    /// The other end of an edge, counted from its block's first vertex.
    #[inline(always)]
    fn target(&mut self, target: usize) -> &mut [Lanes] {
        let row = target * self.width..(target + 1) * self.width;
        match &mut self.other {
            Some(other) => &mut other[row],
            None => &mut self.own[row],
        }
    }

    /// Any vertex: where it is now if it is of either block, else where it was.
    #[inline(always)]
    fn of(&self, vertex: usize) -> &[Lanes] {
        let within = |first: usize| vertex.wrapping_sub(first).wrapping_mul(self.width);
        let own = within(self.own_first);
        if let Some(row) = self.own.get(own..own.wrapping_add(self.width)) {
            return row;
        }
        let other = within(self.other_first);
        let found =
            self.other.as_deref().and_then(|o| o.get(other..other.wrapping_add(self.width)));
        found.unwrap_or_else(|| &self.before[vertex * self.width..(vertex + 1) * self.width])
    }

    fn vertices(&self) -> usize {
        self.before.len() / self.width
    }
}

/// What a vertex feels.
#[derive(Clone, Copy)]
struct Field<'a, S> {
    simd: S,
    forces: &'a Forces,
}

impl<S: Simd> Field<'_, S> {
    /// A step of both ends of an edge towards each other.
    #[inline(always)]
    fn attract(&self, place: &mut [Lanes], other: &mut [Lanes]) {
        let simd = self.simd;
        let mut squares = simd.splat(0.0);
        for (place, other) in place.iter().zip(other.iter()) {
            let apart = simd.sub(simd.load(&place.0), simd.load(&other.0));
            squares = simd.add(squares, simd.mul(apart, apart));
        }
        let pull = self.forces.pull(simd.sum(squares));
        if pull.is_nan() {
            attract_slowly(place, other, self.forces);
            return;
        }
        let share = simd.splat(pull * self.forces.rate());
        for (place, other) in place.iter_mut().zip(other) {
            let (from, to) = (simd.load(&place.0), simd.load(&other.0));
            let step = simd.mul(share, simd.sub(from, to));
            simd.store(simd.add(from, step), place);
            simd.store(simd.sub(to, step), other);
        }
    }

    /// A step away from each of `count` random vertices.
    #[inline(always)]
    fn repel(
        &self,
        place: &mut [Lanes],
        places: &Places<'_>,
        vertex: usize,
        count: usize,
        rng: &mut Rng,
    ) {
        let vertices = places.vertices();
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
                self.repel_at_once::<5>(place, places, &others, drawn);
            } else {
                self.repel_at_once::<WIDTH>(place, places, &others, drawn);
            }
        }
    }

    /// One step away from the first `count` ≤ N of `others`, all measured from where the vertex is.
    #[inline(always)]
    fn repel_at_once<const N: usize>(
        &self,
        place: &mut [Lanes],
        places: &Places<'_>,
        others: &[usize; WIDTH],
        count: usize,
    ) {
        let simd = self.simd;
        let mut rows = [&places.before[..0]; N];
        for (row, &other) in rows.iter_mut().zip(others) {
            *row = &places.of(other)[..place.len()];
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

/// The step of both ends, each coordinate clipped.
#[cold]
fn attract_slowly(place: &mut [Lanes], other: &mut [Lanes], forces: &Forces) {
    let force = forces.pull_of(squared(place, other));
    for (place, other) in place.iter_mut().zip(other) {
        for (value, other) in place.0.iter_mut().zip(&mut other.0) {
            let step = (force * (*value - *other)).clamp(-CLIP, CLIP) * forces.rate();
            *value += step;
            *other -= step;
        }
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
