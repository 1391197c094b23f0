"""One worker: the program as a child of a Ray task, which does not outlive it."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

# Lines of stderr that are kept to say why a worker failed.
KEPT = 20
# The program ends within 20 seconds of being asked to.
GRACE = 30
PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True)
class Ended:
    """How a worker ended."""

    index: int
    code: int
    node: str
    tail: list[str]


def _dying_with_parent() -> Callable[[], None] | None:
    """What the child does before the program starts, so that where the task's process dies, the program does too."""
    if sys.platform != "linux":
        return None
    # Loaded before the fork: afterwards another thread's lock may be held for ever.
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return prepare


def work(index: int, command: list[str], folder: str, environment: dict[str, str]) -> Ended:
    """Runs `command` in `folder` to its end. Cancelled, it has the program finish what is nearly done."""
    # Ray cancels as Ctrl-C does, which is ignored, and lost, where a script started Ray's processes in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    child = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, errors="replace", preexec_fn=_dying_with_parent())
    tail: deque[str] = deque(maxlen=KEPT)
    reading = threading.Thread(target=lambda: tail.extend(line.rstrip() for line in child.stderr), daemon=True)
    reading.start()
    try:
        # In steps: Ray's cancellation does not break into a system call.
        while (code := child.poll()) is None:
            time.sleep(0.2)
    except KeyboardInterrupt:
        child.terminate()
        try:
            code = child.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
    reading.join(1)
    return Ended(index, code, socket.gethostname(), list(tail))
