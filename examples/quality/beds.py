#!/usr/bin/env python3
"""Test beds for the quality of distilled sets, written as WebDataset shards.

    python beds.py --data $CODA_SHARED/data --out BEDS

Every bed is a folder of BEDS: bed.json, train-K.tar (what set K is distilled from), and for each test of the bed
NAME-tune.tar and NAME-report.tar, the two halves of the held-out images. Settings are chosen on the first half and
reported on the second. The same options give the same bytes (of `print`: with the same fonts).
"""

import argparse
import json
import os
import random
from pathlib import Path

import numpy as np
from PIL import Image

import glyphs
from shards import Sample, labels, pixels, png, read, write

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SIDE = 32
WRONG = 0.4  # share of wrong labels, noisy
SCARCE = 20  # images a class, scarce
PRINTED = (680, 100, 100)  # images a class to distil, to tune on, to report on, print


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the shards of MNIST (mnist/), CIFAR-10 (cifar10/) and "
                        "Tiny-ImageNet-10 (tiny-imagenet10/) [default: $CODA_SHARED/data]")
    parser.add_argument("--out", type=Path, required=True, help="folder for the beds")
    parser.add_argument("--beds", nargs="+", default=list(BEDS), choices=list(BEDS), metavar="BED",
                        help=f"of {', '.join(BEDS)} [default: all]")
    parser.add_argument("--sets", type=int, default=3, help="versions of each bed's training images [default: 3]")
    options = parser.parse_args()
    if options.data is None:
        if "CODA_SHARED" not in os.environ:
            parser.error("--data is missing, and CODA_SHARED is not set")
        options.data = Path(os.environ["CODA_SHARED"]) / "data"
    for name in options.beds:
        BEDS[name](Bed(options.out, name), options.data, options.sets)
        print(f"{name}: {options.out / name}")


class Bed:
    """Writes the shards of one bed, then bed.json."""

    def __init__(self, out, name):
        self.folder = out / name
        self.folder.mkdir(parents=True, exist_ok=True)

    def finish(self, trains, tests, classes=DIGITS, channels=1, truth=False):
        """`trains`: the samples of each set (one for all of them, where they are alike); `tests`: by name, both halves.
        `truth`: a key ends with the true label."""
        for at, samples in enumerate(trains):
            write(self.folder / f"train-{at}.tar", samples)
        for test, halves in tests.items():
            for half, samples in zip(("tune", "report"), halves):
                write(self.folder / f"{test}-{half}.tar", samples)
        smallest = min(np.bincount(labels(samples), minlength=len(classes)).min() for samples in trains)
        about = {"name": self.folder.name, "classes": classes, "side": SIDE, "channels": channels, "truth": truth,
                 "trains": len(trains), "tests": list(tests), "smallest_class": int(smallest)}
        (self.folder / "bed.json").write_text(json.dumps(about, indent=1) + "\n")


def shards_of(data, folder, part):
    found = sorted((data / folder).glob(f"{folder}-{part}-*.tar"))
    if not found:
        raise SystemExit(f"no {folder}-{part}-*.tar in {data / folder}: check --data")
    return read(found)


def halves(samples):
    """Held-out images in two halves of every class, drawn by a fixed seed."""
    order, of = np.random.default_rng(5).permutation(len(samples)), labels(samples)
    parts = [], []
    for label in np.unique(of):
        rows = order[of[order] == label]
        parts[0].extend(rows[: len(rows) // 2])
        parts[1].extend(rows[len(rows) // 2:])
    return [[samples[row] for row in sorted(part)] for part in parts]


def handwriting(data):
    return shards_of(data, "mnist", "train"), halves(shards_of(data, "mnist", "test"))


def clean(bed, data, sets):
    train, held_out = handwriting(data)
    bed.finish([train], {"test": held_out})


def noisy(bed, data, sets):
    """Every label is wrong with the chance WRONG: one of the nine others, all as likely."""
    train, held_out = handwriting(data)
    trains = []
    for seed in range(sets):
        rng, of = np.random.default_rng([77, seed]), labels(train)
        other = (of + rng.integers(1, len(DIGITS), len(of))) % len(DIGITS)
        given = np.where(rng.random(len(of)) < WRONG, other, of)
        trains.append([s._replace(key=f"{s.key}_{s.label}", label=int(new)) for s, new in zip(train, given)])
    bed.finish(trains, {"test": held_out}, truth=True)


def clutter(bed, data, sets):
    """Digits over a random texture, with a random stroke and noise; tested on clean and on cluttered digits."""
    train, held_out = handwriting(data)
    trains = [cluttered(train, np.random.default_rng([77, seed])) for seed in range(sets)]
    dirty = [cluttered(half, np.random.default_rng([9, at])) for at, half in enumerate(held_out)]
    bed.finish(trains, {"clean": held_out, "cluttered": dirty})


def cluttered(samples, rng):
    digits = pixels(samples, SIDE, 1)[:, 0]
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    changed = []
    for sample, digit in zip(samples, digits):
        cells = Image.fromarray(rng.normal(size=(8, 8)).astype(np.float32))
        texture = np.asarray(cells.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) * 0.15 + 0.12
        angle, offset = rng.uniform(0, np.pi), rng.uniform(-14, 14)
        distance = np.abs(x * np.cos(angle) + y * np.sin(angle) - offset)
        stroke = np.clip(1.6 - distance, 0, 1) * rng.uniform(0.2, 0.6)
        image = np.maximum(digit, np.clip(np.maximum(texture, stroke), 0, 0.6)) + rng.normal(size=digit.shape) * 0.05
        changed.append(sample._replace(image=png(np.round(np.clip(image, 0, 1) * 255)), extension="png"))
    return changed


def scarce(bed, data, sets):
    """SCARCE real images a class, other ones for every set."""
    train, held_out = handwriting(data)
    trains = []
    for seed in range(sets):
        rng, of = np.random.default_rng([77, seed]), labels(train)
        rows = [rng.choice(np.flatnonzero(of == label), SCARCE, replace=False) for label in range(len(DIGITS))]
        trains.append([train[row] for row in np.concatenate(rows)])
    bed.finish(trains, {"test": held_out})


def print_(bed, data, sets):
    """Printed digits; families of fonts that are tested are not distilled, those reported on are not tuned on."""
    families = glyphs.split()
    trains = [printed(families[0], PRINTED[0], f"train {seed}") for seed in range(sets)]
    tests = [printed(families[at], PRINTED[at], f"test {at}") for at in (1, 2)]
    bed.finish(trains, {"test": tests})


def printed(families, count, seed):
    rng = random.Random(seed)
    keys = [(label, f"{label}{at:04}") for label in range(len(DIGITS)) for at in range(count)]
    return [Sample(key, label, png(glyphs.render(families, label, rng))) for label, key in keys]


def photographs(folder, held_out, names):
    """A data set in colour, as it is."""
    def write_bed(bed, data, sets):
        lines = (data / folder / names).read_text().splitlines()
        classes = [line.split("\t")[-1].split(",")[-1].strip() for line in lines if line.strip()]
        tests = {"test": halves(shards_of(data, folder, held_out))}
        bed.finish([shards_of(data, folder, "train")], tests, classes, channels=3)

    return write_bed


BEDS = {"clean": clean, "noisy": noisy, "clutter": clutter, "scarce": scarce, "print": print_,
        "cifar10": photographs("cifar10", "test", "classnames.txt"),
        "tiny-imagenet10": photographs("tiny-imagenet10", "val", "classes.tsv")}

if __name__ == "__main__":
    main()
