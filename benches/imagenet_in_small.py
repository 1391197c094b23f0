"""ImageNet's pipeline on a synthetic ImageNet: 1,000 classes of 20 small JPEGs, the miniature model in SDXL's place.

    cargo build --release
    python benches/imagenet_in_small.py [--library ONNXRUNTIME] [--folder DIR]     (needs Pillow, NumPy)

Makes the shards, lists the units (`--dry-run`), plans (`plan --measure`), runs, checks number and labels of what comes
out, and sets the plan beside what the run took.
"""

import argparse
import collections
import io
import json
import os
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import numpy
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = {
    "model.path": ROOT / "models/demo",
    "encode.size": 32,
    "generate.size": 32,
    "output.size": 32,
    "generate.batch": 8,
    "ipc": 2,
    "devices": "cpu",
}


def make(folder, each):
    """Images of a class share a colour and a wave; their order over the shards is mixed."""
    lines = (ROOT / "pipelines/classes/imagenet.txt").read_text().splitlines()
    classes = [line.split(",")[0] for line in lines if line and not line.startswith("#")]
    random = numpy.random.default_rng(7)
    samples = [(name, number) for name in classes for number in range(each)]
    random.shuffle(samples)
    y, x = numpy.mgrid[0:64, 0:64] / 64
    per_shard = 1_000
    for start in range(0, len(samples), per_shard):
        with tarfile.open(folder / f"train-{start // per_shard:06}.tar", "w") as tar:
            for name, number in samples[start : start + per_shard]:
                own = numpy.random.default_rng(int(name[1:]))
                colour, turn = own.uniform(40, 215, 3), own.uniform(1, 9, 2)
                wave = numpy.sin(x * turn[0] + y * turn[1] + random.uniform(0, 6))[..., None]
                pixels = colour + 35 * wave + random.normal(0, 8, (64, 64, 3))
                file = io.BytesIO()
                Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(file, "JPEG", quality=90)
                member = tarfile.TarInfo(f"{name}_{number:04}.jpg")
                member.size = file.tell()
                file.seek(0)
                tar.addfile(member, file)
    return classes


def call(command, **more):
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)
    out, err = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"{command}\n{err}")
    return out, time.perf_counter() - started


def peak(command, log):
    """Seconds and peak resident bytes of a run."""
    started = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, 2, str(log), os.O_WRONLY | os.O_CREAT, 0o644)]
    _, status, usage = os.wait4(os.posix_spawn(command[0], command, os.environ, file_actions=quiet), 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(Path(log).read_text())
    return time.perf_counter() - started, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--coda-pipe", default=str(ROOT / "target/release/coda-pipe"))
    parser.add_argument("--library", help="the ONNX Runtime library, where it isn't found by itself")
    parser.add_argument("--folder", help="where to work; kept")
    parser.add_argument("--each", type=int, default=20, help="images a class")
    given = parser.parse_args()
    if given.library:
        os.environ["ORT_DYLIB_PATH"] = str(Path(given.library).resolve())
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        folder = Path(folder)
        classes = make(folder, given.each)
        run = folder / "run"
        settings = {"data.shards": folder / "train-*.tar", **SETTINGS}
        sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        command = [os.path.abspath(given.coda_pipe), "run", str(ROOT / "pipelines/imagenet.toml")]
        command += [*sets, "--run-dir", str(run)]
        listed, seconds = call([*command, "--dry-run"])
        print(f"--dry-run, {seconds:.1f} s:\n{listed}")
        planned, seconds = call([command[0], "plan", *command[2:], "--measure", "--json"])
        planned = json.loads(planned)
        print(f"plan --measure: {seconds:.1f} s", flush=True)
        seconds, memory = peak(command, folder / "log")
        took = {event["stage"]: event for event in map(json.loads, (run / "events.jsonl").read_text().splitlines())
                if event["event"] == "stage_finished"}
        print("| stage | seconds planned | taken | bytes planned | written |\n|---|---|---|---|---|")
        for row in planned["stages"]:
            real = took.get(row["stage"], {})
            print(f"| {row['stage']} | {row['seconds'] or 0:.1f} | {real.get('seconds', 0):.1f} "
                  f"| {row['bytes']:,} | {real.get('bytes', 0):,} |")
        written = sum(file.stat().st_size for file in run.rglob("*") if file.is_file())
        totals = planned["totals"]
        print(f"| all | {totals['seconds'] or 0:.1f} | {seconds:.1f} | {totals['bytes_left']:,} | {written:,} |")
        print(f"peak memory: planned {totals['memory_bytes'] / 2**20:.0f} MiB, {memory / 2**20:.0f} MiB taken")
        check(run, classes)


def check(run, classes):
    """Every class twice, the label of each sample that of its key."""
    found = collections.Counter()
    for shard in sorted((run / "distilled").glob("*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                key, extension = member.name.split(".", 1)
                if extension == "cls":
                    label = int(tar.extractfile(member).read())
                    assert classes[label] == key.rsplit("_", 1)[0], member.name
                    found[label] += 1
    assert found == {label: SETTINGS["ipc"] for label in range(len(classes))}, len(found)
    print(f"{sum(found.values())} images of {len(found)} classes, each with its label")


if __name__ == "__main__":
    main()
