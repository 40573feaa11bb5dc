"""`import fastnn` loads nothing, and every public name of `_api` leads somewhere."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from fastnn import _api

# In a fresh interpreter: what is imported beside NumPy. How long that takes is measured by `benchmarks`.
PROBE = """
import sys
import numpy
# The loader of an editable install asks the build tool first: that is the developer's cost, not the user's.
sys.meta_path = [finder for finder in sys.meta_path if "Mesonpy" not in type(finder).__name__]
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
import fastnn
print(*sorted(set(sys.modules) - before))
"""
PACKAGE_PARENT = Path(_api.__file__).parents[1]


def test_import_loads_no_kernel_and_no_heavy_module():
    command = [sys.executable, "-c", PROBE, str(PACKAGE_PARENT)]
    modules = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in modules if name.split(".")[0] == "fastnn"] == ["fastnn", "fastnn._api"]
    assert not {"h5py", "scipy", "rich"} & set(modules)


FIT = """
import sys
import numpy as np
loaded_by_numpy = "numpy.random" in sys.modules
import fastnn
model = fastnn.Sequential([fastnn.layers.Input((4,)), fastnn.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=["accuracy", "mse"])
before = set(sys.modules)
for name in (
    "losses.overlap", "metrics.confusion", "optimizers.momentum", "quantizers.configs", "layers.core.float8",
    "layers.core.int4", "ops.convolution", "ops.gather", "ops.sorting", "ops.boxes", "ops.contractions", "ops.pool2d",
    "callbacks.progbar_logger", "constraints.constraints", "graph.rows", "initializers.fourier_initializers",
    "models.functional_config", "models.host", "optimizers.adaptive", "regularizers.regularizers", "tape_replay",
):
    assert f"fastnn.{name}" not in before, name
model.fit(np.ones((8, 4), "float32"), np.ones((8, 1), "float32"), verbose=0)
print(*[name for name in sorted(set(sys.modules) - before) if name.startswith("fastnn")])
model.predict(np.ones((8, 4), "float32"), verbose=0)
assert loaded_by_numpy or "numpy.random" not in sys.modules
"""


def test_names_load_their_own_files_alone_and_a_fit_loads_nothing():
    printed = subprocess.run([sys.executable, "-c", FIT], capture_output=True, text=True, check=True).stdout
    assert not printed.split()


NAMES = """
import importlib
from fastnn import _api
for package in _api.PUBLIC:
    for name in _api.table(package):
        getattr(importlib.import_module(package), name)
"""


def test_public_names_are_there_without_docstrings():
    subprocess.run([sys.executable, "-OO", "-c", NAMES], check=True)


def test_an_application_loads_nothing_that_fetches_files():
    code = "import sys, fastnn; fastnn.applications.DenseNet121; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {"urllib.request", "http.client", "ssl"}.isdisjoint(printed.split())


def test_a_variable_has_operators_before_anything_else_of_fastnn_was_used():
    code = "import fastnn; print((fastnn.Variable([1.0]) + 1.0)[0])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "2.0"


@pytest.mark.parametrize("module", _api.MODULES)
def test_module_is_importable_and_an_attribute_of_its_parent(module):
    parent, _, name = f"fastnn.{module}".rpartition(".")
    assert importlib.import_module(f"fastnn.{module}") is getattr(importlib.import_module(parent), name)


@pytest.mark.parametrize("package", sorted(_api.PUBLIC))
def test_public_names_resolve_and_are_listed(package):
    module = importlib.import_module(package)
    for name in _api.table(package):
        getattr(module, name)
    assert set(_api.table(package)) <= set(dir(module))


def test_a_name_is_found_where_the_table_has_it():
    for package in _api.PUBLIC:
        table = _api.table(package)
        assert {name: _api.find(package, name) for name in table} == table
        assert _api.find(package, "") is _api.find(package, "Dence") is None
        for name, place in table.items():
            assert name in _api.names_of(package, *place)


def test_a_star_imports_the_public_names():
    names = {}
    exec("from fastnn.optimizers import *", names)
    assert names.keys() >= {"Adam", "get", "schedules"} and "adaptive" not in names


FILES = """
import sys
from types import ModuleType
import {package} as package
for name in {names}:
    assert f"{package}.{{name}}" in sys.modules and not isinstance(getattr(package, name), ModuleType), name
"""


@pytest.mark.parametrize("package", sorted(_api.PUBLIC))
def test_no_public_name_is_also_a_file_of_its_package_that_is_imported_later(package):
    """Importing `fastnn/losses/huber.py` would bind `fastnn.losses.huber` to the module and hide a function."""
    files = {
        module.removeprefix(package + ".").split(".")[0]
        for module, _ in _api.table(package).values()
        if module.startswith(package + ".")
    }
    if names := files & set(_api.table(package)):
        subprocess.run([sys.executable, "-c", FILES.format(package=package, names=names)], check=True)


def test_unknown_name_is_an_attribute_error():
    import fastnn

    with pytest.raises(AttributeError, match="Dence"):
        _ = fastnn.layers.Dence
