"""Run a pipeline over a Ray cluster of three nodes on this machine, with workers killed, and compare with a run on its own.

    python check_ray.py BINARY PIPELINE FOLDER

FOLDER holds the runs. Asks for a setting that there is not, then stops the command with SIGTERM and goes on: kills a
coda-pipe process, then the process of a Ray worker, then a node, then has another fall silent as if its network were cut,
each when further units are done. Prints what happened as JSON; the exit code is not 0 where bytes differ. Needs: ray.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import ray
from ray._private.node import Node
from ray.cluster_utils import Cluster

PACKAGE = str(pathlib.Path(__file__).resolve().parents[2] / "deploy" / "ray")
sys.path.insert(0, PACKAGE)
from coda_pipe_ray import Failed, Job, run  # noqa: E402
from coda_pipe_ray.driver import _Course  # noqa: E402
from coda_pipe_ray.progress import Progress  # noqa: E402
from coda_pipe_ray.task import Ended  # noqa: E402

WORKERS = 4


def results(run_dir: pathlib.Path) -> dict[str, str]:
    files = [path for name in ("distilled", "cores") for path in sorted((run_dir / name).iterdir())]
    return {str(path.relative_to(run_dir)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def receipts(run_dir: pathlib.Path) -> int:
    return sum(1 for _ in run_dir.rglob("*.receipt.json"))


def parent_of(process: int | str) -> int:
    return int(pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])


def processes(run_dir: pathlib.Path) -> list[tuple[int, int]]:
    """Workers of this run as (process, parent)."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = parent_of(entry.name)
            except OSError:
                continue
            if str(run_dir).encode() in words and b"--partition" in words:
                found.append((int(entry.name), parent))
    return found


class StandIn:
    """A crew that only notes who is to start again."""

    def __init__(self, job: Job) -> None:
        self.job, self.tasks = job, {}
        self.later: list[tuple[float, int]] = []

    def start_later(self, index: int) -> None:
        self.later.append((0.0, index))


def course(job: Job, *ends: tuple[int, int]) -> list[int] | int:
    """What comes of workers that end with such codes, in this order: who is to start again, or the code of the failure."""
    course = _Course(StandIn(job), Progress(job.binary, job.run_dir, True))
    try:
        for index, code in ends:
            course.take(index, Ended(index, code, "node", []), "")
    except Failed as error:
        return error.code
    return [index for _, index in course.crew.later]


def check_course(job: Job) -> None:
    """What the driver decides, and gives its workers."""
    assert course(job, (1, 1), (2, 1), (1, 1)) == [1, 2, 1]
    assert course(job, (1, 1), (2, 1), (1, 1), (1, 1)) == 1
    assert course(job, (1, 2)) == 2
    assert course(job, (0, 75), (1, 0), (2, -9)) == []
    assert course(replace(job, retries=1), (0, -9), (1, -9)) == 1
    assert job.losses == 20 * WORKERS
    reporting = replace(job, sets=["report=true"])
    assert not job.reports() and reporting.reports()
    assert course(reporting, (0, 75), (1, 75), (2, 0)) == [0]
    assert course(reporting, (2, 0), (0, -9), (1, -9)) == [0]
    assert course(reporting, (0, 0), (1, 1)) == []
    sets = ["runtime.workers=3", "runtime.threads=3", 'runtime.devices=["cuda:0","cuda:1"]']
    assert replace(job, gpus=2, cpus=3).own_sets() == sets


