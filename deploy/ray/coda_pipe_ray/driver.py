"""The driver: gives out the workers' places, takes back those that were lost, and sees the run to its end."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

import ray

from . import task as task_module
from .progress import Progress
from .task import Ended, work

# Nodes need Ray and the program, not this package.
ray.cloudpickle.register_pickle_by_value(task_module)

# The program's exit codes.
DONE, FAILED, USAGE, INCOMPLETE, INTERRUPTED = 0, 1, 2, 75, 130
# Seconds before a worker starts again that had to leave because others had not finished.
PAUSE = 5.0
# Variables of the driver that workers get too: credentials, the library, settings of tests.
HANDED_ON = ("AWS_", "GOOGLE_", "AZURE_", "ORT_DYLIB_PATH", "CODA_", "RUST_")


class Failed(RuntimeError):
    """A worker failed for a reason that another try does not cure."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Job:
    """What is run, and with what."""

    pipeline: str
    run_dir: str  # a folder that all nodes see, or s3://bucket/run (gs://, az://)
    workers: int
    gpus: float = 1  # of each worker
    cpus: float = 4  # of each worker
    sets: list[str] = field(default_factory=list)
    binary: str = "coda-pipe"
    folder: str = field(default_factory=os.getcwd)  # what the pipeline's path is relative to, on all nodes
    retries: int = 20  # of a worker that was killed or whose node was lost
    scratch: str | None = None
    silent: bool = False

    def command(self, index: int) -> list[str]:
        """The program as the worker of this index."""
        command = [self.binary, "run", self.pipeline, "--run-dir", self.run_dir, "--partition", f"{index}/{self.workers}"]
        command += ["--scratch", self.scratch] if self.scratch else []
        return command + [part for setting in self.sets for part in ("--set", setting)]


class _Crew:
    """The tasks under way."""

    def __init__(self, job: Job) -> None:
        self.job = job
        # Ray's own retries would be silent; ours are said, counted, and told from failures.
        self.remote = ray.remote(num_cpus=job.cpus, num_gpus=job.gpus, max_retries=0, scheduling_strategy="SPREAD")(work)
        self.environment = {name: value for name, value in os.environ.items() if name.startswith(HANDED_ON)}
        self.tasks: dict[ray.ObjectRef, int] = {}
        self.later: list[tuple[float, int]] = []

    def start(self, index: int) -> None:
        task = self.remote.remote(index, self.job.command(index), self.job.folder, self.environment)
        self.tasks[task] = index

    def fits(self) -> bool:
        """Whether some node is large enough for a worker, were it idle."""
        asked = {"CPU": self.job.cpus, "GPU": self.job.gpus}
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return any(all(node.get(kind, 0) >= amount for kind, amount in asked.items()) for node in nodes)

    def start_later(self, index: int) -> None:
        self.later.append((time.monotonic() + PAUSE, index))

    def start_due(self) -> None:
        now = time.monotonic()
        due = [index for at, index in self.later if at <= now]
        self.later = [(at, index) for at, index in self.later if at > now]
        for index in due:
            self.start(index)

    def ended(self, seconds: float) -> list[tuple[int, Ended | None, str]]:
        """Workers that have ended: how, or `None` and why where the process or its node was lost."""
        if not self.tasks:
            time.sleep(min(seconds, 0.2))
            return []
        ready, _ = ray.wait(list(self.tasks), num_returns=1, timeout=seconds)
        found = []
        for task in ready:
            index = self.tasks.pop(task)
            try:
                found.append((index, ray.get(task), ""))
            except ray.exceptions.RayTaskError as error:
                # The program could not be started at all.
                said = str(error).strip().splitlines()[-1]
                raise Failed(f"worker {index}/{self.job.workers} could not be started: {said}", FAILED) from error
            except ray.exceptions.RayError as error:
                found.append((index, None, str(error).strip().splitlines()[0]))
        return found

    def stop(self) -> None:
        """Has all workers finish what is nearly done."""
        for task in self.tasks:
            ray.cancel(task, force=False)
        ray.wait(list(self.tasks), num_returns=len(self.tasks), timeout=60) if self.tasks else None
        self.tasks.clear()


def run(job: Job) -> None:
    """Sees `job` to its end on the cluster that `ray.init` connected to.

    Raises `Failed` where a worker fails for good, or was lost more than `job.retries` times in all. Interrupted, it stops
    the workers; the same call goes on later.
    """
    crew, progress = _Crew(job), Progress(job.binary, job.run_dir, job.silent)
    lost = 0
    if not crew.fits():
        # No error: a cluster that grows may get such a node.
        progress.say(f"no node has the {job.cpus:g} CPUs and {job.gpus:g} GPUs of a worker (--cpus, --gpus): waiting for one")
    for index in range(job.workers):
        crew.start(index)
    try:
        while crew.tasks or crew.later:
            for index, ended, why in crew.ended(1.0):
                if ended is not None and ended.code == DONE:
                    continue
                if ended is not None and ended.code in (FAILED, USAGE):
                    said = "\n".join(ended.tail)
                    raise Failed(f"worker {index}/{job.workers} on {ended.node} failed:\n{said}", ended.code)
                if ended is not None and ended.code == INCOMPLETE:
                    crew.start_later(index)
                    continue
                lost += 1
                what = why or f"ended with code {ended.code} on {ended.node}"
                if lost > job.retries:
                    raise Failed(f"workers were lost {lost} times, the last {index}/{job.workers}: {what}", FAILED)
                progress.say(f"worker {index}/{job.workers} was lost and starts again: {what}")
                crew.start_later(index)
            crew.start_due()
            progress.show()
    finally:
        progress.clear()
        crew.stop()
    progress.say(f"done: {job.run_dir}")
