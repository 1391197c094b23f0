//! `coda-pipe model export`.

use super::kinds::{self, Kind};
use super::parts_of_others::{Others, Schedule};
use super::python_env::{self, Environment};
use super::recipe::{self, Dtype, Step};
use crate::cli::doctor_model;
use crate::cli::exit::{Exit, UsageError};
use crate::models::ModelPaths;
use crate::onnx::{Device, Runtime, Search};
use crate::store::free_bytes;
use anyhow::Context as _;
use clap::Args;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Bytes of an environment with torch for the CPU, and with CUDA.
const ENVIRONMENT: [u64; 2] = [3_000_000_000, 9_000_000_000];
/// The kind of model whose size is assumed where a name tells none.
const USUAL: &str = "StableDiffusionXLPipeline";

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The model: a name on the hub (stabilityai/stable-diffusion-xl-base-1.0), or a folder that diffusers saved
    name: String,
    /// The folder to write; it must not be there yet
    dir: PathBuf,
    /// Element type of the graphs
    #[arg(long, value_enum, default_value = "fp16")]
    dtype: Dtype,
    /// Take the autoencoder of another name or folder; `own` keeps the model's [default for SDXL in fp16:
    /// madebyollin/sdxl-vae-fp16-fix, else own]
    #[arg(long, value_name = "NAME")]
    vae: Option<String>,
    /// Take the UNet of another name or folder, or its weights from a .safetensors file: one on this disk, or OWNER/NAME/FILE on
    /// the hub (ByteDance/SDXL-Lightning/sdxl_lightning_4step_unet.safetensors)
    #[arg(long, value_name = "NAME")]
    unet: Option<String>,
    /// Write this schedule in place of the model's: `trailing` for a few-step UNet (Lightning, Turbo, Hyper-SD), `lcm` for a
    /// UNet of latent consistency
    #[arg(long, value_enum)]
    scheduler: Option<Schedule>,
    /// Use this Python, which has optimum-onnx and diffusers, in place of an environment of our own
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Where torch comes from: a package index, or `default` for the registry's own (with CUDA, larger)
    #[arg(long, value_name = "URL", default_value = recipe::CPU_TORCH)]
    torch_index: String,
    /// Print the commands without running them
    #[arg(long)]
    dry_run: bool,
}

/// Folders beside the result, which are gone in the end.
struct Beside {
    mixed: PathBuf,
    graphs: PathBuf,
}

impl Beside {
    fn of(dir: &Path) -> Self {
        let named = |ending: &str| {
            let mut name = dir.file_name().unwrap_or_default().to_owned();
            name.push(ending);
            dir.with_file_name(name)
        };
        Self { mixed: named(".diffusers.tmp"), graphs: named(".export.tmp") }
    }

    fn clear(&self) -> anyhow::Result<()> {
        for folder in [&self.mixed, &self.graphs] {
            if folder.exists() {
                std::fs::remove_dir_all(folder)
                    .with_context(|| format!("cannot remove {}", folder.display()))?;
            }
        }
        Ok(())
    }
}

