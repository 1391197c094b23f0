"""The UNet of a model folder as a torch module, and a module's weights back in a graph.

The graph keeps names: a tensor has its parameter's name, or belongs to a MatMul whose node is named after its module.
So an exported graph is taken in, trained, and written with the same nodes and other numbers; nothing is exported anew.
"""

import json

import numpy as np
import onnx
import torch
from diffusers import UNet2DConditionModel
from onnx import numpy_helper

PARAMETERS = {"MatMul": "weight", "Mul": "weight", "Add": "bias"}


def load(folder):
    """The module, with the weights of FOLDER/model.onnx and the shape that FOLDER/config.json says."""
    config = json.loads((folder / "config.json").read_text())
    module = UNet2DConditionModel.from_config({k: v for k, v in config.items() if not k.startswith("_")})
    graph = onnx.load(str(folder / "model.onnx"))
    state, found = module.state_dict(), {}
    for name, tensor, turned in tensors(graph):
        value = torch.from_numpy(numpy_helper.to_array(tensor).copy())
        found[name] = value.T if turned else value.reshape(state[name].shape)
    module.load_state_dict(found, strict=True)
    return module.eval()


def write(module, source, target):
    """Writes the graph SOURCE with the module's weights to TARGET."""
    graph = onnx.load(str(source))
    state = module.state_dict()
    for name, tensor, turned in tensors(graph):
        value = state.pop(name).detach().float()
        array = (value.T if turned else value).numpy().reshape(list(tensor.dims))
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), tensor.name))
    if state:
        raise SystemExit(f"{source} has no place for {', '.join(state)}")
    onnx.save(graph, str(target))


def tensors(graph):
    """Parameters of a graph: (its name in torch, the tensor, whether it is turned), each once."""
    held = {tensor.name: tensor for tensor in graph.graph.initializer}
    for name, tensor in held.items():
        if name.endswith((".weight", ".bias")):
            yield name, tensor, False
    for node in graph.graph.node:
        # The exporter renames what it folds: turned matrices, and the weights of a GroupNorm as [C, 1, 1].
        for name in node.input:
            if name in held and name.startswith("onnx::") and node.op_type in PARAMETERS:
                module = node.name.strip("/").rsplit("/", 1)[0].replace("/", ".")
                yield f"{module}.{PARAMETERS[node.op_type]}", held[name], node.op_type == "MatMul"
