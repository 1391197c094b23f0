"""Exports the image encoder of the miniature Stable Diffusion in ../tiny-sd as optimum did up to 1.22: the graph draws its latent.

    python make.py      (needs optimum 1.22, diffusers 0.30, transformers 4.44, torch 2.4, onnx 1.16, onnxruntime 1.19, numpy 1)

Leaves fp32.onnx and fp16.onnx beside this file, and later-fp16.onnx: what the same exporter makes of the same encoder with
optimum 1.23's one change, the parameters in place of a draw from them. The weights are those of ../tiny-sd (the same seed),
where fp32/ has the same encoder by a later exporter.
"""

import importlib.util
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import onnx
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from optimum.exporters.onnx import main_export, onnx_export_from_model

HERE = Path(__file__).parent


def tiny_sd():
    """The script that made ../tiny-sd."""
    spec = importlib.util.spec_from_file_location("tiny_sd", HERE.parent / "tiny-sd/make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def half(kind, folder, name):
    """The command refuses half precision on a CPU; its own function exports a model that is in half precision already."""
    pipe = kind.from_pretrained(f"{folder}/model", torch_dtype=torch.float16, safety_checker=None)
    onnx_export_from_model(pipe, f"{folder}/{name}", task="text-to-image", do_validation=False, dtype="fp16")
    return f"{folder}/{name}/vae_encoder/model.onnx"


def main():
    with tempfile.TemporaryDirectory() as folder:
        pipe = tiny_sd().pipeline(Path(folder))
        pipe.save_pretrained(f"{folder}/model")
        main_export(f"{folder}/model", f"{folder}/fp32", task="text-to-image", do_validation=False)
        shutil.copyfile(f"{folder}/fp32/vae_encoder/model.onnx", HERE / "fp32.onnx")
        shutil.copyfile(half(type(pipe), folder, "fp16"), HERE / "fp16.onnx")
        with mock.patch.object(DiagonalGaussianDistribution, "sample", lambda self: self.parameters):
            later = onnx.load(half(type(pipe), folder, "later"))
        later.graph.node[-1].output[0] = later.graph.output[0].name = "latent_parameters"
        later.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 8
        onnx.save(later, HERE / "later-fp16.onnx")


if __name__ == "__main__":
    main()
