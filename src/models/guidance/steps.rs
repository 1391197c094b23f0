//! The terms of a run in their order, step by step.

use super::plan::GuidancePlan;
use super::record::{StepRecord, change, root_mean_square};
use super::settings::GuidanceSettings;
use super::start::noised;
use super::step::GuidanceStep;
use super::{Edits, GuidanceTerm, SettingFault, TERMS, classifier_free};
use crate::models::clean::CleanEstimates;
use crate::models::denoiser::Prediction;
use crate::models::noise_schedule::{NoiseSchedule, Solver};
use crate::models::text::PromptEmbedding;
use std::ops::Range;

/// Steps in a row that the denoiser has the same prompts and rows for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::models) struct Phase {
    /// The steps.
    pub steps: Range<usize>,
    /// Whether there are unconditional rows.
    pub guided: bool,
    /// Whether the prompts are the step's own; the phase is this one step then.
    pub own_prompts: bool,
}

impl GuidancePlan {
    fn used(&self) -> impl Iterator<Item = &'static dyn GuidanceTerm> {
        let used = |term: &&&'static dyn GuidanceTerm| self.settings.terms.is_used(term.name());
        TERMS.iter().filter(used).copied()
    }

    /// The steps of `steps` that are run: a start from the anchor leaves out the first.
    pub(in crate::models) fn steps_run(
        &self,
        levels: &NoiseSchedule,
        steps: Range<usize>,
    ) -> Range<usize> {
        let first = self.used().find_map(|term| term.first_step(self, levels));
        first.map_or(steps.start, |first| first.max(steps.start))..steps.end
    }

    /// Whether every image needs an anchor to start from.
    pub(in crate::models) fn starts_from_anchors(&self, levels: &NoiseSchedule) -> bool {
        self.used().any(|term| term.first_step(self, levels).is_some())
    }

    /// The sample of `anchor` under `noise` that step `first` starts from.
    pub(in crate::models) fn start(
        solver: &dyn Solver,
        first: usize,
        (anchor, noise): (&[f32], &[f32]),
    ) -> Vec<f32> {
        let scale = solver.input_scale(first);
        let input = noised(anchor, noise, solver.schedule().levels[first]);
        input.into_iter().map(|value| value / scale).collect()
    }

    /// The steps of `steps` by what the denoiser is given.
    pub(in crate::models) fn phases(
        &self,
        levels: &NoiseSchedule,
        steps: Range<usize>,
    ) -> Vec<Phase> {
        let mut phases: Vec<Phase> = Vec::new();
        for step in steps {
            let guided =
                self.settings.cfg_at(step) != 1.0 && self.used().all(|t| t.is_guided(self, step));
            let own_prompts = self.used().any(|term| term.changes_prompts(self, levels, step));
            match phases.last_mut() {
                Some(last) if last.guided == guided && !(own_prompts || last.own_prompts) => {
                    last.steps.end = step + 1;
                }
                _ => phases.push(Phase { steps: step..step + 1, guided, own_prompts }),
            }
        }
        phases
    }

    /// The prompt of an image at a step that has its own.
    pub(in crate::models) fn prompt_at(
        &self,
        at: (&NoiseSchedule, usize),
        seed: u64,
        prompt: &PromptEmbedding,
    ) -> PromptEmbedding {
        let mut prompt = prompt.clone();
        let changing = self.used().filter(|term| term.changes_prompts(self, at.0, at.1));
        changing.for_each(|term| term.edit_prompt(self, at, seed, &mut prompt));
        prompt
    }

    /// The guided ẑ0 of a batch at one step: every term edits the estimates in its turn, `record` being told of each.
    pub(in crate::models) fn apply(
        &self,
        step: &GuidanceStep<'_>,
        mut estimates: CleanEstimates,
        record: Option<&mut StepRecord>,
    ) -> Vec<f32> {
        let before = record.is_some().then(|| estimates.conditional.clone());
        let pulling = self.used().filter(|term| term.edits() == Edits::Conditional);
        pulling.for_each(|term| term.edit_conditional(self, step, &mut estimates.conditional));
        let scale =
            if estimates.unconditional.is_some() { self.settings.cfg_at(step.index) } else { 1.0 };
        let pulled = before.map(|before| {
            let moved = estimates.conditional.iter().zip(before);
            moved.map(|(after, before)| scale * (after - before)).collect::<Vec<f32>>()
        });
        let mut clean = classifier_free::join(self, step, estimates);
        self.edit_clean(step, &mut clean, pulled.zip(record));
        clean
    }

    /// The guided prediction of a step that ended at `clean`, for a record: the denoiser's own output with what terms did to ẑ0.
    /// Read out of ẑ0 alone it would lose digits where there is little noise.
    pub(in crate::models) fn prediction(
        &self,
        step: &GuidanceStep<'_>,
        prediction: Prediction,
        clean: &[f32],
    ) -> Vec<f32> {
        let level = step.level();
        let unedited = CleanEstimates::of(prediction.clone(), step.input, level);
        let unedited = classifier_free::join(self, step, unedited);
        let mut outputs = classifier_free::join_outputs(self, step, prediction);
        for ((output, after), before) in outputs.iter_mut().zip(clean).zip(unedited) {
            *output += level.output_change(after - before);
        }
        outputs
    }

    /// The terms after classifier-free guidance. `record` is the record with what terms before did to ẑ0.
    fn edit_clean(
        &self,
        step: &GuidanceStep<'_>,
        clean: &mut [f32],
        record: Option<(Vec<f32>, &mut StepRecord)>,
    ) {
        let terms = self.used().filter(|term| term.edits() == Edits::Clean);
        let Some((pulled, record)) = record else {
            terms.for_each(|term| term.edit(self, step, clean));
            return;
        };
        let values = |at: &[f32]| root_mean_square(at.iter().map(|&value| f64::from(value)));
        let unedited: Vec<f32> = clean.iter().zip(&pulled).map(|(c, p)| c - p).collect();
        let pulls = self.used().filter(|term| term.edits() == Edits::Conditional);
        let mut moved: Vec<(&str, f64)> =
            pulls.map(|term| (term.name(), values(&pulled))).collect();
        for term in terms {
            let before = clean.to_vec();
            term.edit(self, step, clean);
            moved.push((term.name(), change(&before, clean)));
        }
        let whole = values(&unedited).max(f64::MIN_POSITIVE);
        record.shares = moved.into_iter().map(|(name, own)| (name, (own / whole) as f32)).collect();
        record.clean = clean.to_vec();
    }
}

