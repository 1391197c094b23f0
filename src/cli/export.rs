//! `coda-pipe export`.

use super::exit::{Exit, UsageError};
use super::printable::printable;
use crate::inspect::export::{
    ExportError, ExportKind, ExportSet, Exported, Exporting, FolderNames, export,
};
use crate::store::RunDir;
use clap::{Args, ValueEnum};
use indicatif::HumanBytes;
use std::io::Write;
use std::path::PathBuf;

/// Write a finished run's images for other programs: class folders, Parquet files, or a Hugging Face data-set repository.
///
/// Images are copied byte for byte. DIR is whole or absent; an earlier export of the same run in it is made anew where the
/// run has changed, and anything else in it is refused.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The run directory
    run_dir: PathBuf,
    /// The folder to write
    dir: PathBuf,
    /// What to write: imagefolder (CLASS/KEY.png), parquet (data/train-*.parquet for `datasets`), hf (a data-set
    /// repository with its card)
    #[arg(long, value_name = "KIND")]
    to: Kind,
    /// The set to export: the distilled images, or the real cores
    #[arg(long, value_name = "SET", default_value = "distilled")]
    set: WhichSet,
    /// Names of class folders: the class keys, the names in prompts, zero-padded labels, or WordNet ids [default: key]
    #[arg(long, value_name = "BY")]
    folders: Option<Folders>,
    /// The licence in the card, as Hugging Face names licences: cc-by-4.0, other, …
    #[arg(long, value_name = "ID")]
    license: Option<String>,
    /// Replace an export of another run, or one whose files were changed since
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
enum Kind {
    ImageFolder,
    Parquet,
    Hf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum WhichSet {
    Distilled,
    Cores,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "lower")]
enum Folders {
    Key,
    Name,
    Number,
    WordNet,
}

impl Export {
    /// Writes the export and says what there is.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let how = self.how()?;
        let run_dir = RunDir::at(&self.run_dir, None)?.begun()?;
        if run_dir.is_remote() {
            run_dir.create()?;
        }
        let done = export(&run_dir, &self.dir, &how).map_err(|error| match error {
            ExportError::Folders(_) | ExportError::Place { .. } => {
                anyhow::Error::from(UsageError(error.to_string()))
            }
            other => other.into(),
        })?;
        done.warnings.iter().for_each(|warning| crate::say!("warning: {warning}"));
        let mut out = super::output::stdout();
        if self.json {
            writeln!(out, "{:#}", serde_json::to_value(&done)?)?;
        } else {
            writeln!(out, "{}", line(&done))?;
        }
        Ok(Exit::Done)
    }

    fn how(&self) -> anyhow::Result<Exporting> {
        let wrong = |text: &str| anyhow::Error::from(UsageError(text.to_owned()));
        if self.folders.is_some() && self.to != Kind::ImageFolder {
            return Err(wrong("--folders names class folders: it goes with --to imagefolder"));
        }
        if self.license.is_some() && self.to != Kind::Hf {
            return Err(wrong("--license goes into a repository's card: it goes with --to hf"));
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '+');
        if self.license.as_ref().is_some_and(|id| id.is_empty() || !id.chars().all(fits)) {
            return Err(wrong("--license takes an identifier such as cc-by-4.0, mit or other"));
        }
        Ok(Exporting {
            kind: match self.to {
                Kind::ImageFolder => ExportKind::ImageFolder,
                Kind::Parquet => ExportKind::Parquet,
                Kind::Hf => ExportKind::Hf,
            },
            set: match self.set {
                WhichSet::Distilled => ExportSet::Distilled,
                WhichSet::Cores => ExportSet::Cores,
            },
            folders: match self.folders {
                None | Some(Folders::Key) => FolderNames::Key,
                Some(Folders::Name) => FolderNames::Name,
                Some(Folders::Number) => FolderNames::Number,
                Some(Folders::WordNet) => FolderNames::WordNet,
            },
            license: self.license.clone(),
            force: self.force,
        })
    }
}

fn line(done: &Exported) -> String {
    let Exported { images, classes, bytes, .. } = done;
    let dir = printable(&done.dir.to_string_lossy());
    let unchanged = if done.unchanged { ", unchanged" } else { "" };
    format!("{images} images of {classes} classes in {dir} ({}{unchanged})", HumanBytes(*bytes))
}
