//! Which labels are wrong, by votes of neighbours (after confident learning, Northcutt et al., arXiv 1911.00068).
//!
//! Where classes overlap, neighbours disagree without a wrong label among them, so a row is not judged by a fixed share.
//! Its *margin* is the votes by which its own label leads the next one or trails the first one. Wrong labels show twice:
//!
//! - **In clear places labels stay below certainty.** Among rows with many votes for one label, the share that carries that
//!   label rises with the votes where classes overlap, towards 1. With a share η of labels wrong it levels off at 1 − η. A
//!   straight line through the clearer half of the rows, drawn on to a unanimous vote, reads 1 − η.
//! - **A wrong label stands anywhere.** With C classes, each pair of a row and a foreign label comes true by mistake in a
//!   share η / (C − 1) of cases, however far the label trails. The measured share f(m) of pairs of margin m that are true
//!   never falls below that.
//!
//! So η / (C − 1) / f(m) is the share of mistakes among the labels of negative margin m. Those with at least half are wrong.
//!
//! Features that tell little of the classes look like wrong labels, so labels are judged only where neighbours know the class
//! of most images in clear places ([`Clear::is_known`]).

use super::margins::{Margin, Margins};
use crate::linalg::knn::Neighbors;

/// What the neighbours say of all labels.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelNoise {
    /// Whether each row's label is more likely wrong than not.
    pub wrong: Vec<bool>,
    /// The estimated share of wrong labels, η; `None` where the neighbours tell too little of the classes.
    pub rate: Option<f64>,
}

impl LabelNoise {
    /// Judges all labels by neighbour lists in which each row comes first.
    pub fn of(found: &Neighbors, labels: &[u32]) -> Self {
        let mut distinct = labels.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let classes = distinct.len();
        let k = found.k.saturating_sub(1);
        let none = || Self { wrong: vec![false; labels.len()], rate: None };
        if classes < 2 || k == 0 {
            return none();
        }
        let margins = Margins::of(found, labels, classes);
        let clear = clear_half(&margins.rows, k);
        if !clear.is_known(chance(labels)) {
            return none();
        }
        let rate = 1.0 - clear.unanimous;
        let mistakes = rate / (classes - 1) as f64;
        let least = least_right(&margins, mistakes, k);
        let wrong = margins.rows.iter().map(|row| row.at < least).collect();
        Self { wrong, rate: Some(rate) }
    }
}

/// The share of pairs of rows with the same label: how often a neighbour by chance agrees.
fn chance(labels: &[u32]) -> f64 {
    let mut sorted = labels.to_vec();
    sorted.sort_unstable();
    let share = |same: &[u32]| (same.len() as f64 / labels.len() as f64).powi(2);
    sorted.chunk_by(|a, b| a == b).map(share).sum()
}

/// How labels agree with the vote of neighbours, among the rows whose vote is at least the median's.
struct Clear {
    rows: f64,
    /// The share that agrees.
    agree: f64,
    /// That share at a unanimous vote: 1 − η.
    unanimous: f64,
}

impl Clear {
    /// Whether the neighbours know the classes: most labels would agree with a unanimous vote; the rows come at least half of
    /// the way there from what chance gives; and they are more than chance gives by three standard errors.
    fn is_known(&self, chance: f64) -> bool {
        let error = (self.agree * (1.0 - self.agree) / self.rows).sqrt();
        let above = self.agree - chance;
        self.unanimous >= 0.5 && 2.0 * above >= self.unanimous - chance && above > 3.0 * error
    }
}

/// Measures the clearer half of `rows`, with a straight line by the votes of `k` neighbours.
fn clear_half(rows: &[Margin], k: usize) -> Clear {
    let mut tops: Vec<usize> = rows.iter().map(|row| row.top).collect();
    tops.sort_unstable();
    let median = tops.get(tops.len() / 2).copied().unwrap_or(0);
    let (mut n, mut votes, mut squares, mut agree, mut both) = (0u64, 0u64, 0u64, 0u64, 0u64);
    for row in rows.iter().filter(|row| row.top >= median) {
        let top = row.top as u64;
        n += 1;
        votes += top;
        squares += top * top;
        if row.agrees {
            agree += 1;
            both += top;
        }
    }
    let [n, votes, squares, agree, both] = [n, votes, squares, agree, both].map(|x| x as f64);
    let spread = n * squares - votes * votes;
    let slope = if spread > 0.0 { (n * both - votes * agree) / spread } else { 0.0 };
    let unanimous = (agree / n + slope.max(0.0) * (k as f64 - votes / n)).min(1.0);
    Clear { rows: n, agree: agree / n, unanimous }
}

