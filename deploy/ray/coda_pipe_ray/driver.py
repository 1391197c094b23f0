"""The driver: gives out the workers' places, takes back those that were lost, and sees the run to its end."""

from __future__ import annotations

import time
from collections import Counter

from .crew import Crew
from .job import DONE, FAILED, INCOMPLETE, USAGE, Failed, Job
from .progress import Progress
from .task import Ended


class _Course:
    """What the ends of workers mean for the run."""

    def __init__(self, crew: Crew, progress: Progress) -> None:
        self.crew, self.job, self.progress = crew, crew.job, progress
        self.lost = 0
        self.failures: Counter[int] = Counter()
        # When the first worker said that all is done.
        self.complete: float | None = None
        # Whether worker 0 has yet to write the report, which it does when all is done.
        self.owed = self.job.reports()

    def take(self, index: int, ended: Ended | None, why: str) -> None:
        """A worker has ended: starts it again where that may help, raises `Failed` where it does not."""
        code = ended.code if ended else None
        if code == DONE:
            # All units of the run, not of its share alone.
            self.complete = self.complete or time.monotonic()
            self.owed = self.owed and index != 0
            self.crew.later = [(at, who) for at, who in self.crew.later if self.is_needed(who)]
        elif not self.is_needed(index):
            return
        elif code == INCOMPLETE:
            self.crew.start_later(index)
        elif code in (FAILED, USAGE):
            self.fail(index, ended)
        else:
            self.lose(index, why or f"ended with code {code} on {ended.node}")

    def is_needed(self, index: int) -> bool:
        """Whether the run is not over without that worker."""
        return self.complete is None or (index == 0 and self.owed)

    def fail(self, index: int, ended: Ended) -> None:
        """The program failed. A wrong pipeline is wrong for all, and at once; else a server or a folder may have been away."""
        self.failures[index] += 1
        said = "\n".join(ended.tail)
        what = f"worker {index}/{self.job.workers} on {ended.node} failed"
        if ended.code == USAGE or self.failures[index] >= self.job.tries:
            raise Failed(f"{what}:\n{said}", ended.code)
        self.progress.say(f"{what} and starts again ({self.failures[index]} of {self.job.tries} tries):\n{said}")
        self.crew.start_later(index)

    def lose(self, index: int, what: str) -> None:
        """A worker was killed, or its node was lost."""
        self.lost += 1
        if self.lost > self.job.losses:
            raise Failed(f"workers were lost {self.lost} times, the last {index}/{self.job.workers}: {what}", FAILED)
        self.progress.say(f"worker {index}/{self.job.workers} was lost and starts again: {what}")
        self.crew.start_later(index)

    def over(self) -> bool:
        """Whether nothing is left to wait for."""
        if not self.crew.tasks and not self.crew.later:
            return True
        if self.complete is None or self.owed or time.monotonic() - self.complete < self.job.patience:
            return False
        silent = ", ".join(f"{index}/{self.job.workers}" for index in sorted(self.crew.tasks.values()))
        self.progress.say(f"all is done; not waiting any longer for worker {silent}")
        return True


def run(job: Job) -> None:
    """Sees `job` to its end on the cluster that `ray.init` connected to.

    Raises `Failed` where a worker fails for good (`job.tries`), or workers were lost too often (`job.losses`). Interrupted,
    it stops the workers; the same call goes on later.
    """
    crew, progress = Crew(job), Progress(job.binary, job.run_dir, job.silent)
    course = _Course(crew, progress)
    if not crew.fits():
        # No error: a cluster that grows may get such a node.
        progress.say(f"no node has the {job.cpus:g} CPUs and {job.gpus:g} GPUs of a worker (--cpus, --gpus): waiting for one")
    for index in range(job.workers):
        crew.start(index)
    try:
        while not course.over():
            for end in crew.ended(1.0):
                course.take(*end)
            crew.start_due()
            progress.show()
    finally:
        progress.clear()
        crew.stop()
    progress.say(f"done: {job.run_dir}")
