"""Every op of `tests/tables` as a functional model: what its config says is what Keras's says, and Keras reads it."""

import json

import keras
import pytest

import fastnn
from tests.ops.test_against_keras import arrays_of, function, with_arrays
from tests.saving.test_exchange import plain
from tests.tables import table

# The first row of each op: the form does not depend on the numbers.
ROWS = [case for case in table("OPS") if case.traced and arrays_of((case.args, case.kwargs))]
# Keras writes a resolved `data_format` into these, or arguments that functions have not, or breaks its config.
OTHERWISE = {
    "average_pool", "batch_normalization", "conv", "conv_transpose", "depthwise_conv", "image.extract_patches",
    "image.extract_patches_3d", "image.perspective_transform", "layer_normalization", "max_pool", "separable_conv",
}  # fmt: skip
CASES = [
    case
    for name, case in {case.name: case for case in reversed(ROWS)}.items()
    if name not in OTHERWISE and not name.startswith("quantizers.")
]


def model_of(k, case):
    k.utils.clear_session(free_memory=False)
    structure = (case.args, case.kwargs)
    inputs = [k.Input(batch_shape=x.shape, dtype=x.dtype.name) for x in arrays_of(structure)]
    args, kwargs = with_arrays(structure, inputs)
    outputs = k.tree.flatten(function(k, case.name)(*args, **kwargs))
    return k.Model(inputs, outputs)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_config(case):
    try:
        theirs = model_of(keras, case)
    except Exception as error:  # not symbolically, on this backend
        pytest.xfail(f"Keras: {type(error).__name__}")
    ours = model_of(fastnn, case)
    expected = plain(json.loads(theirs.to_json()))
    assert plain(json.loads(ours.to_json())) == expected
    again = fastnn.models.model_from_json(theirs.to_json())
    assert plain(json.loads(again.to_json())) == expected
