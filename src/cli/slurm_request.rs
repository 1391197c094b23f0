//! From the command line of `coda-pipe slurm` to what its scripts are made from.

use super::exit::UsageError;
use super::slurm::Slurm;
use crate::config::Pipeline;
use crate::onnx::{Device, DeviceChoice};
use crate::slurm::{Request, Resources};
use anyhow::Context as _;
use std::path::{Path, PathBuf};

impl Slurm {
    /// What is asked for.
    pub(super) fn request(&self) -> anyhow::Result<Request> {
        let pipeline = Pipeline::load(&self.pipeline, &self.sets)?;
        let folder = std::env::current_dir().context("cannot read the current folder")?;
        let run_dir = self.run_dir.clone().unwrap_or_else(|| pipeline.run_dir());
        let remote = run_dir.to_string_lossy().contains("://");
        let run_dir = if remote { run_dir } else { folder.join(run_dir) };
        let out = match &self.out {
            Some(out) => out.clone(),
            None if remote => PathBuf::from(format!("slurm-{}", pipeline.output.name)),
            None => run_dir.join("slurm"),
        };
        let workers = self.nodes.or(self.tasks).unwrap_or(1);
        let devices = &pipeline.runtime.devices;
        let on_host = match devices {
            DeviceChoice::Auto => false,
            DeviceChoice::Fixed(devices) => devices.iter().all(|device| *device == Device::Cpu),
        };
        let gpus = self.gpus_per_task.unwrap_or(u32::from(!on_host));
        Ok(Request {
            program: text(&std::env::current_exe().context("cannot read the program's path")?)?,
            pipeline: text(&folder.join(&self.pipeline))?,
            run_dir: text(&run_dir)?,
            scratch: self.scratch.clone(),
            out: text(&folder.join(out))?,
            folder: text(&folder)?,
            sets: self.sets.clone(),
            name: pipeline.output.name.clone(),
            workers,
            cpu_workers: self.cpu_tasks.unwrap_or(workers),
            at_once: self.at_once,
            one_job: self.one_job,
            cards: !on_host || gpus > 0,
            pinned: *devices == DeviceChoice::Auto && gpus > 0 && !self.says_cards_otherwise(),
            report: pipeline.output.report,
            resources: self.resources(gpus),
            setup: self.setup.clone(),
        })
    }

    /// Whether options of sbatch ask for cards too: then how many there are is not ours to say.
    fn says_cards_otherwise(&self) -> bool {
        let options = self.sbatch.iter().chain(&self.sbatch_gpu);
        let asks = |option: &str| ["--gpus", "--gres", "-G"].iter().any(|of| option.contains(of));
        options.map(String::as_str).any(asks)
    }

    fn resources(&self, gpus: u32) -> Resources {
        // Slurm's default is one CPU: too few to keep a GPU busy with images.
        let (cpus, memory) = match self.nodes {
            Some(_) => (None, Some("0".to_owned())),
            None => (Some(8), None),
        };
        Resources {
            whole_nodes: self.nodes.is_some(),
            gpus,
            cpus: self.cpus_per_task.or(cpus),
            memory: self.mem.clone().or(memory),
            time: self.time.clone(),
            queue: self.slurm_partition.clone(),
            account: self.account.clone(),
            qos: self.qos.clone(),
            constraint: self.constraint.clone(),
            extra: self.sbatch.clone(),
            extra_gpu: self.sbatch_gpu.clone(),
            extra_cpu: self.sbatch_cpu.clone(),
        }
    }
}

fn text(path: &Path) -> anyhow::Result<String> {
    let found = path.to_str().map(str::to_owned);
    found.ok_or_else(|| {
        let message =
            format!("{} is not UTF-8: a batch script can't name this path", path.display());
        UsageError(message).into()
    })
}
