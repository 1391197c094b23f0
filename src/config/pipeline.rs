//! A whole pipeline: all sections, read together so that all errors come together.

use super::bases::Bases;
use super::document::Document;
use super::error::{ConfigError, Origin, Problem};
use super::features::Features;
use super::guidance::{self, Guidance};
use super::guidance_scale::scale_keys;
use super::key_doc::KeyDoc;
use super::preset::Preset;
use super::section::Section;
use super::sections::{
    Anchor, Data, Discover, Encode, FeatureModel, General, Generate, Model, Output, Runtime,
};
use crate::text::plain_text;
use std::path::{Component, Path, PathBuf};

/// Cells a side that are kept where fewer are looked at: another number can then be tried without encoding again.
const LEAST_KEPT: usize = 16;

/// The settings of a run.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Pipeline {
    /// What concerns all sections.
    #[serde(flatten)]
    pub general: General,
    /// What to distil.
    pub data: Data,
    /// The text-to-image model.
    pub model: Model,
    /// Where and with how much of the machine to run.
    pub runtime: Runtime,
    /// Encoding of the images.
    pub encode: Encode,
    /// A second encoder as the source of features.
    pub features: FeatureModel,
    /// Core discovery.
    pub discover: Discover,
    /// The latents to pull towards.
    pub anchor: Anchor,
    /// Guided generation.
    pub generate: Generate,
    /// How images are guided.
    pub guidance: Guidance,
    /// What is written, and where.
    pub output: Output,
    /// Settings that were given and change nothing beside the others, in sentences.
    #[serde(skip)]
    pub unused: Vec<String>,
}

impl Pipeline {
    /// Every key of every section, in the order of the reference.
    pub fn keys() -> Vec<KeyDoc> {
        [
            General::keys(),
            vec![guidance::choice()],
            Data::keys(),
            Model::keys(),
            Runtime::keys(),
            Encode::keys(),
            FeatureModel::keys(),
            Discover::keys(),
            Anchor::keys(),
            Generate::keys(),
            scale_keys(),
            guidance::term_keys(),
            Output::keys(),
        ]
        .concat()
    }

    /// Reads and validates the file at `path`, with `--set` arguments applied on top.
    ///
    /// # Errors
    /// All that is wrong with the file and the arguments, together.
    pub fn load(path: &Path, sets: &[String]) -> Result<Self, ConfigError> {
        let no_text = |(line, problem)| {
            let text = format!("line {line}: {problem}");
            std::io::Error::new(std::io::ErrorKind::InvalidData, text)
        };
        let text = std::fs::read(path)
            .and_then(|bytes| plain_text(&bytes).map_err(no_text))
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path, sets)
    }

    /// Like [`Pipeline::load`] on text that was read already; `path` locates relative paths and errors.
    ///
    /// # Errors
    /// As [`Pipeline::load`].
    pub fn parse(text: &str, path: &Path, sets: &[String]) -> Result<Self, ConfigError> {
        Self::parse_in(Path::new(""), text, path, sets)
    }

    /// As [`Pipeline::parse`], for a command that was given in `folder`: relative paths of `sets` start there.
    ///
    /// # Errors
    /// As [`Pipeline::load`].
    pub fn parse_in(
        folder: &Path,
        text: &str,
        path: &Path,
        sets: &[String],
    ) -> Result<Self, ConfigError> {
        let mut problems: Vec<Problem> = Vec::new();
        let known = Self::keys();
        let mut document = Document::parse(text, &known, &mut problems);
        for argument in sets {
            if let Err(problem) = document.set(argument, &known) {
                problems.push(problem);
            }
        }
        let file = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let bases = Bases { file: &file, flag: folder };
        let general = General::read(&document, bases, &mut Vec::new());
        if general.preset == Preset::Published {
            document.fill(super::preset::PUBLISHED, &known, &mut problems);
        }
        let mut pipeline = Self::read(&document, bases, &mut problems);
        pipeline.check_together(&document, &mut problems);
        pipeline.unused = pipeline.without_effect(&document);
        if problems.is_empty() {
            return Ok(pipeline);
        }
        problems.sort_by_key(|p| match p.origin {
            Origin::File { line, column } => (line, column),
            _ => (usize::MAX, 0),
        });
        Err(ConfigError::Invalid { path: path.to_owned(), problems })
    }

    fn read(document: &Document, bases: Bases<'_>, problems: &mut Vec<Problem>) -> Self {
        Self {
            general: General::read(document, bases, problems),
            data: Data::read(document, bases, problems),
            model: Model::read(document, bases, problems),
            runtime: Runtime::read(document, bases, problems),
            encode: Encode::read(document, bases, problems),
            features: FeatureModel::read(document, bases, problems),
            discover: Discover::read(document, bases, problems),
            anchor: Anchor::read(document, bases, problems),
            generate: Generate::read(document, bases, problems),
            guidance: Guidance::read(document, problems),
            output: Output::read(document, bases, problems),
            unused: Vec::new(),
        }
    }

    /// What `encode` keeps of a latent: `[encode] keep`, or what `[discover] features` asks for.
    pub fn kept(&self) -> Features {
        self.encode.keep.unwrap_or(match self.discover.features {
            Features::Grid(cells) => Features::Grid(cells.max(LEAST_KEPT)),
            Features::Latent => Features::Latent,
        })
    }

    /// The run directory: `[output] run_dir`, or `runs/NAME` in the current directory.
    pub fn run_dir(&self) -> PathBuf {
        let named = || Path::new("runs").join(&self.output.name);
        clean(&self.output.run_dir.clone().unwrap_or_else(named))
    }
}

