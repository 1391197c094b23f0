//! The pull of a class's mean: ẑ0_i += κ·(μ − mean_i ẑ0_i), the same move for all images denoised together.

use super::settings::{TermKey, TermSettings};
use super::window::{self, FROM, STOP, STRENGTH, TO};
use super::{GuidancePlan, GuidanceStep, GuidanceTerm};

/// The term.
pub(super) struct ClassMean;

pub(super) const NAME: &str = "class-mean";

impl GuidanceTerm for ClassMean {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "Moves a class's images together so that their mean comes to the class's: ẑ0_i += κ·(μ − mean of ẑ0), μ the mean of\n\
         the class's anchors weighted by the sizes of their groups. Groups never span classes then."
    }

    fn keys(&self) -> &'static [TermKey] {
        &[STRENGTH, FROM, TO, STOP]
    }

    fn couples(&self) -> bool {
        true
    }

    fn takes_pooled(&self, _: &TermSettings, _: [usize; 3], _: usize) -> Option<bool> {
        Some(false)
    }

    fn edit(&self, plan: &GuidancePlan, step: &GuidanceStep<'_>, clean: &mut [f32]) {
        let Some(strength) = window::strength(plan, NAME, (&STRENGTH, Some(&STOP)), step) else {
            return;
        };
        let size = step.sample_length();
        for group in step.class_groups() {
            let count = group.members.len() as f64;
            let mut way = group.class.mean();
            for &at in &group.members {
                let own = &clean[at * size..(at + 1) * size];
                way.iter_mut().zip(own).for_each(|(way, &value)| *way -= f64::from(value) / count);
            }
            for &at in &group.members {
                let own = &mut clean[at * size..(at + 1) * size];
                for (value, way) in own.iter_mut().zip(&way) {
                    *value = (f64::from(*value) + strength * way) as f32;
                }
            }
        }
    }
}
