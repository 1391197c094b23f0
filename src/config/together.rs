//! Rules over several keys.

use super::Features;
use super::document::Document;
use super::error::{Origin, Problem};
use super::pipeline::Pipeline;
use super::sections::Discover;
use super::value::Value;
use crate::discovery::{Algorithm, NeighborSearch};

impl Pipeline {
    /// What single keys can't show.
    pub(super) fn check_together(&self, document: &Document, problems: &mut Vec<Problem>) {
        if let (Some(_), Some(given)) = (&self.features.model, document.get("discover", "features"))
            && given.origin != Origin::Absent
        {
            problems.push(Problem {
                origin: given.origin.clone(),
                message: "`discover.features` and `features.model` both set the source of features"
                    .into(),
                hint: Some("remove one of the two settings".into()),
            });
        }
        problems.extend(self.guidance.idle_pull(document));
        if let Some(problem) = self.too_little_kept(document) {
            problems.push(problem);
        }
        let refined = self.generate.denoising_factor < 1.0;
        if refined != self.model.refiner.is_some() {
            let given = |section, key| document.get(section, key).map(|e| e.origin.clone());
            let origin = given("generate", "denoising_factor").or(given("model", "refiner"));
            let (message, hint) = if refined {
                (
                    "`generate.denoising_factor` leaves work to a refiner",
                    "name the refiner: `refiner` in [model]",
                )
            } else {
                (
                    "`model.refiner` has nothing to do",
                    "set `denoising_factor` in [generate] below 1",
                )
            };
            let origin = origin.unwrap_or(Origin::Absent);
            problems.push(Problem { origin, message: message.into(), hint: Some(hint.into()) });
        }
        if let (Some(generated), Some(anchored)) = (self.generate.size, self.anchor.size)
            && anchored != generated
        {
            let given = |section| document.get(section, "size").map(|entry| entry.origin.clone());
            problems.push(Problem {
                origin: given("anchor").or(given("generate")).unwrap_or(Origin::Absent),
                message: format!("`generate.size` is {generated} and `anchor.size` is {anchored}"),
                hint: Some(
                    "make the sizes equal: an image is guided towards a latent of its own size"
                        .into(),
                ),
            });
        }
    }

    /// The search for cores must not ask for more of a latent than `encode` keeps.
    fn too_little_kept(&self, document: &Document) -> Option<Problem> {
        let Features::Grid(kept) = self.kept() else { return None };
        let asked = match self.discover.features {
            _ if self.features.model.is_some() => return None,
            Features::Grid(cells) if cells <= kept => return None,
            asked => asked.show(),
        };
        let given = document.get("encode", "keep").map(|entry| entry.origin.clone());
        Some(Problem {
            origin: given.unwrap_or(Origin::Absent),
            message: format!(
                "`encode.keep` leaves {kept} × {kept} cells and `discover.features` is {asked}"
            ),
            hint: Some(format!("set `features = {{ grid = {kept} }}` in [discover], or keep more")),
        })
    }

    /// Settings that change nothing, as the algorithm, the kind of anchor or the terms of guidance in use do not look at
    /// them.
    pub(super) fn without_effect(&self, document: &Document) -> Vec<String> {
        let discover = &self.discover;
        let given = |key: &&&str| {
            document.get("discover", key).is_some_and(|entry| entry.origin != Origin::Absent)
        };
        let sentence = |key: &&str| {
            let readers: Vec<String> = Algorithm::reading(key).iter().map(Value::show).collect();
            format!(
                "discover.{key} has no effect with algorithm = {}; only {} uses it",
                discover.algorithm.show(),
                readers.join(" or ")
            )
        };
        let mut idle: Vec<String> = discover.idle().iter().filter(given).map(sentence).collect();
        idle.extend(self.idle_anchor_keys(document));
        idle.extend(self.guidance.without_effect(document));
        idle
    }
}

impl Discover {
    /// Keys that the algorithm doesn't look at: cores are the same whatever they say.
    pub fn idle(&self) -> Vec<&'static str> {
        // An index that was asked for is built over as many neighbours.
        let indexed = self.neighbors == NeighborSearch::Hnsw;
        self.algorithm.unread().filter(|key| !(indexed && *key == "n_neighbors")).collect()
    }
}
