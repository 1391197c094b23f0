//! The jobs of a run, chained by dependencies.

use super::request::Request;
use serde::Serialize;

/// Slurm's default MaxArraySize: task numbers are below this value.
pub const DEFAULT_MAX_ARRAY_SIZE: usize = 1001;

/// A batch script and its arrays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job {
    /// The name of the job and its script.
    pub name: &'static str,
    /// The first stage.
    pub from: &'static str,
    /// The last stage.
    pub until: &'static str,
    /// Whether the job ends with the run's last stage.
    #[serde(skip)]
    pub last: bool,
    /// Whether the job uses GPUs.
    pub gpu: bool,
    /// The workers, one task each.
    pub workers: usize,
    /// The arrays of the workers.
    pub arrays: Vec<Array>,
}

impl Job {
    /// The names of the stages, for display.
    pub fn stages(&self) -> String {
        match self.from == self.until {
            true => self.from.to_owned(),
            false => format!("{} to {}", self.from, self.until),
        }
    }
}

/// An array of tasks; task number plus `offset` is the worker's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Array {
    /// The first worker.
    pub offset: usize,
    /// The number of tasks.
    pub tasks: usize,
}

/// The kind of job that a stage belongs to.
#[derive(Debug, PartialEq, Eq)]
pub struct JobKind {
    /// The name of the job and its script.
    pub name: &'static str,
    /// Whether the stages use GPUs.
    pub gpu: bool,
    /// The number of workers.
    pub workers: WorkersOf,
}

/// The number of workers of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkersOf {
    /// As many as set for GPU stages.
    Cards,
    /// As many as set for CPU stages.
    Processors,
    /// One worker.
    One,
}

/// Encodes images to latents.
pub static ENCODE: JobKind = JobKind { name: "encode", gpu: true, workers: WorkersOf::Cards };
/// Finds cores without GPUs.
pub static DISCOVER: JobKind =
    JobKind { name: "discover", gpu: false, workers: WorkersOf::Processors };
/// Generates images.
pub static GENERATE: JobKind = JobKind { name: "generate", gpu: true, workers: WorkersOf::Cards };
/// Writes the sets.
pub static ASSEMBLE: JobKind = JobKind { name: "assemble", gpu: false, workers: WorkersOf::One };
/// All stages in one job.
static ALL: JobKind = JobKind { name: "all", gpu: true, workers: WorkersOf::Cards };

/// The names that jobs can have: a folder may hold scripts of an earlier request.
pub fn job_names(stages: &[(&'static str, &'static JobKind)]) -> Vec<&'static str> {
    let mut names = vec![ALL.name];
    for (_, kind) in stages {
        if !names.contains(&kind.name) {
            names.push(kind.name);
        }
    }
    names
}

/// The jobs of `request`, in the order in which they wait for each other. `stages` are a run's, in order, each with the job
/// that it belongs to.
///
/// More workers than an array may have tasks are several arrays of one script.
pub fn jobs(
    request: &Request,
    max_array_size: usize,
    stages: &[(&'static str, &'static JobKind)],
) -> Vec<Job> {
    let mut chain: Vec<(&'static JobKind, &'static str, &'static str)> = Vec::new();
    for (stage, kind) in stages {
        let kind = if request.one_job { &ALL } else { *kind };
        match chain.last_mut() {
            Some((last, _, until)) if *last == kind => *until = stage,
            _ => chain.push((kind, stage, stage)),
        }
    }
    let job = |(kind, from, until): (&JobKind, _, _)| {
        let workers = match kind.workers {
            WorkersOf::Cards => request.workers,
            WorkersOf::Processors => request.cpu_workers,
            WorkersOf::One => 1,
        };
        let gpu = kind.gpu && request.cards;
        let last = stages.last().is_some_and(|(stage, _)| *stage == until);
        let (name, arrays) = (kind.name, arrays(workers, max_array_size));
        Job { name, from, until, last, gpu, workers, arrays }
    };
    chain.into_iter().map(job).collect()
}

fn arrays(workers: usize, max_array_size: usize) -> Vec<Array> {
    let size = max_array_size.max(1);
    let array = |offset| Array { offset, tasks: size.min(workers - offset) };
    (0..workers).step_by(size).map(array).collect()
}

/// MaxArraySize from the output of `scontrol show config`.
pub fn max_array_size(config: &str) -> Option<usize> {
    let value = |line: &str| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "MaxArraySize").then(|| value.trim().parse().ok())?
    };
    config.lines().find_map(value)
}

/// Stages as a run has them.
#[cfg(test)]
pub(super) static STAGES: [(&str, &JobKind); 8] = [
    ("encode", &ENCODE),
    ("compact", &DISCOVER),
    ("purity", &DISCOVER),
    ("discover", &DISCOVER),
    ("fetch", &DISCOVER),
    ("anchor", &GENERATE),
    ("generate", &GENERATE),
    ("assemble", &ASSEMBLE),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn request(workers: usize) -> Request {
        Request { workers, cpu_workers: 2, cards: true, ..Request::default() }
    }

    #[test]
    fn cards_are_asked_for_by_the_stages_that_use_them() {
        let jobs = jobs(&request(4), 1001, &STAGES);
        let seen: Vec<_> = jobs.iter().map(|j| (j.from, j.until, j.gpu, j.workers)).collect();
        assert_eq!(
            seen,
            [
                ("encode", "encode", true, 4),
                ("compact", "fetch", false, 2),
                ("anchor", "generate", true, 4),
                ("assemble", "assemble", false, 1)
            ]
        );
    }

    #[test]
    fn one_job_has_every_stage() {
        let jobs = jobs(&Request { one_job: true, ..request(3) }, 1001, &STAGES);
        assert_eq!((jobs.len(), jobs[0].from, jobs[0].until), (1, "encode", "assemble"));
        assert!(jobs[0].gpu && jobs[0].workers == 3);
        let none = Request { one_job: true, ..Request { workers: 1, ..Request::default() } };
        assert!(!super::jobs(&none, 1001, &STAGES)[0].gpu, "its devices are no cards");
    }

    #[test]
    fn no_array_is_longer_than_the_site_allows_and_no_worker_is_lost() {
        for (workers, size) in [(1, 1001), (1001, 1001), (1002, 1001), (2500, 1000), (7, 1), (5, 0)]
        {
            let arrays = arrays(workers, size);
            let numbers: Vec<_> =
                arrays.iter().flat_map(|a| a.offset..a.offset + a.tasks).collect();
            assert_eq!(numbers, (0..workers).collect::<Vec<_>>(), "{workers} of {size}");
            assert!(arrays.iter().all(|array| array.tasks <= size.max(1)));
        }
    }

    #[test]
    fn the_limit_is_found_among_the_others() {
        let config =
            "MailProg                = /bin/mail\nMaxArraySize            = 4001\nMaxJobCount = 9";
        assert_eq!(max_array_size(config), Some(4001));
        assert_eq!(max_array_size("MaxArraySizes = 3\nMaxArraySize = many"), None);
    }
}
