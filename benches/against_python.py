#!/usr/bin/env python3
"""Time and memory of `coda-pipe discover` against umap-learn and hdbscan, on the same arrays in one run.

"whole process" is from the start, with the file in the page cache, to the end. "time" leaves out reading the file and,
on Python's side, the imports and numba's compilation, forced on a small array first. Both sides standardise, embed and
cluster; only ours also chooses the cores, which the libraries can't. umap-learn is measured with a fixed seed, as the
published program calls it (its layout is then on one thread), and without one (on all threads); ours is always seeded.

    pip install umap-learn==0.5.12 hdbscan==0.8.44 scikit-learn pillow
    python benches/against_python.py --coda-pipe target/release/coda-pipe --repeat 3

Run it on a machine that does nothing else. The arrays are Tiny-ImageNet's images, each as many times over as needed
with another crop and flip, as four planes of 128×128 (red, green, blue, edges: the shape of SDXL's latent), mean-pooled
to 16×16 planes for 1,024 columns and 8×8 for 256. They are the same in every run.
"""

import argparse
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np

SHAPES = ("1300x65536", "1300x1024", "20000x256")
PLANES, SIDE = 4, 128


def main():
    if sys.argv[1:2] == ["--python-side"]:
        return python_side(*sys.argv[2:])
    if sys.argv[1:2] == ["--make-table"]:
        table, shape, data = sys.argv[2:]
        return np.save(table, features(*map(int, shape.split("x")), Path(data)))
    options = parse_arguments()
    cores = len(os.sched_getaffinity(0))
    results = []
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        for shape in options.shapes:
            table = Path(folder, f"{shape}.npy")
            make_table(table, shape, options.data)
            for repeat in range(options.repeat):
                runs = {"coda-pipe": ours(table, options), "seeded": theirs(table, "42", options)}
                if not options.seeded_only:
                    runs["unseeded"] = theirs(table, "none", options)
                for side, run in runs.items():
                    print(f"{shape} {side}: {run['time']:.1f} s, {run['peak_bytes'] / 2**20:.0f} MiB", file=sys.stderr)
                    results.append({"shape": shape, "repeat": repeat, "side": side} | run)
            table.unlink()
    report(results, cores, options)
    if options.json:
        content = {"settings": vars(options), "cores": cores, "runs": results}
        Path(options.json).write_text(json.dumps(content, indent=1, default=str) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=default_data(), help="folder of labelled WebDataset shards")
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), metavar="ROWSxCOLUMNS",
                        help="columns are 4 planes of a square whose side divides 128 (default: %(default)s)")
    parser.add_argument("--coda-pipe", default="coda-pipe", help="the binary")
    parser.add_argument("--n-neighbors", type=int, default=85)
    parser.add_argument("--min-cluster-size", type=int, default=55)
    parser.add_argument("--min-samples", type=int, default=3)
    parser.add_argument("--ipc", type=int, default=10)
    parser.add_argument("--neighbors", default="auto", choices=("exact", "hnsw", "auto"))
    parser.add_argument("--repeat", type=int, default=1, help="runs of each; the table has the medians")
    parser.add_argument("--seeded-only", action="store_true", help="leave umap-learn without a seed out")
    parser.add_argument("--scratch", help="folder for the arrays (up to 350 MB at a time)")
    parser.add_argument("--json", help="also write every number to this file")
    return parser.parse_args()


def default_data():
    shared = os.environ.get("CODA_SHARED")
    return Path(shared or Path(__file__).resolve().parents[2] / "shared") / "data"


def make_table(table, shape, data):
    """Writes the array in a process of its own: a child's peak memory is never below that of who started it."""
    subprocess.run([sys.executable, __file__, "--make-table", table, shape, data], check=True)


