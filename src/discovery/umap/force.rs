//! Attraction and repulsion as functions of the squared distance, from tables.
//!
//! A power per step would cost more than the rest of the step. Both forces are smooth in the squared
//! distance, so they are tabulated over [2⁻¹², 2¹⁶), 128 points to the octave, and interpolated
//! linearly: within 5e-5 of the formula. Outside, and where a coordinate could be clipped, the
//! tables answer NaN and the formula is computed.

use super::Curve;

/// No coordinate moves further than this times the learning rate in one step.
pub const CLIP: f32 = 4.0;
/// Mantissa bits in a table's index: 128 points to the octave.
const BITS: u32 = 7;
/// The least squared distance tabulated.
const LEAST: f32 = 1.0 / 4096.0;
/// Octaves tabulated.
const OCTAVES: usize = 28;
/// Entries of a table.
const ENTRIES: usize = OCTAVES << BITS;

/// Values at evenly spaced points within each octave; NaN where there is no answer.
#[derive(Clone, Debug)]
struct Table(Vec<[f32; 2]>);

impl Table {
    fn new(value: impl Fn(f32) -> f32) -> Self {
        let mut points: Vec<f32> = (0..=ENTRIES).map(|at| value(point(at))).collect();
        let last = points.pop().unwrap_or(f32::NAN);
        let next = points.iter().copied().skip(1).chain([last]);
        Self(points.iter().copied().zip(next).map(|(low, high)| [low, high - low]).collect())
    }

    /// The value at a squared distance, NaN where the table has none.
    #[inline(always)]
    fn at(&self, squared: f32) -> f32 {
        let offset = squared.to_bits().wrapping_sub(LEAST.to_bits());
        let Some([low, rise]) = self.0.get((offset >> (23 - BITS)) as usize) else {
            return f32::NAN;
        };
        let within = (offset & ((1 << (23 - BITS)) - 1)) as f32;
        low + rise * (within * (1.0 / (1u32 << (23 - BITS)) as f32))
    }
}

/// The squared distance of an entry.
fn point(at: usize) -> f32 {
    f32::from_bits(LEAST.to_bits() + ((at as u32) << (23 - BITS)))
}

/// The forces of one curve.
#[derive(Clone, Debug)]
pub struct Forces {
    a: f32,
    b: f32,
    repulsion: f32,
    rate: f32,
    /// The factor of repulsion.
    pushes: Table,
    /// The factor of attraction.
    pulls: Table,
}

impl Forces {
    /// Tables for a curve; the rate is 0 until [`Forces::set_rate`].
    pub fn new(curve: &Curve, repulsion: f32) -> Self {
        let (a, b) = (curve.a as f32, curve.b as f32);
        let mut forces = Self {
            a,
            b,
            repulsion,
            rate: 0.0,
            pushes: Table(Vec::new()),
            pulls: Table(Vec::new()),
        };
        let unclipped = |force: f32, squared| if clips(force, squared) { f32::NAN } else { force };
        forces.pushes = Table::new(|squared| unclipped(forces.push_of(squared), squared));
        forces.pulls = Table::new(|squared| unclipped(forces.pull_of(squared), squared));
        forces
    }

    /// The step size of the epoch.
    pub fn rate(&self) -> f32 {
        self.rate
    }

    /// Sets the epoch's step size.
    pub fn set_rate(&mut self, rate: f32) {
        self.rate = rate;
    }

    /// The factor of one pull, NaN if a coordinate could be clipped or the table ends.
    #[inline(always)]
    pub fn pull(&self, squared: f32) -> f32 {
        self.pulls.at(squared)
    }

    /// The factor of one push, NaN if a coordinate could be clipped or the table ends.
    #[inline(always)]
    pub fn push(&self, squared: f32) -> f32 {
        self.pushes.at(squared)
    }

    /// The factor of a pull, by the formula; 0 between equal points.
    pub fn pull_of(&self, squared: f32) -> f32 {
        if squared == 0.0 {
            return 0.0;
        }
        let power = squared.powf(self.b);
        -2.0 * self.a * self.b * power / (squared * (self.a * power + 1.0))
    }

    /// The factor of a push, by the formula; 0 between equal points.
    pub fn push_of(&self, squared: f32) -> f32 {
        if squared == 0.0 {
            return 0.0;
        }
        let power = squared.powf(self.b);
        2.0 * self.repulsion * self.b / ((0.001 + squared) * (self.a * power + 1.0))
    }
}

/// Whether a coordinate of a step could reach the clip.
fn clips(force: f32, squared: f32) -> bool {
    force * force * squared > CLIP * CLIP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_follow_the_formula() {
        let forces = Forces::new(&Curve::fit(1.0, 0.0), 1.0);
        let mut squared = 3e-4f32;
        while squared < 6e4 {
            let (table, formula) = (forces.push(squared), forces.push_of(squared));
            if formula * squared.sqrt() < 3.9 {
                assert!((table / formula - 1.0).abs() < 5e-5, "{squared}: {table} {formula}");
            } else if formula * squared.sqrt() > 4.1 {
                assert!(table.is_nan(), "{squared}");
            }
            let (table, formula) = (forces.pull(squared), forces.pull_of(squared));
            assert!(table.is_nan() || (table / formula - 1.0).abs() < 5e-5, "{squared}: {table}");
            squared *= 1.003;
        }
    }

    #[test]
    fn beyond_the_tables_there_is_no_answer() {
        let forces = Forces::new(&Curve::fit(1.0, 0.0), 1.0);
        for squared in [0.0, 1e-30, 1.0 / 5000.0, 65536.0, 1e30, f32::INFINITY, f32::NAN] {
            assert!(forces.push(squared).is_nan() && forces.pull(squared).is_nan());
        }
        assert_eq!(forces.pull_of(0.0), 0.0);
        assert_eq!(forces.push_of(0.0), 0.0);
    }
}
