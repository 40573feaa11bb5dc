"""Layers that adapt to numbers, against Keras on NumPy."""

import keras
import numpy as np
import pytest

import fastnn
from fastnn.layers.preprocessing import category_encoding
from fastnn.testing import check_layer
from tests.layers.against_keras import check_config
from tests.tables import rows

IMAGES = rows(6, 4, 3, 2)
NUMBERS = rows(500, 2)


class Batches(fastnn.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return IMAGES[index * 2 : index * 2 + 2], np.zeros(2)


def adapted(cls, arguments, data):
    layer = cls(**arguments)
    layer.adapt(data() if callable(data) else data)
    return layer


NORMALIZATIONS = [{}, {"axis": None}, {"axis": (1, -1), "invert": True}, {"axis": 2}, {"axis": (1, 2, 3)}]
SOURCES = {
    "array": IMAGES,
    "list of batches": [IMAGES[:1], IMAGES[1:4], IMAGES[4:]],
    "generator": lambda: (IMAGES[k : k + 3] for k in (0, 3)),
    "generator of pairs": lambda: ((IMAGES[k : k + 4], None) for k in (0, 4)),
}


@pytest.mark.parametrize("data", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("arguments", NORMALIZATIONS, ids=str)
def test_normalization(arguments, data):
    ours = adapted(fastnn.layers.Normalization, arguments, data)
    theirs = adapted(keras.layers.Normalization, arguments, IMAGES)  # batches it takes with TensorFlow only
    check_config(ours, theirs)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    x = rows(3, 4, 3, 2, seed=1)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-5, atol=1e-6)
    assert ours.variance.shape == theirs.variance.shape


def test_normalization_of_a_dataset():
    np.testing.assert_allclose(
        adapted(fastnn.layers.Normalization, {}, Batches())(IMAGES),
        adapted(fastnn.layers.Normalization, {}, IMAGES)(IMAGES),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("arguments", NORMALIZATIONS[:3], ids=str)
def test_normalization_s_contract(arguments):
    check_layer(fastnn.layers.Normalization, arguments, IMAGES)


def test_normalization_adapts_again_and_compiled_models_see_it():
    layer = fastnn.layers.Normalization()
    model = fastnn.Sequential([fastnn.Input((2,)), layer])
    for scale in (1, 10):
        layer.adapt(NUMBERS * scale)
        result = model.predict(NUMBERS * scale, verbose=0)
        np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(result.std(axis=0), 1, atol=1e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda k: k.layers.Normalization(mean=1.0),
        lambda k: k.layers.Normalization(mean=[1.0], variance=[1.0, 2.0]),
        lambda k: k.layers.Normalization(mean=[[1.0]], variance=[[1.0]]),
        lambda k: k.layers.Normalization(axis=3).build((None, 2)),
        lambda k: k.layers.Normalization(axis=0).build((None, 2)),
        lambda k: k.layers.Discretization(),
        lambda k: k.layers.Discretization([1.0], num_bins=2),
        lambda k: k.layers.Discretization(num_bins=-1),
        lambda k: k.layers.Discretization([1.0], output_mode="tf_idf"),
        lambda k: adapted(k.layers.Discretization, {"bin_boundaries": [1.0]}, NUMBERS),
        lambda k: k.layers.Discretization(num_bins=3)(NUMBERS),
        lambda k: k.layers.CategoryEncoding(),
        lambda k: k.layers.CategoryEncoding(0),
        lambda k: k.layers.CategoryEncoding(2, output_mode="int"),
        lambda k: k.layers.CategoryEncoding(2)(np.array([[1]]), count_weights=np.array([[1.0]])),
    ],
)
def test_errors_are_keras_s(call):
    with pytest.raises(ValueError, match=r"."):
        call(keras)
    with pytest.raises(ValueError, match=r"."):
        call(fastnn)


@pytest.mark.parametrize(
    ("data", "error"), [(3, TypeError), ([[1.0]], TypeError), ([], ValueError), ([IMAGES, IMAGES[..., :1]], ValueError)]
)
def test_what_normalization_does_not_adapt_to(data, error):
    with pytest.raises(error, match="adapt"):
        adapted(fastnn.layers.Normalization, {}, data)


def test_a_discretization_comes_back_from_its_config():
    layer = adapted(fastnn.layers.Discretization, {"num_bins": 4}, NUMBERS)
    again = fastnn.layers.Discretization.from_config(layer.get_config())
    np.testing.assert_array_equal(again(NUMBERS), layer(NUMBERS))
    assert again.get_config() == layer.get_config()


def test_discretization_inside_a_compiled_model():
    layer = adapted(fastnn.layers.Discretization, {"num_bins": 4}, NUMBERS)
    model = fastnn.Sequential([fastnn.Input((2,)), layer, fastnn.layers.CategoryEncoding(4)])
    np.testing.assert_array_equal(model.predict(NUMBERS, verbose=0), fastnn.layers.CategoryEncoding(4)(layer(NUMBERS)))


def test_mel_spectrogram_of_one_signal_and_half_bands():
    arguments = {"fft_length": 16, "sequence_stride": 6, "num_mel_bins": 3, "sampling_rate": 4000}
    ours, theirs = fastnn.layers.MelSpectrogram(**arguments), keras.layers.MelSpectrogram(**arguments)
    signal = rows(40)
    np.testing.assert_allclose(ours(signal), theirs(signal), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        ours.linear_to_mel_weight_matrix(), theirs.linear_to_mel_weight_matrix(), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("mode", ["multi_hot", "count"])
@pytest.mark.parametrize("shape", [(40, 6), (300,), (5, 8, 3)])
def test_vectors_of_many_categories(mode, shape):
    """Beyond some size they are not made by comparing every number with every category."""
    numbers = np.random.default_rng(0).integers(-50, 1550, shape)
    layer = fastnn.layers.CategoryEncoding(1500, output_mode=mode)
    assert numbers.size * 1500 > category_encoding._LONG
    hot = np.asarray(fastnn.ops.one_hot(numbers, 1500)).sum(axis=min(1, len(shape) - 1))
    expected = np.minimum(hot, 1) if mode == "multi_hot" else hot
    found = layer(numbers)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(fastnn.jit(layer)(numbers), expected)
