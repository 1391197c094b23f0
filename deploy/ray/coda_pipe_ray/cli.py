"""`coda-pipe-ray`."""

from __future__ import annotations

import argparse
import os
import signal
import sys

import ray

from .driver import run
from .job import INTERRUPTED, USAGE, Failed, Job


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="coda-pipe-ray", description="Run a coda-pipe pipeline over a Ray cluster; the same command goes on with it.",
        epilog="Exit codes are the program's: 0 done, 1 failed, 2 usage or configuration, 130 interrupted.")
    parser.add_argument("pipeline", help="the pipeline file, at the same place on all nodes")
    parser.add_argument("--run-dir", required=True, help="a folder that all nodes see, or s3://bucket/run (gs://, az://)")
    parser.add_argument("--workers", type=int, required=True, help="processes that share the run")
    parser.add_argument("--gpus", type=float, default=1, help="GPUs of each worker (default 1); 0 for none")
    parser.add_argument("--cpus", type=float, default=4, help="CPUs of each worker (default 4)")
    parser.add_argument("--address", help="the cluster's address (default: RAY_ADDRESS, a running cluster, or this machine)")
    parser.add_argument("--binary", default="coda-pipe", help="the program, at the same place on all nodes")
    parser.add_argument("--scratch", help="where files lie on each node when the run directory is in an object store")
    parser.add_argument("--set", dest="sets", action="append", default=[], metavar="KEY=VALUE", help="override a setting")
    parser.add_argument("--retries", type=int, help="times that workers may be lost, in all (default 20 for each worker)")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    found = parser.parse_args(arguments)
    if found.workers < 1:
        parser.error("--workers must be at least 1")
    return found


def main(arguments: list[str] | None = None) -> int:
    found = parse(arguments)
    # A path, if it is one, must mean the same in every worker.
    far = "://" in found.run_dir
    run_dir = found.run_dir if far else os.path.abspath(found.run_dir)
    job = Job(found.pipeline, run_dir, found.workers, found.gpus, found.cpus, found.sets, found.binary,
              retries=found.retries, scratch=found.scratch, silent=found.quiet)
    try:
        ray.init(address=found.address, log_to_driver=False, logging_level="warning")
    except (ConnectionError, ValueError, RuntimeError) as error:
        print(f"error: no Ray cluster: {error}", file=sys.stderr)
        return USAGE
    # A scheduler's way to say Ctrl-C; set after Ray, which has its own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run(job)
    except Failed as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("interrupted: run the same command again to continue", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