impl GuidanceSettings {
    /// Refuses settings that a term can't follow.
    ///
    /// # Errors
    /// The setting's name and why.
    pub(in crate::models) fn check(&self) -> Result<(), SettingFault> {
        TERMS.iter().try_for_each(|term| term.check(self))?;
        classifier_free::check(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::guidance::settings::terms;
    use crate::models::guidance::{TermSettings, TermValue};
    use crate::models::noise_schedule::{Method, SchedulerConfig};

    fn plan(set: &[(&str, &str, f64)], cfg: f32) -> GuidancePlan {
        let mut settings = TermSettings::default();
        for (name, key, value) in set {
            let term = terms().find(|term| term.name == *name).unwrap();
            let key = term.keys.iter().find(|one| one.name == *key).unwrap();
            settings.set(term.name, key, TermValue::Number(*value));
        }
        GuidancePlan {
            settings: GuidanceSettings {
                cfg,
                cfg_by_step: Vec::new(),
                rescale: 0.0,
                gamma: 0.0,
                fraction: 1.0,
                terms: settings,
            },
            side: 8,
            steps: 25,
        }
    }

    fn levels() -> NoiseSchedule {
        SchedulerConfig::default().schedule(Method::default(), 25)
    }

    #[test]
    fn a_start_leaves_out_the_steps_with_more_noise() {
        let levels = levels();
        assert_eq!(plan(&[], 5.0).steps_run(&levels, 0..25), 0..25);
        let started = plan(&[("start", "sigma", 1.0)], 5.0);
        let first = started.steps_run(&levels, 0..25).start;
        assert!(levels.sigmas[first] <= 1.0 && levels.sigmas[first - 1] > 1.0);
        assert!(started.starts_from_anchors(&levels));
        // However little noise, there is a step.
        let least = plan(&[("start", "sigma", 1e-9)], 5.0);
        assert_eq!(least.steps_run(&levels, 0..25), 24..25);
        // Twice the noise on a latent of twice the side.
        let large = GuidancePlan { side: 16, ..plan(&[("start", "sigma", 0.5)], 5.0) };
        assert_eq!(large.steps_run(&levels, 0..25).start, first);
    }

    #[test]
    fn an_interval_has_rows_of_its_own_and_noised_prompts_a_phase_a_step() {
        let levels = levels();
        let of = |set: &[(&str, &str, f64)], cfg| plan(set, cfg).phases(&levels, 0..25);
        let whole = |guided| vec![Phase { steps: 0..25, guided, own_prompts: false }];
        assert_eq!((of(&[], 5.0), of(&[], 1.0)), (whole(true), whole(false)));
        let interval = [("interval", "from", 0.28), ("interval", "to", 0.8)];
        let found: Vec<(Range<usize>, bool)> =
            of(&interval, 5.0).into_iter().map(|phase| (phase.steps, phase.guided)).collect();
        assert_eq!(found, [(0..7, false), (7..20, true), (20..25, false)]);
        assert_eq!(of(&interval, 1.0), whole(false));
        let noisy = of(&[("prompt-noise", "strength", 0.1)], 5.0);
        let times = levels.timesteps.iter().filter(|time| **time > 500.0).count();
        assert_eq!(noisy.iter().filter(|phase| phase.own_prompts).count(), times);
        assert_eq!(noisy.last().unwrap().steps, times..25);
    }
}
