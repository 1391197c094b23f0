#!/usr/bin/env python3
"""What networks learn from a distilled set: the evaluation of papers on data-set distillation.

    pip install torch torchvision webdataset numpy pillow
    python evaluate.py --sets G=runs/mine/distilled R=runs/mine/cores --train 'train-*.tar' --test 'val-*.tar'

Trains each network on each set, from several seeds, tests it after the last epoch on the held-out shards, and prints
mean ± standard deviation in percent. `--train` adds random real images, drawn anew for each seed. README.md says what the
protocols are. With --cache, what is finished is not done again.
"""

import argparse
import hashlib
import json
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch

import images
import networks
import training


def main():
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    keys = read_keys(options.classes)
    test = images.read(options.test, options.side, keys, options.label)
    classes = int(test[1].max()) + 1
    # A run's own tars number the classes already.
    sets = {name: images.read(f"{folder}/*.tar", options.side) for name, folder in options.sets}
    ipc = len(next(iter(sets.values()))[1]) // classes
    draws = {name: [found] * options.seeds for name, found in sets.items()}
    if options.train:
        real = images.draws(options.train, options.side, ipc, options.seeds, keys, options.label)
        draws = {"random real": real, **draws}
    found = {}
    for seed in range(options.seeds):
        for network in options.networks:
            for name, draw in draws.items():
                content, started = draw[seed], time.monotonic()
                share = cached(content, test, network, classes, ipc, seed, options)
                found.setdefault((name, network), []).append(100 * share)
                print(f"{name}, {network}, seed {seed}: {share:.1%} ({time.monotonic() - started:.0f} s)",
                      file=sys.stderr, flush=True)
    report(found, list(draws), ipc, classes, options)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", required=True, type=named, metavar="NAME=FOLDER",
                        help="folders of tars: a run's distilled/ (G) and cores/ (R), or any other")
    parser.add_argument("--test", required=True, help="held-out shards: a glob, or pipe:COMMAND")
    parser.add_argument("--train", help="the shards that were distilled, likewise: adds random real images")
    parser.add_argument("--classes", type=Path, help="the run's class list: which class of the real shards has which number; others are passed over")
    parser.add_argument("--label", default="cls", choices=["cls", "key"],
                        help="where real shards have the class: .cls, or the key up to its first _, as ImageNet's names")
    parser.add_argument("--networks", nargs="+", default=["resnetap10", "convnet6", "resnet18"])
    parser.add_argument("--width", type=int, help="channels of all networks; left out: as published")
    parser.add_argument("--side", type=int, default=256, help="pixels a side, in training and testing")
    parser.add_argument("--epochs", type=int, help="left out: by IPC, as published")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-flip", action="store_true", help="where a mirrored image is another thing: digits, text")
    parser.add_argument("--no-jitter", action="store_true", help="no change of colours: grey images")
    parser.add_argument("--teacher", help="soft labels by this torchvision classifier (resnet18): ImageNet-1K's protocol")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cache", type=Path, help="folder for finished accuracies")
    parser.add_argument("--json", type=Path, help="also write every number to this file")
    return parser.parse_args()


def named(text):
    name, _, folder = text.partition("=")
    if not folder:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FOLDER")
    return name, folder


def read_keys(path):
    if path is None:
        return None
    lines = (line.strip() for line in path.read_text().splitlines())
    return [line.split(",")[0].strip() for line in lines if line and not line.startswith("#")]


def cached(content, test, network, classes, ipc, seed, options):
    if options.cache is None:
        return judge(content, test, network, classes, ipc, seed, options)
    settings = [network, seed, options.width, options.side, options.epochs, options.teacher, options.no_flip,
                options.no_jitter]
    digest = hashlib.sha256(json.dumps(settings).encode())
    for part in (*content, *test):
        digest.update(part.numpy().tobytes())
    path = options.cache / f"{digest.hexdigest()[:24]}.json"
    if not path.exists():
        share = judge(content, test, network, classes, ipc, seed, options)
        options.cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".tmp")
        partial.write_text(json.dumps(share))
        partial.replace(path)
    return json.loads(path.read_text())


def judge(content, test, name, classes, ipc, seed, options):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    network = networks.build(name, classes, options.side, options.width).to(options.device)
    x, y = (part.to(options.device) for part in content)
    flip, jitter = not options.no_flip, not options.no_jitter
    if options.teacher:
        network = training.soft(network, x, y, options.epochs or 300, load_teacher(options), ipc, flip)
    else:
        epochs = options.epochs or training.epochs_of(ipc, classes)
        network = training.hard(network, x, y, epochs, flip, jitter)
    return training.accuracy(network, *(part.to(options.device) for part in test))


def load_teacher(options):
    import torchvision

    teacher = torchvision.models.get_model(options.teacher, weights="DEFAULT")
    return teacher.to(options.device).eval().requires_grad_(False)


def report(found, names, ipc, classes, options):
    epochs = options.epochs or (300 if options.teacher else training.epochs_of(ipc, classes))
    print(f"{classes} classes, IPC {ipc}, {options.side} pixels, {epochs} epochs, {options.seeds} seeds\n")
    print("| set | " + " | ".join(options.networks) + " |\n" + "|---" * (len(options.networks) + 1) + "|")
    for name in names:
        cells = [np.array(found[(name, network)]) for network in options.networks]
        print(f"| {name} | " + " | ".join(f"{c.mean():.1f} ± {c.std(ddof=min(1, len(c) - 1)):.1f}" for c in cells) + " |")
    if options.json:
        cells = [{"set": name, "network": network, "accuracies": a} for (name, network), a in found.items()]
        options.json.write_text(json.dumps({"settings": vars(options), "cells": cells}, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main()
