//! AVX2's registers. Every `unsafe` here rests on one fact: an [`Avx2`] exists only where the CPU has
//! AVX2, which [`Avx2::detect`] asked.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{LANES, Lanes, Simd, Work};

/// Proof that the CPU has AVX2.
#[derive(Clone, Copy)]
pub struct Avx2(());

impl Avx2 {
    /// The proof, if there is one.
    pub fn detect() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// Runs `work` compiled for AVX2.
    pub fn run<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx2")]
        fn compiled<W: Work>(simd: Avx2, work: W) -> W::Output {
            work.run(simd)
        }
        // SAFETY: `self` proves AVX2.
        unsafe { compiled(self, work) }
    }
}

impl Simd for Avx2 {
    type Group = __m256;

    #[inline(always)]
    fn load(self, lanes: &[f32; LANES]) -> __m256 {
        // SAFETY: AVX2 by `self`; the array has eight f32, and no alignment is asked for.
        unsafe { _mm256_loadu_ps(lanes.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, group: __m256, lanes: &mut Lanes) {
        // SAFETY: as in `load`; `Lanes` is aligned to 32 bytes.
        unsafe { _mm256_store_ps(lanes.0.as_mut_ptr(), group) }
    }
    #[inline(always)]
    fn store_to(self, group: __m256, values: &mut [f32; LANES]) {
        // SAFETY: AVX2 by `self`; the array has eight f32, and no alignment is asked for.
        unsafe { _mm256_storeu_ps(values.as_mut_ptr(), group) }
    }
    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: AVX2 by `self`, here and in all that follow.
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn less(self, a: __m256, b: __m256) -> u32 {
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) as u32 }
    }
    #[inline(always)]
    fn sums(self, [a, b, c, d, e, f, g, h]: [__m256; LANES]) -> Lanes {
        let mut sums = Lanes::default();
        unsafe {
            // Two rounds of neighbours leave the sums of both halves; the halves come last.
            let low = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
            let high = _mm256_hadd_ps(_mm256_hadd_ps(e, f), _mm256_hadd_ps(g, h));
            let first = _mm256_permute2f128_ps::<0x20>(low, high);
            let second = _mm256_permute2f128_ps::<0x31>(low, high);
            self.store(_mm256_add_ps(first, second), &mut sums);
        }
        sums
    }
    #[inline(always)]
    fn sum(self, group: __m256) -> f32 {
        unsafe {
            let pairs = _mm256_hadd_ps(group, group);
            let halves = _mm256_hadd_ps(pairs, pairs);
            let low = _mm256_castps256_ps128(halves);
            _mm_cvtss_f32(_mm_add_ss(low, _mm256_extractf128_ps::<1>(halves)))
        }
    }
}
