#!/usr/bin/env python3
"""How well the real cores alone train a classifier, selection by selection.

For each labelled data set, number of images per class (IPC), way of choosing them and seed: `coda-pipe discover`
chooses IPC real images of every class, a small ConvNet is trained on them from scratch, and its accuracy on the
held-out shards after the last step is taken. The seed is that of the selection and of the training, so the spread over
seeds holds both. Printed are mean ± standard deviation over the seeds, in percent.

    pip install torch numpy pillow
    python examples/cores/train.py --coda-pipe target/release/coda-pipe --cache ~/.cache/cores

Nothing finished is computed again with the same --cache. What is compared, and what the numbers can't say: README.md.
"""

import argparse
import hashlib
import io
import itertools
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

HELD_OUT = {"cifar10": "test", "tiny-imagenet10": "val"}
SIDE = 32  # every image is trained and tested at 32×32
BATCH = 50


class Method(NamedTuple):
    """A way of choosing. Features are mean-pooled to `grid` cells a side (0: every pixel); 0 for no `pca`."""

    name: str
    grid: int
    algorithm: str
    n_neighbors: int = 85
    min_cluster_size: int = 55
    pca: int = 0


METHODS = [
    Method("random", 16, "random"),
    Method("published", 0, "coda"),
    Method("pooled + coda", 16, "coda"),
    Method("pooled + kmeans", 16, "kmeans"),
    Method("pooled + herding", 16, "herding"),
]


def main():
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    options.cache.mkdir(parents=True, exist_ok=True)
    data = {}
    for name in options.data_sets:
        train, test = (load(options.data / name, part) for part in ("train", HELD_OUT[name]))
        data[name] = train, prepare(train, test)
    accuracy = {}
    for seed, (name, (train, arrays)), ipc, method in itertools.product(
            options.seeds, data.items(), options.ipc, options.methods):
        result = evaluate(name, train, arrays, method, ipc, seed, options)
        accuracy.setdefault((name, ipc, method.name), []).append(result["accuracy"])
        print(f"{name} IPC {ipc} seed {seed} {method.name}: {result['accuracy']:.1%} ({result['seconds']:.0f} s)",
              file=sys.stderr, flush=True)
    report(accuracy, options)
    if options.json:
        cells = [{"data_set": d, "ipc": i, "method": m, "accuracies": a} for (d, i, m), a in accuracy.items()]
        content = {"settings": vars(options), "cells": cells}
        Path(options.json).write_text(json.dumps(content, indent=1, default=str) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=default_data(), help="folder of labelled WebDataset shards")
    parser.add_argument("--data-sets", nargs="+", default=list(HELD_OUT), choices=list(HELD_OUT))
    parser.add_argument("--coda-pipe", default="coda-pipe", help="the binary")
    parser.add_argument("--ipc", type=int, nargs="+", default=[10, 50])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--methods", nargs="+", type=method, default=METHODS, metavar="METHOD",
                        help=f"a name of: {', '.join(m.name for m in METHODS)}; "
                        "or NAME:GRID:ALGORITHM[:N_NEIGHBORS:MIN_CLUSTER_SIZE:PCA]")
    parser.add_argument("--width", type=int, default=64, help="the ConvNet's channels")
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 200], help="training steps, one number an IPC")
    parser.add_argument("--learning-rate", type=float, default=0.03)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, required=True, help="folder for finished selections and accuracies")
    parser.add_argument("--json", help="also write every number to this file")
    options = parser.parse_args()
    if len(options.steps) != len(options.ipc):
        parser.error("--steps needs one number for each of --ipc")
    return options


def method(text):
    name, *rest = text.split(":")
    named = {m.name: m for m in METHODS}
    if not rest and name in named:
        return named[name]
    if len(rest) not in (2, 5):
        raise argparse.ArgumentTypeError(f"{text!r} is no method")
    grid, algorithm, *numbers = rest
    return Method(name, int(grid), algorithm, *map(int, numbers))


