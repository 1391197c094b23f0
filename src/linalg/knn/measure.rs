//! Measuring candidates by direct difference.
//!
//! Wide rows don't stay in the cache, so the pairs of a block of rows are measured a strip of columns
//! at a time, four at once. Sums are those of [`crate::linalg::distance::squared`], bit for bit.

use rayon::prelude::*;

use super::sorted;
use crate::linalg::Matrix;
use crate::linalg::distance::{CHUNK, SQUARED_LANES, squared};
use crate::linalg::simd::{LANES as WIDTH, Simd, Work, wide};

/// Rows whose candidates are measured together.
const BLOCK: usize = 128;
/// Candidates measured at once.
const AT_ONCE: usize = 4;

/// The `k` nearest of each query's candidates, the query itself first.
pub fn nearest_of_all(
    data: &Matrix,
    queries: &[usize],
    candidates: &[Vec<u32>],
    k: usize,
) -> Vec<Vec<(f32, u32)>> {
    queries
        .par_chunks(BLOCK)
        .zip(candidates.par_chunks(BLOCK))
        .flat_map_iter(|(queries, candidates)| {
            let totals = wide(Measure { data, queries, candidates });
            queries.iter().zip(candidates).zip(totals).map(move |((&query, candidates), totals)| {
                sorted(query, totals.into_iter().zip(candidates.iter().copied()), k)
            })
        })
        .collect()
}

/// Squared distances of each query to its candidates.
struct Measure<'a> {
    data: &'a Matrix,
    queries: &'a [usize],
    candidates: &'a [Vec<u32>],
}

impl Work for Measure<'_> {
    type Output = Vec<Vec<f64>>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Vec<Vec<f64>> {
        let Self { data, queries, candidates } = self;
        let mut totals: Vec<Vec<f64>> = Vec::with_capacity(queries.len());
        for candidates in candidates {
            totals.push(vec![0.0; candidates.len()]);
        }
        for from in (0..data.cols()).step_by(CHUNK) {
            let to = data.cols().min(from + CHUNK);
            for ((&query, candidates), totals) in queries.iter().zip(candidates).zip(&mut totals) {
                let own = &data.row(query)[from..to];
                let (fours, rest) = candidates.as_chunks::<AT_ONCE>();
                let (four_totals, rest_totals) = totals.as_chunks_mut::<AT_ONCE>();
                for (four, totals) in fours.iter().zip(four_totals) {
                    let mut others = [own; AT_ONCE];
                    for (other, &row) in others.iter_mut().zip(four) {
                        *other = &data.row(row as usize)[from..to];
                    }
                    four_at_once(simd, own, others, totals);
                }
                for (&row, total) in rest.iter().zip(rest_totals) {
                    *total += squared(own, &data.row(row as usize)[from..to]);
                }
            }
        }
        totals
    }
}

/// Adds the squared distances from `own` to four rows, all no longer than a chunk.
#[inline(always)]
fn four_at_once<S: Simd>(
    simd: S,
    own: &[f32],
    others: [&[f32]; AT_ONCE],
    totals: &mut [f64; AT_ONCE],
) {
    let (own, own_rest) = own.as_chunks::<WIDTH>();
    let pairs = own.len() / 2;
    let mut rows = [own; AT_ONCE];
    let mut rests = [own_rest; AT_ONCE];
    for ((row, rest), other) in rows.iter_mut().zip(&mut rests).zip(others) {
        (*row, *rest) = other.as_chunks::<WIDTH>();
        *row = &row[..own.len()];
    }
    let mut low = [simd.splat(0.0); AT_ONCE];
    let mut high = [simd.splat(0.0); AT_ONCE];
    for at in 0..pairs {
        let (a, b) = (simd.load(&own[2 * at]), simd.load(&own[2 * at + 1]));
        for which in 0..AT_ONCE {
            let d = simd.sub(a, simd.load(&rows[which][2 * at]));
            let e = simd.sub(b, simd.load(&rows[which][2 * at + 1]));
            low[which] = simd.add(low[which], simd.mul(d, d));
            high[which] = simd.add(high[which], simd.mul(e, e));
        }
    }
    for which in 0..AT_ONCE {
        let mut lanes = [0.0f32; SQUARED_LANES];
        let (first, second) = lanes.as_chunks_mut::<WIDTH>().0.split_at_mut(1);
        simd.store_to(low[which], &mut first[0]);
        simd.store_to(high[which], &mut second[0]);
        // What doesn't fill all lanes goes to the first ones.
        let tail = own[2 * pairs..].as_flattened().iter().chain(own_rest);
        let other = rows[which][2 * pairs..].as_flattened().iter().chain(rests[which]);
        for ((lane, a), b) in lanes.iter_mut().zip(tail).zip(other) {
            *lane += (a - b) * (a - b);
        }
        let mut sum = 0.0f64;
        for lane in lanes {
            sum += f64::from(lane);
        }
        totals[which] += sum;
    }
}
