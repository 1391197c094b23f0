"""Packs a folder of small files into shards: coda-pipe beside webdataset's own ShardWriter, in one run.

    python benches/pack_against_python.py --coda-pipe target/release/coda-pipe

Needs webdataset. Makes its files in a temporary folder, packs them by turns, checks that both sets of shards hold the same
samples, and prints images per second. The files lie in the page cache: it is the programs that are compared, not the disk.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import webdataset


def make_files(root, count, classes):
    rng = random.Random(0)
    for number in range(count):
        folder = root / f"class{number % classes:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"class{number % classes:03}_{number}.jpg").write_bytes(rng.randbytes(rng.randint(2_000, 20_000)))


def ours(args, images, out):
    command = [args.coda_pipe, "shards", "pack", images, "--out", out / "t-{:06}.tar", "--per-shard", args.per_shard]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)


def python(args, images, out):
    files = sorted(images.glob("*/*.jpg"))
    random.Random(0).shuffle(files)
    out.mkdir()
    with webdataset.ShardWriter(str(out / "t-%06d.tar"), maxcount=args.per_shard, verbose=0) as sink:
        for file in files:
            sink.write({"__key__": file.stem, "jpg": file.read_bytes(), "cls": file.parent.name})


def samples(out):
    found = {}
    for sample in webdataset.WebDataset(sorted(map(str, out.glob("*.tar"))), shardshuffle=False):
        found[sample["__key__"]] = (sample["jpg"], sample["cls"])
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coda-pipe", default="coda-pipe")
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--per-shard", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_files(root / "images", args.files, 100)
        os.sync()
        seconds = {ours: [], python: []}
        for number in range(args.repeat):
            for pack, taken in seconds.items():
                out = root / pack.__name__
                shutil.rmtree(out, ignore_errors=True)
                started = time.perf_counter()
                pack(args, root / "images", out)
                taken.append(time.perf_counter() - started)
        same = samples(root / "ours") == samples(root / "python")
        a, b = (statistics.median(taken) for taken in seconds.values())
        print(f"{args.files} files; same samples: {same}\n")
        print("| | images/s | seconds |\n|---|---|---|")
        print(f"| coda-pipe | {args.files / a:,.0f} | {a:.2f} |\n| webdataset | {args.files / b:,.0f} | {b:.2f} |")
        print(f"\nratio {b / a:.1f}")


if __name__ == "__main__":
    main()
