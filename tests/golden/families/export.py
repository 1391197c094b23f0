"""Exports a pipeline with optimum's exporter and holds its graphs to the modules they were made from."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import onnxruntime
import torch

TOLERANCE = 1e-4
keep_graphs = False


def folder(pipe, out):
    """Writes `out` as `optimum-cli export onnx --task text-to-image` does."""
    if keep_graphs and out.exists():
        return
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as saved:
        pipe.save_pretrained(f"{saved}/{out.name}")
        command = [Path(sys.executable).with_name("optimum-cli"), "export", "onnx", "-m", out.name]
        subprocess.run([*command, "--task", "text-to-image", out.resolve()], check=True, cwd=saved)
    for path in out.rglob("*.model"):
        path.unlink()  # SentencePiece's own file: all of it is in tokenizer.json


def ports(out):
    """Returns a line for each input and output of every graph."""
    lines = []
    for path in sorted(out.glob("*/model.onnx")):
        session = onnxruntime.InferenceSession(str(path))
        for side, values in (("in", session.get_inputs()), ("out", session.get_outputs())):
            for value in values:
                shape = ", ".join(str(axis) for axis in value.shape)
                lines.append(f"{path.parent.name:15} {side:3} {value.name:25} {value.type[7:-1]:6} [{shape}]")
    return lines


def check(out, part, inputs, expected):
    """Asserts that graph `part` gives `expected` (a tensor for some of its outputs' names) for `inputs`."""
    session = onnxruntime.InferenceSession(str(out / part / "model.onnx"))
    names = {value.name for value in session.get_inputs()}
    assert names == set(inputs), f"{part} takes {names}, not {set(inputs)}"
    results = session.run(list(expected), {name: tensor.numpy() for name, tensor in inputs.items()})
    for (name, tensor), result in zip(expected.items(), results):
        error = (torch.from_numpy(result) - tensor).abs().max().item() / max(tensor.std().item(), 1e-12)
        print(f"  {out.name}/{part} {name}: {error:.1e}, deviation {tensor.std().item():.3g}")
        assert error < TOLERANCE, f"{part}'s {name} is off by {error} of its deviation"
