"""What is run, and how it can end."""

from __future__ import annotations

import os
import pathlib
import re
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
    retries: int | None = None  # times that workers may be lost, in all: killed, or their node gone; None: 20 for each
    tries: int = 3  # of each worker that the program ends with 1, as where a server is away for a while
    scratch: str | None = None
    silent: bool = False
    # Seconds that workers have to end: where all is done, and where they were asked to stop. Ray takes minutes to give up a
    # node that fell silent, as at a power cut.
    patience: float = 45

    @property
    def losses(self) -> int:
        """Times that workers may be lost, in all."""
        return 20 * self.workers if self.retries is None else self.retries

    def in_file(self, key: str) -> str | None:
        """What the pipeline file has for `key`, as it is written there; `None` where it can't be read here."""
        try:
            text = pathlib.Path(self.folder, self.pipeline).read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None
        found = re.search(rf"^[^#\n]*\b{key}\s*=\s*(.*)", text, re.MULTILINE)
        return found.group(1) if found else None

    def reports(self) -> bool:
        """Whether the run writes its report, which worker 0 does when all is done."""
        pairs = [setting.partition("=") for setting in self.sets]
        given = [value.strip() for name, _, value in pairs if name.strip() in ("report", "output.report")]
        return (given[-1] if given else self.in_file("report") or "").startswith("true")

    def own_sets(self) -> list[str]:
        """Settings that follow from a worker's share of its node, where the pipeline file has none: without them the program
        would take all processors, and go on without a card where it finds none that works."""
        cpus, cards = max(1, int(self.cpus)), int(self.gpus)
        sets = [f"runtime.{key}={cpus}" for key in ("workers", "threads") if self.in_file(key) is None]
        if cards and (self.in_file("devices") or "auto").lstrip("\"'").startswith("auto"):
            sets.append("runtime.devices=[" + ",".join(f'"cuda:{card}"' for card in range(cards)) + "]")
        return sets

    def command(self, index: int) -> list[str]:
        """The program as the worker of this index."""
        command = [self.binary, "run", self.pipeline, "--run-dir", self.run_dir, "--partition", f"{index}/{self.workers}"]
        command += ["--scratch", self.scratch] if self.scratch else []
        # Of a setting that is given twice the last counts, which is the user's.
        return command + [part for setting in [*self.own_sets(), *self.sets] for part in ("--set", setting)]
