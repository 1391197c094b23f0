//! `--partition`: which share of the run this process has, given as I/N or read from the scheduler.

use super::exit::UsageError;
use crate::engine::Partition;

/// The scheduler's environment variables, by name.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Parses `I/N`, or reads the scheduler's variables for `auto`.
///
/// # Errors
/// If the text is neither, or no scheduler names this process's share.
pub(crate) fn partition(text: &str) -> anyhow::Result<Partition> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    of(text, &variable)
        .map_err(|message| UsageError(format!("--partition {text}: {message}")).into())
}

fn of(text: &str, variable: Environment<'_>) -> Result<Partition, String> {
    if text != "auto" {
        return text.parse().map_err(|error: crate::engine::NoPartition| error.to_string());
    }
    let rank = match torchrun(variable)? {
        Some(rank) => Some(rank),
        None => mpi(variable)?,
    };
    let elements = match variable("JOB_COMPLETION_INDEX") {
        // torchrun and mpirun count over all pods: the number of pods is not needed.
        Some(_) if rank.is_some() => None,
        Some(_) => kubernetes(variable)?,
        None => slurm_array(variable)?,
    };
    let processes = match rank {
        Some(rank) => Some(rank),
        None => srun(variable)?,
    };
    let whole = (elements, processes);
    if whole == (None, None) {
        return Err("no scheduler names this process's share: neither Slurm (SLURM_ARRAY_TASK_ID, SLURM_PROCID) nor \
                    Kubernetes (JOB_COMPLETION_INDEX with CODA_PIPE_PARTITIONS) nor torchrun (RANK with WORLD_SIZE) nor MPI (OMPI_COMM_WORLD_RANK, PMI_RANK); \
                    write I/N"
            .into());
    }
    let outer = whole.0.unwrap_or(Partition::WHOLE);
    let inner = whole.1.unwrap_or(Partition::WHOLE);
    let of = outer.of.checked_mul(inner.of).ok_or("the number of processes is too large")?;
    Partition::new(outer.index * inner.of + inner.index, of).map_err(|error| error.to_string())
}

/// A variable as a number.
///
/// # Errors
/// If the variable is set to something else.
fn number(variable: Environment<'_>, name: &str) -> Result<Option<usize>, String> {
    let Some(text) = variable(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("{name} is {text:?} and should be a number"))
}

/// The partition of an index variable and a count variable.
fn pair(
    variable: Environment<'_>,
    (index, of): (&str, &str),
    hint: &str,
) -> Result<Option<Partition>, String> {
    let Some(at) = number(variable, index)? else { return Ok(None) };
    let count =
        number(variable, of)?.ok_or_else(|| format!("{index} is set, {of} is not{hint}"))?;
    let made = Partition::new(at, count);
    made.map(Some).map_err(|_| format!("{index}={at} does not go with {of}={count}"))
}

fn kubernetes(variable: Environment<'_>) -> Result<Option<Partition>, String> {
    let hint = ": set it to the job's .spec.completions";
    pair(variable, ("JOB_COMPLETION_INDEX", "CODA_PIPE_PARTITIONS"), hint)
}

