#!/usr/bin/env python3
"""Distils the sets that train.py learns from, row by row (train.py does it too where a set is missing).

    python distil.py --beds BEDS --cache CACHE --coda-pipe target/release/coda-pipe [--part 0/2]

The training images of a bed are encoded once, whatever the row. A set is kept by a digest of its settings, its data,
the model and the binary; rows of the same settings share a run.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import shards
from cells import alone, arguments, cells, digest

# Settings that the encoded images depend on.
ENCODING = ("preset=", "data.", "encode.", "features.", "model.")
CLOSE = (("below_half", 0.5), ("below_tenth", 0.1))
PIPELINE = """[data]
shards = "{shard}"
classes = "{classes}"
[model]
path = "{model}"
[runtime]
threads = 1
workers = 1
[encode]
size = {side}
batch = 32
[generate]
size = {side}
batch = 10
[output]
name = "set"
size = {side}
"""


def main():
    options = arguments(__doc__).parse_args()
    for cell in cells(options):
        for row in options.rows:
            about = make(cell, row, options)[1]
            named = f"{cell.bed.name}, IPC {cell.ipc}, set {cell.set}, {row.name}"
            print(f"{named}: {about.get('seconds', 0):.1f} s", flush=True)


def make(cell, row, options):
    """The images (samples) of one set, and what is known of it."""
    if row.part == "random":
        return choose(shards.read([cell.bed.train(cell.set)]), cell.ipc, cell.set), {}
    settings = (*row.settings, f"ipc={cell.ipc}", f"discover.seed={42 + cell.set}", f"generate.seed={1000 * cell.set}")
    folder = distilled(cell, settings, options)
    about = json.loads((folder / "set.json").read_text())
    if row.part == "R":
        about.pop("copies")  # its images are real ones
    else:
        about.pop("wrong_labels", None)
    return shards.read([folder / f"{row.part}.tar"]), about


def choose(samples, ipc, seed):
    rng, of = np.random.default_rng(seed), shards.labels(samples)
    rows = [rng.choice(np.flatnonzero(of == label), ipc, replace=False) for label in np.unique(of)]
    return [samples[row] for row in np.concatenate(rows)]


def distilled(cell, settings, options):
    """The folder of one run's outcome: G.tar, R.tar and set.json."""
    options.cache.mkdir(parents=True, exist_ok=True)
    folder = options.cache / f"set-{digest([settings, *sources(cell, options)])}"
    with alone(folder):
        if not folder.exists():
            run(cell, settings, folder, options)
    return folder


def sources(cell, options):
    """What a set depends on beside its settings."""
    if not hasattr(options, "digests"):
        binary = shutil.which(options.coda_pipe)
        if binary is None:
            sys.exit(f"no program {options.coda_pipe}: cargo build --release makes target/release/coda-pipe (--coda-pipe)")
        model = sorted(path for path in options.model.rglob("*") if path.is_file())
        options.digests = {"binary": shards.digest([Path(binary)]), "model": shards.digest(model)}
    shard = str(cell.bed.train(cell.set).resolve())
    if shard not in options.digests:
        options.digests[shard] = shards.digest([Path(shard)])
    return [*(options.digests[name] for name in ("binary", "model", shard)), cell.bed.classes, cell.bed.side]


def run(cell, settings, folder, options):
    ready = encoded(cell, settings, options)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(dir=options.cache) as work:
        work = Path(work)
        run_dir = work / "run"
        shutil.copytree(ready, run_dir)
        coda_pipe(cell, options, "run", pipeline(cell, work, options), "--run-dir", run_dir, *flags(settings))
        seconds = time.monotonic() - start
        audit = json.loads(coda_pipe(cell, options, "audit", run_dir, "--json"))
        for part, source in {"G": "distilled", "R": "cores"}.items():
            (tar,) = (run_dir / source).glob("*.tar")
            tar.rename(work / f"{part}.tar")
        about = {"settings": settings, "seconds": seconds, "copies": copies(audit)}
        if cell.bed.truth:
            about["wrong_labels"] = wrong_labels(work / "R.tar")
        (work / "set.json").write_text(json.dumps(about, indent=1) + "\n")
        shutil.rmtree(run_dir)
        work.rename(folder)
        work.mkdir()  # for the temporary directory to remove


def encoded(cell, settings, options):
    """A run directory in which the bed's training images are encoded."""
    own = [s for s in settings if s.startswith(ENCODING)]
    folder = options.cache / f"encoded-{digest([own, *sources(cell, options)])}"
    with alone(folder):
        if not folder.exists():
            partial = folder.with_suffix(".tmp")
            shutil.rmtree(partial, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=options.cache) as work:
                file = pipeline(cell, Path(work), options)
                coda_pipe(cell, options, "run", file, "--run-dir", partial, "--until", "encode", *flags(own))
            partial.rename(folder)
    return folder


def pipeline(cell, folder, options):
    classes = options.cache.resolve() / f"{cell.bed.name}-{digest(cell.bed.classes)}.txt"
    file = folder / "pipeline.toml"
    if not classes.exists():
        classes.write_text("".join(f"{at}, {name}\n" for at, name in enumerate(cell.bed.classes)))
    file.write_text(PIPELINE.format(shard=cell.bed.train(cell.set).resolve(), classes=classes,
                                    model=options.model.resolve(), side=cell.bed.side))
    return file


def flags(settings):
    return [word for setting in settings for word in ("--set", setting)]


def coda_pipe(cell, options, *words):
    command = [str(word) for word in (options.coda_pipe, *words)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{cell.bed.name}, IPC {cell.ipc}, set {cell.set}: {' '.join(command)}\n{result.stderr}")
    return result.stdout


def copies(audit):
    """Shares of the generated images nearer to a real image than so much of the real images' median spacing."""
    images = audit["images"]
    if audit.get("below"):
        shares = {level["ratio"]: level["share"] for level in audit["below"]}
        below = {name: shares[bound] for name, bound in CLOSE}
    else:  # of a program that counts them in its histogram alone
        bins, step = audit["histogram"]["generated"], audit["histogram"]["step"]
        below = {name: sum(bins[: round(bound / step)]) / images for name, bound in CLOSE}
    return {**below, "median": audit.get("median_ratio"), "within_one_percent": audit["within_one_percent"] / images}


def wrong_labels(cores):
    """The share of the cores whose label is wrong; the end of a source image's key tells the true one."""
    about = shards.facts(cores)
    return sum(a["anchor_key"].rsplit("_", 1)[1] != a["class"] for a in about) / len(about)


if __name__ == "__main__":
    main()
