//! `coda-pipe slurm`: what it writes, by a stand-in for sbatch; and a real cluster of one controller and two nodes.

use crate::harness::{Bench, checkout};
use crate::skip;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn path_with(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

/// Puts `text` on the path as the program `name`.
fn stand_in(bench: &Bench, name: &str, text: &str) -> String {
    let folder = bench.path("bin");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
    std::fs::set_permissions(folder.join(name), PermissionsExt::from_mode(0o755)).unwrap();
    path_with(&folder)
}

#[test]
fn jobs_are_submitted_in_order_each_waiting_for_all_of_the_one_before() {
    let bench = Bench::new();
    stand_in(&bench, "scontrol", "#!/bin/sh\necho 'MaxArraySize            = 3'\n");
    let sbatch = "#!/bin/sh\n[ \"$1\" = --version ] && exit\necho \"$@\" >>../../calls\n\
        wc -l <../../calls | tr -d ' ' | sed 's/$/;cluster/'\n";
    let path = stand_in(&bench, "sbatch", sbatch);
    let args = ["slurm", "p.toml", "--tasks", "7", "--cpu-tasks", "2", "--submit", "--json"];
    let output = bench.command(&args).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let calls = std::fs::read_to_string(bench.path("calls")).unwrap();
    let expected = "--parsable --array=0-2 encode.sbatch 0\n\
        --parsable --array=0-2 encode.sbatch 3\n\
        --parsable --array=0-0 encode.sbatch 6\n\
        --parsable --dependency=afterany:1:2:3 --array=0-1 discover.sbatch 0\n\
        --parsable --dependency=afterany:4 --array=0-2 generate.sbatch 0\n\
        --parsable --dependency=afterany:4 --array=0-2 generate.sbatch 3\n\
        --parsable --dependency=afterany:4 --array=0-0 generate.sbatch 6\n\
        --parsable --dependency=afterany:5:6:7 assemble.sbatch\n";
    assert_eq!(calls, expected);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["submitted"][3]["job"], "discover");
    assert_eq!(report["submitted"][7]["id"], "8");
    let encode = std::fs::read_to_string(bench.path("run/slurm/encode.sbatch")).unwrap();
    assert!(encode.contains("--partition \"$worker/7\"") && !encode.contains("gpus"), "{encode}");
}

#[test]
fn what_can_not_be_submitted_is_said() {
    let bench = Bench::new();
    bench.expect(2, &["slurm", "p.toml"]);
    bench.expect(2, &["slurm", "p.toml", "--tasks", "0"]);
    bench.expect(2, &["slurm", "p.toml", "--tasks", "2", "--nodes", "2"]);
    let (_, stderr) = bench.expect(2, &["slurm", "p.toml", "--tasks", "2", "--setup", "a\nb"]);
    assert!(stderr.contains("line breaks are not allowed"), "{stderr}");
    let args = ["slurm", "p.toml", "--tasks", "2", "--submit"];
    // A folder of bash alone: Slurm may be installed where this runs.
    let path = stand_in(&bench, "none", "");
    let only = path.split(':').next().unwrap();
    let output = bench.command(&args).env("PATH", only).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && stderr.contains("sbatch was not found"), "{stderr}");
    let refusing = "#!/bin/sh\n[ \"$1\" = --version ] && exit\n\
        case \"$*\" in *discover*) exit 1;; *) echo 5;; esac\n";
    let path = stand_in(&bench, "sbatch", refusing);
    let output = bench.command(&args).env("PATH", path).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("submitted before: encode 5"), "{stderr}");
}

#[test]
fn cards_are_told_by_number_where_the_pipeline_leaves_them_open() {
    let bench = Bench::new();
    let text = std::fs::read_to_string(bench.path("p.toml")).unwrap();
    std::fs::write(bench.path("open.toml"), text.replace("devices = \"cpu\"\n", "")).unwrap();
    let encode = |more: &[&str]| {
        bench.expect(0, &[&["slurm", "open.toml", "--tasks", "2"][..], more].concat());
        std::fs::read_to_string(bench.path("run/slurm/encode.sbatch")).unwrap()
    };
    let told = encode(&["--gpus-per-task", "2"]);
    assert!(told.contains("--set 'runtime.devices=[\"cuda:0\",\"cuda:1\"]'"), "{told}");
    let otherwise = encode(&["--gpus-per-task", "0", "--sbatch-gpu=--gres=gpu:4"]);
    assert!(otherwise.contains("#SBATCH --gres=gpu:4\n"), "{otherwise}");
    assert!(!otherwise.contains("--gpus-per-task") && !otherwise.contains("cuda"), "{otherwise}");
    let more = encode(&["--sbatch-gpu=--gres=gpu:4"]);
    assert!(!more.contains("cuda"), "how many there are is not known: {more}");
}

