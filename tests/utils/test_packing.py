"""Batches as tuples and back, against Keras's."""

import keras
import pytest

import fastnn


@pytest.mark.parametrize(
    "arguments", [(1,), ([1],), ((1,),), ({"a": 1},), (1, 2), (1, 2, 3), (1, None, 3), (None,), ([1, 2], 3)], ids=str
)
def test_pack(arguments):
    assert fastnn.utils.pack_x_y_sample_weight(*arguments) == keras.utils.pack_x_y_sample_weight(*arguments)


@pytest.mark.parametrize("data", [1, (1,), [1, 2], (1, 2), (1, 2, 3), {"a": 1}, [1]], ids=str)
def test_unpack(data):
    assert fastnn.utils.unpack_x_y_sample_weight(data) == keras.utils.unpack_x_y_sample_weight(data)


@pytest.mark.parametrize("data", [(), (1, 2, 3, 4)], ids=str)
def test_unpack_bad(data):
    for k in (fastnn, keras):
        with pytest.raises(ValueError, match="Data is expected"):
            k.utils.unpack_x_y_sample_weight(data)
