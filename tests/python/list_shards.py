"""List the samples of shards as Python's own `webdataset` reads them.

    python list_shards.py SHARD...

For each shard one JSON line: {"shard": path, "samples": [{"key", "members": {extension: bytes},
"crc32": {extension: hex}}], "error": text or null}; what comes before an error is listed. Shards that
`webdataset` can't unpack (zstd, lz4) are unpacked with their own tools first.
"""

import io
import json
import subprocess
import sys
import zlib

from webdataset import tariterators

UNPACK = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}


def stream(path: str) -> io.BufferedIOBase:
    """The shard's bytes, less a compression that `tarfile` does not know."""
    with open(path, "rb") as source:
        tool = UNPACK.get(source.read(4))
    if tool is None:
        return open(path, "rb")
    return io.BytesIO(subprocess.run([tool, "-dc", path], check=True, stdout=subprocess.PIPE).stdout)


def listing(path: str) -> dict:
    """What `webdataset` yields, and the error that ends it."""
    samples, error = [], None
    try:
        files = tariterators.tar_file_expander([{"url": path, "stream": stream(path)}])
        for sample in tariterators.group_by_keys(files):
            members = {name: data for name, data in sample.items() if not name.startswith("__")}
            samples.append({
                # A name that is not UTF-8 comes with half a surrogate pair, which JSON can't hold.
                "key": sample["__key__"].encode(errors="surrogateescape").decode(errors="replace"),
                "members": {name: len(data) for name, data in members.items()},
                "crc32": {name: f"{zlib.crc32(data):08x}" for name, data in members.items()},
            })
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem.args[:1]}"
    return {"shard": path, "samples": samples, "error": error}


def main() -> None:
    for path in sys.argv[1:]:
        print(json.dumps(listing(path)))


if __name__ == "__main__":
    main()
