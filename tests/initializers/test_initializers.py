"""Initializers: configs and names of Keras, and numbers that follow the law they should."""

import inspect
import math

import keras
import numpy as np
import pytest
from keras.src.initializers import ALL_OBJECTS_DICT

import fastnn
from fastnn import _api, initializers
from fastnn.initializers.lookup import NAMES

PUBLISHED = sorted(
    name
    for name in _api.table("fastnn.initializers")
    if name[0].isupper()
    and name not in ("Initializer", "IdentityInitializer", "OrthogonalInitializer", "STFTInitializer")
)
ARGUMENTS = {
    "Constant": {"value": 2.5},
    "RandomNormal": {"mean": 1.0, "stddev": 2.0, "seed": 3},
    "TruncatedNormal": {"mean": 1.0, "stddev": 2.0, "seed": 3},
    "RandomUniform": {"minval": -1.0, "maxval": 3.0, "seed": 3},
    "VarianceScaling": {"scale": 2.0, "mode": "fan_out", "distribution": "uniform", "seed": 3},
    "Orthogonal": {"gain": 2.0, "seed": 3},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_signature_and_config_are_keras_s(name):
    ours, theirs = getattr(initializers, name), getattr(keras.initializers, name)

    def arguments(cls):
        return {p.name: p.default for p in inspect.signature(cls).parameters.values()}

    assert arguments(ours) == arguments(theirs)
    for kwargs in ({}, ARGUMENTS.get(name, {})):
        assert initializers.serialize(ours(**kwargs)) == keras.initializers.serialize(theirs(**kwargs))
        again = initializers.deserialize(keras.initializers.serialize(theirs(**kwargs)))
        assert type(again) is ours and again.get_config() == ours(**kwargs).get_config()


def test_every_name_of_keras_is_known():
    assert not set(ALL_OBJECTS_DICT) - set(NAMES)
    for name in ALL_OBJECTS_DICT:
        assert NAMES[name].__name__ == ALL_OBJECTS_DICT[name].__name__


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shape_dtype_and_seed(name, dtype):
    cls = getattr(initializers, name)
    kwargs = ARGUMENTS.get(name, {}) | ({"seed": 3} if "seed" in inspect.signature(cls).parameters else {})
    shape = (6, 1, 5) if name == "STFT" else (6, 5)
    first = cls(**kwargs)(shape, dtype)
    assert first.shape == shape and first.dtype == dtype and np.isfinite(first).all()
    np.testing.assert_array_equal(first, cls(**kwargs)(shape, dtype))
    initializer = cls(**kwargs)
    np.testing.assert_array_equal(initializer(shape, dtype), initializer(shape, dtype))
    if "seed" in kwargs:
        assert (first != cls(**{**kwargs, "seed": 4})(shape, dtype)).any()
        generator = cls(**{**kwargs, "seed": fastnn.random.SeedGenerator(3)})
        assert (generator(shape, dtype) != generator(shape, dtype)).any(), "a generator draws anew each time"


def test_unseeded_ones_follow_set_random_seed():
    draws = []
    for _ in range(2):
        fastnn.utils.set_random_seed(5)
        draws.append([initializers.GlorotUniform()((3, 3)) for _ in range(2)])
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0][0] != draws[0][1]).any()


SHAPE = (40, 5, 30, 50)  # 300,000 numbers: windows of 40 by 5, 30 channels to 50 filters
FAN_IN, FAN_OUT = 200 * 30, 200 * 50
SCALINGS = {
    "GlorotUniform": 2 / (FAN_IN + FAN_OUT),
    "GlorotNormal": 2 / (FAN_IN + FAN_OUT),
    "LecunUniform": 1 / FAN_IN,
    "LecunNormal": 1 / FAN_IN,
    "HeUniform": 2 / FAN_IN,
    "HeNormal": 2 / FAN_IN,
}


