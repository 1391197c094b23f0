#!/usr/bin/env python3
"""What networks learn from a distilled set: the evaluation of papers on data-set distillation.

    pip install torch torchvision webdataset numpy pillow
    python evaluate.py --sets G=runs/mine/distilled R=runs/mine/cores --train 'train-*.tar' --test 'val-*.tar'

Trains each network on each set, from several seeds, tests it after the last epoch on the held-out shards, and prints
mean ± standard deviation in percent. `--train` adds random real images, drawn anew for each seed. README.md says what the
protocols are. With --cache, what is finished is not done again.
"""

import argparse
import collections
import json
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch

import images
import networks
import results
import training

CLASS_OF = {"cls": images.class_by_member, "key": images.class_by_key}


def main():
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    of_sets = images.class_by_run if options.classes else images.class_by_member
    sets = {name: list(images.samples(f"{folder}/*.tar", of_sets)) for name, folder in options.sets}
    keys = read_keys(options.classes) or in_order({key for rows in sets.values() for key, _ in rows})
    ipc = images_per_class(sets, keys)
    epochs = options.epochs or (300 if options.teacher else training.epochs_of(ipc, len(keys)))
    how = training.How(epochs, len(keys), ipc, options.device, not options.no_flip, not options.no_jitter, options.amp)
    teacher = load_teacher(keys, options) if options.teacher else None
    of_shards = CLASS_OF[options.label]
    test = images.tensors(images.samples(options.test, of_shards), keys, options.side)
    draws = {name: [rows] * options.seeds for name, rows in sets.items()}
    if options.train:
        real = images.draws(images.samples(options.train, of_shards), keys, ipc, options.seeds)
        draws = {"random real": real, **draws}
    finished = results.Results(options, how, test)
    found = collections.defaultdict(list)
    for seed in range(options.seeds):
        for name, draw in draws.items():
            content = images.tensors(draw[seed], keys, options.side)
            for network in options.networks:
                started = time.monotonic()
                share = finished.of(network, seed, content, lambda: judge(content, test, network, seed, how, teacher, options))
                found[name, network].append(100 * share)
                print(f"{name}, {network}, seed {seed}: {share:.1%} ({time.monotonic() - started:.0f} s)",
                      file=sys.stderr, flush=True)
    report(found, list(draws), how, options)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", required=True, type=named, metavar="NAME=FOLDER",
                        help="folders of tars: a run's distilled/ (G) and cores/ (R), or any other")
    parser.add_argument("--test", required=True, help="held-out shards: a glob, or pipe:COMMAND")
    parser.add_argument("--train", help="the shards that were distilled, likewise: adds random real images")
    parser.add_argument("--classes", type=Path, help="the run's class list, where real shards name classes by its keys; "
                        "left out: both have the same numbers in .cls. Classes that the sets lack are passed over")
    parser.add_argument("--label", default="cls", choices=list(CLASS_OF),
                        help="where real shards have the class: .cls, or the key up to its first _, as ImageNet's names")
    parser.add_argument("--networks", nargs="+", help="resnetap10, resnet18, convnetN, torchvision/NAME; left out: the first "
                        "two and convnet6, for soft labels torchvision/resnet18")
    parser.add_argument("--width", type=int, help="channels of all networks; left out: as published")
    parser.add_argument("--side", type=int, default=256, help="pixels a side, in training and testing; "
                        "soft labels see 7/8 of it")
    parser.add_argument("--epochs", type=int, help="left out: by IPC, as published")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-flip", action="store_true", help="where a mirrored image is another thing: digits, text")
    parser.add_argument("--no-jitter", action="store_true", help="no change of colours: grey images")
    parser.add_argument("--teacher", help="soft labels by this torchvision classifier (resnet18): ImageNet-1K's protocol")
    parser.add_argument("--teacher-weights", type=Path, help="its state dict in a file; left out: torchvision's own")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--amp", action="store_true", help="compute in bfloat16 where that is safe")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cache", type=Path, help="folder for finished accuracies")
    parser.add_argument("--json", type=Path, help="also write every number to this file")
    options = parser.parse_args()
    options.networks = options.networks or (
        ["torchvision/resnet18"] if options.teacher else ["resnetap10", "convnet6", "resnet18"])
    return options


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


def in_order(keys):
    return sorted(keys, key=lambda key: (int(key), "") if key.isdigit() else (sys.maxsize, key))


def images_per_class(sets, keys):
    """IPC: that of the fullest class, as a run may leave out an image that came to nothing."""
    most = {}
    for name, rows in sets.items():
        counts = collections.Counter(key for key, _ in rows)
        if unknown := set(counts) - set(keys):
            raise SystemExit(f"{name} has images of {', '.join(sorted(unknown)[:3])}, which --classes lacks")
        if missing := [key for key in keys if key not in counts]:
            raise SystemExit(f"{name} has no image of {', '.join(missing[:3])}")
        most[name] = max(counts.values())
    if len(set(most.values())) > 1:
        raise SystemExit(f"one table compares sets of one size; images per class here: {most}")
    return most.popitem()[1]


def judge(content, test, name, seed, how, teacher, options):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    side = options.side if teacher is None else training.soft_side(content[0])
    network = networks.build(name, how.classes, side, options.width).to(how.device)
    if teacher is None:
        network = training.hard(network, *content, how)
    else:
        network = training.soft(network, *content, how, teacher)
    return training.accuracy(network, *test, how, side)


def load_teacher(keys, options):
    """The teacher; its answers are in the order of the keys, or of no use."""
    import torchvision

    own = options.teacher_weights is None
    teacher = torchvision.models.get_model(options.teacher, weights="DEFAULT" if own else None)
    if not own:
        teacher.load_state_dict(torch.load(options.teacher_weights, map_location="cpu", weights_only=True))
    answers = list(teacher.parameters())[-1].numel()
    if answers != len(keys) or keys != in_order(keys):
        raise SystemExit(f"the teacher knows {answers} classes in the order of their ids; the class list has {len(keys)}"
                         f"{'' if keys == in_order(keys) else ' in another'}: soft labels are for the whole of ImageNet-1K")
    return teacher.to(options.device).eval().requires_grad_(False)


def report(found, names, how, options):
    labels = f"labels by {options.teacher}" if options.teacher else "hard labels"
    print(f"{how.classes} classes, IPC {how.ipc}, {options.side} pixels, {labels}, {how.epochs} epochs, {options.seeds} seeds\n")
    print("| set | " + " | ".join(options.networks) + " |\n" + "|---" * (len(options.networks) + 1) + "|")
    for name in names:
        cells = [np.array(found[name, network]) for network in options.networks]
        print(f"| {name} | " + " | ".join(f"{c.mean():.1f} ± {c.std(ddof=min(1, len(c) - 1)):.1f}" for c in cells) + " |")
    if options.json:
        cells = [{"set": name, "network": network, "accuracies": a} for (name, network), a in found.items()]
        content = {"settings": vars(options), "training": how._asdict(), "cells": cells}
        options.json.write_text(json.dumps(content, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main()