def features(rows, columns, data):
    """The array of `rows` images in `columns` columns, float32."""
    from PIL import Image, ImageOps

    side = round((columns / PLANES) ** 0.5)
    if PLANES * side * side != columns or SIDE % side:
        sys.exit(f"{columns} columns are not {PLANES} planes of a square whose side divides {SIDE}")
    images = read_images(data)
    order = np.random.default_rng(0).permutation(len(images))
    random = np.random.default_rng(1)
    out = np.empty((rows, columns), np.float32)
    for row in range(rows):
        image = images[order[row % len(images)]]
        if row >= len(images):
            left, top = random.integers(0, 17, 2)
            image = image.crop((left, top, left + 48, top + 48))
            image = ImageOps.mirror(image) if random.integers(2) else image
        pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32) / 127.5 - 1
        edges = np.hypot(*np.gradient(pixels.mean(axis=2)))
        planes = np.concatenate([pixels, edges[..., None]], axis=2).transpose(2, 0, 1)
        out[row] = planes.reshape(PLANES, side, SIDE // side, side, SIDE // side).mean(axis=(2, 4)).ravel()
    return out


def read_images(data):
    from PIL import Image

    images = []
    for shard in sorted((data / "tiny-imagenet10").glob("*-train-*.tar")):
        with tarfile.open(shard) as tar:
            images += [Image.open(io.BytesIO(tar.extractfile(m).read())).convert("RGB")
                       for m in tar if m.name.endswith(".jpg")]
    return images or sys.exit(f"no images in {data}: check --data")


def ours(table, options):
    command = [options.coda_pipe, "discover", table, "--json", "--ipc", options.ipc, "--algorithm", "coda",
               "--seed", 42, "--n-neighbors", options.n_neighbors, "--min-cluster-size", options.min_cluster_size,
               "--min-samples", options.min_samples, "--neighbors", options.neighbors]
    answer, log, wall, peak = run(command, table)
    computed = float(re.search(r"computed in ([\d.]+) s", log)[1])
    return {"time": computed, "whole": wall, "peak_bytes": peak, "clusters": max(answer["labels"]) + 1}


def theirs(table, seed, options):
    command = [sys.executable, __file__, "--python-side", table, seed, options.n_neighbors, options.min_cluster_size,
               options.min_samples]
    answer, _, wall, peak = run(command, table)
    return answer | {"whole": wall, "peak_bytes": peak}


def run(command, table):
    """What the command prints (JSON) and says, its wall time and peak memory; `table` is in the page cache before."""
    with open(table, "rb") as file:
        while file.read(1 << 24):
            pass
    start = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as log:
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        log.seek(0)
        said = log.read().decode()
        if process.returncode:
            sys.exit(said)
        return json.load(out), said, wall, usage.ru_maxrss * 1024


def python_side(table, seed, n_neighbors, min_cluster_size, min_samples):
    """Prints the times of umap-learn and hdbscan as JSON; runs in a process of its own."""
    import warnings

    import hdbscan
    import umap
    from sklearn.preprocessing import StandardScaler

    warnings.filterwarnings("ignore")
    seed = None if seed == "none" else int(seed)

    def discover(features):
        start = time.monotonic()
        standard = StandardScaler().fit_transform(features)
        embedding = umap.UMAP(n_components=50, n_neighbors=int(n_neighbors), min_dist=0.0, random_state=seed,
                              n_jobs=-1 if seed is None else 1).fit_transform(standard)
        middle = time.monotonic()
        labels = hdbscan.HDBSCAN(min_cluster_size=int(min_cluster_size), min_samples=int(min_samples),
                                 core_dist_n_jobs=-1).fit_predict(embedding)
        end = time.monotonic()
        return {"time": end - start, "umap": middle - start, "hdbscan": end - middle,
                "clusters": int(labels.max()) + 1}

    features = np.load(table)
    # From 4,096 rows on umap-learn searches neighbours by other functions, which need compiling too.
    small = 4200 if len(features) >= 4096 else 300
    warm_up = discover(np.random.default_rng(0).normal(size=(small, 16)).astype(np.float32))["time"]
    print(json.dumps(discover(features) | {"warm_up": warm_up}))


def report(results, cores, options):
    print(f"n_neighbors {options.n_neighbors}, min_cluster_size {options.min_cluster_size}, min_samples "
          f"{options.min_samples}, IPC {options.ipc}, {cores} cores, median of {options.repeat}\n")
    print("| rows × columns | | time, s | ratio | whole process, s | ratio | peak memory, MiB | ratio | clusters |")
    print("|---" * 9 + "|")
    names = {"coda-pipe": "coda-pipe discover", "seeded": "umap-learn + hdbscan",
             "unseeded": "umap-learn + hdbscan, no seed"}
    for shape in options.shapes:
        first = None
        for side, name in names.items():
            runs = [r for r in results if (r["shape"], r["side"]) == (shape, side)]
            if not runs:
                continue
            median = {k: statistics.median(r[k] for r in runs) for k in ("time", "whole", "peak_bytes", "clusters")}
            first = first or median
            print(f"| {shape.replace('x', ' × ')} | {name} "
                  f"| {median['time']:.2f} | {median['time'] / first['time']:.1f} "
                  f"| {median['whole']:.2f} | {median['whole'] / first['whole']:.1f} "
                  f"| {median['peak_bytes'] / 2**20:.0f} | {median['peak_bytes'] / first['peak_bytes']:.1f} "
                  f"| {median['clusters']:.0f} |")


if __name__ == "__main__":
    main()
