"""Every public name of the installed Keras is here, with its parameters' names, order and defaults.

What is missing or differs stands in `missing.py`.
"""

import inspect
import types
from operator import attrgetter

import keras
import pytest

import fastnn

from .missing import MISSING, OTHER_SIGNATURES


def public_names(module, prefix=""):
    for name in sorted(vars(module).keys() | set(dir(module))):
        value = getattr(module, name)
        if name.startswith("_") or name == "src":
            continue
        if isinstance(value, types.ModuleType):
            if value.__name__.startswith("keras"):
                yield from public_names(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


KERAS = dict(public_names(keras))


def ours(name):
    try:
        return attrgetter(name)(fastnn)
    except AttributeError:
        return None


def parameters(value):
    """[(name, kind, default as text)], or None for what has no signature (constants, some builtins)."""
    try:
        signature = inspect.signature(value.__init__ if isinstance(value, type) else value)
    except (TypeError, ValueError):
        return None
    return [(p.name, p.kind.name, default_text(p.default)) for p in signature.parameters.values() if p.name != "self"]


def default_text(default):
    return f"{default.__module__}.{default.__name__}".partition(".")[2] if callable(default) else repr(default)


def test_no_name_is_missing(capsys):
    missing = {name for name in KERAS if ours(name) is None and KERAS[name] is not None}
    spaces = sorted({name.rpartition(".")[0] for name in KERAS})
    with capsys.disabled():
        for space in spaces:
            names = [name for name in KERAS if name.rpartition(".")[0] == space]
            lost = sum(name in missing for name in names)
            if lost:
                print(f"\n{space or 'keras'}: {len(names) - lost} of {len(names)} names", end="")
        print(f"\nfastnn has {len(KERAS) - len(missing)} of the {len(KERAS)} names of Keras {keras.__version__}")
    assert sorted(missing) == sorted(MISSING)


@pytest.mark.parametrize("name", [name for name in KERAS if name not in MISSING])
def test_signature(name):
    theirs = parameters(KERAS[name])
    if name in OTHER_SIGNATURES:
        assert parameters(ours(name)) != theirs, f"{name} has Keras's signature now: remove it from OTHER_SIGNATURES"
    elif theirs is not None:
        assert parameters(ours(name)) == theirs
