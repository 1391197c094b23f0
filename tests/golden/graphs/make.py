"""Makes types.onnx: one input and output of each element type that exports have, old and new.

    python make.py        # needs onnx
"""

from onnx import TensorProto, checker, helper, save

F32, F16, I64, I32 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64, TensorProto.INT32
port = helper.make_tensor_value_info
graph = helper.make_graph(
    [
        # Optimum before 1.24 had the timestep as a vector of one whole number.
        helper.make_node("Cast", ["timestep"], ["moment"], to=F32),
        helper.make_node("Add", ["sample", "moment"], ["out_sample"]),
        helper.make_node("Add", ["half", "half"], ["doubled"]),
        helper.make_node("Add", ["input_ids", "input_ids"], ["ids"]),
    ],
    "types",
    [
        port("sample", F32, ["batch", 2]),
        port("timestep", I64, [1]),
        port("half", F16, ["batch", 2]),
        port("input_ids", I32, ["batch", "tokens"]),
    ],
    [port("out_sample", F32, ["batch", 2]), port("doubled", F16, ["batch", 2]), port("ids", I32, ["batch", "tokens"])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
checker.check_model(model)
save(model, "types.onnx")
