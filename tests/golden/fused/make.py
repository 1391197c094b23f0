#!/usr/bin/env python3
"""Fuses the miniature Stable Diffusion's UNet (../tiny-sd/fp32) as ONNX Runtime's optimizer and Olive do.

    pip install onnx==1.19.1 onnxruntime==1.32.0
    python make.py

card/unet  for CUDA: NhwcConv, GroupNorm, SkipGroupNorm, BiasSplitGelu, BiasAdd, packed attention; float16 throughout
cpu/unet   operators that the CPU has kernels for; float16 inside, and inputs and outputs of mixed types
"""

import shutil
from pathlib import Path

from onnx import TensorProto, helper
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "tiny-sd" / "fp32" / "unet"
# Fusions into operators without a kernel for the CPU.
OF_CARDS = ("nhwc_conv", "group_norm", "skip_group_norm", "bias_splitgelu", "bias_add", "packed_kv", "packed_qkv")


def main():
    card = fused(of_cards=True)
    card.convert_float_to_float16(keep_io_types=False)
    save(card, "card")
    cpu = fused(of_cards=False)
    cpu.convert_float_to_float16(keep_io_types=["sample", "out_sample"])
    whole_timesteps(cpu.model.graph)
    save(cpu, "cpu")


def fused(of_cards):
    options = FusionOptions("unet")
    for name in OF_CARDS:
        setattr(options, f"enable_{name}", of_cards)
    return optimize_model(str(SOURCE / "model.onnx"), model_type="unet", num_heads=0, hidden_size=0, opt_level=0,
                          optimization_options=options, use_gpu=True)


def whole_timesteps(graph):
    """Makes the timestep an int32, as some exports have it."""
    (timestep,) = (value for value in graph.input if value.name == "timestep")
    kind = timestep.type.tensor_type.elem_type
    timestep.type.tensor_type.elem_type = TensorProto.INT32
    for node in graph.node:
        node.input[:] = ["timestep_real" if name == "timestep" else name for name in node.input]
    graph.node.insert(0, helper.make_node("Cast", ["timestep"], ["timestep_real"], to=kind))


def save(model, name):
    folder = HERE / name / "unet"
    folder.mkdir(parents=True, exist_ok=True)
    model.topological_sort()
    model.save_model_to_file(str(folder / "model.onnx"))
    shutil.copy(SOURCE / "config.json", folder / "config.json")


if __name__ == "__main__":
    main()
