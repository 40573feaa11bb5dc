"""Whole models in `.h5` files, as Keras 2 kept them and `save("model.h5")` of Keras 3 still writes them.

The attribute `model_config` is JSON of the model, `training_config` of what `compile` was given. The group
`model_weights` holds the weights, layer by layer (see `legacy_weights`), `optimizer_weights` those of the optimizer.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from fastnn import config, limits
from fastnn._api import KERAS_VERSION
from fastnn.object_registration import custom_object_scope
from fastnn.saving import legacy_weights
from fastnn.saving.legacy_config import modern, modern_optimizer, without_modules
from fastnn.saving.reading import model_of
from fastnn.saving.stores import Store, h5py_module, hard_linked, open_file, texts
from fastnn.serialization import serialize_keras_object

_OPTIMIZER = "optimizer_weights"


def write(model, path) -> None:
    """Writes `model` to an `.h5` file."""
    described = serialize_keras_object(model)
    compiled = described.get("compile_config")
    with h5py_module().File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = KERAS_VERSION, config.backend()
        file.attrs["model_config"] = json.dumps(without_modules(described))
        legacy_weights.write(model, file.create_group(legacy_weights.WHOLE_MODEL))
        if compiled:
            file.attrs["training_config"] = json.dumps(_training_config(compiled))
        if compiled and model.optimizer is not None:
            variables = model.optimizer.variables
            legacy_weights.write_group(file.create_group(_OPTIMIZER), variables, [v.path for v in variables])


def _training_config(compiled: dict) -> dict:
    kept = {key: value for key, value in compiled.items() if key != "optimizer"}
    for key in ("loss", "metrics", "weighted_metrics"):
        kept[key] = _bare(kept[key])
    return kept if compiled["optimizer"] is None else {**kept, "optimizer_config": _bare(compiled["optimizer"])}


def _bare(described):
    """Configs without modules; functions by their names."""
    if isinstance(described, (list, tuple)):
        return [_bare(item) for item in described]
    if not isinstance(described, dict):
        return described
    if "class_name" not in described:
        return {key: _bare(value) for key, value in described.items()}
    if described["class_name"] == "function":
        return described["config"]
    return {"class_name": described["registered_name"] or described["class_name"], "config": described["config"]}


def read(path: Path, custom_objects, compile: bool):
    """The model of an `.h5` file.

    Raises:
        ValueError: for a file that is not what it should be.
    """
    file_bytes = path.stat().st_size
    with open_file(path, str(path)) as file, custom_object_scope(custom_objects):
        described = texts(file, "model_config", file_bytes)
        if not described:
            raise ValueError(f"No model config found in the file at {path}.")
        with limits.reading(file_bytes, len(described[0])):
            model = model_of(modern(json.loads(described[0])), str(path))
            if model.built:
                legacy_weights.load(model, file, file_bytes, skip_mismatch=False)
            if compile:
                _compile(model, file, file_bytes)
    return model


def _compile(model, file, file_bytes: int) -> None:
    training = texts(file, "training_config", file_bytes)
    if not training:
        warnings.warn(
            "No training configuration found in the save file, so the model was *not* compiled. Compile it manually.",
            stacklevel=4,
        )
        return
    training = json.loads(training[0])
    known = ("loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution", "jit_compile")
    arguments = {key: training[key] for key in known if key in training}
    model.compile_from_config({**arguments, "optimizer": modern_optimizer(training["optimizer_config"])})
    if hard_linked(file, _OPTIMIZER) is None or not model.built:
        return
    variables = model.optimizer.variables
    names = texts(hard_linked(file, _OPTIMIZER), "weight_names", file_bytes)
    store = Store(file, _OPTIMIZER, file_bytes)
    try:
        if len(names) != len(variables):
            raise ValueError(f"it has {len(variables)} variables, the file {len(names)}.")
        arrays = [store.read(name, v.shape) for name, v in zip(names, variables, strict=True)]
    except ValueError as error:
        warnings.warn(f"The state of the optimizer is left as it is: {error}", stacklevel=4)
        return
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
