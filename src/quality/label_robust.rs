//! How near a set comes to the whole data and how far it is above chance: DD-Ranking's measures
//! ([arXiv 2505.13300](https://arxiv.org/abs/2505.13300)).
//!
//! - Hard-label recovery: HLR = Acc(whole data) − Acc(set), both with hard labels; 0 is best.
//! - Improvement over random: IOR = Acc(set) − Acc(as many random real images), under the same labels and training.
//! - Label-robust score: LRS = (exp α − exp −1) / (e − exp −1), α = λ·IOR − (1 − λ)·HLR, λ = ½: 0 to 1.
//!
//! Accuracies are shares here, as the definition of the score's bounds needs: then α is within −1 and 1. The authors'
//! package computes the exponentials of percentages.
//!
//! This program's sets have hard labels alone. IOR is then of hard labels as well, and with λ = ½ the score is one of
//! Acc(set) − ½(Acc(random) + Acc(whole)): it ranks sets of one data set and size as their accuracies do, and says
//! nothing about soft labels.

use super::metric::{Format, Measure, Metric, Standing};
use std::f64::consts::E;

/// The weight of the improvement over random against the recovery, λ: as much, as in the authors' ranking.
const WEIGHT: f64 = 0.5;

/// The three measures, by the first classifier's accuracies.
pub(super) const MEASURE: Measure = Measure::Standing(
    &[
        Metric { key: "hlr", title: "HLR", format: Format::Percent },
        Metric { key: "ior", title: "IOR", format: Format::Percent },
        Metric { key: "lrs", title: "LRS", format: Format::Percent },
    ],
    |standing| {
        let (hlr, ior) = (recovery(standing), improvement(standing));
        vec![hlr, ior, score(ior, hlr, WEIGHT)]
    },
);

/// HLR: what is lost against the whole data; negative where the set trains better.
fn recovery(of: &Standing) -> f64 {
    of.whole - of.set
}

/// IOR: what is won over random images.
fn improvement(of: &Standing) -> f64 {
    of.set - of.random
}

/// LRS, 0 to 1; `weight` is λ.
fn score(ior: f64, hlr: f64, weight: f64) -> f64 {
    let alpha = weight * ior - (1.0 - weight) * hlr;
    (alpha.exp() - 1.0 / E) / (E - 1.0 / E)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked by hand: α = ½·0.05 − ½·0.10 = −0.025, (e^−0.025 − e^−1) / (e − e^−1) = (0.975310 − 0.367879) / 2.350402.
    #[test]
    fn a_set_between_random_images_and_the_whole_data() {
        let Measure::Standing(metrics, stand) = MEASURE else { panic!("no standing") };
        let found = stand(&Standing { set: 0.85, random: 0.80, whole: 0.95 });
        assert_eq!(metrics.len(), found.len());
        let expected = [0.10, 0.05, 0.258_437];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
    }

    /// The best and the worst that accuracies allow, and no difference at all: (1 − e^−1) / (e − e^−1) = 0.632121 / 2.350402.
    #[test]
    fn the_score_is_a_share_of_one() {
        assert!((score(1.0, -1.0, WEIGHT) - 1.0).abs() < 1e-12);
        assert!(score(-1.0, 1.0, WEIGHT).abs() < 1e-12);
        assert!((score(0.0, 0.0, WEIGHT) - 0.268_941).abs() < 1e-6);
    }

    /// λ = 1 knows the improvement alone, λ = 0 the recovery alone: e^0.2 = 1.221403, e^−0.4 = 0.670320.
    #[test]
    fn the_weight_says_which_of_both_counts() {
        assert!((score(0.2, 0.4, 1.0) - 0.363_140).abs() < 1e-6);
        assert!((score(0.2, 0.4, 0.0) - 0.128_676).abs() < 1e-6);
    }
}