/// A cluster of this machine, from tests/slurm/cluster.sh; ended when dropped.
struct Cluster {
    folder: tempfile::TempDir,
}

impl Cluster {
    /// `None`, said loudly, where Slurm is not installed.
    fn start() -> Option<Self> {
        let installed = |name: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
            folders.map(|folder| folder.join(name)).any(|path| path.exists())
        };
        if !["slurmctld", "slurmd", "munged", "sbatch"].into_iter().all(installed) {
            skip::tool("Slurm (Debian: apt-get install slurm-wlm munge)");
            return None;
        }
        let cluster = Self { folder: tempfile::tempdir().unwrap() };
        cluster.script("start");
        Some(cluster)
    }

    fn script(&self, action: &str) {
        let script = checkout().join("tests/slurm/cluster.sh");
        let log = self.folder.path().join("script.log");
        // Daemons keep what they inherit open: a file, where a pipe would be waited for.
        let file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let mut command = Command::new("bash");
        command.arg(script).arg(action).arg(self.folder.path()).stdin(Stdio::null());
        let status = command.stdout(file.try_clone().unwrap()).stderr(file).status().unwrap();
        assert!(status.success(), "{}", std::fs::read_to_string(log).unwrap());
    }

    fn conf(&self) -> PathBuf {
        self.folder.path().join("slurm.conf")
    }

    /// One of Slurm's commands; what it prints.
    fn ask(&self, program: &str, args: &[&str]) -> String {
        self.try_to(program, args).unwrap_or_else(|stderr| panic!("{program} {args:?}: {stderr}"))
    }

    fn try_to(&self, program: &str, args: &[&str]) -> Result<String, String> {
        let output = Command::new(program).args(args).env("SLURM_CONF", self.conf()).output();
        let output = output.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = ["slurmctld.log", "slurmd-node1.log", "slurmd-node2.log"];
            for log in logs.map(|name| self.folder.path().join(name)) {
                eprintln!("{}", std::fs::read_to_string(log).unwrap_or_default());
            }
            let _ = std::panic::catch_unwind(|| self.script("stop"));
        } else {
            self.script("stop");
        }
    }
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(600);
    while !there() {
        assert!(Instant::now() < deadline, "not within ten minutes: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The process of worker `index` of the run in `run`, by what it was started with.
fn process_of(run: &Path, index: usize) -> Option<String> {
    let share = format!("{index}/4");
    std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).find_map(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        let ours = words.first()?.ends_with("coda-pipe")
            && words.contains(&run.to_string_lossy())
            && words.contains(&share.as_str().into());
        ours.then(|| entry.file_name().to_string_lossy().into_owned())
    })
}

/// Settings with which images take long enough for tasks to be caught at work, a quarter of a minute one process for all
/// of them however fast the machine; the run `whole` is made with them.
fn slow(bench: &Bench) -> Vec<String> {
    let with = |steps: usize| -> Vec<String> {
        let sets = ["ipc=10".to_owned(), format!("steps={steps}"), "generate.batch=1".to_owned()];
        sets.into_iter().flat_map(|set| ["--set".to_owned(), set]).collect()
    };
    let whole = |sets: &[String]| -> f64 {
        let args = ["run", "p.toml", "--run-dir", "whole", "--json", "--force"];
        let sets = sets.iter().map(String::as_str);
        let (stdout, _) = bench.expect(0, &args.into_iter().chain(sets).collect::<Vec<_>>());
        let summary: Value = serde_json::from_str(&stdout).unwrap();
        let stages = summary["stages"].as_array().unwrap();
        let generate = stages.iter().find(|stage| stage["stage"] == "generate").unwrap();
        generate["seconds"].as_f64().unwrap()
    };
    let seconds = whole(&with(60));
    let steps = (60.0 * 15.0 / seconds.max(0.1)) as usize;
    let sets = with(steps.clamp(60, 999));
    if steps > 60 {
        whole(&sets);
    }
    sets
}

