"""What is run, and how it can end."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

# The program's exit codes.
DONE, FAILED, USAGE, INCOMPLETE, INTERRUPTED = 0, 1, 2, 75, 130


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
    # Seconds that workers have to end: where all is done, and where they were asked to stop. Ray takes minutes to give up a
    # node that fell silent, as at a power cut.
    patience: float = 45

    def command(self, index: int) -> list[str]:
        """The program as the worker of this index."""
        command = [self.binary, "run", self.pipeline, "--run-dir", self.run_dir, "--partition", f"{index}/{self.workers}"]
        command += ["--scratch", self.scratch] if self.scratch else []
        return command + [part for setting in self.sets for part in ("--set", setting)]
