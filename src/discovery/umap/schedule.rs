//! When each edge is due: in proportion to its weight, the heaviest in every epoch.

use std::ops::Range;

use super::fuzzy::Graph;
use crate::linalg::simd::{LANES as WIDTH, Lanes, Simd};

/// The times of one vertex's edges, each in the order of the graph and filled up to whole lane groups
/// with edges that are never due.
#[derive(Clone, Debug)]
pub struct Due {
    /// The epoch of the next pull.
    next: Vec<Lanes>,
    /// The edge's own numbers.
    edges: Vec<Edge>,
}

/// One edge as one of its ends sees it.
#[derive(Clone, Copy, Debug)]
struct Edge {
    /// Counted from its block's first vertex.
    target: u32,
    /// Epochs between two pulls; 1 for the heaviest edge.
    period: f32,
    /// Epochs between two pushes.
    spacing: f32,
    /// Up to which epoch its pushes have been made.
    pushed: f32,
}

/// The times of the edges that lead from each of `vertices` to one of `targets`.
pub fn schedule(
    graph: &Graph,
    vertices: Range<usize>,
    targets: Range<usize>,
    negative_samples: usize,
) -> Vec<Due> {
    let largest = graph.largest_weight();
    let edge = |(target, weight): (usize, f32)| {
        let period = largest / weight;
        // Without pushes none is ever due.
        let spacing =
            if negative_samples == 0 { f32::INFINITY } else { period / negative_samples as f32 };
        let pushed = if negative_samples == 0 { 0.0 } else { spacing };
        Edge { target: (target - targets.start) as u32, period, spacing, pushed }
    };
    let due = |vertex| {
        let within = |&(target, _): &(usize, f32)| targets.contains(&target);
        let edges: Vec<Edge> = graph.edges(vertex).filter(within).map(edge).collect();
        let times = |edges: &[Edge]| {
            let mut next = Lanes([f32::INFINITY; WIDTH]);
            next.0.iter_mut().zip(edges).for_each(|(next, edge)| *next = edge.period);
            next
        };
        let next = edges.chunks(WIDTH).map(times).collect();
        Due { next, edges }
    };
    vertices.map(due).collect()
}

impl Due {
    /// Replaces `pulls` by the edges that are due, each with its other end and its number of pushes,
    /// and sets their next times.
    #[inline(always)]
    pub fn take<S: Simd>(&mut self, simd: S, epoch: f32, pulls: &mut Vec<(u32, u32)>) {
        pulls.clear();
        let after = simd.splat(epoch.next_up());
        for (next, edges) in self.next.iter_mut().zip(self.edges.chunks_mut(WIDTH)) {
            if simd.less(simd.load(&next.0), after) == 0 {
                continue;
            }
            for (next, edge) in next.0.iter_mut().zip(edges) {
                if *next <= epoch {
                    *next += edge.period;
                    // A cast to an integer is a floor here, and 0 below 0.
                    let count = ((epoch - edge.pushed) / edge.spacing) as u32;
                    if count > 0 {
                        edge.pushed += count as f32 * edge.spacing;
                    }
                    pulls.push((edge.target, count));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::simd::{Work, wide};

    struct Take<'a>(&'a mut Due, f32, &'a mut Vec<(u32, u32)>);

    impl Work for Take<'_> {
        type Output = ();
        fn run<S: Simd>(self, simd: S) {
            self.0.take(simd, self.1, self.2);
        }
    }

    #[test]
    fn edges_are_pulled_in_proportion_to_their_weights() {
        let edges: Vec<(u32, f32)> = (1..12u32).map(|at| (at, 1.0 / at as f32)).collect();
        for (negative_samples, pushes) in [(0, 0), (5, 5)] {
            let graph = Graph::from_rows(vec![edges.clone()]);
            let mut due = schedule(&graph, 0..1, 0..20, negative_samples);
            let (mut taken, mut counts) = (Vec::new(), [(0usize, 0usize); 12]);
            for epoch in 0..=600 {
                wide(Take(&mut due[0], epoch as f32, &mut taken));
                for &(target, pushes) in &taken {
                    counts[target as usize].0 += 1;
                    counts[target as usize].1 += pushes as usize;
                }
            }
            for (target, &(pulls, made)) in counts.iter().enumerate().skip(1) {
                assert!(pulls.abs_diff(600 / target) <= 1, "{counts:?}");
                assert!(made.abs_diff(pushes * pulls) <= 6, "{counts:?}");
            }
        }
    }
}
