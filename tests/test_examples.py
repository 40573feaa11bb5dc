"""Every example in a public docstring runs and prints what it says."""

import doctest
import importlib
import inspect
import sys

import numpy as np
import pytest

import fastnn
from fastnn import _api

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public_examples():
    """`(dotted name, doctest)` of each public function, class and public method with an example."""
    finder = doctest.DocTestFinder(recurse=False)
    seen = set()
    for name in _api.public_names():
        module, _, attribute = name.rpartition(".")
        value = getattr(importlib.import_module(module), attribute)
        if not (inspect.isfunction(value) or inspect.isclass(value)) or id(value) in seen:
            continue
        seen.add(id(value))
        members = {name: value}
        if inspect.isclass(value):
            methods = {f"{name}.{key}": member for key, member in vars(value).items() if not key.startswith("_")}
            members |= {key: member for key, member in methods.items() if inspect.isfunction(member)}
        for member_name, member in members.items():
            defining = sys.modules[member.__module__]
            # What a module imports on first use is one of its names too.
            own = {key: getattr(defining, key) for key in {*vars(defining), *dir(defining)}}
            names = {**own, "fastnn": fastnn, "keras": fastnn, "np": np}
            for example in finder.find(member, member_name, module=False, globs=names):
                if example.examples:
                    yield pytest.param(example, id=member_name)


@pytest.fixture
def keras_as_it_was():
    """The example of `install_as_keras` would give this library to every test after it."""
    kept, finders = keras_modules(), sys.meta_path[:]
    yield
    for name in keras_modules():
        del sys.modules[name]
    sys.modules.update(kept)
    sys.meta_path[:] = finders


def keras_modules():
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "keras"}


@pytest.mark.usefixtures("keras_as_it_was")
@pytest.mark.parametrize("example", list(public_examples()))
def test_example(example):
    report = []
    failed, _ = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(example, out=report.append)
    assert not failed, "".join(report)