/// A process of `mpirun` or `mpiexec`: Open MPI's variables, or PMI's of other MPIs.
fn mpi(variable: Environment<'_>) -> Result<Option<Partition>, String> {
    let known = [("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("PMI_RANK", "PMI_SIZE")];
    // Some launchers say a rank alone, and something else says the rest.
    match known.into_iter().find(|(rank, of)| variable(rank).is_some() && variable(of).is_some()) {
        Some(names) => pair(variable, names, ""),
        None => Ok(None),
    }
}

fn torchrun(variable: Environment<'_>) -> Result<Option<Partition>, String> {
    pair(variable, ("RANK", "WORLD_SIZE"), "")
}

/// A task of an array job. Its numbers may start anywhere and have a step.
fn slurm_array(variable: Environment<'_>) -> Result<Option<Partition>, String> {
    let Some(id) = number(variable, "SLURM_ARRAY_TASK_ID")? else { return Ok(None) };
    let first = number(variable, "SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
    let step = number(variable, "SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
    let last =
        number(variable, "SLURM_ARRAY_TASK_MAX")?.ok_or("SLURM_ARRAY_TASK_MAX is not set")?;
    // Not by SLURM_ARRAY_TASK_COUNT: where a list of some tasks is submitted again, the shares must stay what they were.
    let of = last.saturating_sub(first) / step + 1;
    let count = number(variable, "SLURM_ARRAY_TASK_COUNT")?.unwrap_or(of);
    if count != of {
        return Err(format!(
            "the array has {count} tasks numbered from {first} to {last} in steps of {step}, with gaps: write I/N"
        ));
    }
    let index = id.saturating_sub(first) / step;
    Partition::new(index, of).map(Some).map_err(|error| error.to_string())
}

/// A task of a job step.
fn srun(variable: Environment<'_>) -> Result<Option<Partition>, String> {
    // A batch script has the number of tasks that it may start, but is not one of the tasks.
    if variable("SLURM_STEP_NUM_TASKS").is_none() {
        return Ok(None);
    }
    pair(variable, ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Result<String, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        of("auto", &variable).map(|partition| partition.to_string())
    }

    #[test]
    fn every_scheduler_says_who_we_are() {
        let array = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_MAX", "7"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        assert_eq!(found(&array), Ok("3/4".into()));
        let steps = [("SLURM_PROCID", "1"), ("SLURM_STEP_NUM_TASKS", "2"), ("SLURM_NTASKS", "2")];
        assert_eq!(found(&steps), Ok("1/2".into()));
        assert_eq!(found(&[array.as_slice(), &steps].concat()), Ok("7/8".into()));
        let one = [("SLURM_PROCID", "0"), ("SLURM_STEP_NUM_TASKS", "1"), ("SLURM_NTASKS", "1")];
        assert_eq!(found(&one), Ok("0/1".into()));
        assert_eq!(found(&[array.as_slice(), &one].concat()), Ok("3/4".into()));
        let mpirun = [("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "4")];
        assert_eq!(found(&mpirun), Ok("1/4".into()));
        // mpirun starts its own helpers, one a node, as a step of Slurm's.
        assert_eq!(found(&[mpirun.as_slice(), &one].concat()), Ok("1/4".into()));
        assert_eq!(found(&[("PMI_RANK", "0"), ("PMI_SIZE", "1")]), Ok("0/1".into()));
        assert_eq!(found(&[&[("PMI_RANK", "0")], one.as_slice()].concat()), Ok("0/1".into()));
        let pod = [("JOB_COMPLETION_INDEX", "2"), ("CODA_PIPE_PARTITIONS", "3")];
        assert_eq!(found(&pod), Ok("2/3".into()));
        let rank = [("RANK", "5"), ("WORLD_SIZE", "6")];
        assert_eq!(found(&rank), Ok("5/6".into()));
        assert_eq!(found(&[pod, rank].concat()), Ok("5/6".into()));
        assert_eq!(found(&[&pod[..1], &rank].concat()), Ok("5/6".into()));
        // The batch script of a job of several tasks.
        let script = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")];
        assert_eq!(found(&[array.as_slice(), &script].concat()), Ok("3/4".into()));
    }

    #[test]
    fn what_is_missing_or_does_not_fit_is_named() {
        let wrong = |variables: &[(&str, &str)], part: &str| {
            let message = found(variables).unwrap_err();
            assert!(message.contains(part), "{message}");
        };
        wrong(&[], "write I/N");
        wrong(&[("JOB_COMPLETION_INDEX", "2")], "CODA_PIPE_PARTITIONS is not");
        wrong(&[("RANK", "x"), ("WORLD_SIZE", "2")], "RANK is \"x\"");
        wrong(&[("RANK", "2"), ("WORLD_SIZE", "2")], "does not go with");
        let gaps = [
            ("SLURM_ARRAY_TASK_ID", "9"),
            ("SLURM_ARRAY_TASK_MAX", "9"),
            ("SLURM_ARRAY_TASK_COUNT", "2"),
        ];
        wrong(&gaps, "with gaps");
    }
}
