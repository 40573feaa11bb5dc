"""Every row of `OPS` in `tests/tables`: eager, traced and symbolic calls agree with the released Keras."""

import keras
import numpy as np
import pytest

import fastnn
from fastnn import tree
from tests.tables import close, table

CASES = table("OPS")


def function(k, name):
    result = k if name.startswith("quantizers.") else k.ops
    for part in name.split("."):
        result = getattr(result, part)
    return result


def arrays_of(structure):
    return [leaf for leaf in tree.flatten(structure) if isinstance(leaf, np.ndarray)]


def with_arrays(structure, values):
    values = iter(values)
    return tree.map_structure(lambda x: next(values) if isinstance(x, np.ndarray) else x, structure)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_eager(case):
    structure = (case.args, case.kwargs)
    args, kwargs = with_arrays(structure, [x.copy() for x in arrays_of(structure)])  # Keras's scatter_update writes
    expected = tree.flatten(function(keras, case.name)(*args, **kwargs))
    result = tree.flatten(function(fastnn, case.name)(*case.args, **case.kwargs))
    for k, (y, wanted) in enumerate(zip(result, expected, strict=True)):
        if isinstance(wanted, (bool, int, float, str, tuple)):
            assert y == wanted
        else:
            close(y, keras.ops.convert_to_numpy(wanted), case.rtol, f"output {k}")


@pytest.mark.parametrize("case", [case for case in CASES if case.traced], ids=str)
def test_traced(case):
    """In a plan, as eagerly."""
    structure = (case.args, case.kwargs)
    arrays = arrays_of(structure)

    def call(*values):
        args, kwargs = with_arrays(structure, values)
        return function(fastnn, case.name)(*args, **kwargs)

    expected, result = tree.flatten(call(*arrays)), tree.flatten(fastnn.jit(call)(*arrays))
    for y, wanted in zip(result, expected, strict=True):
        close(y, wanted, case.rtol)


@pytest.mark.parametrize("case", [case for case in CASES if case.traced], ids=str)
def test_symbolic(case):
    """The shape and dtype that a KerasTensor announces are those of the result."""
    structure = (case.args, case.kwargs)
    symbols = [fastnn.KerasTensor(x.shape, x.dtype.name) for x in arrays_of(structure)]
    if not symbols:
        pytest.skip("no array among the arguments")
    args, kwargs = with_arrays(structure, symbols)
    announced = tree.flatten(function(fastnn, case.name)(*args, **kwargs))
    real = tree.flatten(function(fastnn, case.name)(*case.args, **case.kwargs))
    for symbol, y in zip(announced, real, strict=True):
        assert (tuple(symbol.shape), symbol.dtype) == (np.shape(y), np.asarray(y).dtype.name)
