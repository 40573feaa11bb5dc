"""Whole models in `.keras` files: a zip of config.json, metadata.json, model.weights.h5 and the files of layers
(vocabularies), as Keras 3 writes them."""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from pathlib import Path

from fastnn.object_registration import custom_object_scope
from fastnn.saving import assets, weights
from fastnn.serialization import deserialize_keras_object, serialize_keras_object

SUFFIX = ".keras"
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
KERAS_VERSION = "3.10.0"  # whose format this is: what readers compare
LARGEST_CONFIG = 1 << 26  # bytes; thousands of layers take some millions
LARGEST_RATIO = 20  # of a member's size to the file's: weights hardly compress, bombs do


def save_model(model, filepath, overwrite=True, zipped=None, **kwargs) -> None:
    """Writes `model` to a `.keras` file: its config, how it was compiled, weights and optimizer state. The file is
    replaced in one step: a reader sees the old one or the new one.

    Args:
        model: a built model.
        filepath: ends in `.keras`.
        overwrite: whether an existing file is replaced.
        zipped: only None or True.
        **kwargs: of other versions of Keras; there are none that mean something here.

    Raises:
        ValueError: for another ending or argument, or a model that is not built.
        FileExistsError: when the file is there and `overwrite` is false.
        ImportError: without h5py.
    """
    if kwargs:
        raise ValueError(f"The following argument(s) are not supported: {list(kwargs)}")
    path = Path(filepath)
    if path.suffix != SUFFIX or zipped is False:
        raise ValueError(f"The filename must end in `{SUFFIX}`, and the file is a zip. Received: filepath={filepath}")
    if not model.built:
        raise ValueError("The model is not built: call it on some data, or `build()`, before it is saved.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already. Pass overwrite=True to replace it.")
    saved = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    metadata = {"keras_version": KERAS_VERSION, "date_saved": saved}
    with weights.replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(CONFIG, json.dumps(serialize_keras_object(model)))
        archive.writestr(METADATA, json.dumps(metadata))
        content = io.BytesIO()
        weights.write(model, content)
        archive.writestr(WEIGHTS, content.getbuffer())
        assets.write(model, archive)


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """The model that `save_model`, or Keras 3, wrote to a `.keras` file.

    Names in the file are looked up among fastnn's own classes and the custom objects; nothing is imported by name, and
    no code is taken from the file.

    Args:
        filepath: ends in `.keras`.
        custom_objects: dict from names in the config to the user's classes and functions.
        compile: whether the model is compiled as it was, with the optimizer's state.
        safe_mode: kept for Keras's signature: code in a file is never run.

    Raises:
        ValueError: for another ending, or a file that is not what it should be.
        FileNotFoundError: when there is no such file.
        ImportError: without h5py.
    """
    path = Path(filepath)
    if path.suffix != SUFFIX:
        raise ValueError(f"File format not supported: filepath={filepath}. fastnn reads models from `{SUFFIX}` files.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is not a `{SUFFIX}` file: {error}.") from error
    with archive:
        largest = LARGEST_RATIO * path.stat().st_size
        config = json.loads(_member(archive, path, CONFIG, LARGEST_CONFIG))
        content = _member(archive, path, WEIGHTS, largest)
        if not compile:
            config.pop("compile_config", None)
        with custom_object_scope(custom_objects or {}):
            model = deserialize_keras_object(config, safe_mode=safe_mode)
        weights.read(model, io.BytesIO(content), len(content), str(path))
        assets.read(model, lambda name: _member(archive, path, name, largest), archive.namelist())
    return model


def _member(archive: zipfile.ZipFile, path: Path, name: str, largest: int) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise ValueError(f"{path} is not a `{SUFFIX}` file: it has no {name}.") from None
    if info.file_size > largest:
        raise ValueError(f"{path}: {name} claims {info.file_size} bytes; at most {largest} are read.")
    return archive.read(info)
