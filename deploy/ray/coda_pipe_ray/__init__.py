"""Runs a coda-pipe pipeline over a Ray cluster: one task a worker, each the program itself with its `--partition`.

The run directory decides what is done, so tasks can be killed, moved and repeated at will: see docs/run-directory.md.
"""

from .driver import run
from .job import Failed, Job

__all__ = ["Failed", "Job", "run"]
