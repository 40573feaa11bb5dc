"""Whole models in `.keras` files: a zip of config.json, metadata.json, model.weights.h5 and the files of layers
(vocabularies), as Keras 3 writes them; and the way to those in `.h5` files (`legacy_file`)."""

from __future__ import annotations

import datetime
import io
import json
import warnings
import zipfile
from pathlib import Path

from fastnn import limits
from fastnn._api import KERAS_VERSION
from fastnn.object_registration import custom_object_scope
from fastnn.saving import assets, legacy_file, weights
from fastnn.saving.archive import CONFIG, METADATA, SUFFIX, WEIGHTS, member, opened
from fastnn.saving.legacy_weights import SUFFIXES as LEGACY
from fastnn.saving.reading import clear_errors, model_of
from fastnn.serialization import serialize_keras_object


def save_model(model, filepath, overwrite=True, zipped=None, **kwargs) -> None:
    """Writes `model` to a `.keras` file: its config, how it was compiled, weights and optimizer state; or to an `.h5`
    file in the layout of Keras 2. The file is replaced in one step: a reader sees the old one or the new one.

    Args:
        model: a model; one that is not built is saved without weights, with a warning.
        filepath: ends in `.keras`, `.h5` or `.hdf5`; or a binary file object, which is written from where it stands, in
            the format `.keras`.
        overwrite: whether an existing file is replaced.
        zipped: only None or True.
        **kwargs: of other versions of Keras; there are none that mean something here.

    Raises:
        ValueError: for another ending or argument.
        FileExistsError: when the file is there and `overwrite` is false.
        ImportError: without h5py.
    """
    if kwargs:
        raise ValueError(f"The following argument(s) are not supported: {list(kwargs)}")
    if not model.built:
        warnings.warn(
            "You are saving a model that has not yet been built. It might not contain any weights yet. Consider "
            "building the model first by calling it on some data.",
            stacklevel=2,
        )
    if hasattr(filepath, "write"):
        _write(model, filepath)
        return
    path = Path(filepath)
    if path.suffix not in (SUFFIX, *LEGACY) or zipped is False:
        raise ValueError(
            "Invalid filepath extension for saving. Please add either a `.keras` extension for the native Keras format "
            f"(recommended), which is a zip, or a `.h5` extension. Received: filepath={filepath}, zipped={zipped}"
        )
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already. Pass overwrite=True to replace it.")
    with weights.replacing(path) as temporary:
        (legacy_file.write if path.suffix in LEGACY else _write)(model, temporary)


def _write(model, target) -> None:
    saved = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": saved}
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(serialize_keras_object(model)))
        content = io.BytesIO()
        weights.write(model, content)
        archive.writestr(WEIGHTS, content.getbuffer())
        assets.write(model, archive)


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """The model that `save_model`, or Keras, wrote to a `.keras` file, or to an `.h5` file.

    Names in the file are looked up among fastnn's own classes and the custom objects; nothing is imported by name, and
    no code is taken from the file.

    Args:
        filepath: ends in `.keras`, `.h5` or `.hdf5`; or a binary file object with a `.keras` file.
        custom_objects: dict from names in the config to the user's classes and functions.
        compile: whether the model is compiled as it was, with the optimizer's state.
        safe_mode: kept for Keras's signature: code in a file is never run.

    Raises:
        ValueError: for another ending, where there is no file, or for one that is not what it should be.
        FileNotFoundError: where there is no `.h5` file.
        ImportError: without h5py.
    """
    if not hasattr(filepath, "read"):
        path = Path(filepath)
        if path.suffix not in (SUFFIX, *LEGACY):
            raise ValueError(
                f"File format not supported: filepath={filepath}. fastnn reads models from `{SUFFIX}` files, and from "
                "`.h5` files in the layout of Keras 2."
            )
        if not path.exists():
            raise (FileNotFoundError if path.suffix in LEGACY else ValueError)(f"There is no file {path}.")
        if path.suffix in LEGACY:
            with clear_errors(str(path)):
                return legacy_file.read(path, custom_objects, compile)
        with path.open("rb") as file:
            return load_model(file, custom_objects, compile, safe_mode)
    name = str(getattr(filepath, "name", "the file"))
    with clear_errors(name), opened(filepath, name) as archive:
        text, content = member(archive, name, CONFIG), member(archive, name, WEIGHTS)
        config = json.loads(text)
        if not compile:
            config.pop("compile_config", None)
        with custom_object_scope(custom_objects or {}), limits.reading(len(content), len(text)):
            model = model_of(config, name)
            weights.read(model, io.BytesIO(content), len(content), name, is_given_up=True)
            assets.read(model, lambda asset: member(archive, name, asset), archive.namelist())
    return model
