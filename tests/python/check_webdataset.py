"""Read shards with Python's own `webdataset` and print what it sees, as JSON.

    python check_webdataset.py [--label cls] SHARD...

Output: {"samples": n, "exts": {extension: count}, "labels": {label: count}, "keys_sha256": hex};
the last is over all keys in reading order, a newline behind each. Any problem that `webdataset`
finds is raised, so the exit status is 0 only for shards that it reads without complaint.
Needs: webdataset; zstandard for .zst files, which `webdataset` does not open itself.
"""

import argparse
import collections
import hashlib
import json
import pathlib
import tempfile

import webdataset

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def plain_shard(path: pathlib.Path, folder: pathlib.Path, number: int) -> str:
    """The shard itself, or for zstd an unpacked copy in `folder`."""
    with path.open("rb") as source:
        if source.read(4) != ZSTD_MAGIC:
            return str(path)
        import zstandard

        source.seek(0)
        copy = folder / f"{number:06d}.tar"
        with copy.open("wb") as sink:
            zstandard.ZstdDecompressor().copy_stream(source, sink)
    return str(copy)


def summary(shards: list[str], label: str) -> dict:
    """Counts over all samples of the shards."""
    extensions, labels = collections.Counter(), collections.Counter()
    keys, samples = hashlib.sha256(), 0
    for sample in webdataset.WebDataset(shards, shardshuffle=False, empty_check=False):
        samples += 1
        keys.update(sample["__key__"].encode() + b"\n")
        extensions.update(name for name in sample if not name.startswith("__"))
        labels[sample[label].decode().strip() if label in sample else None] += 1
    return {
        "samples": samples,
        "exts": dict(sorted(extensions.items())),
        "labels": {str(name): count for name, count in sorted(labels.items(), key=str)},
        "keys_sha256": keys.hexdigest(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--label", default="cls", help="extension that holds the label")
    parser.add_argument("shards", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shards = [
            plain_shard(path, pathlib.Path(folder), number)
            for number, path in enumerate(arguments.shards)
        ]
        print(json.dumps(summary(shards, arguments.label)))


if __name__ == "__main__":
    main()
