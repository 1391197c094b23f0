//! The script that submits all jobs.

use super::chain::Job;
use super::request::Request;
use super::script::numbers;
use std::fmt::Write;

/// The name of the script.
pub const SUBMIT: &str = "submit.sh";

/// The text of the script that submits `jobs` in their order, and prints a line for each array: the job's name and Slurm's
/// number.
pub fn submission(request: &Request, jobs: &[Job]) -> String {
    let mut text = String::from(HEAD);
    for (at, job) in jobs.iter().enumerate() {
        if at > 0 {
            text += "after=--dependency=afterany$ids ids=''\n";
        }
        for array in &job.arrays {
            let _ = match job.workers {
                1 => writeln!(text, "job {}", job.name),
                _ => writeln!(
                    text,
                    "job {} {} --array={}",
                    job.name,
                    array.offset,
                    numbers(request, array.tasks)
                ),
            };
        }
    }
    text
}

const HEAD: &str = r#"#!/usr/bin/env bash
# Submits the jobs, each after the end of the one before, and prints their names and numbers. Written by `coda-pipe slurm`.
# To go on with a run that stopped, submit again: what is done is not done again.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p logs
ids='' after=''

# job NAME [FIRST_WORKER OPTION…]
job() {
  local id
  id=$(sbatch --parsable ${after:+"$after"} "${@:3}" "$1.sbatch" "${@:2:1}") || {
    echo "$1 was not submitted; the jobs before it stay in the queue (squeue --me, scancel)" >&2
    exit 1
  }
  ids+=:${id%%;*}
  echo "$1 ${id%%;*}"
}

"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::jobs;

    #[test]
    fn every_array_is_submitted_and_the_next_job_waits_for_all_of_them() {
        let (workers, at_once) = (2500, Some(64));
        let request = Request { workers, cpu_workers: 4, at_once, ..Request::default() };
        let text = submission(&request, &jobs(&request, 1001, &crate::slurm::chain::STAGES));
        let lines = "job encode 0 --array=0-1000%64\n\
            job encode 1001 --array=0-1000%64\n\
            job encode 2002 --array=0-497%64\n\
            after=--dependency=afterany$ids ids=''\n\
            job discover 0 --array=0-3%64\n";
        assert!(text.contains(lines), "{text}");
        assert!(text.ends_with("after=--dependency=afterany$ids ids=''\njob assemble\n"), "{text}");
    }
}