/// The least margin whose labels are mostly right where `mistakes` is the share of pairs that come true by mistake. A label
/// that trails no other, from margin `k` on, is right.
fn least_right(margins: &Margins, mistakes: f64, k: usize) -> usize {
    let shares = rising(&margins.own, &margins.pairs);
    let wrong = shares[..k].iter().rposition(|share| share.is_some_and(|f| 0.5 * f < mistakes));
    wrong.map_or(0, |at| at + 1)
}

/// The shares own / pairs by margin, made to rise by joining neighbours that fall (isotonic regression, pool adjacent
/// violators); `None` where there is no pair.
fn rising(own: &[u64], pairs: &[u64]) -> Vec<Option<f64>> {
    let mut blocks: Vec<(u64, u64, Vec<usize>)> = Vec::new();
    for at in (0..pairs.len()).filter(|&at| pairs[at] > 0) {
        blocks.push((own[at], pairs[at], vec![at]));
        while let [.., (a, n, _), (b, m, _)] = blocks.as_slice()
            && u128::from(*a) * u128::from(*m) > u128::from(*b) * u128::from(*n)
        {
            let Some((b, m, places)) = blocks.pop() else { break };
            if let Some(before) = blocks.last_mut() {
                before.0 += b;
                before.1 += m;
                before.2.extend(places);
            }
        }
    }
    let mut shares = vec![None; pairs.len()];
    for (own, pairs, places) in blocks {
        places.into_iter().for_each(|at| shares[at] = Some(own as f64 / pairs as f64));
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Matrix;
    use crate::linalg::knn::exact;
    use crate::linalg::rng::Rng;

    /// `classes` heaps of 60 rows in 8 columns, their centres `apart` standard deviations from the middle, and the true
    /// labels.
    fn heaps(classes: usize, apart: f32) -> (Matrix, Vec<u32>) {
        let mut rng = Rng::new(5, &[classes as u64]);
        let centres = Matrix::from_fn(classes, 8, |_, _| apart * rng.normal() as f32);
        let at = |row: usize, col: usize| centres.row(row / 60)[col];
        let rows = Matrix::from_fn(classes * 60, 8, |row, col| at(row, col) + rng.normal() as f32);
        (rows, (0..classes as u32 * 60).map(|row| row / 60).collect())
    }

    /// Every label replaced by another one with probability `share`.
    fn spoilt(labels: &[u32], classes: usize, share: f64) -> Vec<u32> {
        let mut rng = Rng::new(6, &[]);
        let change = |&label: &u32| {
            if rng.uniform() < share {
                (label + 1 + rng.below(classes - 1) as u32) % classes as u32
            } else {
                label
            }
        };
        labels.iter().map(change).collect()
    }

    fn judged(features: &Matrix, labels: &[u32]) -> LabelNoise {
        LabelNoise::of(&exact(features, 9).unwrap(), labels)
    }

    #[test]
    fn wrong_labels_among_clear_classes_are_found() {
        for (classes, share) in [(2, 0.2), (10, 0.1), (10, 0.4), (40, 0.4)] {
            let (features, truth) = heaps(classes, 3.0);
            let labels = spoilt(&truth, classes, share);
            let found = judged(&features, &labels);
            let rate = found.rate.unwrap();
            assert!((rate - share).abs() < 0.12, "{classes} {share}: {rate}");
            let kept: Vec<usize> = (0..labels.len()).filter(|&row| !found.wrong[row]).collect();
            let right = kept.iter().filter(|&&row| labels[row] == truth[row]).count();
            let all = labels.iter().zip(&truth).filter(|(a, b)| a == b).count();
            assert!(right as f64 > 0.96 * kept.len() as f64, "{classes} {share}");
            assert!(right as f64 > 0.90 * all as f64, "{classes} {share}");
        }
    }

    #[test]
    fn right_labels_stay_whether_classes_are_clear_or_overlap() {
        for (classes, apart) in [(10, 3.0), (10, 1.0), (10, 0.5), (10, 0.2), (40, 0.5), (40, 0.1)] {
            let (features, truth) = heaps(classes, apart);
            let wrong = judged(&features, &truth).wrong;
            let out = wrong.iter().filter(|wrong| **wrong).count();
            assert!(out * 100 <= wrong.len() * 2, "{apart}: {out} of {}", wrong.len());
        }
    }

    #[test]
    fn one_class_has_no_wrong_label() {
        let (features, _) = heaps(1, 1.0);
        assert_eq!(judged(&features, &[3; 60]), LabelNoise { wrong: vec![false; 60], rate: None });
    }

    #[test]
    fn shares_that_fall_are_joined() {
        let shares = rising(&[1, 3, 1, 0, 9], &[10, 10, 10, 0, 10]);
        assert_eq!(shares, [Some(0.1), Some(0.2), Some(0.2), None, Some(0.9)]);
    }
}
