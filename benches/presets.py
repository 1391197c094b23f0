"""What the default preset spares beside `preset = "published"`: pixels through the encoder, bytes kept, seconds.

    cargo build --release
    python benches/presets.py [--library ONNXRUNTIME] [--classes 2] [--ipc 10]     (needs Pillow, NumPy, onnx, pyarrow)

Classes of ImageNet's size (1,300 images of noise), encoded and anchored by both presets at their own sizes, 256 and 1,024
pixels. The encoder has the shapes of SDXL's and one convolution: its work is counted in pixels, and what is timed is
everything around it.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

import numpy
import onnx
import pyarrow.parquet
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
SIZES = {"default": 256, "published": 1024}


def make_model(folder):
    """The demo's folder with an autoencoder of SDXL's shapes: 3 × S × S to 4 × S/8 × S/8."""
    shutil.copytree(ROOT / "models/demo", folder)
    random = numpy.random.default_rng(0)
    weight = numpy_helper.from_array(random.normal(0, 0.1, (8, 3, 8, 8)).astype("float32"), "weight")
    image = helper.make_tensor_value_info("sample", TensorProto.FLOAT, ["n", 3, "height", "width"])
    latent = helper.make_tensor_value_info("latent_parameters", TensorProto.FLOAT, ["n", 8, "h", "w"])
    node = helper.make_node("Conv", ["sample", "weight"], ["latent_parameters"], kernel_shape=[8, 8], strides=[8, 8])
    graph = helper.make_graph([node], "encoder", [image], [latent], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "vae_encoder/model.onnx")
    for part in ("vae_encoder", "vae_decoder"):
        config = json.loads((folder / part / "config.json").read_text())
        config.update(block_out_channels=[128, 256, 512, 512], scaling_factor=0.13025)
        (folder / part / "config.json").write_text(json.dumps(config))


def make_shards(folder, classes, each):
    random = numpy.random.default_rng(1)
    samples = [(label, number) for number in range(each) for label in range(classes)]
    for start in range(0, len(samples), 1_000):
        with tarfile.open(folder / f"train-{start // 1_000:06}.tar", "w") as tar:
            for label, number in samples[start : start + 1_000]:
                file = io.BytesIO()
                Image.fromarray(random.integers(0, 256, (24, 24, 3), "uint8")).resize((320, 240)).save(file, "JPEG")
                for extension, content in (("jpg", file.getvalue()), ("cls", str(label).encode())):
                    member = tarfile.TarInfo(f"{label}_{number:05}.{extension}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))


def measure(folder, preset, given):
    size = SIZES[preset]
    settings = [f"preset={preset}", f"ipc={given.ipc}", f"data.shards={folder / 'train-*.tar'}", "devices=cpu",
                f"model.path={folder / 'model'}", "algorithm=kmeans", "encode.batch=8"]
    command = [given.coda_pipe, "run", folder / "pipeline.toml", "--run-dir", folder / preset, "--until", "anchor"]
    command += [word for setting in settings for word in ("--set", setting)]
    started = time.perf_counter()
    subprocess.run(list(map(str, command)), check=True, stderr=subprocess.PIPE)
    seconds = time.perf_counter() - started
    tables = {stage: sorted((folder / preset / stage).rglob("*.parquet")) for stage in ("encode", "anchor")}
    rows = {stage: sum(pyarrow.parquet.read_metadata(file).num_rows for file in files) for stage, files in tables.items()}
    # Where both sizes are one, the cores' latents are taken from what was encoded.
    pixels = rows["encode"] * size**2 + (rows["anchor"] * 1024**2 if size != 1024 else 0)
    amount = {stage: sum(file.stat().st_size for file in files) for stage, files in tables.items()}
    return pixels, amount["encode"], amount["anchor"], seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--coda-pipe", default=str(ROOT / "target/release/coda-pipe"))
    parser.add_argument("--library", help="the ONNX Runtime library, where it isn't found by itself")
    parser.add_argument("--classes", type=int, default=2)
    parser.add_argument("--each", type=int, default=1300, help="images a class")
    parser.add_argument("--ipc", type=int, default=10)
    given = parser.parse_args()
    if given.library:
        os.environ["ORT_DYLIB_PATH"] = str(Path(given.library).resolve())
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        make_model(folder / "model")
        make_shards(folder, given.classes, given.each)
        (folder / "pipeline.toml").write_text('[output]\nname = "presets"\n')
        found = {preset: measure(folder, preset, given) for preset in SIZES}
    print(f"{given.classes} classes of {given.each} images, IPC {given.ipc}\n")
    print("| preset | pixels encoded | bytes of all images | bytes of the cores | seconds |\n|---|---|---|---|---|")
    for preset, (pixels, kept, anchors, seconds) in found.items():
        print(f"| {preset} | {pixels:,} | {kept:,} | {anchors:,} | {seconds:.1f} |")
    ours, published = found["default"], found["published"]
    both = [sum(row[1:3]) for row in (published, ours)]
    print(f"\n{published[0] / ours[0]:.1f} times fewer pixels, {published[1] / ours[1]:.1f} times fewer bytes of all "
          f"images, {both[0] / both[1]:.1f} with the cores, {published[3] / ours[3]:.1f} times less time around the encoder")


if __name__ == "__main__":
    main()
