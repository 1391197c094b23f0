//! The guidance interval (Kynkäänniemi et al., arXiv 2404.07724): classifier-free guidance in the middle steps alone.

use super::settings::TermKey;
use super::settings::TermValue::{self, Number};
use super::window::{self, FROM, TO};
use super::{Edits, GuidancePlan, GuidanceTerm};

/// The term.
pub(super) struct Interval;

/// The name of the interval among the terms.
pub const NAME: &str = "interval";

const BEGIN: TermKey = TermKey {
    default: Number(0.2),
    off: Some(Number(0.0)),
    doc: "Classifier-free guidance acts from this share of the steps on. 0 with `to` 1 is off.\n",
    ..FROM
};

const END: TermKey = TermKey {
    default: Number(0.8),
    off: Some(Number(1.0)),
    doc: "Classifier-free guidance acts before this share of the steps.\n",
    ..TO
};

/// The keys of the term with the values of an interval of shares of the run.
pub fn interval(from: f64, to: f64) -> [(&'static TermKey, TermValue); 2] {
    [(&BEGIN, Number(from)), (&END, Number(to))]
}

impl GuidanceTerm for Interval {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "Limits classifier-free guidance to the steps from `from` to before `to`: outside them the classifier-free scale is 1,\n\
         and the denoiser runs on half the rows."
    }

    fn keys(&self) -> &'static [TermKey] {
        &[BEGIN, END]
    }

    fn leaves_out_work(&self) -> bool {
        true
    }

    fn edits(&self) -> Edits {
        Edits::Nothing
    }

    fn is_guided(&self, plan: &GuidancePlan, step: usize) -> bool {
        window::within(plan, NAME, (&BEGIN, &END), step)
    }
}
