"""What a run has done so far, as `coda-pipe status --json` tells it, on stderr."""

from __future__ import annotations

import json
import subprocess
import sys
import time

# Seconds between two looks: on a terminal, where the line is overwritten, and elsewhere.
EVERY = {True: 2.0, False: 15.0}


class Progress:
    """A line that is overwritten on a terminal, a line now and then elsewhere."""

    def __init__(self, binary: str, run_dir: str, silent: bool) -> None:
        self.command = [binary, "status", run_dir, "--json"]
        self.silent = silent
        self.terminal = sys.stderr.isatty()
        self.next = 0.0
        self.last = ""

    def show(self) -> None:
        """Says where the run stands, if it is time to. A run that can't be looked at from here is passed over."""
        if self.silent or time.monotonic() < self.next:
            return
        self.next = time.monotonic() + EVERY[self.terminal]
        try:
            found = subprocess.run(self.command, capture_output=True, text=True, timeout=30)
            status = json.loads(found.stdout)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return
        line = describe(status)
        if line and line != self.last:
            self.last = line
            print(f"\r\033[K{line}" if self.terminal else line, end="" if self.terminal else "\n", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Takes the line off the terminal, so that what comes next has its own."""
        if self.terminal and not self.silent:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A message of its own."""
        if not self.silent:
            print(("\r\033[K" if self.terminal else "") + text, file=sys.stderr, flush=True)


def describe(status: dict) -> str:
    """Where a run stands, in a line."""
    stages = [stage for stage in status.get("stages", []) if stage.get("total") is not None]
    if not stages:
        return ""
    stage = next((stage for stage in stages if stage["done"] < stage["total"]), stages[-1])
    working = [worker for worker in status.get("workers", []) if worker["state"] == "working"]
    slow = [worker["worker"] for worker in working if worker.get("slow")]
    said = f"{stage['stage']} {stage['done']}/{stage['total']} units, {len(working)} workers"
    return said + (f", slow: {', '.join(slow)}" if slow else "")
