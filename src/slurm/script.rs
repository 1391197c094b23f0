//! The batch script of a job.

use super::chain::Job;
use super::quote::{directive, expanding, in_log_name, shell};
use super::request::Request;
use std::fmt::Write;

/// The text of `job`'s script.
pub fn script(request: &Request, job: &Job) -> String {
    let Request { folder, setup, .. } = request;
    let mut text = format!(
        "#!/usr/bin/env bash\n# {}, workers: {}. Written by `coda-pipe slurm`, which writes it anew.\n",
        job.stages(),
        job.workers
    );
    text += &directives(request, job);
    let _ = writeln!(text, "\ncd {} || exit", shell(folder));
    setup.iter().for_each(|line| {
        let _ = writeln!(text, "{line}");
    });
    if job.workers > 1 {
        text += "# Where one array is too small for all workers: sbatch --array=… SCRIPT FIRST_WORKER\n";
        text += "worker=$((${1:-0} + SLURM_ARRAY_TASK_ID))\n";
        // SLURM_JOB_ID of an array's last task is the number of the whole array.
        text += "self=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\n";
    } else {
        text += "worker=0 self=$SLURM_JOB_ID\n";
    }
    text += SIGNALS;
    text += &command(request, job);
    text += WAIT;
    text += match job.workers {
        1 => END_OF_ONE,
        _ => END_OF_SOME,
    };
    text
}

fn directives(request: &Request, job: &Job) -> String {
    let of = &request.resources;
    let mut text = directive("job-name", &format!("{}-{}", request.name, job.name));
    let number = if job.workers > 1 { "%A_%a" } else { "%j" };
    if job.workers > 1
        && let Some(array) = job.arrays.first()
    {
        text += &directive("array", &numbers(request, array.tasks));
    }
    text += "#SBATCH --nodes=1 --ntasks=1\n";
    if of.whole_nodes {
        text += "#SBATCH --exclusive\n";
    }
    if job.gpu {
        text += &directive("gpus-per-task", &of.gpus.to_string());
    }
    if let Some(cpus) = of.cpus {
        text += &directive("cpus-per-task", &cpus.to_string());
    }
    let named = [
        ("mem", &of.memory),
        ("time", &of.time),
        ("partition", &of.queue),
        ("account", &of.account),
        ("qos", &of.qos),
        ("constraint", &of.constraint),
    ];
    for (option, value) in named {
        text += &value.as_deref().map_or_else(String::new, |value| directive(option, value));
    }
    let log = format!("{}/logs/{}-{number}.log", in_log_name(&request.out), job.name);
    text += "#SBATCH --requeue --open-mode=append\n";
    text += "#SBATCH --signal=B:USR1@60\n";
    text += &directive("output", &log);
    // Of an option that is given twice, Slurm takes the last.
    for line in of.extra.iter().chain(if job.gpu { &of.extra_gpu } else { &of.extra_cpu }) {
        let line = line.trim().trim_start_matches("#SBATCH").trim_start();
        let _ = writeln!(text, "#SBATCH {line}");
    }
    text
}

/// What `--array` is given.
pub(super) fn numbers(request: &Request, tasks: usize) -> String {
    let last = tasks.saturating_sub(1);
    match request.at_once {
        Some(at_once) => format!("0-{last}%{at_once}"),
        None => format!("0-{last}"),
    }
}

fn command(request: &Request, job: &Job) -> String {
    let Request { program, pipeline, run_dir, scratch, sets, .. } = request;
    let mut text = format!("{} run {} \\\n", shell(program), shell(pipeline));
    let _ = write!(text, "  --run-dir {}", shell(run_dir));
    if let Some(scratch) = scratch {
        let _ = write!(text, " --scratch {}", expanding(scratch));
    }
    sets.iter().for_each(|set| {
        let _ = write!(text, " --set {}", shell(set));
    });
    let Job { from, until, workers, .. } = job;
    let _ =
        writeln!(text, " \\\n  --from {from} --until {until} --partition \"$worker/{workers}\" &");
    text
}

/// Slurm's signal ahead of the end of the time reaches this shell alone and is handed on; SIGTERM (cancelled, preempted,
/// out of time) reaches the program by itself, and is not for the shell to die of before it.
const SIGNALS: &str = "
child='' early=''
trap 'early=yes; kill -USR1 \"$child\" 2>/dev/null' USR1
trap 'early=\"\"' TERM
";

const WAIT: &str = "child=$!
wait \"$child\"
code=$?
# A signal ends the waiting, not the program.
while kill -0 \"$child\" 2>/dev/null; do
  wait \"$child\"
  code=$?
done

again() {
  echo \"$1: back into the queue\" >&2
  scontrol requeue \"$self\"
}
case $code in
";

/// What a job may do again by itself: what its time was too short for, and, a few times, what a shared folder did not yet
/// show. A SIGTERM is followed by nothing: preempted jobs Slurm requeues, and cancelled ones stay cancelled.
const END_OF_ONE: &str = "130) [ -n \"$early\" ] && again 'the time is nearly up' ;;
75) [ \"${SLURM_RESTART_COUNT:-0}\" -lt 3 ] && again 'what comes before is not complete' ;;
esac
exit \"$code\"
";

const END_OF_SOME: &str =
    "0) # All is done: tasks of this array that never started have nothing to do.
  scancel --quiet --state=PENDING \"$SLURM_ARRAY_JOB_ID\" ;;
130) [ -n \"$early\" ] && again 'the time is nearly up' ;;
75) [ \"${SLURM_RESTART_COUNT:-0}\" -lt 3 ] && again 'what comes before is not complete' ;;
esac
exit \"$code\"
";

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
