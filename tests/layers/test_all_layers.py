"""Every layer against its contract and against Keras: one row a case."""

import keras
import numpy as np
import pytest

import fastnn
from fastnn import _api
from fastnn.testing import check_layer
from tests.layers.against_keras import check_against_keras, check_signature

RNG = np.random.default_rng(7)


def rows(*shape):
    return RNG.normal(size=shape).astype("float32")


IMAGES = rows(2, 6, 5, 4)
SEQUENCES = rows(2, 7, 3)
ROWS = rows(3, 4)
INDICES = np.array([[0, 3, 1], [2, 2, 0]])
PAIR = [rows(3, 4), rows(3, 4)]

# (layer, arguments, inputs)
CASES = [
    ("Dense", {"units": 3}, ROWS),
    ("Dense", {"units": 3, "activation": "tanh", "use_bias": False, "kernel_regularizer": "l2"}, SEQUENCES),
    ("Dense", {"units": 2, "activity_regularizer": "l1", "kernel_constraint": "max_norm", "name": "d"}, IMAGES),
    ("Activation", {"activation": "gelu"}, ROWS),
    ("Activation", {"activation": "softmax"}, ROWS),
    ("ReLU", {}, ROWS),
    ("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, ROWS),
    ("LeakyReLU", {"negative_slope": 0.2}, ROWS),
    ("PReLU", {}, ROWS),
    ("PReLU", {"shared_axes": [1, 2], "alpha_initializer": "ones"}, IMAGES),
    ("ELU", {"alpha": 0.7}, ROWS),
    ("Softmax", {}, SEQUENCES),
    ("Softmax", {"axis": 1}, SEQUENCES),
    ("Embedding", {"input_dim": 5, "output_dim": 3}, INDICES),
    ("Embedding", {"input_dim": 5, "output_dim": 3, "embeddings_regularizer": "l2"}, INDICES.astype("float32")),
    ("Identity", {}, ROWS),
    ("Rescaling", {"scale": 0.5, "offset": -1.0}, ROWS),
    ("Rescaling", {"scale": [1.0, 2.0, 3.0, 4.0]}, ROWS),
    ("Rescaling", {"scale": 1 / 255}, np.arange(12, dtype="uint8").reshape(3, 4)),
    ("Flatten", {}, IMAGES),
    ("Flatten", {"data_format": "channels_first"}, IMAGES),
    ("Flatten", {}, rows(3)),
    ("Reshape", {"target_shape": (2, 2)}, ROWS),
    ("Reshape", {"target_shape": (-1, 2)}, IMAGES),
    ("Permute", {"dims": (3, 1, 2)}, IMAGES),
    ("RepeatVector", {"n": 3}, ROWS),
    ("ZeroPadding1D", {"padding": (1, 2)}, SEQUENCES),
    ("ZeroPadding2D", {"padding": ((1, 2), (0, 3))}, IMAGES),
    ("ZeroPadding2D", {"padding": (1, 2), "data_format": "channels_first"}, IMAGES),
    ("Cropping1D", {"cropping": (1, 2)}, SEQUENCES),
    ("Cropping2D", {"cropping": ((1, 2), (0, 3))}, IMAGES),
    ("Cropping2D", {"cropping": 1, "data_format": "channels_first"}, IMAGES),
    ("UpSampling1D", {"size": 3}, SEQUENCES),
    ("UpSampling2D", {"size": (2, 3)}, IMAGES),
    ("UpSampling2D", {"size": 2, "interpolation": "bilinear"}, IMAGES),
    ("UpSampling2D", {"size": (3, 2), "interpolation": "bilinear", "data_format": "channels_first"}, IMAGES),
    ("Dropout", {"rate": 0.5}, ROWS),
    ("GaussianNoise", {"stddev": 0.5, "seed": 3}, ROWS),
    ("GaussianDropout", {"rate": 0.5}, ROWS),
    ("SpatialDropout1D", {"rate": 0.5}, SEQUENCES),
    ("SpatialDropout2D", {"rate": 0.5}, IMAGES),
    ("ActivityRegularization", {"l1": 0.1, "l2": 0.2}, ROWS),
    ("Add", {}, PAIR),
    ("Add", {}, [*PAIR, rows(3, 1)]),
    ("Multiply", {}, [rows(2, 4), IMAGES]),
    ("Subtract", {}, PAIR),
    ("Average", {}, [*PAIR, rows(3, 4)]),
    ("Maximum", {}, PAIR),
    ("Minimum", {}, PAIR),
    ("Concatenate", {}, [rows(3, 4), rows(3, 2)]),
    ("Concatenate", {"axis": 1}, [rows(3, 4, 2), rows(3, 1, 2)]),
    ("Dot", {"axes": 1}, PAIR),
    ("Dot", {"axes": (1, 2), "normalize": True}, [rows(2, 3, 4), rows(2, 5, 3)]),
    ("Dot", {"axes": -1}, [rows(2, 3, 4), rows(2, 4)]),
    ("MaxPooling1D", {}, SEQUENCES),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"}, SEQUENCES),
    ("MaxPooling2D", {}, IMAGES),
    ("MaxPooling2D", {"pool_size": (3, 2), "strides": (2, 1), "padding": "same"}, IMAGES),
    ("MaxPooling2D", {"data_format": "channels_first"}, IMAGES),
    ("AveragePooling1D", {"pool_size": 2}, SEQUENCES),
    ("AveragePooling2D", {"pool_size": 2}, IMAGES),
    ("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, IMAGES),
    ("AveragePooling2D", {"pool_size": 2, "data_format": "channels_first"}, IMAGES),
    ("GlobalMaxPooling1D", {}, SEQUENCES),
    ("GlobalMaxPooling2D", {"keepdims": True}, IMAGES),
    ("GlobalAveragePooling1D", {"data_format": "channels_first"}, SEQUENCES),
    ("GlobalAveragePooling2D", {}, IMAGES),
    ("GlobalAveragePooling2D", {"data_format": "channels_first", "keepdims": True}, IMAGES),
    ("Conv1D", {"filters": 4, "kernel_size": 3}, SEQUENCES),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, SEQUENCES),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "strides": 2, "padding": "same", "use_bias": False}, SEQUENCES),
    ("Conv2D", {"filters": 3, "kernel_size": 3}, IMAGES),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": (2, 3), "strides": (2, 1), "padding": "same", "activation": "relu"},
        IMAGES,
    ),
    ("Conv2D", {"filters": 4, "kernel_size": 2, "dilation_rate": 2, "groups": 2, "kernel_regularizer": "l1"}, IMAGES),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "data_format": "channels_first"}, IMAGES),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}, SEQUENCES),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}, IMAGES),
    ("DepthwiseConv2D", {"kernel_size": 2, "strides": 2, "padding": "same", "activation": "relu"}, IMAGES),
    ("DepthwiseConv2D", {"kernel_size": 3, "data_format": "channels_first"}, IMAGES),
    ("BatchNormalization", {}, ROWS),
    ("BatchNormalization", {"axis": 1, "scale": False, "momentum": 0.9}, IMAGES),
    ("BatchNormalization", {"center": False, "gamma_regularizer": "l2"}, IMAGES),
    ("LayerNormalization", {}, ROWS),
    ("LayerNormalization", {"axis": [1, 2], "epsilon": 1e-5}, IMAGES),
    ("LayerNormalization", {"scale": False}, SEQUENCES),
]


def ids(case):
    name, arguments, _ = case
    return f"{name}-{'-'.join(f'{key}={value}' for key, value in arguments.items())}"


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_contract(case):
    name, arguments, inputs = case
    # Indices given as floats are cut off to integers: differences see the jumps, the rule is zero.
    has_gradient = not (name == "Embedding" and inputs.dtype.kind == "f")
    check_layer(getattr(fastnn.layers, name), arguments, inputs, gradient=has_gradient)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_against_keras(case):
    check_against_keras(*case)


def test_every_layer_is_here():
    """A layer that is published gets a row above."""
    published = {
        attribute
        for name, (_, attribute) in _api.table("fastnn.layers").items()
        if isinstance(getattr(fastnn.layers, name), type)
    }
    apart = {
        "Input",
        "InputLayer",
        "InputSpec",
        "Lambda",
        "Layer",
    }  # tests of their own
    assert {name for name, _, _ in CASES} == published - apart


@pytest.mark.parametrize("name", ["InputLayer", "InputSpec", "Lambda", "Layer"])
def test_other_signatures(name):
    check_signature(name)


def test_aliases_are_keras_s():
    for name, (_, attribute) in _api.table("fastnn.layers").items():
        assert getattr(keras.layers, name).__name__ == attribute
