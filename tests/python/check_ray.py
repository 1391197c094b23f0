"""Run a pipeline over a Ray cluster of two nodes on this machine, with workers killed, and compare with a run on its own.

    python check_ray.py BINARY PIPELINE FOLDER [WORKERS]

FOLDER holds the runs. Kills a coda-pipe process, then the process of a Ray worker, then takes a node away, each when a
further unit is done. Prints what happened as JSON; the exit code is not 0 where bytes differ. Needs: ray.
"""

import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import ray
from ray.cluster_utils import Cluster

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "deploy" / "ray"))
from coda_pipe_ray import Job, run  # noqa: E402


def results(run_dir: pathlib.Path) -> dict[str, str]:
    files = [path for name in ("distilled", "cores") for path in sorted((run_dir / name).iterdir())]
    return {str(path.relative_to(run_dir)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def receipts(run_dir: pathlib.Path) -> int:
    return sum(1 for _ in run_dir.rglob("*.receipt.json"))


def processes(run_dir: pathlib.Path) -> list[tuple[int, int]]:
    """Workers of this run as (process, parent)."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if str(run_dir).encode() in words and b"--partition" in words:
                found.append((int(entry.name), parent))
    return found


class Trouble(threading.Thread):
    """Kills and takes away while the run is under way."""

    def __init__(self, run_dir: pathlib.Path, cluster: Cluster, node) -> None:
        super().__init__(daemon=True)
        self.run_dir, self.cluster, self.node = run_dir, cluster, node
        self.done: list[str] = []

    def wait(self, units: int) -> list[tuple[int, int]]:
        """The workers, once so many units are done."""
        while receipts(self.run_dir) < units or not processes(self.run_dir):
            time.sleep(0.05)
        return processes(self.run_dir)

    def run(self) -> None:
        child, _ = self.wait(2)[0]
        os.kill(child, signal.SIGKILL)
        self.done.append("coda-pipe killed")
        _, parent = self.wait(5)[-1]
        os.kill(parent, signal.SIGKILL)
        self.done.append("Ray worker killed")
        self.wait(8)
        self.cluster.remove_node(self.node)
        self.done.append("node removed")


def main() -> None:
    binary, pipeline, folder = sys.argv[1:4]
    workers = int(sys.argv[4]) if len(sys.argv) > 4 else 4
    folder = pathlib.Path(folder).resolve()
    alone, shared = folder / "alone", folder / "shared"
    subprocess.run([binary, "run", pipeline, "--run-dir", str(alone)], check=True, stderr=subprocess.DEVNULL)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": workers})
    node = cluster.add_node(num_cpus=workers)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    nodes = len([node for node in ray.nodes() if node["Alive"]])
    trouble = Trouble(shared, cluster, node)
    trouble.start()
    run(Job(pipeline, str(shared), workers, gpus=0, cpus=1, binary=binary))
    orphans = len(processes(shared))
    ray.shutdown()
    cluster.shutdown()
    same = results(alone) == results(shared)
    print(json.dumps({"nodes": nodes, "workers": workers, "trouble": trouble.done, "files": len(results(shared)),
                      "same": same, "orphans": orphans, "ray": ray.__version__}))
    sys.exit(0 if same and not orphans else 1)


if __name__ == "__main__":
    main()