def default_data():
    shared = os.environ.get("CODA_SHARED")
    return Path(shared or Path(__file__).resolve().parents[3] / "shared") / "data"


# Data


class Images(NamedTuple):
    pixels: np.ndarray  # n × side × side × 3, 0..255, at the data set's own size
    labels: np.ndarray


def load(folder, part):
    samples = {}
    for shard in sorted(folder.glob(f"*-{part}-*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                key, _, extension = member.name.partition(".")
                samples.setdefault((shard, key), {})[extension] = tar.extractfile(member).read()
    if not samples:
        sys.exit(f"no {part} shards in {folder}: check --data")
    pixels = [np.asarray(Image.open(io.BytesIO(s["jpg"])).convert("RGB")) for s in samples.values()]
    return Images(np.stack(pixels), np.array([int(s["cls"]) for s in samples.values()]))


def prepare(train, test):
    """The tensors (images, labels) of both parts at SIDE, normalised by the training images' statistics."""
    tensors = []
    for part in (train, test):
        pixels = pool(part.pixels, SIDE)
        tensors.append((torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(part.labels)))
    mean = tensors[0][0].mean((0, 2, 3), keepdim=True)
    std = tensors[0][0].std((0, 2, 3), keepdim=True)
    return [((x - mean) / std, y) for x, y in tensors]


def pool(pixels, grid):
    """Mean-pools each channel to grid × grid cells; values in 0..1."""
    n, side = pixels.shape[:2]
    cells = pixels.reshape(n, grid, side // grid, grid, side // grid, 3)
    return cells.mean(axis=(2, 4), dtype=np.float32) / 255


# Selection


def select(name, train, method, ipc, seed, options):
    """Rows of `train` chosen from every class, IPC each."""
    path = options.cache / f"{name} {' '.join(map(str, method[1:]))} ipc{ipc} seed{seed}.json"
    if path.exists():
        return json.loads(path.read_text())
    rows = []
    for label in np.unique(train.labels):
        members = np.flatnonzero(train.labels == label)
        features = pool(train.pixels[members], method.grid or train.pixels.shape[1]).reshape(len(members), -1)
        rows += members[discover(features, method, ipc, seed, options)].tolist()
    write(path, rows)
    return rows


def discover(features, method, ipc, seed, options):
    """Runs `coda-pipe discover`; an embedding is kept and used again for another IPC."""
    digest = hashlib.sha256(f"{method.n_neighbors} {method.pca} {seed} ".encode() + features.tobytes()).hexdigest()[:32]
    embedding = options.cache / f"embedding-{digest}.npy"
    with tempfile.TemporaryDirectory(dir=options.cache) as folder:
        table, out = Path(folder, "features.npy"), Path(folder, "embedding.npy")
        np.save(table, features)
        command = [options.coda_pipe, "discover", embedding if embedded(method, embedding) else table, "--json",
                   "--ipc", ipc, "--algorithm", method.algorithm, "--n-neighbors", method.n_neighbors,
                   "--min-cluster-size", method.min_cluster_size, "--min-samples", 3, "--seed", seed]
        if embedded(method, embedding):
            command += ["--embedded"]
        else:
            command += ["--pca", method.pca]
            command += ["--embedding", out] if method.algorithm == "coda" else []
        result = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        if result.returncode:
            sys.exit(result.stderr)
        if out.exists():
            out.replace(embedding)
    chosen = json.loads(result.stdout)["selected"]
    if len(chosen) != ipc:
        sys.exit(f"asked for {ipc} images, got {len(chosen)}")
    return chosen


def embedded(method, embedding):
    return method.algorithm == "coda" and embedding.exists()


def write(path, content):
    partial = path.with_suffix(".tmp")
    partial.write_text(json.dumps(content))
    partial.replace(path)


# Training


def evaluate(name, train, arrays, method, ipc, seed, options):
    """The accuracy after training on the images that `method` chooses."""
    steps = options.steps[options.ipc.index(ipc)]
    rows = select(name, train, method, ipc, seed, options)
    key = json.dumps([rows, seed, options.width, steps, options.learning_rate])
    path = options.cache / f"accuracy-{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    if not path.exists():
        start = time.monotonic()
        (images, labels), test = arrays
        network = fit(images[rows], labels[rows], seed, steps, options)
        write(path, {"accuracy": measure(network, *test), "seconds": time.monotonic() - start})
    return json.loads(path.read_text())


def fit(images, labels, seed, steps, options):
    torch.manual_seed(seed)
    network = conv_net(options.width, int(labels.max()) + 1)
    optimiser = torch.optim.SGD(network.parameters(), options.learning_rate, momentum=0.9, weight_decay=5e-4,
                                nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.learning_rate, steps, pct_start=0.1)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        while len(order) < BATCH:
            order = torch.cat([order, torch.randperm(len(labels))])
        batch, order = order[:BATCH], order[BATCH:]
        loss = F.cross_entropy(network(augment(images[batch])), labels[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def conv_net(width, classes):
    """The usual ConvNet of data-set distillation: three blocks of convolution, instance norm, ReLU, pooling."""
    layers, channels = [], 3
    for _ in range(3):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(width, width), nn.ReLU(), nn.AvgPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * (SIDE // 8) ** 2, classes))


def augment(x):
    """Random flip, shift, scale and rotation, brightness, contrast and saturation, and a square cut out."""
    n = len(x)

    def uniform(low, high):
        return torch.empty(n, 1, 1, 1).uniform_(low, high)

    angle, scale = uniform(-0.2, 0.2).flatten(), uniform(0.85, 1.15).flatten()
    flip = torch.randint(0, 2, (n,)) * 2 - 1
    warp = torch.zeros(n, 2, 3)
    warp[:, 0, 0], warp[:, 0, 1] = flip * scale * angle.cos(), -scale * angle.sin()
    warp[:, 1, 0], warp[:, 1, 1] = flip * scale * angle.sin(), scale * angle.cos()
    warp[:, :, 2] = torch.empty(n, 2).uniform_(-0.25, 0.25)
    x = F.grid_sample(x, F.affine_grid(warp, list(x.shape), align_corners=False), align_corners=False)

    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * uniform(0.5, 1.5)
    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean + (x - mean) * uniform(0.7, 1.3) + uniform(-0.3, 0.3)

    place = torch.arange(SIDE)
    outside = [(place - torch.randint(0, SIDE, (n, 1))).abs() > SIDE // 8 for _ in range(2)]
    return x * (outside[0][:, None, :, None] | outside[1][:, None, None, :])


@torch.no_grad()
def measure(network, images, labels):
    guesses = torch.cat([network(part).argmax(1) for part in images.split(500)])
    return (guesses == labels).double().mean().item()


# Report


def report(accuracy, options):
    cells = [(name, ipc) for name in options.data_sets for ipc in options.ipc]
    names = [m.name for m in options.methods]
    means = np.array([[np.mean(accuracy[(*cell, m)]) for cell in cells] for m in names])
    ranks = (-means).argsort(axis=0).argsort(axis=0) + 1
    print(f"ConvNet-3 of width {options.width} at {SIDE}×{SIDE}, {options.steps} steps of {BATCH} images for IPC "
          f"{options.ipc}, {len(options.seeds)} seeds\n")
    print("| selection | " + " | ".join(f"{name}, IPC {ipc}" for name, ipc in cells) + " | mean | mean rank |")
    print("|---" * (len(cells) + 3) + "|")
    for m, name in enumerate(names):
        numbers = [f"{np.mean(a):.1%} ± {np.std(a, ddof=1):.1%}".replace("%", "")
                   for a in (np.array(accuracy[(*cell, name)]) for cell in cells)]
        print(f"| {name} | {' | '.join(numbers)} | {100 * means[m].mean():.1f} | {ranks[m].mean():.1f} |")


if __name__ == "__main__":
    main()
