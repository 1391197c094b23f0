//! `coda-pipe model fetch`.

use super::super::exit::{Exit, UsageError};
use crate::hub::{HubAddress, is_hub};
use crate::models::{Fetched, ModelFolder, Purpose, To, fetch_model};
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// Fetch a model's ONNX files into the hub's cache or a folder, check them, and print the folder.
#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// The repository, as hf://OWNER/NAME[@REVISION][/FOLDER] or OWNER/NAME
    name: String,
    /// Fetch into this folder, as plain files [default: the cache, which Python's huggingface_hub uses too]
    dir: Option<PathBuf>,
    /// The branch, tag or commit [default: main]
    #[arg(long)]
    revision: Option<String>,
    /// Print JSON: folder, commit, files with their bytes
    #[arg(long)]
    json: bool,
}

impl Fetch {
    /// Fetches the model; what is there already is read again and checked.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let address = self.address()?;
        let to = self.dir.as_deref().map_or(To::Checked, To::Folder);
        let fetched = fetch_model(&address, Purpose::Generate, Some(to))?;
        // Whether it is a model that this program runs, as far as its configuration tells.
        ModelFolder::open(&fetched.folder)?;
        let Fetched { folder, commit, files } = fetched;
        let mut out = super::super::output::stdout();
        if self.json {
            let files = files.iter().map(|(path, bytes)| json!({"path": path, "bytes": bytes}));
            let report = json!({
                "repository": address.to_string(), "commit": commit, "folder": folder.display().to_string(),
                "files": files.collect::<Vec<_>>(),
            });
            writeln!(out, "{report:#}")?;
        } else {
            writeln!(out, "{}", folder.display())?;
        }
        Ok(Exit::Done)
    }

    fn address(&self) -> anyhow::Result<HubAddress> {
        let text =
            if is_hub(&self.name) { self.name.clone() } else { format!("hf://{}", self.name) };
        let address = HubAddress::parse(&text).map_err(|error| UsageError(error.to_string()))?;
        let Some(revision) = &self.revision else { return Ok(address) };
        let with = address.with_revision(revision);
        Ok(with.map_err(|error| UsageError(error.to_string()))?)
    }
}
