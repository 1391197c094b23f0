"""The workers' tasks on the cluster."""

from __future__ import annotations

import os
import time

import ray

from . import task as task_module
from .job import FAILED, Failed, Job
from .task import Ended, work

# Nodes need Ray and the program, not this package.
ray.cloudpickle.register_pickle_by_value(task_module)

# Seconds before a worker starts again that had to leave because others had not finished.
PAUSE = 5.0
# Variables of the driver that workers get too: credentials, the library, settings of tests.
HANDED_ON = ("AWS_", "GOOGLE_", "AZURE_", "ORT_DYLIB_PATH", "CODA_", "RUST_")


class Crew:
    """The tasks under way."""

    def __init__(self, job: Job) -> None:
        self.job = job
        # Ray's own retries would be silent; ours are said, counted, and told from failures.
        self.remote = ray.remote(num_cpus=job.cpus, num_gpus=job.gpus, max_retries=0, scheduling_strategy="SPREAD")(work)
        self.environment = {name: value for name, value in os.environ.items() if name.startswith(HANDED_ON)}
        self.tasks: dict[ray.ObjectRef, int] = {}
        self.later: list[tuple[float, int]] = []

    def fits(self) -> bool:
        """Whether any node is large enough for a worker, be it busy or not."""
        wanted = {"CPU": self.job.cpus, "GPU": self.job.gpus}
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return any(all(node.get(kind, 0) >= number for kind, number in wanted.items()) for node in nodes)

    def start(self, index: int) -> None:
        task = self.remote.remote(index, self.job.command(index), self.job.folder, self.environment)
        self.tasks[task] = index

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
        """Has all workers finish what is nearly done; those that do not answer are given up."""
        if not self.tasks:
            return
        for task in self.tasks:
            ray.cancel(task, force=False)
        _, silent = ray.wait(list(self.tasks), num_returns=len(self.tasks), timeout=self.job.patience)
        for task in silent:
            ray.cancel(task, force=True)
        self.tasks.clear()
