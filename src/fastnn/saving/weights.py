"""Weights in `.weights.h5` files, in the layout of Keras 3, so that files go both ways; which file is which format.

The file is a tree of groups that mirrors the attributes of the model: a layer kept as `model.encoder` is the group
`encoder`, layers in a list (`model.layers` too) are named by their class, numbered: `layers/dense`, `layers/dense_1`.
Its own weights are `vars/0`, `vars/1`, ... in the order of `layer.weights`; an object met twice is written once.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fastnn.layers import weight_lists
from fastnn.layers.layer import Layer
from fastnn.naming import to_snake_case
from fastnn.saving import legacy_weights, safetensors_file, shards
from fastnn.saving.reading import clear_errors
from fastnn.saving.stores import Store, Target, h5py_module, has_texts, open_file
from fastnn.serialization import PLAIN

SUFFIX = ".weights.h5"
# What a layer keeps for itself; Keras's tree has no such attributes.
_INTERNAL = {"_state", "_chain", "_tensors", "_network", "_compilation"}


def save_weights(model, filepath, overwrite=True, max_shard_size=None, **kwargs) -> None:
    """Writes the weights of `model`, and the state of its optimizer, to a file. The file is replaced in one step: a
    reader sees the old one or the new one.

    Args:
        model: a model or a layer.
        filepath: ends in `.weights.h5`; or in `.safetensors`, which holds weights alone, by their paths.
        overwrite: whether an existing file is replaced.
        max_shard_size: the largest size in GiB of one file. With it `filepath` ends in `.weights.json`, and the arrays
            are in files beside it.
        **kwargs: of other versions of Keras; there are none that mean something here.

    Raises:
        TypeError: for other arguments.
        ValueError: for another ending, or a model without weights yet.
        FileExistsError: when the file is there and `overwrite` is false.
        ImportError: without h5py, or safetensors.
    """
    if kwargs:
        raise TypeError(f"save_weights() got unexpected keyword arguments: {sorted(kwargs)}")
    path = Path(filepath)
    if max_shard_size is not None and path.name.endswith(SUFFIX):
        path = path.with_name(path.name.removesuffix(SUFFIX) + shards.SUFFIX)
    suffixes = (SUFFIX, safetensors_file.SUFFIX) if max_shard_size is None else (shards.SUFFIX,)
    if not path.name.endswith(suffixes):
        raise ValueError(f"The filename must end in `{'` or `'.join(suffixes)}`. Received: filepath={filepath}")
    if not model.built:
        raise ValueError(
            "You are saving a model that has not yet been built. Try building the model first by calling it on some "
            "data or by using `build()`."
        )
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already. Pass overwrite=True to replace it.")
    if max_shard_size is not None:
        with shards.written(path, max_shard_size) as files:
            for place, owner in walk(model):
                save_own(owner, shards.Group(files, f"{place}/vars" if place else "vars", owner.name))
        return
    with replacing(path) as temporary:
        (safetensors_file.write if path.name.endswith(safetensors_file.SUFFIX) else write)(model, temporary)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[str]:
    """The name of a new file beside `path`, which takes its place at the end; on an exception `path` is as it was."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    try:
        yield temporary
        _give_permissions(temporary)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write(model, target) -> None:
    """Writes the tree of weights to `target`, a path or a binary file object."""
    with h5py_module().File(target, "w") as file:
        for place, owner in walk(model):
            variables = file.require_group(f"{place}/vars" if place else "vars")
            variables.attrs["name"] = owner.name
            save_own(owner, Target(variables))


