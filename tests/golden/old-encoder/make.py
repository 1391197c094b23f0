"""Exports the image encoder of the miniature Stable Diffusion in ../tiny-sd as optimum did up to 1.22: the graph draws its latent.

    python make.py      (needs optimum 1.22, diffusers 0.30, transformers 4.44, torch 2.4, onnx 1.16, onnxruntime 1.19, numpy 1)

Leaves fp32.onnx and fp16.onnx beside this file. The weights are those of ../tiny-sd (the same seed); ../tiny-sd/fp32 and fp16
hold the same encoder as later versions export it.
"""

import importlib.util
import shutil
import tempfile
from pathlib import Path

import torch
from optimum.exporters.onnx import main_export, onnx_export_from_model

HERE = Path(__file__).parent


def tiny_sd():
    """The script that made ../tiny-sd."""
    spec = importlib.util.spec_from_file_location("tiny_sd", HERE.parent / "tiny-sd/make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    with tempfile.TemporaryDirectory() as folder:
        pipe = tiny_sd().pipeline(Path(folder))
        pipe.save_pretrained(f"{folder}/model")
        main_export(f"{folder}/model", f"{folder}/fp32", task="text-to-image", do_validation=False)
        shutil.copyfile(f"{folder}/fp32/vae_encoder/model.onnx", HERE / "fp32.onnx")
        # The command refuses half precision on a CPU; its own function exports a model that is in half precision already.
        half = type(pipe).from_pretrained(f"{folder}/model", torch_dtype=torch.float16, safety_checker=None)
        onnx_export_from_model(half, f"{folder}/fp16", task="text-to-image", do_validation=False, dtype="fp16")
        shutil.copyfile(f"{folder}/fp16/vae_encoder/model.onnx", HERE / "fp16.onnx")


if __name__ == "__main__":
    main()
