//! What a user asks for.

use super::quote::{Unquotable, one_line};

/// What is to be run, by how many workers, with what of a cluster. Paths are absolute, but for what `folder` makes so.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The program.
    pub program: String,
    /// The folder to run it in: settings may hold relative paths.
    pub folder: String,
    /// The pipeline file.
    pub pipeline: String,
    /// The run directory.
    pub run_dir: String,
    /// Where files lie on a node when the run directory is in an object store; variables are those of the node.
    pub scratch: Option<String>,
    /// Settings given on the command line, as `key=value`.
    pub sets: Vec<String>,
    /// The run's name, which the jobs' names begin with.
    pub name: String,
    /// Where scripts and logs are.
    pub out: String,
    /// Workers of jobs that want cards.
    pub workers: usize,
    /// Workers of jobs that want none.
    pub cpu_workers: usize,
    /// Tasks of an array that may run at once.
    pub at_once: Option<usize>,
    /// All stages in one array.
    pub one_job: bool,
    /// Whether the stages that can use cards use them.
    pub cards: bool,
    /// Whether these stages are told the cards that they asked for, so that they fail where one does not work.
    pub pinned: bool,
    /// Whether the run writes its report at its end, which is worker 0's to do.
    pub report: bool,
    /// What a task gets.
    pub resources: Resources,
    /// Shell lines before the program.
    pub setup: Vec<String>,
}

/// What each task of a job gets. Of what is absent, the cluster's default.
#[derive(Debug, Clone, Default)]
pub struct Resources {
    /// Whether a task has a whole node.
    pub whole_nodes: bool,
    /// Cards, in the jobs that want them; 0 where `extra_gpu` asks for them.
    pub gpus: u32,
    /// Processors.
    pub cpus: Option<u32>,
    /// Memory.
    pub memory: Option<String>,
    /// Time limit.
    pub time: Option<String>,
    /// Slurm's partition.
    pub queue: Option<String>,
    /// Whom to charge.
    pub account: Option<String>,
    /// Quality of service.
    pub qos: Option<String>,
    /// Features of nodes.
    pub constraint: Option<String>,
    /// More options of sbatch, for all jobs.
    pub extra: Vec<String>,
    /// For the jobs that want cards.
    pub extra_gpu: Vec<String>,
    /// For those that want none.
    pub extra_cpu: Vec<String>,
}

impl Request {
    /// Whether all of it can be written into a script.
    ///
    /// # Errors
    /// [`Unquotable`] where something holds a line break, or the folder of the logs a backslash.
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