def command(address: str, job: Job) -> subprocess.Popen:
    """`coda-pipe-ray` with that job."""
    arguments = ["--address", address, "--binary", job.binary, "--run-dir", job.run_dir, "--workers", str(job.workers)]
    arguments += ["--gpus", "0", "--cpus", "1", *(part for setting in job.sets for part in ("--set", setting))]
    return subprocess.Popen([sys.executable, "-m", "coda_pipe_ray.cli", job.pipeline, *arguments], text=True,
                            stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": PACKAGE})


def refused(address: str, job: Job) -> dict:
    """How the command ends where the program refuses what it is given."""
    driver = command(address, replace(job, sets=["no_such=1"]))
    said = driver.communicate(timeout=120)[1]
    return {"code": driver.returncode, "said": said}


def stopped(address: str, job: Job) -> dict:
    """How the command and its workers end on SIGTERM, once two units are done."""
    driver, run_dir = command(address, job), pathlib.Path(job.run_dir)
    while receipts(run_dir) < 2:
        assert driver.poll() is None, driver.communicate()[1]
        time.sleep(0.05)
    driver.terminate()
    driver.communicate(timeout=120)
    notes = [json.loads(path.read_text()) for path in sorted(run_dir.glob("workers/*-of-*.json"))]
    return {"code": driver.returncode, "states": [note["state"] for note in notes]}


class Trouble(threading.Thread):
    """Kills and takes away while the run is under way."""

    def __init__(self, run_dir: pathlib.Path, cluster: Cluster, gone: Node, silent: Node) -> None:
        super().__init__(daemon=True)
        self.run_dir, self.cluster, self.gone, self.silent = run_dir, cluster, gone, silent
        self.done: list[str] = []
        self.frozen: list[int] = []

    def wait(self, units: int) -> list[tuple[int, int]]:
        """The workers, once so many units are done."""
        while receipts(self.run_dir) < units or not processes(self.run_dir):
            time.sleep(0.05)
        return processes(self.run_dir)

    def run(self) -> None:
        begun = receipts(self.run_dir)
        child, _ = self.wait(begun + 2)[0]
        os.kill(child, signal.SIGKILL)
        self.done.append("coda-pipe killed")
        _, parent = self.wait(begun + 5)[-1]
        os.kill(parent, signal.SIGKILL)
        self.done.append("Ray worker killed")
        self.wait(begun + 8)
        self.cluster.remove_node(self.gone, allow_graceful=False)
        self.done.append("node removed")
        self.wait(begun + 11)
        self.fall_silent(self.silent.all_processes["raylet"][0].process.pid)
        self.done.append("node silent")

    def fall_silent(self, raylet: int) -> None:
        """What a lost network looks like from elsewhere: connections stay open, and nobody answers. The program works on."""
        while not (here := {parent for _, parent in processes(self.run_dir) if parent_of(parent) == raylet}):
            time.sleep(0.05)
        self.frozen = [raylet, *here]
        for process in self.frozen:
            os.kill(process, signal.SIGSTOP)


def main() -> None:
    binary, pipeline, folder = sys.argv[1:]
    # Ray says on stdout, now and then, which of its processes died: what is printed below goes out alone.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    folder = pathlib.Path(folder).resolve()
    alone, shared = folder / "alone", folder / "shared"
    subprocess.run([binary, "run", pipeline, "--run-dir", str(alone)], check=True, stderr=subprocess.DEVNULL)
    # As where a script starts Ray in the background: its processes ignore SIGINT.
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    # As many places as workers, so that each node has one.
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": WORKERS - 2})
    others = [cluster.add_node(num_cpus=1) for _ in range(2)]
    signal.signal(signal.SIGINT, usual)
    job = Job(pipeline, str(shared), WORKERS, gpus=0, cpus=1, binary=binary, patience=5)
    check_course(job)
    was_refused, was_stopped = refused(cluster.address, job), stopped(cluster.address, job)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    nodes = len([node for node in ray.nodes() if node["Alive"]])
    trouble = Trouble(shared, cluster, *others)
    trouble.start()
    run(job)
    orphans = len(processes(shared))
    for process in trouble.frozen:
        os.kill(process, signal.SIGKILL)
    ray.shutdown()
    cluster.shutdown()
    same = results(alone) == results(shared)
    print(json.dumps({"nodes": nodes, "workers": WORKERS, "trouble": trouble.done, "files": len(results(shared)),
                      "same": same, "orphans": orphans, "refused": was_refused, "stopped": was_stopped,
                      "ray": ray.__version__}), file=answer, flush=True)
    sys.exit(0 if same and not orphans else 1)


if __name__ == "__main__":
    main()