@pytest.mark.parametrize("name", SCALINGS)
def test_variance(name):
    values = getattr(initializers, name)(seed=1)(SHAPE)
    stddev = math.sqrt(SCALINGS[name])
    # Of n draws, the mean is off by stddev / sqrt(n) and the deviation by less than that over sqrt(2): five of each.
    assert abs(values.mean()) < 5 * stddev / math.sqrt(values.size)
    assert abs(values.std() / stddev - 1) < 5 / math.sqrt(2 * values.size)
    reach = math.sqrt(3) if "Uniform" in name else 2 / 0.8796256610342398
    assert 0.999 * reach * stddev < np.abs(values).max() <= 1.0001 * reach * stddev


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 4, 5)])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
def test_limits_are_keras_s(shape, mode):
    """The largest of many uniform numbers is close to the limit, which depends on shape and mode."""

    def limit(library, axes):
        make = library.initializers.VarianceScaling
        seeds = range(200 if shape == () else 60)
        return max(np.abs(make(1.0, mode, "uniform", seed=seed, **axes)(shape)).max() for seed in seeds)

    for axes in ({}, {"input_axes": [0], "output_axes": [1]}) if len(shape) > 1 else ({},):
        assert limit(fastnn, axes) == pytest.approx(limit(keras, axes), rel=0.05)


def test_orthogonal_in_half_precision():
    q = initializers.Orthogonal(seed=1)((4, 4), "float16")
    assert q.dtype == "float16"
    np.testing.assert_array_equal(q, np.asarray(initializers.Orthogonal(seed=1)((4, 4), "float32"), "float16"))


def test_orthogonal_in_a_compiled_function():
    made = initializers.Orthogonal(seed=1)
    np.testing.assert_allclose(fastnn.jit(lambda: made((5, 3)))(), made((5, 3)), rtol=1e-6)


def test_orthogonal():
    for shape in ((6, 4), (4, 6), (2, 3, 4)):
        q = initializers.Orthogonal(gain=3.0, seed=1)(shape, "float64").reshape(-1, shape[-1])
        product = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
        np.testing.assert_allclose(product, 9 * np.eye(len(product)), atol=1e-12)


def test_constants():
    np.testing.assert_array_equal(initializers.Constant([1.0, 2.0])((3, 2)), [[1, 2]] * 3)
    np.testing.assert_array_equal(initializers.Identity(2.0)((2, 3)), [[2, 0, 0], [0, 2, 0]])
    assert initializers.Zeros()((2,), "int32").dtype == np.int32


def test_get():
    table = np.ones((2, 3))
    assert initializers.get(None) is None
    assert isinstance(initializers.get("glorot_uniform"), initializers.GlorotUniform)
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    np.testing.assert_array_equal(initializers.get(table)((2, 3)), table)
    np.testing.assert_array_equal(fastnn.layers.Dense(3, kernel_initializer=table)(np.eye(2, dtype="float32")), table)

    def mine(shape, dtype=None):
        return np.full(shape, 5.0, dtype)

    assert initializers.get(mine) is mine
    with pytest.raises(ValueError, match=r"glorot_unifrom.*glorot_uniform"):
        initializers.get("glorot_unifrom")


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: initializers.VarianceScaling(-1), "scale=-1"),
        (lambda: initializers.VarianceScaling(1, "fan"), "mode.*fan"),
        (lambda: initializers.VarianceScaling(1, "fan_in", "cauchy"), "distribution.*cauchy"),
        (lambda: initializers.RandomNormal(seed="a"), "seed=a"),
        (lambda: initializers.Identity()((2, 2, 2)), r"\(2, 2, 2\) of rank 3"),
        (lambda: initializers.Orthogonal()((2,)), r"\(2,\) of rank 1"),
        (lambda: initializers.get(3), "3"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        make()


@pytest.mark.parametrize("side", ["real", "imag"])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
@pytest.mark.parametrize("window", ["hann", "blackman", None, np.linspace(0.5, 1, 6).astype("float32")], ids=str)
def test_stft(side, scaling, window):
    arguments = {"side": side, "scaling": scaling, "window": window, "periodic": True}
    theirs = keras.initializers.STFT(**arguments)((6, 1, 5))
    np.testing.assert_allclose(initializers.STFT(**arguments)((6, 1, 5)), theirs, atol=1e-6)
