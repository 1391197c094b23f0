//! `coda-pipe slurm`.

use super::exit::{Exit, UsageError};
use super::slurm_submit;
use super::slurm_submit::Submitted;
use crate::pipeline::slurm_stages;
use crate::slurm;
use crate::slurm::{Job, Request, SUBMIT};
use crate::store::RunDir;
use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Write a run as Slurm batch jobs: arrays of workers, chained by dependencies, whose tasks requeue themselves at the time
/// limit.
///
/// Stages that use GPUs (encode; anchor and generate) are separate jobs from the stages that use none (compact, purity, discover and
/// fetch; assemble). Each job starts when the one before has ended. docs/clusters.md says more.
#[derive(Debug, Args)]
pub(crate) struct Slurm {
    /// The pipeline file
    pub(super) pipeline: PathBuf,
    /// Workers: array tasks of each job
    #[arg(long, value_name = "N", required_unless_present = "nodes", conflicts_with = "nodes", value_parser = at_least_one)]
    pub(super) tasks: Option<usize>,
    /// Workers with a whole node each (--exclusive), in place of --tasks
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(super) nodes: Option<usize>,
    /// Workers of the stages that use no GPUs [default: as many as of the other stages]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(super) cpu_tasks: Option<usize>,
    /// Most tasks of an array that run at once
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(super) at_once: Option<usize>,
    /// Run all stages in one array: one wait in the queue, but GPUs are idle during the search for cores
    #[arg(long)]
    pub(super) one_job: bool,
    /// GPUs of a worker in the stages that use GPUs; 0 where --sbatch-gpu requests them [default: 1, or 0 where the pipeline's
    /// devices are "cpu"]
    #[arg(long, value_name = "N")]
    pub(super) gpus_per_task: Option<u32>,
    /// CPUs of a worker [default: 8; with --nodes, all of the node]
    #[arg(long, value_name = "N")]
    pub(super) cpus_per_task: Option<u32>,
    /// Memory of a worker, as sbatch takes it (64G) [default: the site's; with --nodes, all of the node]
    #[arg(long, value_name = "SIZE")]
    pub(super) mem: Option<String>,
    /// Time limit of a task (4:00:00, 2-0), longer than the longest unit; a task that reaches the limit requeues itself
    #[arg(long, value_name = "TIME")]
    pub(super) time: Option<String>,
    /// Slurm's partition (queue); not a share of the run as in `run --partition`
    #[arg(long, value_name = "QUEUE")]
    pub(super) slurm_partition: Option<String>,
    /// The account to charge
    #[arg(long, value_name = "NAME")]
    pub(super) account: Option<String>,
    /// The quality of service
    #[arg(long, value_name = "NAME")]
    pub(super) qos: Option<String>,
    /// Features that nodes must have
    #[arg(long, value_name = "LIST")]
    pub(super) constraint: Option<String>,
    /// Other options of sbatch for all jobs
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    pub(super) sbatch: Vec<String>,
    /// Other options of sbatch for the jobs that use GPUs
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    pub(super) sbatch_gpu: Vec<String>,
    /// Other options of sbatch for the jobs that use no GPUs: --sbatch-cpu='--partition=cpu --mem=200G'
    #[arg(long, value_name = "OPTIONS", allow_hyphen_values = true)]
    pub(super) sbatch_cpu: Vec<String>,
    /// Shell line to run before the program: --setup 'module load cuda'
    #[arg(long, value_name = "LINE", allow_hyphen_values = true)]
    pub(super) setup: Vec<String>,
    /// The run directory, in place of [output] run_dir
    #[arg(long, value_name = "DIR")]
    pub(super) run_dir: Option<PathBuf>,
    /// Folder for local copies of files on each node when the run directory is in an object store; may contain variables of
    /// the node: '$SLURM_TMPDIR/coda'
    #[arg(long, value_name = "DIR")]
    pub(super) scratch: Option<String>,
    /// Override a setting, as for `run`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) sets: Vec<String>,
    /// Folder for scripts and logs [default: slurm in the run directory, or ./slurm-NAME for an object store]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// The site's MaxArraySize [default: as scontrol reports, else 1001]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    max_array_size: Option<usize>,
    /// Submit the jobs and print the job numbers
    #[arg(long)]
    submit: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(n) => Ok(n),
        Err(_) => Err("is not a number".into()),
    }
}

impl Slurm {
    /// Writes the scripts, and submits them with `--submit`.
    pub(crate) fn run(self) -> anyhow::Result<Exit> {
        let request = self.request()?;
        request.check().map_err(|error| UsageError(error.to_string()))?;
        let size = match self.max_array_size {
            Some(size) => size,
            None => slurm_submit::max_array_size(),
        };
        let jobs = slurm::jobs(&request, size, &slurm_stages());
        let out = PathBuf::from(&request.out);
        write(&out, &request, &jobs)?;
        let submitted = if self.submit { Some(slurm_submit::submit(&out)?) } else { None };
        self.print(&out, &jobs, submitted.as_deref())?;
        Ok(Exit::Done)
    }

    fn print(
        &self,
        out: &Path,
        jobs: &[Job],
        submitted: Option<&[Submitted]>,
    ) -> anyhow::Result<()> {
        let mut stdout = super::output::stdout();
        let script = out.join(SUBMIT);
        if self.json {
            let report =
                json!({"folder": out, "submit": script, "jobs": jobs, "submitted": submitted});
            writeln!(stdout, "{report:#}")?;
            return Ok(());
        }
        for job in jobs {
            let cards = if job.gpu { ", with cards" } else { "" };
            writeln!(stdout, "{:<9} {}, workers: {}{cards}", job.name, job.stages(), job.workers)?;
        }
        match submitted {
            Some(arrays) => {
                arrays
                    .iter()
                    .try_for_each(|of| writeln!(stdout, "submitted {} {}", of.job, of.id))?;
                writeln!(stdout, "logs in {}", out.join("logs").display())?;
            }
            None => {
                let script = script.to_string_lossy();
                writeln!(stdout, "to submit the jobs: bash {}", slurm::shell(&script))?;
            }
        }
        Ok(())
    }
}

/// Writes the scripts of `jobs`, and removes scripts of earlier jobs that are not among them.
fn write(out: &Path, request: &Request, jobs: &[Job]) -> anyhow::Result<()> {
    // A folder of files that appear whole: what the store writes a run directory's own with.
    let folder = RunDir::new(out);
    let logs = out.join("logs");
    std::fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
    let name = |job: &str| format!("{job}.sbatch");
    for job in slurm::job_names(&slurm_stages()) {
        match jobs.iter().find(|wanted| wanted.name == job) {
            Some(job) => {
                drop(folder.write(&name(job.name), slurm::script(request, job).as_bytes())?)
            }
            None => drop(std::fs::remove_file(out.join(name(job)))),
        }
    }
    folder.write(SUBMIT, slurm::submission(request, jobs).as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{STAGES, position};

    #[test]
    fn the_jobs_cover_every_stage_once_and_in_order() {
        let place = |name: &str| position(name);
        for one_job in [false, true] {
            let request = Request { one_job, workers: 1, cpu_workers: 1, ..Request::default() };
            let jobs = slurm::jobs(&request, 1, &slurm_stages());
            let covered: Vec<usize> =
                jobs.iter().flat_map(|job| place(job.from)..=place(job.until)).collect();
            assert_eq!(covered, (0..STAGES.len()).collect::<Vec<_>>());
        }
    }
}