def load_weights(model, filepath, skip_mismatch=False, **kwargs) -> None:
    """Reads the weights of `model`, and the state of its optimizer, from a file.

    Args:
        model: a model or a layer.
        filepath: ends in `.weights.h5` or, for several files, `.weights.json`, written by fastnn or by Keras 3; in
            `.safetensors`; or in `.h5` or `.hdf5`, in the layout of Keras 2 (the model's layers are matched by their
            order).
        skip_mismatch: whether layers whose weights do not fit are left as they are, with a warning.

    Raises:
        ValueError: for another ending, a model without weights yet, or weights that do not fit, with both shapes. The
            model is as it was.
        FileNotFoundError: when there is no such file.
        OSError: when it is no HDF5 file.
        ImportError: without h5py.
    """
    path = Path(filepath)
    if kwargs:
        raise ValueError(f"Invalid keyword arguments: {kwargs}")
    if not path.name.endswith((SUFFIX, shards.SUFFIX, safetensors_file.SUFFIX, *legacy_weights.SUFFIXES)):
        raise ValueError(
            f"File format not supported: filepath={filepath}. fastnn reads weights from `{SUFFIX}`, `{shards.SUFFIX}` "
            f"and `{safetensors_file.SUFFIX}` files, and from `.h5` files in the layout of Keras 2."
        )
    if not model.built:
        raise ValueError(
            "You are loading weights into a model that has not yet been built. Try building the model first by calling "
            "it on some data or by using `build()`."
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.name.endswith(safetensors_file.SUFFIX):
        with clear_errors(str(path)):
            problems = safetensors_file.read(model, str(path), skip_mismatch)
        if problems:
            warnings.warn(f"Some weights are left as they are: {'; '.join(problems)}", stacklevel=3)
    elif path.name.endswith(shards.SUFFIX):
        with clear_errors(str(path)), shards.opened(path) as places:
            _load(model, lambda place: places.get(place, shards.Stores([])), skip_mismatch)
    else:
        read(model, path, path.stat().st_size, str(path), skip_mismatch)


def read(model, source, file_bytes: int, name: str, skip_mismatch: bool = False, is_given_up: bool = False) -> None:
    """Reads the tree of weights from `source`, a path or a binary file object of `file_bytes` bytes.

    Args:
        is_given_up: whether nobody has the model after an error, so that it need not be as it was.
    """
    with clear_errors(name), open_file(source, name) as file:
        is_legacy = isinstance(source, Path) and (has_texts(file, "layer_names") or legacy_weights.WHOLE_MODEL in file)
        if is_legacy:
            legacy_weights.load(model, file, file_bytes, skip_mismatch)
        else:
            _load(model, lambda place: Store(file, place, file_bytes), skip_mismatch, is_given_up)


def _load(model, store_at: Callable[[str], Store | shards.Stores], skip_mismatch: bool, is_given_up=False) -> None:
    before = {}
    problems = []
    for place, owner in walk(model):
        store = store_at(f"{place}/vars" if place else "vars")
        saved = (owner, [] if is_given_up else [np.array(v) for v in own_variables(owner)])
        before[id(owner)] = saved
        try:
            _load_own(owner, store, model)
        except (ValueError, KeyError) as error:
            if _is_optimizer(owner):
                warnings.warn(f"The state of the optimizer is left as it is: {error}", stacklevel=4)
            else:
                problems.append((owner, error))
            _restore(*saved)
    if not problems:
        return
    owner, error = problems[0]
    message = (
        f"A total of {len(problems)} objects could not be loaded. Example error message for object {owner}:\n\n"
        f"{error}\n\nList of objects that could not be loaded:\n{[owner for owner, _ in problems]}"
    )
    if skip_mismatch:
        warnings.warn(message, stacklevel=4)
        return
    for saved in before.values():
        _restore(*saved)
    raise ValueError(message)


def _restore(owner, arrays) -> None:
    for variable, array in zip(own_variables(owner), arrays, strict=False):
        variable.assign(array)


def walk(root) -> Iterator[tuple[str, object]]:
    """(place in the tree, layer or optimizer), each object once, in Keras's order."""
    seen: dict[int, object] = {}  # by id; it holds them, for the id of a list that is gone becomes that of another
    yield from _walk(root, "", seen)


def _walk(owner, place: str, seen: dict[int, object]):
    if id(owner) in seen:
        return
    seen[id(owner)] = owner
    yield place, owner
    if _is_optimizer(owner):
        return
    for name, child in sorted(_attributes(owner).items()):
        yield from _walk_child(child, f"{place}/{name}".lstrip("/"), seen)


def _walk_child(child, place: str, seen: dict[int, object]):
    if isinstance(child, Layer) or _is_optimizer(child):
        yield from _walk(child, place, seen)
    elif isinstance(child, (list, tuple, dict, set)) and id(child) not in seen:
        seen[id(child)] = child
        counts: dict[str, int] = {}
        for item in child.values() if isinstance(child, dict) else child:
            is_container = isinstance(item, (list, tuple, dict, set))
            if not (is_container or isinstance(item, Layer)):
                continue
            name = "container" if is_container else to_snake_case(type(item).__name__)
            counts[name] = counts.get(name, -1) + 1
            yield from _walk_child(item, f"{place}/{name}_{counts[name]}" if counts[name] else f"{place}/{name}", seen)


def _attributes(owner) -> dict:
    """What of `owner` may hold layers, by the names in the tree."""
    found = {n: value for n, value in vars(owner).items() if n not in _INTERNAL and type(value) not in PLAIN}
    if hasattr(owner, "_network"):  # a model
        found["layers"] = owner.layers
        if owner.optimizer is not None:
            found["optimizer"] = owner.optimizer
    return found


def _is_optimizer(x) -> bool:
    return hasattr(x, "apply_gradients") and hasattr(x, "variables")


def own_variables(owner) -> list:
    """The variables written under `owner`: trainable ones first."""
    return list(owner.variables) if _is_optimizer(owner) else weight_lists.own(owner)


def save_own(owner, store) -> None:
    """Writes the variables of a layer or optimizer into `store`, as "0", "1", ..."""
    if isinstance(owner, Layer):
        owner.save_own_variables(store)
        return
    for k, variable in enumerate(owner.variables):
        store[str(k)] = variable.array


def _load_own(owner, store: Store, model) -> None:
    if isinstance(owner, Layer):
        owner.load_own_variables(store)
        return
    if not owner.built and len(store.keys()) > len(owner.variables):
        owner.build(model.trainable_variables)
    weight_lists.assign_all(owner.name, owner.variables, store)


def _give_permissions(path: str) -> None:
    """Those of a file made by `open`: `mkstemp` makes one for the owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    os.chmod(path, 0o666 & ~mask)
