"""What is compared: the rows of a table, and the cells that a process makes."""

import argparse
import fcntl
import hashlib
import itertools
import json
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
HALVES = ("tune", "report")


class Row(NamedTuple):
    """A way of making a set: `part` is "G" (distilled images), "R" (their real cores) or "random" (real images)."""

    name: str
    part: str
    settings: tuple = ()  # of `coda-pipe run --set`


# Two steps: the images of a run of which only the cores are wanted may be as bad as they like.
QUICK = ("steps=2",)
KMEANS = ("algorithm=kmeans", "min_label_purity=0")
FORMER = (*KMEANS, "anchor.kind=image", "gamma=0.05")
ROWS = [
    Row("random", "random"),
    Row("herding", "R", ("algorithm=herding", "min_label_purity=0", "anchor.kind=image", *QUICK)),
    Row("R", "R"),
    Row("G", "G"),
    # The anchor itself: pulled to all the way at every step, the last one too, nothing of the model is left.
    Row("D", "G", ("guidance=stop", "guidance.anchor.stop=0", *QUICK)),
]
OTHERS = [
    Row("R kmeans", "R", KMEANS),
    Row("G kmeans", "G", KMEANS),
    Row("G former", "G", FORMER),
]


def names(rows):
    return ", ".join(row.name for row in rows)


def row(text):
    named = {row.name: row for row in (*ROWS, *OTHERS)}
    if text in named:
        return named[text]
    name, part, settings = (text.split(":", 2) + ["", ""])[:3]
    if part not in ("G", "R"):
        raise argparse.ArgumentTypeError(f"{text!r} is no row: {names((*ROWS, *OTHERS))}, or NAME:PART:SETTINGS")
    return Row(name, part, tuple(settings.split()))


class Bed:
    """What beds.py wrote of one bed."""

    def __init__(self, folder):
        about = folder / "bed.json"
        if not about.exists():
            raise SystemExit(f"no {about}: write the bed with beds.py --out {folder.parent}")
        self.folder = folder
        self.__dict__.update(json.loads(about.read_text()))

    def train(self, of):
        """The shard that set `of` is distilled from; a bed whose sets are of the same images has one."""
        if of >= self.trains > 1:
            raise SystemExit(f"{self.name} has no training images of set {of}: write the beds with a larger --sets")
        return self.folder / f"train-{of if self.trains > 1 else 0}.tar"

    def test(self, name, half):
        return self.folder / f"{name}-{half}.tar"


class Cell(NamedTuple):
    bed: Bed
    ipc: int
    set: int


def arguments(description):
    """The options that distil.py and train.py share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--beds", type=Path, required=True, help="folder that beds.py wrote")
    parser.add_argument("--bed", nargs="+", default=["clean", "noisy", "clutter", "scarce", "print"], metavar="BED",
                        help="which of them [default: those of digits]")
    parser.add_argument("--ipc", type=int, nargs="+", default=[1, 5, 10, 50], help="images per class")
    parser.add_argument("--sets", type=int, default=3, help="sets of a cell, each with seeds of its own [default: 3]")
    parser.add_argument("--rows", type=row, nargs="+", default=ROWS, metavar="ROW",
                        help=f"of {names(ROWS)} [default: these], {names(OTHERS)}; or NAME:PART:SETTINGS, PART G "
                        "(distilled) or R (their real cores), SETTINGS as of --set, with spaces between them")
    parser.add_argument("--coda-pipe", default="coda-pipe", help="the binary")
    parser.add_argument("--model", type=Path, default=HERE.parents[1] / "models" / "demo")
    parser.add_argument("--cache", type=Path, required=True, help="folder for finished sets")
    parser.add_argument("--part", type=part, default=(0, 1), metavar="I/N",
                        help="do the I-th of N parts of the cells (I from 0), each in a process of its own")
    return parser


def part(text):
    at, _, of = text.partition("/")
    if not (at.isdigit() and of.isdigit() and int(at) < int(of)):
        raise argparse.ArgumentTypeError("I/N with I from 0 to N - 1")
    return int(at), int(of)


def cells(options):
    """The cells of this part. The rows of a cell stay together, as they share a run; small sets come first."""
    beds = [Bed(options.beds / name) for name in options.bed]
    made = [Cell(*cell) for cell in itertools.product(beds, sorted(options.ipc), range(options.sets))]
    made.sort(key=lambda cell: (cell.ipc, cell.set))
    for cell in [cell for cell in made if cell.ipc > cell.bed.smallest_class]:
        print(f"{cell.bed.name} has only {cell.bed.smallest_class} images a class: no IPC {cell.ipc}", flush=True)
        made.remove(cell)
    at, of = options.part
    return made[at::of]


def digest(content):
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]


@contextmanager
def alone(path):
    """Waits until no other process is here with the same path."""
    with open(path.with_name(path.name + ".lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
