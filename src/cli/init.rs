//! `coda-pipe init`.

use super::exit::{Exit, UsageError};
use super::init_names::{name_of, plain, rebased, shell};
use super::printable::printable;
use super::whole_file::write_whole;
use crate::config::Discover;
use crate::models::{ModelFolder, Purpose};
use crate::shards::{LabelSource, Retry, ShardError, expand_sources, split_of};
use crate::survey::{
    Draft, DraftFor, Found, ModelChoice, Survey, SurveyError, draft, facts, folded, survey,
};
use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Look at a data set, and write a commented pipeline file and a class list for it.
///
/// The label's source, classes, counts, image sizes and odd things are found out, and every line written says why it is
/// there. Local tars are read to their ends where that is cheap; else some shards stand for the rest. Nothing is
/// overwritten without --force.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The data, as in [data] shards: paths, brace ranges, globs, folders, URLs, pipe:COMMAND, @FILE with a list of these
    #[arg(required = true)]
    data: Vec<String>,
    /// The pipeline file to write; the class list goes beside it [default: NAME.toml, by the data's name]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The text-to-image model: a folder exported to ONNX, or an hf:// address
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Distilled images per class
    #[arg(long, value_name = "N", default_value_t = Discover::default().ipc)]
    ipc: usize,
    /// Where the labels stand, if it is known: cls, txt, json:FIELD, key, key:last or key:first
    #[arg(long, value_name = "SOURCE")]
    label: Option<LabelSource>,
    /// Read every sample, however long it takes
    #[arg(long)]
    full: bool,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Where the files go.
struct Target {
    pipeline: PathBuf,
    class_list: PathBuf,
    /// Name of the distilled set.
    name: String,
}

