"""Have DALI, on the CPU, read a tar of `.png` and `.cls` by its index, and compare with Python's `tarfile`.

    python check_dali.py SHARD INDEX

Prints {"samples": n, "version": DALI's} as JSON where both find the same bytes in the same order. Needs: nvidia-dali-cuda120
or -cuda130, no card.
"""

import itertools
import json
import sys
import tarfile

import nvidia.dali
from nvidia.dali import fn, pipeline_def


@pipeline_def(batch_size=1, num_threads=1, device_id=None)
def members(shard: str, index: str):
    return tuple(fn.readers.webdataset(
        paths=[shard], index_paths=[index], ext=["png", "cls"], missing_component_behavior="error"))


def by_tarfile(shard: str) -> list[dict[str, bytes]]:
    with tarfile.open(shard, "r:") as archive:
        files = [(*member.name.split(".", 1), archive.extractfile(member).read()) for member in archive]
    groups = itertools.groupby(files, key=lambda file: file[0])
    return [{extension: content for _, extension, content in group} for _, group in groups]


def main() -> None:
    shard, index = sys.argv[1:]
    expected, pipeline = by_tarfile(shard), members(shard, index)
    pipeline.build()
    (size,) = pipeline.epoch_size().values()
    assert size == len(expected), f"DALI finds {size} samples, tarfile {len(expected)}"
    for number, sample in enumerate(expected):
        image, label = (bytes(output.at(0)) for output in pipeline.run())
        assert (image, label) == (sample["png"], sample["cls"]), f"sample {number} has other bytes"
    print(json.dumps({"samples": size, "version": nvidia.dali.__version__}))


if __name__ == "__main__":
    main()
