//! The scripts' text; tests/it/slurm.rs has Slurm run them.

use super::super::chain::STAGES;
use super::super::{Request, Resources, jobs, submission};
use super::*;
use std::io::Write as _;
use std::path::Path;
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
        cards: true,
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
    let jobs = jobs(&request, 1001, &STAGES);
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
    let remote = Request { scratch: Some("$SLURM_TMPDIR/it's".into()), ..request.clone() };
    let line = "--run-dir /runs/100% --scratch \"$SLURM_TMPDIR/it's\" --set ipc=50";
    assert!(script(&remote, &jobs[0]).contains(line));
    let discover = script(&request, &jobs[1]);
    assert!(!discover.contains("gpus"), "{discover}");
    let ends = "#SBATCH --reservation=mine\n#SBATCH --partition=cpu --mem=128G\n\ncd ";
    assert!(discover.contains(ends), "{discover}");
    assert!(discover.contains("\ntries=/runs/100%/slurm/logs/discover-\"$self.tries\"\n"));
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
    for job in jobs(&request, 1001, &STAGES) {
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
    crate::say!("{}", String::from_utf8_lossy(&output.stdout));
    Some(output.status.success())
}

#[test]
fn every_script_is_sound_bash() {
    for one_job in [false, true] {
        let request = Request { one_job, pinned: true, ..request() };
        let jobs = jobs(&request, 3, &STAGES);
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

/// The numbers of those of `texts` that have `part` in them.
fn with(texts: &[String], part: &str) -> Vec<usize> {
    (0..texts.len()).filter(|&at| texts[at].contains(part)).collect()
}

#[test]
fn jobs_that_use_cards_are_told_which_and_may_ask_for_them_otherwise() {
    let pinned = Request { pinned: true, ..request() };
    let of = |request: &Request| -> Vec<String> {
        jobs(request, 1001, &STAGES).iter().map(|job| script(request, job)).collect()
    };
    let flags = "--set 'runtime.devices=[\"cuda:0\",\"cuda:1\"]' --set ipc=50";
    assert_eq!(with(&of(&pinned), flags), [0, 2]);
    assert!(of(&request()).iter().all(|text| !text.contains("runtime.devices")));
    let mut otherwise = request();
    otherwise.resources.gpus = 0;
    otherwise.resources.extra_gpu = vec!["--gres=gpu:a100:2".into()];
    let texts = of(&otherwise);
    assert!(texts.iter().all(|text| !text.contains("--gpus-per-task")));
    assert_eq!(with(&texts, "#SBATCH --gres=gpu:a100:2\n"), [0, 2]);
    assert_eq!(with(&texts, "--mem=128G"), [1, 3]);
}

/// Runs the script of `job` in a folder, with the shell lines `program` for the program: its exit code, and what Slurm was
/// asked to do.
fn ends(folder: &Path, job: usize, report: bool, program: &str) -> (Option<i32>, String) {
    let at = |name: &str| folder.join(name);
    std::fs::create_dir_all(at("logs")).unwrap();
    // Read by a shell, not started: another test's child may hold it open for writing.
    std::fs::write(at("run"), program).unwrap();
    std::fs::write(at("asked"), "").unwrap();
    let stand_in = |name: &str| format!("{name}() {{ echo {name} \"$*\" >>asked; }}");
    let request = Request {
        program: "sh".into(),
        folder: folder.display().to_string(),
        out: folder.display().to_string(),
        setup: ["scontrol", "scancel"].map(stand_in).into(),
        report,
        one_job: report,
        ..request()
    };
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(script(&request, &jobs(&request, 1001, &STAGES)[job]));
    bash.envs([("SLURM_JOB_ID", "9"), ("SLURM_ARRAY_JOB_ID", "7"), ("SLURM_ARRAY_TASK_ID", "2")]);
    let output = bash.output().unwrap();
    (output.status.code(), std::fs::read_to_string(at("asked")).unwrap())
}

#[test]
fn what_slurm_is_asked_follows_from_how_the_program_ends() {
    let dir = tempfile::tempdir().unwrap();
    let ends = |job, program: &str| ends(dir.path(), job, false, program);
    let tries = || std::fs::read_to_string(dir.path().join("logs/encode-7_2.tries")).ok();
    let requeued = |code| (Some(code), "scontrol requeue 7_2\n".to_owned());
    let cancelled = (Some(0), "scancel --quiet --state=PENDING 7\n".to_owned());
    assert_eq!(ends(0, "exit 0"), cancelled);
    assert_eq!(ends(3, "exit 0"), (Some(0), String::new()));
    assert_eq!(ends(3, "exit 75"), (Some(75), "scontrol requeue 9\n".to_owned()));
    assert_eq!(ends(0, "exit 1"), (Some(1), String::new()));
    assert_eq!(ends(0, "exit 130"), (Some(130), String::new()), "not by a warning");
    // However often it came back for other reasons.
    for _ in 0..2 {
        for tried in ["1\n", "2\n", "3\n"] {
            assert_eq!(ends(0, "exit 75"), requeued(75));
            assert_eq!(tries().as_deref(), Some(tried));
        }
        assert_eq!(ends(0, "exit 75"), (Some(75), String::new()), "the fourth time");
        assert_eq!(tries(), None);
    }
    ends(0, "exit 75");
    assert_eq!(ends(0, "exit 0"), cancelled);
    assert_eq!(tries(), None);
}

#[test]
fn signals_to_the_shell_reach_the_program_and_its_code_counts() {
    let dir = tempfile::tempdir().unwrap();
    let ends = |program: &str| ends(dir.path(), 0, false, program);
    // A program that signals the shell that started it, once that has its number, and ends of what is handed on.
    let on = |name: &str, then: &str| {
        format!(
            "trap '{then}' {name}\nsleep 0.3\nkill -{name} $PPID\nwhile :; do sleep 0.05; done\n"
        )
    };
    let requeued = |code| (Some(code), "scontrol requeue 7_2\n".to_owned());
    assert_eq!(ends(&on("USR1", "exit 130")), requeued(130));
    assert_eq!(ends(&on("USR1", "sleep 0.3; exit 130")), requeued(130));
    assert_eq!(ends(&on("USR1", "exit 3")), (Some(3), String::new()));
    assert_eq!(ends(&on("TERM", "sleep 0.3; exit 130")), (Some(130), String::new()));
    assert_eq!(ends("sleep 0.3; kill -USR1 $PPID; exec sleep 60"), requeued(138));
}

#[test]
fn worker_0_is_left_in_the_queue_where_it_has_the_report_to_write() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(ends(dir.path(), 0, true, "exit 0"), (Some(0), String::new()));
}
