//! The request for Slurm jobs.

use super::quote::{Unquotable, one_line};

/// The run, its workers and their resources. Paths are absolute or relative to `folder`.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The program.
    pub program: String,
    /// The working folder, where relative paths of settings start.
    pub folder: String,
    /// The pipeline file.
    pub pipeline: String,
    /// The run directory.
    pub run_dir: String,
    /// Folder of local copies on a node when the run directory is in an object store; may contain variables of the node.
    pub scratch: Option<String>,
    /// Settings given on the command line, as `key=value`.
    pub sets: Vec<String>,
    /// The run's name, the prefix of job names.
    pub name: String,
    /// The folder of scripts and logs.
    pub out: String,
    /// Workers of GPU jobs.
    pub workers: usize,
    /// Workers of CPU jobs.
    pub cpu_workers: usize,
    /// Most tasks of an array that run at once.
    pub at_once: Option<usize>,
    /// Whether all stages are in one array.
    pub one_job: bool,
    /// Whether GPU stages use GPUs.
    pub cards: bool,
    /// Whether GPU stages name their GPUs, so that they fail if a GPU does not work.
    pub pinned: bool,
    /// Whether worker 0 writes the report at the end.
    pub report: bool,
    /// The resources of a task.
    pub resources: Resources,
    /// Shell lines before the program.
    pub setup: Vec<String>,
}

/// The resources of each task; absent ones take the cluster's default.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    /// Whether a task has a whole node.
    pub whole_nodes: bool,
    /// GPUs in GPU jobs; 0 if `extra_gpu` requests them.
    pub gpus: u32,
    /// CPUs.
    pub cpus: Option<u32>,
    /// Memory.
    pub memory: Option<String>,
    /// Time limit.
    pub time: Option<String>,
    /// Slurm's partition.
    pub queue: Option<String>,
    /// The account to charge.
    pub account: Option<String>,
    /// Quality of service.
    pub qos: Option<String>,
    /// Features of nodes.
    pub constraint: Option<String>,
    /// More options of sbatch, for all jobs.
    pub extra: Vec<String>,
    /// More options of sbatch for GPU jobs.
    pub extra_gpu: Vec<String>,
    /// More options of sbatch for CPU jobs.
    pub extra_cpu: Vec<String>,
}

impl Request {
    /// Checks that the request can be written into a script.
    ///
    /// # Errors
    /// [`Unquotable`] if a value has a line break, or the folder of the logs has a backslash.
    pub fn check(&self) -> Result<(), Unquotable> {
        let Resources { extra, extra_gpu, extra_cpu, .. } = &self.resources;
        let Resources { memory, time, queue, account, qos, constraint, .. } = &self.resources;
        let single = [&self.program, &self.folder, &self.pipeline, &self.run_dir, &self.name];
        let options = [memory, time, queue, account, qos, constraint, &self.scratch];
        let lists = [&self.sets, &self.setup, extra, extra_gpu, extra_cpu];
        let all = single.into_iter().chain([&self.out]);
        let all = all.chain(options.into_iter().flatten()).chain(lists.into_iter().flatten());
        all.into_iter().try_for_each(|text| one_line(text))?;
        // Slurm takes a backslash in a log's name as "no number in this one", and leaves it out.
        match self.out.contains('\\') {
            true => Err(Unquotable(self.out.clone())),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_slurm_could_not_read_is_refused() {
        let request = Request { out: "/runs/it's \"new\" 100%".into(), ..Request::default() };
        assert_eq!(request.check(), Ok(()));
        let broken = Request { setup: vec!["a\nb".into()], ..request.clone() };
        assert_eq!(broken.check(), Err(Unquotable("a\nb".into())));
        let memory = Some("1\r".into());
        let resources = Resources { memory, ..Resources::default() };
        assert!(Request { resources, ..request.clone() }.check().is_err());
        assert!(Request { out: "/a\\b".into(), ..request }.check().is_err());
    }
}
