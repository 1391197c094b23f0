//! Each set's measures, one file a set: G, R, and every random draw.

use super::answer::{ClassResult, Measured};
use super::image_set::ImageSet;
use super::tables::{REFERENCE, Tables, WHOLE};
use crate::config::Class;
use crate::engine::{Done, Fingerprint, Scope, Stage};
use crate::linalg::MatrixError;
use crate::pipeline::error::StageError;
use crate::quality::{ByMetric, Judge, Right, own_metrics};
use rayon::prelude::*;
use serde_json::json;
use std::sync::{Arc, OnceLock};

/// The stage.
pub(crate) struct Measure {
    shared: Arc<Shared>,
    seeds: usize,
}

struct Shared {
    tables: Tables,
    judge: OnceLock<Judge>,
}

impl Measure {
    pub(crate) fn new(tables: Tables, seeds: usize) -> Self {
        let shared = Arc::new(Shared { tables, judge: OnceLock::new() });
        Self { shared, seeds }
    }
}

impl Stage for Measure {
    type Unit = ImageSet;
    type Error = StageError;

    fn name(&self) -> &'static str {
        "evaluate/sets"
    }

    fn units(&self) -> Result<Vec<ImageSet>, StageError> {
        let random = (0..self.seeds as u64).map(ImageSet::Random);
        let fixed = [ImageSet::Distilled, ImageSet::Cores, ImageSet::Whole];
        Ok(fixed.into_iter().chain(random).collect())
    }

    fn unit_name(&self, set: &ImageSet) -> String {
        set.file()
    }

    fn fingerprint(&self, set: &ImageSet) -> Result<Fingerprint, StageError> {
        let tables = &self.shared.tables;
        let own = match set {
            ImageSet::Distilled => tables.distilled.digest(),
            ImageSet::Cores => tables.cores.digest(),
            // How many images of each class are drawn.
            ImageSet::Random(_) => json!(tables.counts()),
            ImageSet::Whole => json!(WHOLE),
        };
        let measured: Vec<&str> = own_metrics().map(|metric| metric.key).collect();
        let keys: Vec<_> = tables.classes.classes().iter().map(|class| &class.key).collect();
        Ok(Fingerprint {
            settings: json!({"reference": REFERENCE, "metrics": measured}),
            inputs: json!({
                "held_out": tables.held_out.digest(), "training": tables.training.digest(),
                "classes": keys, "set": own,
            })
            .into(),
        })
    }

    fn concurrency(&self) -> usize {
        // The arithmetic of one set keeps all cores busy.
        1
    }

    async fn process(&self, set: &ImageSet, scope: &Scope) -> Result<Done, StageError> {
        let (shared, set, cancel) = (self.shared.clone(), *set, scope.cancel().clone());
        let out = scope.clone();
        let task = tokio::task::spawn_blocking(move || {
            shared.prepare()?;
            cancel.check()?;
            let measured = shared.measure(set)?;
            let text = serde_json::to_vec_pretty(&measured);
            let text = text.map_err(|e| StageError::Other(e.to_string()))?;
            out.write(&format!("evaluate/sets/{}.json", set.file()), &text)?;
            Ok::<_, StageError>(measured)
        });
        let measured = task.await??;
        scope.tick(measured.images as u64);
        Ok(Done { samples: measured.images as u64, ..Done::default() })
    }
}

fn wrong(error: MatrixError) -> StageError {
    StageError::Other(format!("the features can't be compared: {error}"))
}

impl Shared {
    /// Looks at the real images, once.
    fn prepare(&self) -> Result<(), StageError> {
        if self.judge.get().is_none() {
            let judge = Judge::new(self.tables.reference()?).map_err(wrong)?;
            let _ = self.judge.set(judge);
        }
        Ok(())
    }

    fn measure(&self, set: ImageSet) -> Result<Measured, StageError> {
        let lost = || StageError::Other("the real images were not looked at".into());
        let judge = self.judge.get().ok_or_else(lost)?;
        let (points, labels) = self.tables.set(set)?;
        let images = points.rows();
        if images == 0 {
            let message =
                format!("the set {} holds no image: nothing can be learnt from it", set.file());
            return Err(StageError::Other(message));
        }
        let placement = match set {
            // The real images are what sets are compared with.
            ImageSet::Whole => ByMetric::default(),
            _ => judge.place(&points).map_err(wrong)?,
        };
        let classifiers = judge.train(&points, &labels).map_err(wrong)?;
        // A class has too few images to keep all cores busy alone.
        let held_out = &self.tables.held_out;
        let right = |(label, class): (usize, &Class)| match held_out.count(&class.key) {
            0 => Ok(Right::default()),
            _ => classifiers.right(&held_out.all(&class.key)?, label).map_err(wrong),
        };
        let classes = self.tables.classes.classes();
        let rights =
            classes.par_iter().enumerate().map(right).collect::<Result<Vec<_>, StageError>>()?;
        let all = rights.iter().fold(Right::default(), |all, right| all.with(right));
        let by_class = classes.iter().zip(rights);
        let by_class = by_class.map(|(class, right)| ClassResult::new(&class.key, &right));
        Ok(Measured::new(images, &placement, &all, by_class.collect()))
    }
}
