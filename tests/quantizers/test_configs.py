"""Quantizers and configs of quantization: signatures and configs are Keras's, and go both ways."""

import inspect

import keras
import numpy as np
import pytest

import fastnn
from tests.layers.against_keras import plain
from tests.tables import rows

NAMES = [name for name in dir(keras.quantizers) if not name.startswith("_")]


def test_the_names_are_all_there():
    assert sorted(fastnn.quantizers.__all__) == NAMES
    assert fastnn.Quantizer is fastnn.quantizers.Quantizer


@pytest.mark.parametrize("name", NAMES)
def test_signature(name):
    def arguments(k):
        return {p.name: p.default for p in inspect.signature(getattr(k.quantizers, name)).parameters.values()}

    assert arguments(fastnn) == arguments(keras)


def objects(k):
    q = k.quantizers
    yield from (q.AbsMaxQuantizer(), q.AbsMaxQuantizer(axis=[0, 1], value_range=(-8, 7), epsilon=0.5))
    yield from (q.Int8QuantizationConfig(), q.Int8QuantizationConfig(q.AbsMaxQuantizer(axis=0), None))
    yield from (q.Int4QuantizationConfig(), q.Int4QuantizationConfig(block_size=None), q.Float8QuantizationConfig())
    yield q.Int4QuantizationConfig(q.AbsMaxQuantizer(axis=0, value_range=(-8, 7)), q.AbsMaxQuantizer(), -1)
    yield from (q.GPTQConfig(["a"], len, weight_bits=3, symmetric=True), q.AWQConfig(["a"], len, group_size=-1))


@pytest.mark.parametrize("k", range(10))
def test_config(k):
    ours, theirs = list(objects(fastnn))[k], list(objects(keras))[k]
    saved, wanted = (module.saving.serialize_keras_object(x) for module, x in ((fastnn, ours), (keras, theirs)))
    assert plain(saved) == plain(wanted)
    again = fastnn.saving.deserialize_keras_object(wanted)
    assert type(again) is type(ours) and plain(again.get_config()) == plain(ours.get_config())
    assert plain(keras.saving.deserialize_keras_object(saved).get_config()) == plain(theirs.get_config())
    if hasattr(theirs, "mode"):
        assert ours.mode == theirs.mode
    if hasattr(theirs, "dtype_policy_string"):
        assert ours.dtype_policy_string() == theirs.dtype_policy_string()


def test_get():
    get = fastnn.quantizers.get
    assert get(None) is None and type(get("quantizer")) is fastnn.Quantizer
    by_name, by_class = get("abs_max_quantizer", axis=0), get(fastnn.quantizers.AbsMaxQuantizer, axis=0)
    saved = fastnn.quantizers.serialize(by_name)
    for quantizer in (by_name, by_class, fastnn.quantizers.deserialize(saved), get(saved)):
        assert quantizer.get_config() == by_name.get_config()
    assert get(by_name) is by_name


def test_quantizers_call():
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    for arguments, call in (({}, {}), ({"axis": 0}, {}), ({"axis": 0}, {"axis": 1}), ({"axis": (0, 1)}, {})):
        ours, theirs = (k.quantizers.AbsMaxQuantizer(**arguments)(x, **call) for k in (fastnn, keras))
        for result, wanted in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(result, wanted)
    assert fastnn.Quantizer()(x) is x


def test_in_a_trace_to_numpy_computes_at_once():
    kinds = []

    @fastnn.jit
    def quantized(x):
        kinds.append(type(fastnn.quantizers.abs_max_quantize(np.ones((2, 2), "float32"), 0, to_numpy=True)[0]))
        return x

    quantized(np.zeros(1, "float32"))
    assert kinds == [np.ndarray]


def test_fake_quantization_along_a_middle_axis():
    """Which Keras does not do: as along the last axis, turned."""
    x, low, high = rows(2, 3, 4), rows(3, low=-2), rows(3, low=0.2)
    fake = fastnn.quantizers.fake_quant_with_min_max_vars

    def total(axis, turn):
        with fastnn.GradientTape() as tape:
            for value in (x, low, high):
                tape.watch(value)
            y = fake(fastnn.ops.transpose(x, turn), low, high, axis=axis)
            target = fastnn.ops.sum(fastnn.ops.transpose(y, turn) * rows(2, 3, 4, seed=1))
        return [y, *tape.gradient(target, [x, low, high])]

    middle, last = total(1, (0, 1, 2)), total(-1, (0, 2, 1))
    np.testing.assert_array_equal(middle[0], np.transpose(last[0], (0, 2, 1)))
    for by_middle, by_last in zip(middle[1:], last[1:], strict=True):
        np.testing.assert_allclose(by_middle, by_last, rtol=1e-5)
