#!/usr/bin/env python3
"""Trains networks from scratch on each set of each row, and appends every network's accuracy to a file.

    python train.py --beds BEDS --cache CACHE --coda-pipe target/release/coda-pipe --half report --out results.jsonl

The accuracy is that after the last step, on the chosen half of the held-out images; the other half is not read.
All rows of a cell use the same sets' seeds and the same networks' seeds, so that they can be compared in pairs. What is
in the file already is not trained again. For N processes call it N times, with --part 0/N to N-1/N.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import distil
import shards
from cells import HALVES, arguments, cells, digest

sys.path.append(str(Path(__file__).resolve().parents[1] / "evaluate"))
from networks import build  # noqa: E402

# Peak learning rates: at 0.03 a ResNet is not done after 250 steps.
NETWORKS = {"convnet3": 0.03, "resnet18": 0.3, "resnetap10": 0.1}
BATCH = 50


def main():
    options = parse()
    torch.set_num_threads(1)
    done, loaded = finished(options.out), {}
    for cell in cells(options):
        shard = cell.bed.train(cell.set)
        if shard not in loaded:
            loaded[shard] = Data(cell.bed, shard, options.half, options.device)
        data = loaded[shard]
        for row in options.rows:
            samples, about = distil.make(cell, row, options)
            content = digest([(sample.label, sample.image.hex()) for sample in samples])
            for name in options.networks:
                for number in range(options.nets):
                    one = key(cell, row, name, number, options) | {"about": about}
                    one["id"] = digest([one, NETWORKS[name], data.digest, content])
                    if one["id"] not in done:
                        append(options.out, one | learn(data, samples, one, options))


def parse():
    parser = arguments(__doc__)
    parser.add_argument("--half", required=True, choices=HALVES, help="half of the held-out images to test on: tune to "
                        "choose settings, report for the numbers of the chosen ones")
    parser.add_argument("--out", type=Path, required=True, help="file of results, appended to")
    parser.add_argument("--networks", nargs="+", default=["convnet3"], choices=list(NETWORKS),
                        metavar="NETWORK", help=f"of {', '.join(NETWORKS)} [default: convnet3]")
    parser.add_argument("--nets", type=int, default=2, help="networks trained on each set, each from a seed of its own "
                        "[default: 2]")
    parser.add_argument("--width", type=int, default=16, help="channels of a network's first layer [default: 16]")
    parser.add_argument("--steps", type=int, default=250, help="training steps [default: 250]")
    parser.add_argument("--device", default="cpu", help="torch's name of the device that trains [default: cpu]")
    return parser.parse_args()


class Data:
    """The tests of a cell, and how its images are scaled: by the training images' mean and deviation."""

    def __init__(self, bed, shard, half, device):
        self.bed, self.device = bed, device
        train = shards.pixels(shards.read([shard]), bed.side, bed.channels)
        self.mean, self.std = (stat(train, axis=(0, 2, 3), keepdims=True) for stat in (np.mean, np.std))
        files = {name: bed.test(name, half) for name in bed.tests}
        self.tests = {name: self.tensors(shards.read([file])) for name, file in files.items()}
        self.digest = shards.digest([shard, *files.values()])

    def tensors(self, samples):
        images = (shards.pixels(samples, self.bed.side, self.bed.channels) - self.mean) / self.std
        return torch.from_numpy(images).to(self.device), torch.from_numpy(shards.labels(samples)).to(self.device)


def key(cell, row, network, number, options):
    return {"bed": cell.bed.name, "half": options.half, "ipc": cell.ipc, "row": row.name, "part": row.part,
            "settings": row.settings, "network": network, "width": options.width, "steps": options.steps,
            "set": cell.set, "net": number}


def finished(file):
    """Ids of what is in the file; a line that was cut off by an end of the process counts for nothing."""
    ids = set()
    for line in file.read_text().splitlines() if file.exists() else []:
        try:
            ids.add(json.loads(line)["id"])
        except ValueError:
            pass
    return ids


def append(file, result):
    """One line, at once, so that several processes may write to one file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "ab", buffering=0) as out:
        out.write((json.dumps(result) + "\n").encode())
    shown = ", ".join(f"{name} {100 * value:.1f} %" for name, value in result["accuracy"].items())
    cell = f"{result['bed']}, IPC {result['ipc']}, set {result['set']}, {result['row']}"
    print(f"{cell}, {result['network']} {result['net']}: {shown} ({result['seconds']:.1f} s)", flush=True)


def learn(data, samples, one, options):
    """Trains one network on a set; the seconds are the processor's."""
    start = time.process_time()
    network = fit(data, *data.tensors(samples), one, options)
    accuracy = {name: measure(network, *test) for name, test in data.tests.items()}
    return {"accuracy": accuracy, "images": len(samples), "seconds": round(time.process_time() - start, 2)}


def fit(data, images, labels, one, options):
    torch.manual_seed(1000 * one["set"] + one["net"])
    bed, rate = data.bed, NETWORKS[one["network"]]
    network = build(one["network"], len(bed.classes), bed.side, options.width, bed.channels).to(data.device)
    optimiser = torch.optim.SGD(network.parameters(), rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, options.steps, pct_start=0.1)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(options.steps):
        while len(order) < min(BATCH, len(labels)):
            order = torch.cat([order, torch.randperm(len(labels))])
        batch, order = order[:BATCH].to(data.device), order[BATCH:]
        loss = F.cross_entropy(network(images[batch]), labels[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def measure(network, images, labels):
    """The share of images that the network names rightly."""
    guesses = torch.cat([network(part).argmax(1) for part in images.split(500)])
    return (guesses == labels).double().mean().item()


if __name__ == "__main__":
    main()
