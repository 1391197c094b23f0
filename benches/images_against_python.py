"""Images a second from shards to tensors, beside WebDataset + Pillow + torch's DataLoader with a process a core.

    cargo build --release --benches
    python3 -m venv V && V/bin/pip install webdataset pillow numpy torch   (torch from its CPU index)
    V/bin/python benches/images_against_python.py SHARD… [--size 1024] [--seconds 10] [--rounds 3]

Both do the same: tar → decode → Lanczos to a square → float tensor in −1..1. They take turns on all cores.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path


def theirs(shards, size, seconds, workers):
    import io

    import numpy
    import torch
    import webdataset
    from PIL import Image

    torch.set_num_threads(1)

    def tensor(sample):
        data = next(sample[e] for e in ("jpg", "jpeg", "JPEG", "png") if e in sample)
        image = Image.open(io.BytesIO(data)).convert("RGB").resize((size, size), Image.LANCZOS)
        pixels = torch.from_numpy(numpy.asarray(image).copy()).permute(2, 0, 1)
        return pixels.float().div_(127.5).sub_(1.0)

    repeated = [shards[i % len(shards)] for i in range(10_000)]
    data = webdataset.WebDataset(repeated, shardshuffle=False, nodesplitter=None).map(tensor)
    loader = torch.utils.data.DataLoader(data, batch_size=8, num_workers=workers)
    images, started = 0, None
    for batch in loader:
        # From the first batch on: starting the processes is not what is measured.
        if started is None:
            started = time.perf_counter()
            continue
        images += len(batch)
        if time.perf_counter() - started > seconds:
            break
    return images / (time.perf_counter() - started)


def ours(bench, shards, size, seconds):
    command = [str(bench), str(size), str(seconds), *shards]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def newest_bench(folder):
    found = [f for f in Path(folder).glob("images-*") if f.suffix == "" and os.access(f, os.X_OK)]
    if not found:
        raise SystemExit(f"{folder} has no bench: cargo build --release --benches")
    return max(found, key=lambda f: f.stat().st_mtime)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--deps", default="target/release/deps")
    given = parser.parse_args()
    bench, workers = newest_bench(given.deps), os.cpu_count()
    rounds = []
    for _ in range(given.rounds):
        python = theirs(given.shards, given.size, given.seconds, workers)
        rust = ours(bench, given.shards, given.size, given.seconds)
        rounds.append((rust["images_per_second"], python))
        print(f"ours {rust['images_per_second']:.0f}, Python {python:.0f} images/s: "
              f"{rust['images_per_second'] / python:.1f} ×; decode {rust['ms_decode']:.1f}, "
              f"resize {rust['ms_resize']:.1f}, tensor {rust['ms_tensor']:.1f} ms", flush=True)
    ratio = statistics.median(a / b for a, b in rounds)
    print(f"median of {given.rounds} rounds, {workers} cores, {given.size} pixels: {ratio:.1f} ×")


if __name__ == "__main__":
    main()