/// `a/../b` as `b`, for people to read. Only where no link can be between: a folder that is named right before `..`.
fn clean(path: &Path) -> PathBuf {
    if path.to_string_lossy().contains("://") {
        return path.to_owned();
    }
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        let named = matches!(cleaned.components().next_back(), Some(Component::Normal(_)));
        if part == Component::ParentDir && named && !cleaned.is_symlink() {
            cleaned.pop();
        } else {
            cleaned.push(part);
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Features;
    use crate::discovery::Algorithm;
    use crate::models::guidance::GuidanceSchedule;

    const GOOD: &str = "[data]\nshards = \"a-{000..003}.tar\"\n[model]\npath = \"m\"\n";

    fn load(text: &str, sets: &[&str]) -> Result<Pipeline, String> {
        let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).collect();
        Pipeline::parse(text, Path::new("dir/p.toml"), &sets).map_err(|e| e.to_string())
    }

    #[test]
    fn the_published_preset_fills_what_is_not_given() {
        let text = format!("preset = \"published\"\n{GOOD}");
        let p = load(&text, &["ipc=50"]).unwrap();
        assert_eq!(p.discover.features, Features::Latent);
        assert_eq!(p.discover.algorithm, Algorithm::CODA);
        assert_eq!((p.discover.ipc, p.discover.components), (50, 50));
        let p = load(&text, &["algorithm=herding", "features={ grid = 4 }"]).unwrap();
        assert_eq!(p.discover.features, Features::Grid(4));
        assert_eq!(p.discover.algorithm, Algorithm::HERDING);
        assert_eq!(load(GOOD, &["preset=published"]).unwrap().general.preset, Preset::Published);
        let error = load(&text.replace("published", "publishd"), &[]).unwrap_err();
        assert!(error.contains("p.toml:1:1: `preset` must be \"default\" or"), "{error}");
        let error = load(&format!("{GOOD}preset = \"published\"\n"), &[]).unwrap_err();
        assert!(error.contains("belongs above all sections"), "{error}");
    }

    #[test]
    fn the_schedule_of_the_published_pull_and_its_old_names() {
        let of = |sets: &[&str]| GuidanceSchedule::of(&load(GOOD, sets).unwrap().guidance.terms);
        assert_eq!(of(&["gamma=0.1"]), GuidanceSchedule::Scaled);
        assert_eq!(of(&["preset=published"]), GuidanceSchedule::Sigma);
        assert_eq!(of(&["preset=published", "schedule=flat"]), GuidanceSchedule::Flat);
        let text = format!("{GOOD}[guidance.published]\nschedule = \"flat\"\n");
        let p = load(&text, &[]).unwrap();
        assert_eq!(GuidanceSchedule::of(&p.guidance.terms), GuidanceSchedule::Flat);
        assert_eq!(serde_json::to_value(&p).unwrap()["guidance"]["published"]["schedule"], "flat");
        let error = load(&text, &["guidance.published.schedule=steep"]).unwrap_err();
        assert!(
            error.contains("must be \"sigma\", \"flat\", \"scaled\" or \"off\", is"),
            "{error}"
        );
        let moved = "`generate.schedule` is called `guidance.published.schedule` now";
        let error = load(&text.replace("guidance.published", "generate"), &[]).unwrap_err();
        assert!(error.contains(&format!("dir/p.toml:6:1: {moved}")), "{error}");
        assert!(error.contains("write `schedule = …` below [guidance.published]"), "{error}");
        let error = load(GOOD, &["generate.schedule=flat"]).unwrap_err();
        assert!(error.contains(&format!("--set: {moved}")), "{error}");
    }

    #[test]
    fn a_refiner_and_its_share_go_together() {
        let error = load(GOOD, &["denoising_factor=0.8"]).unwrap_err();
        assert!(error.contains("leaves work to a refiner"), "{error}");
        let error = load(GOOD, &["refiner=r"]).unwrap_err();
        assert!(error.contains("has nothing to do"), "{error}");
        let p = load(GOOD, &["refiner=r", "denoising_factor=0.8", "solver_order=3"]).unwrap();
        assert_eq!((p.generate.denoising_factor, p.generate.solver_order), (0.8, Some(3)));
        assert!(load(GOOD, &["solver_order=4"]).is_err());
    }

    #[test]
    fn features_have_one_source() {
        let text = format!("{GOOD}[features]\nmodel = \"f.onnx\"\n");
        let p = load(&text, &[]).unwrap();
        assert_eq!(p.features.model.as_deref(), Some(Path::new("dir/f.onnx")));
        let error = load(&text, &["features=latent"]).unwrap_err();
        assert!(error.contains("both set the source of features"), "{error}");
        // A preset's own choice gives way.
        assert!(load(&text, &["preset=published"]).is_ok());
        for wrong in ["mean=[0.5]", "std=[0.0, 1.0, 1.0]", "features={ grid = 0 }"] {
            assert!(load(&text.replace("[features]\nmodel = \"f.onnx\"", ""), &[wrong]).is_err());
        }
    }

    #[test]
    fn defaults_are_sane() {
        let p = load(GOOD, &[]).unwrap();
        assert_eq!((p.discover.n_neighbors, p.discover.min_cluster_size), (85, 55));
        assert_eq!((p.generate.steps, p.generate.cfg, p.generate.gamma), (None, None, 0.05));
        assert_eq!((p.encode.size, p.generate.size, p.output.size), (256, None, 256));
        assert_eq!(p.model.path, Path::new("dir/m"));
        assert_eq!(load(GOOD, &["preset=published"]).unwrap().generate.size, Some(1024));
    }

    #[test]
    fn all_errors_come_at_once_with_line_column_and_hint() {
        let text = "[data]\nshards = 3.5\nmax_bd = 2\n[modle]\n[encode]\nsize = 33\n[generate]\nsize = 32\n[anchor]\nsize = 40\n";
        let error = load(text, &[]).unwrap_err();
        assert!(error.contains("dir/p.toml:2:1: `data.shards` must be"), "{error}");
        assert!(error.contains("dir/p.toml:3:1: [data] has no key `max_bd`"), "{error}");
        assert!(error.contains("did you mean `max_bad`?"), "{error}");
        assert!(error.contains("dir/p.toml:4:2: no section is called [modle]"), "{error}");
        assert!(error.contains("did you mean `model`?"), "{error}");
        assert!(error.contains("dir/p.toml:6:1: `encode.size` must be a multiple of 8"), "{error}");
        assert!(
            error.contains("dir/p.toml:10:1: `generate.size` is 32 and `anchor.size` is 40"),
            "{error}"
        );
        assert!(error.contains("`model.path` is missing"), "{error}");
    }

    #[test]
    fn a_key_in_the_wrong_section_is_sent_home() {
        let error = load(&format!("{GOOD}[generate]\nipc = 3\n"), &[]).unwrap_err();
        assert!(error.contains("it belongs in [discover]"), "{error}");
    }

    #[test]
    fn syntax_errors_have_a_place() {
        for wrong in ["", "1979-05-67", "[1979-13-01]", "{ a = 24:60:00 }"] {
            let error = load(&format!("[data]\nshards = {wrong}\n"), &[]).unwrap_err();
            assert!(error.contains("dir/p.toml:2:"), "{error}");
            assert!(load(GOOD, &[&format!("data.max_bad={wrong}")]).is_err());
        }
    }

    #[test]
    fn set_takes_short_names_and_refuses_ambiguous_ones() {
        let p = load(GOOD, &["ipc=3", "generate.gamma=0.2", "output.name=7"]).unwrap();
        assert_eq!((p.discover.ipc, p.generate.gamma, p.output.name.as_str()), (3, 0.2, "7"));
        let error = load(GOOD, &["size=32", "nonsense", "gama=1"]).unwrap_err();
        assert!(error.contains("`size` is a key of several sections"), "{error}");
        assert!(error.contains("not of the form key=value"), "{error}");
        assert!(error.contains("did you mean `gamma`?"), "{error}");
    }

    #[test]
    fn settings_that_change_nothing_are_told() {
        let unused = |sets: &[&str]| load(GOOD, sets).unwrap().unused;
        assert_eq!(unused(&[]), Vec::<String>::new());
        let found = unused(&["n_neighbors=15", "components=9"]);
        assert!(found.len() == 2 && found[0].starts_with("discover.n_neighbors has no effect"));
        assert_eq!(unused(&["n_neighbors=15", "algorithm=coda"]), Vec::<String>::new());
        assert_eq!(unused(&["preset=published", "algorithm=kmeans"]), Vec::<String>::new());
        assert_eq!(unused(&["n_neighbors=15", "neighbors=hnsw"]), Vec::<String>::new());
    }

    #[test]
    fn every_key_is_documented() {
        for key in Pipeline::keys() {
            assert!(key.doc.trim().len() > 20, "{}.{} needs documentation", key.section, key.key);
        }
    }
}
