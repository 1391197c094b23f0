"""Peak memory of `encode` on ten thousand and on a hundred thousand images, with the same settings.

    python benches/encode_memory.py --coda-pipe target/release/coda-pipe

Repeats the demo's shards under other names (links, no copies). The two figures should be within a few per cent of each other:
memory depends on the settings, not on the size of the data set.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARDS = sorted((ROOT / "pipelines/demo").glob("train-*.tar.zst"))
IMAGES_PER_SHARD = 1_000


def pipeline(folder, shards, args):
    for number in range(shards):
        os.link(SHARDS[number % len(SHARDS)], folder / f"s-{number:04}.tar.zst")
    text = f"""
[data]
shards = "s-*.tar.zst"
[model]
path = "{ROOT}/models/demo"
[runtime]
devices = "cpu"
library = "{args.library}"
[encode]
size = 32
batch = {args.batch}
[generate]
size = 32
[output]
name = "memory"
run_dir = "run"
"""
    (folder / "p.toml").write_text(text.replace('library = ""\n', ""))


def encode(folder, args):
    command = [os.path.abspath(args.coda_pipe), "run", str(folder / "p.toml"), "--only", "encode"]
    started = time.perf_counter()
    quiet = [(os.POSIX_SPAWN_OPEN, 2, str(folder / "stderr"), os.O_WRONLY | os.O_CREAT, 0o644)]
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit((folder / "stderr").read_text())
    return usage.ru_maxrss / 1024, time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coda-pipe", default="coda-pipe")
    parser.add_argument("--library", default="", help="the ONNX Runtime library, where it isn't found by itself")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    args = parser.parse_args()
    print("| images | peak memory, MiB | seconds |\n|---|---|---|")
    for images in args.images:
        # Beside the shards: links can't leave their file system.
        with tempfile.TemporaryDirectory(dir=ROOT) as folder:
            pipeline(Path(folder), images // IMAGES_PER_SHARD, args)
            peak, seconds = encode(Path(folder), args)
        print(f"| {images:,} | {peak:,.0f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
