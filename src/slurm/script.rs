//! The batch script of a job.

use super::chain::Job;
use super::quote::{directive, expanding, in_log_name, shell};
use super::request::Request;
use std::fmt::Write;

/// The text of `job`'s script.
pub fn script(request: &Request, job: &Job) -> String {
    let Request { folder, setup, .. } = request;
    let mut text = format!(
        "#!/usr/bin/env bash\n# {}, workers: {}. Written by `coda-pipe slurm`, which rewrites this file.\n",
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
    let tries = format!("{}/logs/{}-", request.out, job.name);
    let _ = writeln!(text, "tries={}\"$self.tries\"", shell(&tries));
    text += SIGNALS;
    text += &command(request, job);
    text += WAIT;
    text += DONE;
    // The report is worker 0's to write, which may be one of those that wait.
    if job.workers > 1 && !(request.report && job.last) {
        text += OTHERS;
    }
    text += END;
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
    if job.gpu && of.gpus > 0 {
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

/// The value of `--array`.
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
    // Before the user's own: of a setting that is given twice, the last counts.
    let gpus = request.resources.gpus;
    let pinned = (job.gpu && request.pinned && gpus > 0).then(|| devices(gpus));
    pinned.iter().chain(sets).for_each(|set| {
        let _ = write!(text, " --set {}", shell(set));
    });
    let Job { from, until, workers, .. } = job;
    let _ =
        writeln!(text, " \\\n  --from {from} --until {until} --partition \"$worker/{workers}\" &");
    text
}

/// The setting that makes a worker use `gpus` GPUs, and fail if one does not work.
fn devices(gpus: u32) -> String {
    let cards: Vec<String> = (0..gpus).map(|card| format!("\"cuda:{card}\"")).collect();
    format!("runtime.devices=[{}]", cards.join(","))
}

/// Slurm's signal ahead of the end of the time reaches this shell alone and is handed on. So does SIGTERM (cancelled,
/// preempted, out of time) where Slurm knows a job's processes by their control group; where it knows them otherwise, the
/// program gets it twice, which it takes for once.
const SIGNALS: &str = "
child='' early=''
trap 'early=yes; kill -USR1 \"$child\" 2>/dev/null' USR1
trap 'early=\"\"; kill -TERM \"$child\" 2>/dev/null' TERM
";

const WAIT: &str = "child=$!
# A signal ends the waiting, not the program.
while wait \"$child\"; kill -0 \"$child\" 2>/dev/null; do :; done
# Once more: what the last one said may have been a signal's.
wait \"$child\"
code=$?

again() {
  echo \"$1: back into the queue\" >&2
  scontrol requeue \"$self\"
}
# Three times, by a count of its own: SLURM_RESTART_COUNT has all that came back for other reasons in it.
retry() {
  local tried=0
  [ ! -s \"$tries\" ] || read -r tried <\"$tries\"
  if [ \"$tried\" -lt 3 ] && echo \"$((tried + 1))\" >\"$tries\"; then
    again \"$1\"
  else
    rm -f \"$tries\"
  fi
}
case $code in
";

const DONE: &str = "0)
  rm -f \"$tries\"
";

const OTHERS: &str = "  # All is done: tasks of this array that never started have nothing to do.
  scancel --quiet --state=PENDING \"$SLURM_ARRAY_JOB_ID\"
";

/// What a job may do again by itself: what its time was too short for, and, a few times, what brought nothing (75: others
/// have not finished, a shared folder does not show it yet, or the time is too short for one unit; 138: SIGUSR1 came before
/// the program listened). A SIGTERM is followed by nothing: preempted jobs Slurm requeues, and cancelled ones stay cancelled.
const END: &str = "  ;;
130)
  if [ -n \"$early\" ]; then
    rm -f \"$tries\"
    again 'the time is nearly up'
  fi
  ;;
138) [ -n \"$early\" ] && retry 'the time was nearly up at once' ;;
75) retry 'another try may get further' ;;
esac
exit \"$code\"
";

#[cfg(test)]
#[path = "script_tests.rs"]
mod tests;
