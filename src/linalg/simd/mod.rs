//! The same arithmetic in wider registers where the machine has them.
//!
//! The crate is compiled for any x86-64. Inner loops are written once, over groups of eight f32, and
//! compiled twice: for AVX2 and for everything else. Neither multiplies and adds in one rounding, and
//! sums have one order, so both give the same bits.

/// Values in one lane group: an AVX2 register of f32.
pub const LANES: usize = 8;

/// Eight values side by side, aligned so that no load crosses a cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(align(32))]
pub struct Lanes(pub [f32; LANES]);

/// What a machine does with eight values at once.
pub trait Simd: Copy {
    /// Eight values in registers.
    type Group: Copy;
    /// Loads a group.
    fn load(self, lanes: &[f32; LANES]) -> Self::Group;
    /// Stores a group.
    fn store(self, group: Self::Group, lanes: &mut Lanes);
    /// Stores a group where nothing is aligned.
    fn store_to(self, group: Self::Group, values: &mut [f32; LANES]);
    /// Eight times the same value.
    fn splat(self, value: f32) -> Self::Group;
    /// Lane by lane, a + b.
    fn add(self, a: Self::Group, b: Self::Group) -> Self::Group;
    /// Lane by lane, a − b.
    fn sub(self, a: Self::Group, b: Self::Group) -> Self::Group;
    /// Lane by lane, a · b.
    fn mul(self, a: Self::Group, b: Self::Group) -> Self::Group;
    /// A bit for each lane, from the lowest: whether a < b.
    fn less(self, a: Self::Group, b: Self::Group) -> u32;
    /// The sum of each of eight groups, ((0+1)+(2+3))+((4+5)+(6+7)).
    fn sums(self, groups: [Self::Group; LANES]) -> Lanes;
    /// The sum of one group, in the same order.
    fn sum(self, group: Self::Group) -> f32;
}

/// A piece of work to compile twice. Implementations and what they call are `#[inline(always)]` and
/// free of closures: only what is inlined is compiled for the wider registers.
pub trait Work {
    /// What comes out.
    type Output;
    /// Does it.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Runs `work` with AVX2 where there is AVX2.
pub fn wide<W: Work>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = avx2::Avx2::detect() {
        return simd.run(work);
    }
    work.run(Portable)
}

/// Any machine.
#[derive(Clone, Copy)]
struct Portable;

impl Simd for Portable {
    type Group = Lanes;

    #[inline(always)]
    fn load(self, lanes: &[f32; LANES]) -> Lanes {
        Lanes(*lanes)
    }
    #[inline(always)]
    fn store(self, group: Lanes, lanes: &mut Lanes) {
        *lanes = group;
    }
    #[inline(always)]
    fn store_to(self, group: Lanes, values: &mut [f32; LANES]) {
        *values = group.0;
    }
    #[inline(always)]
    fn splat(self, value: f32) -> Lanes {
        Lanes([value; LANES])
    }
    #[inline(always)]
    fn add(self, mut a: Lanes, b: Lanes) -> Lanes {
        a.0.iter_mut().zip(b.0).for_each(|(a, b)| *a += b);
        a
    }
    #[inline(always)]
    fn sub(self, mut a: Lanes, b: Lanes) -> Lanes {
        a.0.iter_mut().zip(b.0).for_each(|(a, b)| *a -= b);
        a
    }
    #[inline(always)]
    fn mul(self, mut a: Lanes, b: Lanes) -> Lanes {
        a.0.iter_mut().zip(b.0).for_each(|(a, b)| *a *= b);
        a
    }
    #[inline(always)]
    fn less(self, a: Lanes, b: Lanes) -> u32 {
        (0..LANES).fold(0, |mask, lane| mask | u32::from(a.0[lane] < b.0[lane]) << lane)
    }
    #[inline(always)]
    fn sums(self, groups: [Lanes; LANES]) -> Lanes {
        Lanes(groups.map(|group| self.sum(group)))
    }
    #[inline(always)]
    fn sum(self, group: Lanes) -> f32 {
        let [a, b, c, d, e, f, g, h] = group.0;
        ((a + b) + (c + d)) + ((e + f) + (g + h))
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2;

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything a machine does, once.
    struct All([Lanes; LANES]);

    impl Work for All {
        type Output = (Vec<Lanes>, [u32; 2], f32);

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let groups = self.0.map(|lanes| simd.load(&lanes.0));
            let (a, b) = (groups[0], groups[1]);
            let results = [simd.add(a, b), simd.sub(a, b), simd.mul(a, b), simd.splat(0.3)];
            let mut out = vec![Lanes::default(); results.len()];
            for (group, lanes) in results.into_iter().zip(&mut out) {
                simd.store(group, lanes);
            }
            out.push(simd.sums(groups));
            (out, [simd.less(a, b), simd.less(b, a)], simd.sum(b))
        }
    }

    #[test]
    fn every_machine_gives_the_same_bits() {
        let value = |at: usize| ((at * 37 % 101) as f32 - 50.0).exp2().sqrt() * 0.7;
        let groups = std::array::from_fn(|group| {
            Lanes(std::array::from_fn(|lane| value(group * LANES + lane)))
        });
        let (out, masks, sum) = wide(All(groups));
        assert_eq!((out.clone(), masks, sum), All(groups).run(Portable));
        assert_eq!(out[4].0[1], sum);
        assert_eq!(masks[0] & masks[1], 0);
    }
}
