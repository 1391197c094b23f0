#!/usr/bin/env python3
"""What a classifier learns from the distilled digits, setting by setting.

For each number of images per class (IPC), each way of making them and each set: `coda-pipe run` distils the training
digits of MNIST with the demo's model, a small ConvNet is trained on the outcome from scratch, without augmentation, and
its accuracy on the held-out digits after the last step is taken. Printed are mean ± standard deviation over the seeds
of training, in percent.

    pip install torch numpy pillow
    python examples/digits/train.py --coda-pipe target/release/coda-pipe --cache ~/.cache/digits

Nothing finished is computed again with the same --cache. What is compared, and what the numbers can't say: README.md.
"""

import argparse
import hashlib
import io
import itertools
import json
import os
import shutil
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

SIDE = 32  # the demo model's square; every image is trained and tested at it
BATCH = 50
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


class Method(NamedTuple):
    """A way of making a set: `part` is "G" (distilled images), "R" (their real cores) or "random" (real images)."""

    name: str
    part: str
    settings: tuple = ()  # of `coda-pipe run --set`


PUBLISHED = ("preset=published",)
METHODS = [
    Method("random real", "random"),
    Method("R, published", "R", PUBLISHED),
    Method("R, default", "R"),
    Method("G, unguided", "G", ("gamma=0",)),
    Method("G, published", "G", PUBLISHED),
    Method("G, default", "G"),
]


def main():
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    options.cache.mkdir(parents=True, exist_ok=True)
    train, test = (load(sorted(options.data.glob(f"mnist-{part}-*.tar"))) for part in ("train", "test"))
    mean, std = train[0].mean(), train[0].std()
    test = (test[0] - mean) / std, test[1]
    accuracy = {}
    cells = zip(options.ipc, options.steps, options.sets)
    for (ipc, steps, sets), method, seed in itertools.product(cells, options.methods, range(options.seeds)):
        images, labels = distil(method, ipc, seed % sets, train, options)
        result = evaluate((images - mean) / std, labels, test, seed, steps, options)
        accuracy.setdefault((method.name, ipc), []).append(result["accuracy"])
        print(f"{method.name}, IPC {ipc}, seed {seed}: {result['accuracy']:.1%} ({result['seconds']:.0f} s)",
              file=sys.stderr, flush=True)
    report(accuracy, options)
    if options.json:
        cells = [{"method": m, "ipc": i, "accuracies": a} for (m, i), a in accuracy.items()]
        Path(options.json).write_text(
            json.dumps({"settings": vars(options), "cells": cells}, indent=1, default=str) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=default_data(), help="folder of mnist-{train,test}-*.tar")
    parser.add_argument("--model", type=Path, default=Path(__file__).resolve().parents[2] / "models" / "demo")
    parser.add_argument("--coda-pipe", default="coda-pipe", help="the binary")
    parser.add_argument("--ipc", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--methods", nargs="+", type=method, default=METHODS, metavar="METHOD",
                        help=f"a name of: {', '.join(m.name for m in METHODS)}; "
                        "or NAME:PART:SETTINGS, PART G or R, SETTINGS as of --set, with spaces between them")
    parser.add_argument("--seeds", type=int, default=5, help="networks trained a cell, each from a seed of its own")
    parser.add_argument("--sets", type=int, nargs="+", default=[3, 3, 1], help="sets distilled a cell, each with seeds "
                        "of its own, one number an IPC; network s learns from set s modulo this")
    parser.add_argument("--width", type=int, default=16, help="the ConvNet's channels")
    parser.add_argument("--steps", type=int, nargs="+", default=[250, 250, 250], help="training steps, one an IPC")
    parser.add_argument("--learning-rate", type=float, default=0.03)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, required=True, help="folder for finished sets and accuracies")
    parser.add_argument("--json", help="also write every number to this file")
    options = parser.parse_args()
    if not len(options.steps) == len(options.sets) == len(options.ipc):
        parser.error("--steps and --sets need one number for each of --ipc")
    return options


def method(text):
    named = {m.name: m for m in METHODS}
    if text in named:
        return named[text]
    name, part, settings = (text.split(":", 2) + ["", ""])[:3]
    if part not in ("G", "R"):
        raise argparse.ArgumentTypeError(f"{text!r} is no method")
    return Method(name, part, tuple(settings.split()))


def default_data():
    shared = os.environ.get("CODA_SHARED")
    return Path(shared or Path(__file__).resolve().parents[3] / "shared") / "data" / "mnist"


# Images


def load(shards):
    """Images (n × 1 × SIDE × SIDE, 0..1) and labels of WebDataset shards."""
    samples = {}
    for shard in shards:
        with tarfile.open(shard) as tar:
            for member in tar:
                key, _, extension = member.name.partition(".")
                samples.setdefault((shard, key), {})[extension] = tar.extractfile(member).read()
    if not samples:
        sys.exit("no mnist-train-*.tar and mnist-test-*.tar here: check --data")
    pixels = [np.asarray(picture(s["png"]), dtype=np.float32) / 255 for s in samples.values()]
    return torch.from_numpy(np.stack(pixels))[:, None], torch.tensor([int(s["cls"]) for s in samples.values()])


