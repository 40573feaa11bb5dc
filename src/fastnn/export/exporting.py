"""What `Model.export` does: the model's inference, traced, as an ONNX file."""

from __future__ import annotations

import inspect
from pathlib import Path

from fastnn import config, tree
from fastnn.export import onnx_ops, protobuf  # noqa: F401 (`onnx_ops` fills the table of emitters)
from fastnn.export.builder import Builder
from fastnn.export.composed import compose
from fastnn.export.emit import emit
from fastnn.export.traced import Array, Size, Unexportable, trace
from fastnn.graph.dtypes import standardize_dtype
from fastnn.graph.symbolic import KerasTensor

__all__ = ["export_model"]

SUFFIX = ".onnx"
TF_SAVED_MODEL = "tf_saved_model"  # Keras's default


def export_model(
    model, filepath, format=TF_SAVED_MODEL, verbose=None, input_signature=None, opset_version=None
) -> None:  # fmt: skip
    """Writes what `model` computes at inference to an ONNX file; see `Model.export`."""
    path = Path(filepath)
    _check_format(path, format)
    onnx = protobuf.onnx_module()
    opset = protobuf.OPSET if opset_version is None else int(opset_version)
    newest = onnx.defs.onnx_opset_version()
    if not protobuf.OPSET <= opset <= newest:
        raise ValueError(
            f"export: `opset_version` must be from {protobuf.OPSET} to {newest}, the newest that the installed onnx "
            f"knows. Received: {opset_version}"
        )
    structure = _signature(model, input_signature)
    protobuf.write(*make_onnx(model, structure, opset), path)
    if verbose or verbose is None:
        print(f"Saved artifact at '{filepath}'.")


def _check_format(path: Path, format) -> None:
    is_onnx = format == "onnx" or (format == TF_SAVED_MODEL and path.suffix == SUFFIX)
    if not is_onnx:
        raise ValueError(
            f"export: only ONNX can be written: pass `format='onnx'`, or a `filepath` that ends in '{SUFFIX}'. "
            f"Received: filepath={str(path)!r}, format={format!r}"
        )


def make_onnx(model, structure, opset: int):
    """The `onnx.ModelProto` of `model` called on arrays like the KerasTensors of `structure`, and its arrays."""

    def infer(inputs):
        args = inputs if _takes_several(model) else [inputs]
        return model._call_for_shapes(*args, training=False)

    specs = tree.flatten(structure)
    reader = _layer_of_strings(model)
    if reader is not None or any(spec.dtype == "string" for spec in specs):
        raise Unexportable(
            f"export: {reader or f'model {model.name!r}'} works on strings, which cannot be written as ONNX. Export a "
            "model of the layers behind it."
        )
    traced = trace(infer, structure, compose)
    b = Builder()
    names = [b.unique(spec.name) for spec in specs]
    b.inputs = list(zip(names, traced.inputs, strict=True))
    wanted = [b.unique(name) for name in _output_names(model, len(traced.outputs))]
    made = emit(b, traced, names)
    for name, result, array in zip(wanted, made, traced.outputs, strict=True):
        b.end(result, name)
        b.outputs.append((name, array))
    return protobuf.make_model(b, model.name, _symbols(traced.inputs), opset)


def _takes_several(model) -> bool:
    """Whether `call` of a subclassed model has several arguments that must be given; a signature lists them then."""
    parameters = inspect.signature(model.call).parameters.values()
    needed = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty]
    return model._network is None and len(needed) > 1


def _signature(model, given):
    """The inputs of `model` as KerasTensors in their structure.

    Raises:
        ValueError: when the shapes are not known, or do not fit the model's inputs.
    """
    while isinstance(given, (list, tuple)) and len(given) == 1:  # Keras's signatures are lists of arguments
        given = given[0]
    for leaf in [] if given is None else tree.flatten(given):
        if getattr(leaf, "shape", None) is None:
            raise ValueError(f"export: `input_signature` needs things with a shape. Received: {leaf}")
    network = model._network
    if network is not None:
        own = [
            KerasTensor(x.shape, x.dtype, name=layer.name)
            for x, layer in zip(network.inputs, network.input_layers, strict=True)
        ]
        if given is not None:
            own = [_with_shape(x, leaf) for x, leaf in zip(own, _leaves_for(own, given), strict=True)]
        return tree.pack_sequence_as(network.inputs_structure, own)
    if given is None:
        shapes = list((model._state.build_shapes or {}).values())
        if len(shapes) != 1:
            raise ValueError(
                f"export: the shapes of the inputs of model {model.name!r} are not known. Call the model on some data "
                "first, or pass `input_signature`, such as `[fastnn.InputSpec(shape=(None, 4), dtype='float32')]`."
            )
        given = tree.map_shape_structure(lambda shape: KerasTensor((None, *shape[1:]), model.input_dtype), shapes[0])
    return _named(given)


def _leaves_for(own: list[KerasTensor], given) -> list:
    """The leaves of a signature for inputs of known names."""
    if isinstance(given, dict) and set(given) >= {x.name for x in own}:
        return [given[x.name] for x in own]
    leaves = tree.flatten(given)
    if len(leaves) != len(own):
        raise ValueError(f"export: `input_signature` has {len(leaves)} inputs; the model has {[x.name for x in own]}.")
    return leaves


def _with_shape(x: KerasTensor, leaf) -> KerasTensor:
    return KerasTensor(leaf.shape, x.dtype, name=x.name)


def _named(given):
    """The leaves of a signature as KerasTensors; without names they are called by their keys, or numbered."""
    paths = [path for path, _ in tree.flatten_with_path(given)]
    tensors = []
    for path, leaf in zip(paths, tree.flatten(given), strict=True):
        place = "_".join(map(str, path))
        name = place if isinstance(given, dict) else "_".join(filter(None, ("inputs", place)))
        own = None if isinstance(leaf, KerasTensor) else getattr(leaf, "name", None)
        dtype = standardize_dtype(leaf.dtype or config.floatx())
        tensors.append(KerasTensor(leaf.shape, dtype, name=own or name))
    return tree.pack_sequence_as(given, tensors)


def _output_names(model, count: int) -> list[str]:
    if model._network is not None and len(model.output_names) == count:
        return model.output_names
    return ["outputs"] if count == 1 else [f"outputs_{k}" for k in range(count)]


def _symbols(inputs: list[Array]) -> dict[tuple[int, ...], str]:
    """Names of the sizes that the inputs decide."""
    sizes = dict.fromkeys(
        (size.values, axis) for x in inputs for axis, size in enumerate(x.shape) if isinstance(size, Size)
    )
    return {values: "batch" if axis == 0 else f"size_{k}" for k, (values, axis) in enumerate(sizes)}


def _layer_of_strings(model) -> str | None:
    """Which layer takes or gives strings."""
    for step in [] if model._network is None else model._network.steps:
        if any(x.dtype == "string" for x in (*step.call.inputs, *step.outputs)):
            return f"layer {step.name!r}"
    return None
