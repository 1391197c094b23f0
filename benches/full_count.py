"""A data set as long as ImageNet, of small images: 1,281,167 in 1,024 shards and 1,000 classes, shuffled.

    cargo build --release
    CODA_SHARED=DIR python benches/full_count.py [--coda-pipe BINARY] [--library ONNXRUNTIME] [--scale 10]   (needs NumPy)

Images are CIFAR-10's JPEGs out of $CODA_SHARED/data/cifar10, dealt to ImageNet's classes anew; the model is the demo's. What
a run costs for each image, class and shard then stands alone. Prints seconds by stage, the most memory, and how long it takes
to see that all is done. Shards are kept in the folder and used again; --scale 10 is a tenth of everything but the classes.
"""

import argparse
import json
import os
import shutil
import tarfile
import time
from pathlib import Path

import numpy

from imagenet_in_small import ROOT, SETTINGS, peak

IMAGES, SHARDS = 1_281_167, 1_024


def header(name, size):
    """A USTAR header of a file."""
    fields = [name.encode().ljust(100, b"\0"), b"0000644\0", b"0000000\0" * 2, b"%011o\0" % size, b"%011o\0" % 0]
    start, end = b"".join(fields), b"0" + bytes(100) + b"ustar\x0000" + bytes(247)
    checksum = sum(start) + 8 * ord(" ") + sum(end)
    return start + b"%06o\0 " % checksum + end


def jpegs():
    """CIFAR-10's training images, padded as in a tar, with their lengths."""
    shared = os.environ.get("CODA_SHARED")
    if not shared:
        raise SystemExit("set CODA_SHARED to the folder that has data/cifar10")
    found = []
    for shard in sorted(Path(shared, "data/cifar10").glob("cifar10-train-*.tar")):
        with tarfile.open(shard) as tar:
            for member in tar:
                if member.name.endswith(".jpg"):
                    image = tar.extractfile(member).read()
                    found.append((len(image), image + bytes(-len(image) % 512)))
    return found


def make(folder, images, shards):
    """Shards of shuffled samples; each class gets as many images as any other, or one more."""
    done = folder / "made"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    lines = (ROOT / "pipelines/classes/imagenet.txt").read_text().splitlines()
    classes = [line.split(",")[0] for line in lines if line and not line.startswith("#")]
    labels = numpy.arange(images) % len(classes)
    numpy.random.default_rng(11).shuffle(labels)
    source = jpegs()
    bounds = numpy.linspace(0, images, shards + 1).astype(int)
    for shard, (start, end) in enumerate(zip(bounds, bounds[1:])):
        pieces = []
        for number in range(start, end):
            length, padded = source[number % len(source)]
            pieces += (header(f"{classes[labels[number]]}_{number:07}.jpg", length), padded)
        (folder / f"train-{shard:06}.tar").write_bytes(b"".join([*pieces, bytes(1024)]))
    done.touch()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--coda-pipe", default=str(ROOT / "target/release/coda-pipe"))
    parser.add_argument("--library", help="the ONNX Runtime library, where it isn't found by itself")
    parser.add_argument("--folder", default="/tmp/full_count", help="where shards and run lie; the shards are kept")
    parser.add_argument("--scale", type=int, default=1, help="one in so many images and shards")
    parser.add_argument("--until", default="assemble", help="the last stage")
    parser.add_argument("--encoded", help="a run whose encoded images are taken over (hard links): encoding is most of the time")
    parser.add_argument("--set", action="append", default=[], help="more settings, KEY=VALUE")
    given = parser.parse_args()
    if given.library:
        os.environ["ORT_DYLIB_PATH"] = str(Path(given.library).resolve())
    images, shards = IMAGES // given.scale, SHARDS // given.scale
    data = Path(given.folder, f"shards-{given.scale}")
    started = time.perf_counter()
    make(data, images, shards)
    print(f"{images:,} images in {shards} shards: {time.perf_counter() - started:.0f} s to make", flush=True)
    run = Path(given.folder, "run")
    shutil.rmtree(run, ignore_errors=True)
    if given.encoded:
        shutil.copytree(Path(given.encoded, "encode"), run / "encode", copy_function=os.link)
    settings = {**SETTINGS, "data.shards": data / "train-*.tar", "ipc": 1}
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    sets += [word for pair in given.set for word in ("--set", pair)]
    command = [os.path.abspath(given.coda_pipe), "run", str(ROOT / "pipelines/imagenet.toml")]
    command += [*sets, "--run-dir", str(run), "--until", given.until]
    seconds, memory = peak(command, Path(given.folder, "log"))
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    print("| stage | units | seconds |\n|---|---|---|")
    for event in events:
        if event["event"] == "stage_finished":
            print(f"| {event['stage']} | {event.get('units', '')} | {event['seconds']:.1f} |")
    print(f"all: {seconds:.0f} s, {memory / 2**20:.0f} MiB at the most", flush=True)
    again = [peak(command, Path(given.folder, "log"))[0] for _ in range(3)]
    print(f"finished run seen in {min(again):.2f} s (of {', '.join(f'{one:.2f}' for one in again)})")


if __name__ == "__main__":
    main()
