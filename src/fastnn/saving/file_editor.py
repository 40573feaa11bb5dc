"""KerasFileEditor: files of weights, looked at and changed object by object."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from fastnn.saving import weights
from fastnn.saving.archive import CONFIG, METADATA, SUFFIX, WEIGHTS, member, opened
from fastnn.saving.stores import Store, h5py_module, hard_linked, open_file

_VARIABLES = "vars"


class KerasFileEditor:
    """The weights of a file, to be looked at, changed and saved again; for a model that is no longer what it was.

    Args:
        filepath: ends in `.keras` or `.weights.h5`.

    Attributes:
        weights_dict: the tree of the file, from names to dicts; those of an object hold its arrays, by their numbers.
        metadata, config: of a `.keras` file, else None.

    Raises:
        ValueError: for another ending, or a file that is not what it should be.
        FileNotFoundError: when there is no such file.
        ImportError: without h5py.

    Example:
        >>> import os, tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "m.weights.h5")
        >>> fastnn.Sequential([fastnn.Input((2,)), fastnn.layers.Dense(1, name="a")]).save_weights(path)
        >>> editor = fastnn.saving.KerasFileEditor(path)
        >>> editor.delete_weight("layers/dense", "1")
        >>> editor.weights_dict["layers"]["dense"]["0"].shape
        (2, 1)
    """

    def __init__(self, filepath):
        self.filepath = str(filepath)
        self.metadata = self.config = None
        if self.filepath.endswith(SUFFIX):
            with open(filepath, "rb") as file, opened(file, self.filepath) as archive:
                self.metadata = json.loads(member(archive, self.filepath, METADATA))
                self.config = json.loads(member(archive, self.filepath, CONFIG))
                content = member(archive, self.filepath, WEIGHTS)
            source, size = io.BytesIO(content), len(content)
        elif self.filepath.endswith(weights.SUFFIX):
            source, size = filepath, Path(filepath).stat().st_size
        else:
            raise ValueError(
                f"Invalid filename: expected a `.keras` or `{weights.SUFFIX}` extension. Received: filepath={filepath}"
            )
        with open_file(source, self.filepath) as file:
            self.weights_dict = _tree(file, "", size)

    # -- looking -------------------------------------------------------------------------------------------------------

    def summary(self) -> None:
        """Prints the objects and the shapes and dtypes of their arrays."""
        print("Weights structure")
        for depth, line in _lines(self.weights_dict):
            print("  " * (depth + 1) + line)

    def compare(self, reference_model) -> dict:
        """Prints what differs between the file and a model.

        Returns:
            A dict of "status" ("success" or "error"), "error_count" (arrays of another shape, and objects and arrays
            that only one of them has) and "match_count" (arrays of the same shape).
        """
        ours = {place: {key: a.shape for key, a in arrays.items()} for place, arrays in self._objects().items()}
        theirs = _shapes_of(reference_model)
        errors, matches = [], 0
        for place in sorted({*ours, *theirs}):
            if place not in ours or place not in theirs:
                where = "saved file" if place not in ours else "reference model"
                errors.append(f"Object {place} is missing from the {where}")
                continue
            for key in sorted({*ours[place], *theirs[place]}):
                saved, wanted = ours[place].get(key), theirs[place].get(key)
                if saved == wanted:
                    matches += 1
                else:
                    errors.append(f"{place}/{key}: shape {saved} in the saved file, {wanted} in the reference model")
        print("\n".join([*errors, f"{matches} arrays match, {len(errors)} do not."]))
        return {"status": "error" if errors else "success", "error_count": len(errors), "match_count": matches}

    # -- changing ------------------------------------------------------------------------------------------------------

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Gives an object another name.

        Args:
            object_name: its name, where only one has it, or its path (`layers/dense_2`).
            new_name: a name, no path.

        Raises:
            ValueError: for a name that no object or several have, or that is taken.
        """
        if "/" in new_name:
            raise ValueError(f"Argument `new_name` should be a name and not a path. Received: new_name={new_name!r}")
        parent, name = self._find(object_name)
        if new_name in parent:
            raise ValueError(f"There is an object {new_name!r} beside {object_name!r} already.")
        renamed = {new_name if key == name else key: value for key, value in parent.items()}
        parent.clear()
        parent.update(renamed)

    def delete_object(self, object_name: str) -> None:
        """Removes an object, and what is below it."""
        parent, name = self._find(object_name)
        del parent[name]

    def add_object(self, object_path: str, weights: dict) -> None:
        """Adds an object.

        Args:
            object_path: its path (`layers/dense_2`); what is above it is there.
            weights: from "0", "1", ... to arrays.

        Raises:
            ValueError: when something is there already, or nothing above it is.
        """
        *above, name = object_path.split("/")
        parent = self._at(above)
        if name in parent:
            raise ValueError(f"There is an object {object_path!r} already.")
        parent[name] = _checked(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Removes one array of an object."""
        parent, name = self._find(object_name)
        if weight_name not in parent[name]:
            raise ValueError(f"Weight {weight_name!r} not found in {object_name!r}. It has {list(parent[name])}.")
        del parent[name][weight_name]

    def add_weights(self, object_name: str, weights: dict) -> None:
        """Adds arrays to an object, or replaces them.

        Args:
            weights: from "0", "1", ... to arrays.
        """
        parent, name = self._find(object_name)
        parent[name].update(_checked(weights))

    # -- saving --------------------------------------------------------------------------------------------------------

    def save(self, filepath) -> None:
        """Writes the weights.

        Args:
            filepath: ends in `.weights.h5`.
        """
        path = Path(filepath)
        if not path.name.endswith(weights.SUFFIX):
            raise ValueError(f"Invalid `filepath`: expected a `{weights.SUFFIX}` extension. Received: {filepath}")
        with weights.replacing(path) as temporary, h5py_module().File(temporary, "w") as file:
            for place, arrays in self._objects().items():
                group = file.require_group(f"{place}/{_VARIABLES}")
                for key, array in arrays.items():
                    group[key] = array

    resave_weights = save

    def _objects(self) -> dict[str, dict]:
        """From the path of each object with arrays to them."""
        found: dict[str, dict] = {}

        def visit(tree, place):
            arrays = {key: value for key, value in tree.items() if not isinstance(value, dict)}
            if arrays:
                found[place] = arrays
            for key, value in tree.items():
                if isinstance(value, dict):
                    visit(value, f"{place}/{key}".lstrip("/"))

        visit(self.weights_dict, "")
        return found

    def _at(self, parts: list[str]) -> dict:
        tree = self.weights_dict
        for part in parts:
            tree = tree.get(part) if isinstance(tree, dict) else None
        if not isinstance(tree, dict):
            raise ValueError(f"Path {'/'.join(parts)!r} not found in the file.")
        return tree

    def _find(self, name: str) -> tuple[dict, str]:
        """The dict that holds an object, and its name in it."""
        if "/" in name:
            *above, last = name.split("/")
            self._at([*above, last])
            return self._at(above), last
        found = list(_holders(self.weights_dict, name))
        if not found:
            raise ValueError(f"Object {name!r} does not appear in the file; `summary()` lists what does.")
        if len(found) > 1:
            raise ValueError(f"Name {name!r} occurs more than once in the file; try passing a complete path.")
        return found[0], name


def _tree(group, place: str, size: int) -> dict:
    tree = {}
    for name in sorted(group):
        inner = hard_linked(group, name)
        if not hasattr(inner, "keys"):
            continue
        if name == _VARIABLES:
            store = Store(group, name, size)
            tree |= {key: store[key] for key in sorted(store.keys(), key=lambda key: (len(key), key))}
        elif found := _tree(inner, f"{place}/{name}", size):
            tree[name] = found
    return tree


def _holders(tree: dict, name: str):
    for key, value in tree.items():
        if isinstance(value, dict):
            if key == name:
                yield tree
            yield from _holders(value, name)


def _lines(tree: dict, depth: int = 0):
    for name, value in tree.items():
        if isinstance(value, dict):
            yield depth, name
            yield from _lines(value, depth + 1)
        else:
            yield depth, f"{name}: shape={value.shape}, dtype={value.dtype}"


def _checked(arrays) -> dict:
    if not isinstance(arrays, dict):
        raise ValueError(
            "Argument `weights` should be a dict where keys are weight names (usually '0', '1', etc.) and values are "
            f"NumPy arrays. Received: type(weights)={type(arrays)}"
        )
    return {key: np.asarray(array) for key, array in arrays.items()}


def _shapes_of(model) -> dict[str, dict]:
    """From the path of each object of `model` to the shapes of the arrays that are saved under it."""
    shapes = {}
    for place, owner in weights.walk(model):
        store: dict[str, np.ndarray] = {}
        weights.save_own(owner, store)
        if store:
            shapes[place] = {key: np.shape(array) for key, array in store.items()}
    return shapes
