"""Weights in `.safetensors` files: each array under the path of its variable. Keras has no such files."""

from __future__ import annotations

import importlib

from fastnn.layers.weight_lists import unique

SUFFIX = ".safetensors"


def write(model, path: str) -> None:
    """Writes the weights of `model`.

    Raises:
        ValueError: when two of them have one path.
    """
    module("safetensors.numpy").save_file({name: v.numpy() for name, v in _by_path(model).items()}, path)


def read(model, path: str, skip_mismatch: bool) -> list[str]:
    """Reads the weights of `model`, all of them or, without `skip_mismatch`, none; what did not fit, as messages."""
    found, problems = [], []
    with module("safetensors").safe_open(path, framework="numpy") as file:
        names = set(file.keys())
        for name, variable in _by_path(model).items():
            if name not in names:
                problems.append(f"the file has no array {name!r}")
                continue
            shape = tuple(file.get_slice(name).get_shape())
            if shape != tuple(variable.shape):
                problems.append(f"the array {name!r} of the file has shape {shape}; the variable has {variable.shape}")
                continue
            found.append((variable, file.get_tensor(name)))
    if problems and not skip_mismatch:
        raise ValueError(f"{path}: {'; '.join(problems)}.")
    for variable, array in found:
        variable.assign(array)
    return problems


def _by_path(model) -> dict:
    variables = unique(model.weights)
    paths = [variable.path for variable in variables]
    repeated = sorted({path for path in paths if paths.count(path) > 1})
    if repeated:
        raise ValueError(f"Several weights have the path {repeated[0]!r}: give their layers names of their own.")
    return dict(zip(paths, variables, strict=True))


def module(name: str):
    """A module of safetensors, imported when a file is opened."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            "`.safetensors` files need safetensors: install `fastnn-cpu[safetensors]`, or safetensors itself."
        ) from error
