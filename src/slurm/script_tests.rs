//! The scripts' text; tests/it/slurm.rs has Slurm run them.

use super::super::{Request, Resources, jobs, submission};
use super::*;
use std::io::Write as _;
use std::process::{Command, Stdio};

fn request() -> Request {
    Request {
        program: "/opt/it's here/coda-pipe".into(),
        folder: "/home/me/my work".into(),
        pipeline: "/home/me/p.toml".into(),
        run_dir: "/runs/100%".into(),
        sets: vec!["ipc=50".into(), "data.shards=a b/{0..3}.tar".into()],
        name: "big set".into(),
        out: "/runs/100%/slurm".into(),
        workers: 4,
        cpu_workers: 2,
        resources: Resources {
            gpus: 2,
            cpus: Some(8),
            memory: Some("64G".into()),
            queue: Some("gpu".into()),
            constraint: Some("a100|h100".into()),
            extra: vec!["#SBATCH --reservation=mine".into()],
            extra_cpu: vec!["--partition=cpu --mem=128G".into()],
            ..Resources::default()
        },
        setup: vec!["module load cuda".into()],
        ..Request::default()
    }
}

#[test]
fn a_script_asks_for_what_was_asked_and_runs_its_stages() {
    let request = request();
    let jobs = jobs(&request, 1001);
    let encode = script(&request, &jobs[0]);
    for line in [
        "#SBATCH --job-name=\"big set-encode\"\n",
        "#SBATCH --array=0-3\n",
        "#SBATCH --gpus-per-task=2\n",
        "#SBATCH --cpus-per-task=8\n",
        "#SBATCH --mem=64G\n",
        "#SBATCH --partition=gpu\n",
        "#SBATCH --constraint=\"a100|h100\"\n",
        "#SBATCH --reservation=mine\n",
        "#SBATCH --requeue --open-mode=append\n",
        "#SBATCH --output=/runs/100%%/slurm/logs/encode-%A_%a.log\n",
        "cd '/home/me/my work' || exit\nmodule load cuda\n",
        "'/opt/it'\\''s here/coda-pipe' run /home/me/p.toml \\\n  --run-dir /runs/100% --set ipc=50 \
         --set 'data.shards=a b/{0..3}.tar' \\\n  --from encode --until encode --partition \"$worker/4\" &\n",
    ] {
        assert!(encode.contains(line), "{line}\nis not in\n{encode}");
    }
    let far = Request { scratch: Some("$SLURM_TMPDIR/it's".into()), ..request.clone() };
    let line = "--run-dir /runs/100% --scratch \"$SLURM_TMPDIR/it's\" --set ipc=50";
    assert!(script(&far, &jobs[0]).contains(line));
    let discover = script(&request, &jobs[1]);
    assert!(!discover.contains("gpus"), "{discover}");
    let ends = "#SBATCH --reservation=mine\n#SBATCH --partition=cpu --mem=128G\n\ncd ";
    assert!(discover.contains(ends), "{discover}");
    let assemble = script(&request, &jobs[3]);
    assert!(!assemble.contains("ARRAY") && !assemble.contains("--array"), "{assemble}");
    assert!(
        assemble.contains("logs/assemble-%j.log")
            && assemble.contains("worker=0 self=$SLURM_JOB_ID\n")
    );
}

#[test]
fn directives_come_before_any_command() {
    let request = request();
    for job in jobs(&request, 1001) {
        let text = script(&request, &job);
        let first = text.lines().position(|l| !l.is_empty() && !l.starts_with('#')).unwrap();
        let last = text.lines().filter(|l| l.starts_with("#SBATCH")).count();
        assert!(text.lines().skip(first).all(|l| !l.starts_with("#SBATCH")) && last > 5, "{text}");
    }
}

/// Hands `text` to a checker; true where it found nothing, none where it is not installed.
fn passes(checker: &[&str], text: &str) -> Option<bool> {
    let mut command = Command::new(checker[0]);
    let mut child =
        command.args(&checker[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    eprintln!("{}", String::from_utf8_lossy(&output.stdout));
    Some(output.status.success())
}

#[test]
fn every_script_is_sound_bash() {
    for one_job in [false, true] {
        let request = Request { one_job, ..request() };
        let jobs = jobs(&request, 3);
        let mut texts: Vec<_> = jobs.iter().map(|job| script(&request, job)).collect();
        texts.push(submission(&request, &jobs));
        for text in texts {
            assert_eq!(passes(&["bash", "-n"], &text), Some(true), "{text}");
            if passes(&["shellcheck", "-"], &text) == Some(false) {
                panic!("shellcheck found something in\n{text}");
            }
        }
    }
}