impl Export {
    /// Exports and checks; exits with 1 if the result can't be used.
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        self.check_arguments()?;
        let environment = Environment::choose(self.python.as_deref(), &self.torch_index)?;
        let beside = Beside::of(&self.dir);
        if self.dry_run {
            return self.print(&environment, &beside);
        }
        self.check_space(&environment)?;
        environment.make()?;
        let class = match self.local_class()? {
            Some(class) => class,
            None => python_env::answer(&recipe::class_of(&environment.python, &self.name))?,
        };
        let about = Kind::of(&class).map(|kind| kind.about(&class, self.dtype));
        about.into_iter().flatten().for_each(|sentence| crate::say!("{sentence}"));
        beside.clear()?;
        for step in self.steps(&environment.python, &class, &beside) {
            python_env::run(&step)?;
        }
        readable(&beside.graphs)?;
        std::fs::rename(&beside.graphs, &self.dir).with_context(|| {
            format!("cannot rename {} to {}", beside.graphs.display(), self.dir.display())
        })?;
        beside.clear()?;
        self.doctor()
    }

    fn check_arguments(&self) -> Result<(), UsageError> {
        let filled = std::fs::read_dir(&self.dir).map(|mut entries| entries.next().is_some());
        if self.dir.is_file() || filled.unwrap_or(false) {
            let text = format!(
                "{} is there already: name another folder, or remove it",
                self.dir.display()
            );
            return Err(UsageError(text));
        }
        if self.dir.file_name().is_none() {
            return Err(UsageError(format!("{} names no new folder", self.dir.display())));
        }
        let hub = self.name.split('/').count() == 2 && !self.name.starts_with(['.', '/', '-']);
        if hub || Path::new(&self.name).is_dir() {
            return Ok(());
        }
        Err(UsageError(format!(
            "{}: there is no such folder, and a name on the hub is OWNER/NAME, such as \
             stabilityai/stable-diffusion-xl-base-1.0",
            self.name
        )))
    }

    /// The class of a local model's pipeline; `None` of one on the hub.
    fn local_class(&self) -> anyhow::Result<Option<String>> {
        let folder = Path::new(&self.name);
        if !folder.is_dir() {
            return Ok(None);
        }
        let file = folder.join("model_index.json");
        let expected = || {
            format!(
                "{}: expected the index of a folder that diffusers saved (save_pretrained)",
                file.display()
            )
        };
        let text = std::fs::read(&file).with_context(expected)?;
        let index: serde_json::Value = serde_json::from_slice(&text).with_context(expected)?;
        let class = index["_class_name"].as_str().with_context(expected)?;
        Ok(Some(class.to_owned()))
    }

    /// The commands after the environment's.
    fn steps(&self, python: &Path, class: &str, beside: &Beside) -> Vec<Step> {
        let others = Others {
            vae: Others::chosen_vae(self.vae.as_deref(), class, self.dtype),
            unet: self.unet.as_deref(),
            scheduler: self.scheduler,
        };
        let mixed = beside.mixed.to_string_lossy();
        let mix = others.mix(python, &self.name, &beside.mixed);
        let source = if mix.is_some() { mixed.as_ref() } else { self.name.as_str() };
        let export = recipe::export(python, source, class, self.dtype, &beside.graphs);
        mix.into_iter().chain([export]).collect()
    }

    /// Prints the commands. What a model of the hub is shows only when the hub is asked, so its name tells.
    fn print(&self, environment: &Environment, beside: &Beside) -> anyhow::Result<Exit> {
        let class = self.local_class()?.unwrap_or_else(|| {
            let class = kinds::class_by_name(&self.name);
            crate::say!(
                "taking {} to be a {class} by its name; the export asks the hub",
                self.name
            );
            class
        });
        let mut out = crate::cli::output::stdout();
        for sentence in
            Kind::of(&class).map(|kind| kind.about(&class, self.dtype)).unwrap_or_default()
        {
            writeln!(out, "# {sentence}")?;
        }
        let steps = environment.steps.iter().cloned();
        for step in steps.chain(self.steps(&environment.python, &class, beside)) {
            writeln!(out, "# {}\n{}", step.what, step.line())?;
        }
        let (from, to) = (beside.graphs.to_string_lossy(), self.dir.to_string_lossy());
        let step = Step::new("put the result in its place", "mv", [from.as_ref(), to.as_ref()]);
        writeln!(out, "# {}\n{}", step.what, step.line())?;
        let step = Step::new("check the result", "coda-pipe", ["doctor", "--model", to.as_ref()]);
        writeln!(out, "# {}\n{}", step.what, step.line())?;
        Ok(Exit::Done)
    }

    /// Refuses to begin without room for what a local model needs; of a model on the hub the sizes are those of its
    /// kind's largest, and a lack is a warning.
    fn check_space(&self, environment: &Environment) -> anyhow::Result<()> {
        let giga = |bytes: u64| bytes as f64 / 1e9;
        let lack = |folder: &Path, needed: u64| {
            let free = free_bytes(folder).filter(|free| *free < needed)?;
            let (needed, free) = (giga(needed), giga(free));
            Some(format!(
                "{} has {free:.1} GB free, and about {needed:.1} GB are needed",
                folder.display()
            ))
        };
        let cuda = usize::from(self.torch_index == "default");
        if let Some(text) = environment.folder().and_then(|folder| lack(folder, ENVIRONMENT[cuda]))
        {
            anyhow::bail!(
                "{text} for the Python environment: free some, or set XDG_CACHE_HOME to another disk"
            );
        }
        let local = Path::new(&self.name).is_dir().then(|| bytes_below(Path::new(&self.name), 8));
        let kind = kinds::class_by_name(&self.name);
        let usual = Kind::of(&kind).or_else(|| Kind::of(USUAL));
        let one = local.or(usual.map(|kind| kind.bytes(self.dtype))).unwrap_or_default();
        // With another autoencoder the model is saved once more.
        let Some(text) = lack(&self.dir, 2 * one) else { return Ok(()) };
        if local.is_some() {
            anyhow::bail!("{text}: name a folder on another disk");
        }
        crate::say!("warning: {text} for a {kind}");
        Ok(())
    }

    /// Checks the result as `doctor --model` does.
    fn doctor(&self) -> anyhow::Result<Exit> {
        let runtime = match Runtime::load(&Search { setting: None, pipeline_folder: None }) {
            Ok(runtime) => runtime,
            Err(error) => {
                crate::say!("warning: the export is in {}, unchecked: {error}", self.dir.display());
                return Ok(Exit::Done);
            }
        };
        let paths = ModelPaths::from(&self.dir);
        let report = doctor_model::check(&paths, &runtime, Device::Cpu, (None, None));
        doctor_model::print(&mut crate::cli::output::stdout(), &self.dir, &report)?;
        Ok(if report.problems.is_empty() { Exit::Done } else { Exit::Failed })
    }
}

/// Bytes of the files in a folder and `deep` levels below.
fn bytes_below(folder: &Path, deep: usize) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = |path: PathBuf| match std::fs::metadata(&path) {
        Ok(about) if about.is_dir() && deep > 0 => bytes_below(&path, deep - 1),
        Ok(about) if about.is_file() => about.len(),
        _ => 0,
    };
    entries.map(|entry| bytes(entry.path())).sum()
}

/// Lets others read the files, as they may those of other programs: onnx writes weights for their owner alone.
fn readable(folder: &Path) -> anyhow::Result<()> {
    let named = || format!("cannot read {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(named)? {
        let path = entry.with_context(named)?.path();
        if path.is_dir() {
            readable(&path)?;
        } else if path.is_file() {
            let mode = std::fs::metadata(&path).with_context(named)?.permissions().mode();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode | 0o444))
                .with_context(|| format!("cannot make {} readable", path.display()))?;
        }
    }
    Ok(())
}
