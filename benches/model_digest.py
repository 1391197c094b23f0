#!/usr/bin/env python3
"""Seconds that a large model's fingerprint takes: at first, when every byte is read, and again.

    python3 benches/model_digest.py [--program target/release/coda-pipe] [--gigabytes 7] [--folder /tmp]

Copies the demo's model, puts files of random bytes beside its image encoder, and times `run --dry-run` of the demo with
it. The folder is removed at the end. The files were just written, so they are read from memory where it is large enough:
on a cold disk the first time is that of reading them.

2026-11-27, two shared cores, seven jobs beside it, a debug build, 7 GB in memory: 21.0 s, then 0.05 s.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "target/release/coda-pipe")
    parser.add_argument("--gigabytes", type=float, default=7.0)
    parser.add_argument("--folder", type=Path, default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        folder = Path(folder)
        model = folder / "model"
        shutil.copytree(ROOT / "models/demo", model)
        left, number, block = int(asked.gigabytes * 1e9), 0, os.urandom(1 << 24)
        while left > 0:
            # A file of 5 GB, as SDXL's UNet in half precision has it, then the rest.
            size = min(left, 5_000_000_000)
            with open(model / f"vae_encoder/weights_{number}.bin", "wb") as out:
                written = 0
                while written < size:
                    # Different from place to place.
                    part = (number * 1_000_003 + written).to_bytes(8, "little") + block[8:]
                    written += out.write(part[: size - written])
            left, number = left - size, number + 1
        # Till a later change is sure to show in the files' times.
        time.sleep(5)
        environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
        command = [asked.program, "run", ROOT / "pipelines/demo.toml", "--set", f"model.path={model}", "--dry-run"]
        command += ["--run-dir", folder / "run"]
        for what in ["first", "again", "again"]:
            started = time.perf_counter()
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
            print(f"{what}: {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
