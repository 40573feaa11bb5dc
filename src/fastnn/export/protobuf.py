"""ONNX's own records and files, from what a `Builder` holds. The only module that imports `onnx`."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np

from fastnn._build_report import __version__
from fastnn.export.builder import Builder
from fastnn.export.traced import Array, Size, Unexportable
from fastnn.saving.weights import replacing

LIMIT = 2**31 - 2**20  # bytes of arrays that one protobuf message can hold; more of them go into a file of their own
INLINE = 1024  # bytes: smaller arrays, shapes among them, stay in the message
ALIGNMENT = 4096  # bytes, so that the other file can be mapped
OPSET = 18  # reductions whose axes are an input; LayerNormalization is there since 17


def onnx_module():
    """onnx, imported when a model is exported."""
    try:
        importlib.import_module("onnx.checker")
        return importlib.import_module("onnx")
    except ImportError as error:
        raise ImportError("Exporting to ONNX needs onnx: install `fastnn-cpu[onnx]`, or onnx itself.") from error


def make_model(b: Builder, name: str, symbols: dict[tuple[int, ...], str], opset: int):
    """The `onnx.ModelProto` of `b` without its arrays, and the arrays by name.

    Args:
        b: a finished builder.
        name: of the graph.
        symbols: names of the sizes that the inputs decide.
        opset: version of ONNX's ops.
    """
    onnx = onnx_module()
    used = _keep_used(b, set())
    rename = _final_names(b, used)
    opsets = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(
        _graph(onnx, b, name, _Types(onnx, symbols), rename), opset_imports=opsets,
        ir_version=onnx.helper.find_min_ir_version_for(opsets), producer_name="fastnn", producer_version=__version__,
    )  # fmt: skip
    return model, {rename.get(key, key): array for key, array in b.shared.initializers.items() if key in used}


def _keep_used(b: Builder, used: set[str]) -> set[str]:
    """Drops nodes that nothing reads, in graphs inside too; returns the names that are read, with those of `used`."""
    used = used | {name for name, _ in b.outputs}
    kept = []
    for node in reversed(b.nodes):
        if any(name in used for name in node.outputs):
            kept.append(node)
            used.update(node.inputs)
            for value in node.attributes.values():
                if isinstance(value, Builder):
                    used |= _keep_used(value, used)
    b.nodes = kept[::-1]
    return used


def _final_names(b: Builder, used: set[str]) -> dict[str, str]:
    """A weight that is used only rearranged gets the weight's own name."""
    rename: dict[str, str] = {}
    for name, original in b.shared.originals.items():
        if name in used and original not in used and original not in rename.values():
            rename[name] = original
    return rename


class _Types:
    """Types of inputs and outputs."""

    def __init__(self, onnx, symbols):
        self.onnx, self.symbols = onnx, symbols

    def info(self, name: str, array: Array):
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(array.dtype))
        shape = [self.symbols.get(size.values) if isinstance(size, Size) else size for size in array.shape]
        return self.onnx.helper.make_tensor_value_info(name, kind, shape)


def _graph(onnx, b: Builder, name: str, types: _Types, rename: dict[str, str]):
    nodes = []
    for node in b.nodes:
        attributes = {
            key: _graph(onnx, value, f"{node.name}/{key}", types, rename) if isinstance(value, Builder) else value
            for key, value in node.attributes.items()
        }
        for key, value in attributes.items():
            if isinstance(value, (np.dtype, type)):
                attributes[key] = int(onnx.helper.np_dtype_to_tensor_dtype(np.dtype(value)))
        inputs = [rename.get(x, x) for x in node.inputs]
        nodes.append(onnx.helper.make_node(node.op_type, inputs, node.outputs, name=node.name, **attributes))
    inputs, outputs = ([types.info(x, array) for x, array in named] for named in (b.inputs, b.outputs))
    return onnx.helper.make_graph(nodes, name, inputs, outputs)


def write(model, arrays: dict[str, np.ndarray], path: Path) -> None:
    """Checks the model and writes it with its arrays; `path` is replaced in one step.

    Arrays of more than `LIMIT` bytes in all go into a file of their own beside it, `<name>.data`.

    Raises:
        ValueError: when the model is not valid.
    """
    onnx = onnx_module()
    if sum(array.nbytes for array in arrays.values()) < LIMIT:
        model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in arrays.items())
        _check(onnx, model, full_check=True)
        with replacing(path) as temporary:
            Path(temporary).write_bytes(model.SerializeToString())
        return
    data = path.with_name(path.name + ".data")
    with replacing(path) as temporary, replacing(data) as temporary_data:
        with open(temporary_data, "wb") as file:
            places = [_put(onnx, model, name, array, file) for name, array in arrays.items()]
        for location in (Path(temporary_data).name, data.name):  # checked with the first, where the numbers are now
            for place in filter(None, places):
                place.value = location
            Path(temporary).write_bytes(model.SerializeToString())
            if location != data.name:
                _check(onnx, temporary)


def _put(onnx, model, name: str, array: np.ndarray, file):
    """Adds an array to the model, with its numbers in `file` where they are many; returns the record of the file's
    name."""
    if array.nbytes < INLINE:
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
        return None
    kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor = model.graph.initializer.add(
        name=name, dims=array.shape, data_type=kind, data_location=onnx.TensorProto.EXTERNAL
    )
    offset = file.seek(-file.tell() % ALIGNMENT, 1)
    array.tofile(file)
    place = tensor.external_data.add(key="location")
    tensor.external_data.add(key="offset", value=str(offset))
    tensor.external_data.add(key="length", value=str(array.nbytes))
    return place


def _check(onnx, model, **how) -> None:
    try:
        onnx.checker.check_model(model, **how)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        # As a rule a dtype that an op does not take; the node's name is the layer's path.
        raise Unexportable(f"export: what was made is not valid ONNX: {error}") from error