/// On a real cluster: an array of four whose tasks are warned of their time limit, killed and requeued while they work.
/// What is over before it can be met so is left; not all of it may be.
#[test]
fn a_run_on_slurm_with_tasks_killed_and_requeued_leaves_the_same_bytes() {
    let Some(cluster) = Cluster::start() else { return };
    let bench = Bench::new();
    let slow = slow(&bench);
    let slow: Vec<&str> = slow.iter().map(String::as_str).collect();

    // A folder whose name needs quoting, twice over.
    let (run, log) = ("on slurm, 100% \"it's\"", "slurm/logs/generate");
    let asked = ["--tasks", "4", "--gpus-per-task", "1", "--cpus-per-task", "1", "--time", "30"];
    let args = ["slurm", "p.toml", "--submit", "--json", "--run-dir", run];
    let args = [&args[..], &asked, &slow];
    let output = bench.command(&args.concat()).env("SLURM_CONF", cluster.conf()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let generate = report["submitted"][2]["id"].as_str().unwrap().to_owned();
    let folder = bench.path(run);
    let said = |task: usize| {
        let path = folder.join(format!("{log}-{generate}_{task}.log"));
        std::fs::read_to_string(path).unwrap_or_default()
    };
    let receipts = || {
        let entries = std::fs::read_dir(folder.join("generate")).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".receipt.json")).count()
    };
    let finished_one = |task: usize| {
        let path = folder.join(format!("workers/{task}-of-4.events.jsonl"));
        let events = std::fs::read_to_string(path).unwrap_or_default();
        let mut ends = events.lines().filter(|line| line.contains("\"unit_finished\""));
        ends.any(|line| line.contains("\"generate/"))
    };
    let queued = |which: &[&str]| {
        let asked = [&["--noheader", "--array"][..], which].concat();
        !cluster.ask("squeue", &asked).is_empty()
    };
    let over = || receipts() >= 30 || !queued(&["--job", &generate]);

    let all = || (0..4).all(|task| process_of(&folder, task).is_some());
    wait_for("all four at work", || all() || over());
    // One that had finished none would say that its time is too short.
    wait_for("an image by worker 3", || finished_one(3) || over());
    // What Slurm does a minute before the end. The last task, whose job number is the whole array's.
    let task = format!("{generate}_3");
    let _ = cluster.try_to("scancel", &["--batch", "--signal=USR1", &task]);
    let warned = || said(3).contains("the time is nearly up: back into the queue");
    wait_for("task 3 back in the queue", || warned() || over());
    let mut killed = false;
    wait_for("worker 1 killed", || {
        killed = process_of(&folder, 1).is_some_and(|process| {
            Command::new("kill").args(["-KILL", &process]).status().unwrap().success()
        });
        killed || over()
    });
    // One that is just ending can't be requeued.
    let requeue = |task: &&str| {
        cluster.try_to("scontrol", &["requeue", &format!("{generate}_{task}")]).is_ok()
    };
    let requeued = ["0", "2"].iter().filter(|task| requeue(task)).count();
    let left = receipts() < 30;
    assert!(warned() || killed || (requeued > 0 && left), "nothing met a task at work");
    wait_for("the end of all jobs", || !queued(&[]));

    let results = [run, "whole"].map(|run| bench.results(run));
    let logs = [0, 1, 2, 3].map(&said).join("\n");
    assert_eq!(results[0], results[1], "{logs}");
    assert!(!warned() || said(3).contains("SIGUSR1"), "{logs}");
    assert!(!killed || said(1).contains("Killed"), "{logs}");
    let begun = (0..4).map(|task| said(task).matches("worker ").count()).collect::<Vec<_>>();
    let came_back = begun[0] + begun[2] + begun[3] > 3;
    assert!(came_back || requeued == 0 || !left, "no task came back: {begun:?}");
    let (_, stderr) = bench.expect(0, &["verify", run]);
    assert!(!stderr.contains("damaged"), "{stderr}");
}