impl Init {
    /// Looks, writes, and says what is next.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        if self.ipc == 0 {
            return Err(usage("--ipc must be at least 1"));
        }
        let patterns = folded(&self.data);
        let target = self.target(&patterns)?;
        let patterns =
            patterns.into_iter().map(of_repository).collect::<anyhow::Result<Vec<_>>>()?;
        let here = std::env::current_dir().context("cannot find the current folder")?;
        let folder = target.pipeline.parent().unwrap_or(Path::new(""));
        let in_file = |path: &str| {
            if folder.as_os_str().is_empty() { path.to_owned() } else { rebased(path, &here) }
        };
        let model = self.model(&in_file)?;
        let of = Survey {
            patterns: &patterns,
            base: Path::new(""),
            label: self.label.clone(),
            full: self.full,
            ipc: self.ipc,
            own_list: &target.class_list,
        };
        let found = survey(&of).map_err(as_mistake)?;
        let in_pipeline: Vec<String> = patterns.iter().map(|pattern| in_file(pattern)).collect();
        let list_name = target.class_list.file_name().unwrap_or_default().to_string_lossy();
        let made = draft(
            &found,
            &DraftFor {
                name: &target.name,
                patterns: &in_pipeline,
                class_list: &list_name,
                in_file: &|path| in_file(&path.to_string_lossy()),
                model: &model,
                ipc: self.ipc,
            },
        );
        self.write(&target, &made)?;
        self.tell(&target, &found, &made, &model)?;
        Ok(Exit::Done)
    }

    /// Names of the files to write, which are free.
    fn target(&self, patterns: &[String]) -> anyhow::Result<Target> {
        let pipeline = match &self.out {
            Some(out) if out.is_dir() || out.file_name().is_none() => {
                return Err(usage(
                    "--out names a folder: name the pipeline file, such as mine.toml",
                ));
            }
            Some(out) => out.clone(),
            None => PathBuf::from(format!("{}.toml", name_of(patterns))),
        };
        let stem = pipeline.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let class_list = pipeline.with_file_name(format!("{stem}.classes.txt"));
        let target = Target { name: plain(&stem), pipeline, class_list };
        for path in [&target.pipeline, &target.class_list] {
            self.require_free(path)?;
        }
        Ok(target)
    }

    fn require_free(&self, path: &Path) -> anyhow::Result<()> {
        if self.force || path.symlink_metadata().is_err() {
            return Ok(());
        }
        let path = printable(&path.to_string_lossy());
        Err(usage(&format!(
            "{path} is there already: name another file with --out, or overwrite it with --force"
        )))
    }

    fn model(&self, in_file: &dyn Fn(&str) -> String) -> anyhow::Result<ModelChoice> {
        let Some(given) = &self.model else { return Ok(ModelChoice::Open) };
        if given.contains("://") {
            return Ok(ModelChoice::Given { path: given.clone(), size: None });
        }
        let folder = ModelFolder::open_for(Path::new(given), Purpose::Generate)
            .map_err(|error| usage(&format!("--model: {error}")))?;
        Ok(ModelChoice::Given { path: in_file(given), size: folder.default_size })
    }

    fn write(&self, target: &Target, made: &Draft) -> anyhow::Result<()> {
        // The list first: a pipeline file is never there without what it names.
        if let Some(list) = &made.class_list {
            write_whole(&target.class_list, list.as_bytes())?;
        }
        write_whole(&target.pipeline, made.pipeline.as_bytes())
    }

    fn tell(
        &self,
        target: &Target,
        found: &Found,
        made: &Draft,
        model: &ModelChoice,
    ) -> anyhow::Result<()> {
        let file = shell(&target.pipeline.to_string_lossy());
        let set = if *model == ModelChoice::Open { " --set model.path=MODEL" } else { "" };
        let next = [format!("coda-pipe plan {file}{set}"), format!("coda-pipe run {file}{set}")];
        let mut out = super::output::stdout();
        if self.json {
            let list = made.class_list.as_ref().map(|_| &target.class_list);
            let mut answer = json!({"pipeline": target.pipeline, "class_list": list, "next": next});
            if let (Some(answer), Value::Object(found)) =
                (answer.as_object_mut(), serde_json::to_value(found)?)
            {
                answer.extend(found);
            }
            return Ok(writeln!(out, "{answer:#}")?);
        }
        for fact in facts(found) {
            writeln!(out, "{}", printable(&fact))?;
        }
        writeln!(
            out,
            "label: {} ({})",
            printable(&found.label.to_string()),
            printable(&found.label_reason)
        )?;
        for odd in &found.odd {
            writeln!(out, "note: {}", printable(odd))?;
        }
        let list =
            made.class_list.as_ref().map(|_| format!(" and {}", target.class_list.display()));
        writeln!(
            out,
            "\nwrote {}{}; look them over, then",
            target.pipeline.display(),
            list.unwrap_or_default()
        )?;
        next.iter().try_for_each(|command| writeln!(out, "    {command}"))?;
        Ok(())
    }
}

/// The pattern itself, or in place of a whole repository on the hub those of its files that are to be trained on.
fn of_repository(pattern: String) -> anyhow::Result<String> {
    if !pattern.starts_with("hf://") {
        return Ok(pattern);
    }
    let asked = [pattern.clone()];
    let found = match expand_sources(Path::new(""), &asked, Retry::default()) {
        Err(ShardError::InFolders { found, .. }) => found,
        _ => return Ok(pattern),
    };
    let training = found.iter().filter(|(pattern, _)| split_of(pattern) == Some("train"));
    let training: Vec<&(String, usize)> = training.collect();
    let chosen = match (&training[..], &found[..]) {
        ([only], _) => &only.0,
        ([], [only]) => &only.0,
        _ => return Err(usage(&ShardError::InFolders { repository: pattern, found }.to_string())),
    };
    crate::say!(
        "{} has its shards in folders; these are taken: {}",
        printable(&pattern),
        printable(chosen)
    );
    Ok(chosen.clone())
}

fn usage(text: &str) -> anyhow::Error {
    UsageError(text.to_owned()).into()
}

/// What the command line can mend is a wrong command; servers and disks are not.
fn as_mistake(error: SurveyError) -> anyhow::Error {
    match error {
        SurveyError::Shards(error @ ShardError::Remote { .. }) => error.into(),
        SurveyError::Shards(_) | SurveyError::NoLabel { .. } | SurveyError::NoneLabelled { .. } => {
            usage(&error.to_string())
        }
        other => other.into(),
    }
}
