//! The pull of low frequencies alone: ẑ0 += κ·U(P s − P ẑ0), after ILVR (Choi et al., arXiv 2108.02938).
//!
//! P takes the means over cells × cells, U interpolates bilinearly between the cells' centres: what varies within a cell is
//! the model's own.

use super::settings::{TermKey, TermKind, TermSettings, TermValue};
use super::window::{self, FROM, STOP, STRENGTH, TO};
use super::{GuidancePlan, GuidanceStep, GuidanceTerm};
use crate::linalg::cells::{between_cells, cells};

/// The term.
pub(super) struct LowFrequency;

pub(super) const NAME: &str = "low-frequency";

const CELLS: TermKey = TermKey {
    name: "cells",
    kind: TermKind::Whole { least: 1, most: 2048 },
    default: TermValue::Number(16.0),
    off: None,
    doc: "Cells a side that means are taken over; with as many as the latent has, every value is pulled. An anchor of only\n\
          this many cells serves as well as a whole one.\n",
};

impl GuidanceTerm for LowFrequency {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "Pulls the means over coarse cells towards the anchor's and leaves detail to the model: ẑ0 += κ·U(P s − P ẑ0), with\n\
         P the means over cells × cells and U bilinear interpolation."
    }

    fn keys(&self) -> &'static [TermKey] {
        &[STRENGTH, CELLS, FROM, TO, STOP]
    }

    fn takes_pooled(
        &self,
        settings: &TermSettings,
        [channels, height, width]: [usize; 3],
        length: usize,
    ) -> Option<bool> {
        let count = settings.whole(NAME, &CELLS);
        Some(length == channels * count.min(height) * count.min(width))
    }

    fn edit(&self, plan: &GuidancePlan, step: &GuidanceStep<'_>, clean: &mut [f32]) {
        let Some(strength) = window::strength(plan, NAME, (&STRENGTH, Some(&STOP)), step) else {
            return;
        };
        let pooling = Pooling::new(plan.side, plan.settings.terms.whole(NAME, &CELLS));
        for (clean, image) in clean.chunks_mut(step.sample_length()).zip(step.images) {
            let Some(anchor) = image.anchor else { continue };
            let mut difference = match anchor.len() == clean.len() {
                true => pooling.down(anchor),
                false => anchor.iter().map(|&value| f64::from(value)).collect(),
            };
            let own = pooling.down(clean);
            difference.iter_mut().zip(own).for_each(|(aim, own)| *aim -= own);
            for (value, change) in clean.iter_mut().zip(pooling.up(&difference)) {
                *value = (f64::from(*value) + strength * change) as f32;
            }
        }
    }
}

/// Means over cells, and the way back, of square channels.
struct Pooling {
    side: usize,
    count: usize,
    covered: Vec<Vec<(usize, f64)>>,
    between: Vec<[(usize, f64); 2]>,
}

impl Pooling {
    fn new(side: usize, cells_a_side: usize) -> Self {
        let count = cells_a_side.min(side);
        Self { side, count, covered: cells(side, count), between: between_cells(count, side) }
    }

    /// The mean of each cell, channel by channel.
    fn down(&self, latent: &[f32]) -> Vec<f64> {
        let channels = latent.chunks_exact(self.side * self.side);
        let cell = |channel: &[f32], down: &[(usize, f64)], across: &[(usize, f64)]| {
            let row = |&(y, share): &(usize, f64)| {
                let value = |&(x, own): &(usize, f64)| f64::from(channel[y * self.side + x]) * own;
                across.iter().map(value).sum::<f64>() * share
            };
            down.iter().map(row).sum::<f64>()
        };
        let mut means = Vec::new();
        for channel in channels {
            for down in &self.covered {
                means.extend(self.covered.iter().map(|across| cell(channel, down, across)));
            }
        }
        means
    }

    /// The values between the cells' centres, channel by channel.
    fn up(&self, means: &[f64]) -> Vec<f64> {
        let mut values = Vec::new();
        for channel in means.chunks_exact(self.count * self.count) {
            for down in &self.between {
                values.extend(self.between.iter().map(|across| {
                    let row = |&(y, share): &(usize, f64)| {
                        let value = |&(x, own): &(usize, f64)| channel[y * self.count + x] * own;
                        across.iter().map(value).sum::<f64>() * share
                    };
                    down.iter().map(row).sum::<f64>()
                }));
            }
        }
        values
    }
}