def picture(data):
    image = Image.open(io.BytesIO(data)).convert("L")
    return image if image.size == (SIDE, SIDE) else image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


# Sets


def distil(method, ipc, seed, train, options):
    """Images and labels of one set."""
    if method.part == "random":
        return choose(*train, ipc, seed)
    settings = (*method.settings, f"ipc={ipc}", f"discover.seed={42 + seed}", f"generate.seed={1000 * seed}")
    folder = options.cache / f"set-{digest(settings)}"
    if not folder.exists():
        run(settings, folder, options)
    return load([folder / f"{method.part}.tar"])


def choose(images, labels, ipc, seed):
    random = np.random.default_rng(seed)
    rows = [random.choice(np.flatnonzero(labels.numpy() == label), ipc, replace=False) for label in range(len(DIGITS))]
    rows = np.concatenate(rows)
    return images[rows], labels[rows]


def run(settings, folder, options):
    """Distils into `folder`: G.tar, R.tar and the settings. The digits are encoded once for all sets alike in that."""
    with tempfile.TemporaryDirectory(dir=options.cache) as work:
        work = Path(work)
        shutil.copytree(encoded(settings, options), work / "run")
        coda_pipe(options, settings, work / "run")
        for part, source in {"G": "distilled", "R": "cores"}.items():
            (tar,) = (work / "run" / source).glob("*.tar")
            tar.rename(work / f"{part}.tar")
        (work / "settings.json").write_text(json.dumps(settings))
        shutil.rmtree(work / "run")
        work.rename(folder)
        work.mkdir()  # for the temporary directory to remove


def encoded(settings, options):
    """A run directory in which the digits are encoded."""
    settings = [s for s in settings if s.startswith(("preset=", "encode."))]
    folder = options.cache / f"encoded-{digest(settings)}"
    coda_pipe(options, settings, folder, "--until", "encode")  # goes on, or finds it done
    return folder


def coda_pipe(options, settings, run_dir, *arguments):
    classes, pipeline = options.cache / "classes.txt", options.cache / "digits.toml"
    classes.write_text("".join(f"{digit}, {name}\n" for digit, name in enumerate(DIGITS)))
    pipeline.write_text(PIPELINE.format(shards=options.data / "mnist-train-*.tar", classes=classes.resolve(),
                                        model=options.model.resolve(), threads=options.threads, side=SIDE))
    command = [options.coda_pipe, "run", pipeline, "--run-dir", run_dir, *arguments]
    command += itertools.chain.from_iterable(("--set", s) for s in settings)
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stderr}")


PIPELINE = """[data]
shards = "{shards}"
classes = "{classes}"
[model]
path = "{model}"
[runtime]
threads = {threads}
workers = {threads}
[encode]
size = {side}
batch = 32
[generate]
size = {side}
batch = 10
[output]
name = "digits"
size = {side}
"""


def digest(content):
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]


# Training


def evaluate(images, labels, test, seed, steps, options):
    """The accuracy after training on the images."""
    content = hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
    path = options.cache / f"accuracy-{digest([content, seed, steps, options.width, options.learning_rate])}.json"
    if not path.exists():
        start = time.monotonic()
        network = fit(images, labels, seed, steps, options)
        result = {"accuracy": measure(network, *test), "seconds": time.monotonic() - start}
        partial = path.with_suffix(".tmp")
        partial.write_text(json.dumps(result))
        partial.replace(path)
    return json.loads(path.read_text())


def fit(images, labels, seed, steps, options):
    torch.manual_seed(seed)
    network = conv_net(options.width)
    optimiser = torch.optim.SGD(network.parameters(), options.learning_rate, momentum=0.9, weight_decay=5e-4,
                                nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.learning_rate, steps, pct_start=0.1)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        while len(order) < min(BATCH, len(labels)):
            order = torch.cat([order, torch.randperm(len(labels))])
        batch, order = order[:BATCH], order[BATCH:]
        loss = F.cross_entropy(network(images[batch]), labels[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def conv_net(width):
    """The usual ConvNet of data-set distillation: three blocks of convolution, instance norm, ReLU, pooling."""
    layers, channels = [], 1
    for _ in range(3):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(width, width), nn.ReLU(), nn.AvgPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * (SIDE // 8) ** 2, len(DIGITS)))


@torch.no_grad()
def measure(network, images, labels):
    guesses = torch.cat([network(part).argmax(1) for part in images.split(500)])
    return (guesses == labels).double().mean().item()


# Report


def report(accuracy, options):
    print(f"ConvNet-3 of width {options.width} at {SIDE}×{SIDE}, {options.steps} steps for IPC {options.ipc}, "
          f"{options.seeds} seeds over {options.sets} sets\n")
    print("| set | " + " | ".join(f"IPC {ipc}" for ipc in options.ipc) + " |")
    print("|---" * (len(options.ipc) + 1) + "|")
    for m in options.methods:
        cells = [100 * np.array(accuracy[(m.name, ipc)]) for ipc in options.ipc]
        print(f"| {m.name} | " + " | ".join(f"{c.mean():.1f} ± {c.std(ddof=min(1, len(c) - 1)):.1f}" for c in cells)
              + " |")


if __name__ == "__main__":
    main()
