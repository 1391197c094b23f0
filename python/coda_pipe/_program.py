"""The program: where it lies, and calls of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Iterable, List, Mapping, Optional, Union

if TYPE_CHECKING:
    from ._run import Run

PathLike = Union[str, "os.PathLike[str]"]
Settings = Union[Mapping[str, Any], Iterable[str]]

NAME = "coda-pipe"


class CodaPipeError(RuntimeError):
    """The program failed. The text is the program's message, `code` its exit code.

    Codes: 1 failed, 2 wrong command or pipeline, 75 not now (try again later), 130 interrupted (the same call continues);
    negative: ended by that signal.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        return self.message


def find_program() -> str:
    """The path of `coda-pipe`: of this module's own environment, else the first on PATH.

    Raises FileNotFoundError where there is none.
    """
    folders = [sysconfig.get_path("scripts")]
    user = f"{os.name}_user"
    if user in sysconfig.get_scheme_names():
        folders.append(sysconfig.get_path("scripts", scheme=user))
    # `pip install --target DIR` puts the program into DIR/bin.
    folders.append(str(Path(__file__).resolve().parent.parent / "bin"))
    for folder in folders:
        path = os.path.join(folder, NAME)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    found = shutil.which(NAME)
    if found is None:
        places = ", ".join(folders)
        raise FileNotFoundError(f"no program {NAME} in {places}, nor on PATH: pip install coda-pipe")
    return found


def run(
    pipeline: PathLike,
    *,
    set: Optional[Settings] = None,
    run_dir: Optional[PathLike] = None,
    only: Optional[str] = None,
    from_stage: Optional[str] = None,
    until: Optional[str] = None,
    force: bool = False,
    retry_failed: bool = False,
    quiet: bool = False,
) -> Run:
    """Runs a pipeline file, or continues an interrupted run, and opens the run directory.

    `set` overrides settings: `{"discover.ipc": 10}`, or `["ipc=10"]` as on the command line. Progress goes to `sys.stderr`
    unless `quiet`. The program's summary is `.summary` of the answer. Raises CodaPipeError with the program's message.
    """
    from ._run import Run

    arguments = ["run", os.fspath(pipeline), *_sets(set)]
    for name, value in (
        ("--run-dir", run_dir),
        ("--only", only),
        ("--from", from_stage),
        ("--until", until),
    ):
        if value is not None:
            arguments += [name, os.fspath(value)]
    for name, given in (("--force", force), ("--retry-failed", retry_failed)):
        if given:
            arguments.append(name)
    summary = _call(arguments, quiet)
    return Run(summary["run_dir"], summary)


def plan(
    pipeline: PathLike,
    *,
    set: Optional[Settings] = None,
    run_dir: Optional[PathLike] = None,
    measure: bool = False,
    workers: Iterable[int] = (),
    quiet: bool = False,
) -> dict[str, Any]:
    """Estimates what a run takes, as `coda-pipe plan --json` says it: images, bytes, memory and, with `measure`, seconds.

    `workers` are numbers of workers to simulate the run with; they need `measure`. Raises CodaPipeError with the program's
    message.
    """
    arguments = ["plan", os.fspath(pipeline), *_sets(set)]
    if run_dir is not None:
        arguments += ["--run-dir", os.fspath(run_dir)]
    if measure:
        arguments.append("--measure")
    counts = ",".join(str(count) for count in workers)
    if counts:
        arguments += ["--workers", counts]
    return _call(arguments, quiet)


def _sets(given: Optional[Settings]) -> List[str]:
    if given is None:
        return []
    if isinstance(given, str):
        raise TypeError("set: give a mapping, or a list of KEY=VALUE")
    if isinstance(given, Mapping):
        pairs = [f"{key}={_value(value)}" for key, value in given.items()]
    else:
        pairs = list(given)
    return [f"--set={pair}" for pair in pairs]


def _value(value: Any) -> str:
    """A value as `--set` takes it: text as it stands, all else as TOML has it, which for these is JSON."""
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        value = [os.fspath(item) if isinstance(item, os.PathLike) else item for item in value]
    return json.dumps(value, ensure_ascii=False)


def _call(arguments: List[str], quiet: bool) -> dict[str, Any]:
    """The program's JSON for `arguments`."""
    process = subprocess.Popen(
        [find_program(), *arguments, "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    assert process.stdout is not None and process.stderr is not None
    said: List[str] = []
    listener = threading.Thread(target=_listen, args=(process.stderr, said, quiet), daemon=True)
    listener.start()
    try:
        answer = process.stdout.read()
        code = process.wait()
    except BaseException:
        # A terminal's Ctrl-C reaches the program too; a SIGTERM just after it counts once. Units under way are finished.
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise
    finally:
        listener.join(timeout=5)
        process.stdout.close()
    if code != 0:
        raise CodaPipeError(_message(said, code), code)
    return dict(json.loads(answer))


def _listen(stream: IO[str], said: List[str], quiet: bool) -> None:
    """Keeps the last lines, and shows them as they come."""
    for line in stream:
        said.append(line)
        del said[:-200]
        if not quiet:
            sys.stderr.write(line)
            sys.stderr.flush()


def _message(said: List[str], code: int) -> str:
    """The lines from the last `error: ` on, without that word."""
    begins = [at for at, line in enumerate(said) if line.startswith("error: ")]
    lines = said[begins[-1] :] if begins else said[-1:]
    text = "".join(lines).strip()
    return text[len("error: ") :] if begins else text or f"{NAME} ended with code {code}"
