"""Applications: layers, shapes, weights and outputs against the released Keras, one model a family; and their files."""

import importlib
import inspect
import itertools
import json
import re

import keras
import numpy as np
import pytest

import fastnn
from fastnn import _api
from fastnn.applications import base, imagenet_utils, vgg16
from tests.layers.against_keras import plain

# The smallest of each family: arguments, and (height, width) of the images.
MODELS = [
    ("VGG16", {"include_top": False}, (32, 32)),
    ("ResNet50", {"include_top": False, "pooling": "max"}, (40, 33)),
    ("ResNet50V2", {}, (32, 32)),
    ("MobileNet", {"alpha": 0.25, "depth_multiplier": 2}, (32, 32)),
    ("MobileNetV2", {"alpha": 0.35}, (40, 33)),
    ("MobileNetV3Small", {"alpha": 0.75}, (32, 32)),
    ("MobileNetV3Large", {"minimalistic": True, "include_preprocessing": False}, (32, 32)),
    ("DenseNet121", {}, (32, 32)),
    ("EfficientNetB0", {}, (32, 33)),
    ("Xception", {"include_top": False, "pooling": "avg"}, (71, 71)),
    ("ConvNeXtTiny", {"include_top": False, "pooling": "avg"}, (32, 40)),
    ("EfficientNetV2B0", {}, (32, 33)),
    ("InceptionV3", {}, (75, 75)),
]
# Of these, whose outputs take Keras long, layers and weights alone.
LAYERS_ALONE = [
    ("ConvNeXtSmall", {"include_preprocessing": False}, (32, 32)),
    ("EfficientNetV2B3", {"include_top": False, "include_preprocessing": False}, (32, 32)),
    ("EfficientNetV2S", {"include_top": False}, (32, 32)),
    ("InceptionResNetV2", {"include_top": False, "pooling": "max"}, (75, 75)),
    ("NASNetMobile", {}, (40, 33)),
]
FUNCTIONS = sorted(_api.table("fastnn.applications"))


def build(k, name, arguments, size):
    return getattr(k.applications, name)(weights=None, input_shape=(*size, 3), **{"classes": 7, **arguments})


def path_of(weight):
    """Layer and name. Keras numbers weights without a name, and puts scopes before some layers."""
    layer, name = weight.path.split("/")[-2:]
    return layer, re.sub(r"^variable_\d+$", "variable", name)


def same_layers(name, arguments, size):
    """Our model and Keras's, found to have the same layers, wired in the same way, and weights."""
    models = []
    for k in (fastnn, keras):
        k.utils.clear_session(free_memory=False)  # automatic names count from 1
        models.append(build(k, name, arguments, size))
    ours, theirs = models
    assert (ours.input_shape, ours.output_shape) == (theirs.input_shape, theirs.output_shape)
    config, wanted = (plain(model.get_config(), "build_config", "compile_config") for model in models)
    layers, wanted_layers = config.pop("layers"), wanted.pop("layers")
    for layer, wanted_layer in zip(layers, wanted_layers, strict=True):
        assert layer == wanted_layer
    assert config == wanted
    weights = [[(path_of(w), tuple(w.shape), w.trainable) for w in model.weights] for model in models]
    assert weights[0] == weights[1]
    return ours, theirs


@pytest.mark.parametrize("name, arguments, size", LAYERS_ALONE, ids=lambda x: x if isinstance(x, str) else "")
def test_same_layers_as_keras(name, arguments, size):
    same_layers(name, arguments, size)


@pytest.mark.parametrize("name, arguments, size", MODELS, ids=lambda x: x if isinstance(x, str) else "")
def test_same_model_as_keras(name, arguments, size):
    ours, theirs = same_layers(name, arguments, size)
    rng = np.random.default_rng(0)
    weights = [
        rng.uniform(0.8, 1.2, w.shape) if len(w.shape) < 2 else rng.normal(0, np.prod(w.shape[:-1]) ** -0.5, w.shape)
        for w in ours.weights
    ]
    weights = [array.astype(w.dtype) for array, w in zip(weights, ours.weights, strict=True)]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    images = rng.uniform(-1, 1, (1, *size, 3)).astype("float32")
    expected = np.asarray(theirs(images))
    np.testing.assert_allclose(ours(images), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signature(name):
    ours, theirs = (inspect.signature(getattr(k.applications, name)) for k in (fastnn, keras))
    assert [(p.name, p.default) for p in ours.parameters.values()] == [
        (p.name, p.default) for p in theirs.parameters.values()
    ]


def modules():
    return [m.removeprefix("applications.") for m in _api.MODULES if m.startswith("applications.")]


@pytest.mark.parametrize("name", sorted(set(modules()) - {"imagenet_utils"}))
def test_preprocess_input(name):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3)).astype("float32")
    ours, theirs = (getattr(k.applications, name).preprocess_input for k in (fastnn, keras))
    before = images.copy()
    result = ours(images)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_allclose(result, theirs(before.copy()), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_preprocess_modes(mode, data_format, dtype):
    shape = (2, 4, 5, 3) if data_format == "channels_last" else (2, 3, 4, 5)
    images = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    result = imagenet_utils.preprocess_input(images, data_format, mode)
    expected = keras.applications.imagenet_utils.preprocess_input(images.copy(), data_format, mode)
    assert result.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)
    symbolic = imagenet_utils.preprocess_input(fastnn.KerasTensor((None, *shape[1:])), data_format, mode)
    assert symbolic.shape == (None, *shape[1:])


def test_decode_predictions(tmp_path, monkeypatch):
    path = tmp_path / "index.json"
    path.write_text(json.dumps({str(k): [f"n{k:08}", f"class {k}"] for k in range(1000)}))
    monkeypatch.setattr(imagenet_utils.utils, "get_file", lambda *_, **__: str(path))
    scores = np.zeros((2, 1000))
    scores[0, [3, 7]] = 0.5, 0.25
    scores[1, 999] = 1
    first, second = imagenet_utils.decode_predictions(scores, top=2)
    assert first == [("n00000003", "class 3", 0.5), ("n00000007", "class 7", 0.25)]
    assert second[0] == ("n00000999", "class 999", 1.0)
    with pytest.raises(ValueError, match=r"\(2, 10\)"):
        imagenet_utils.decode_predictions(np.zeros((2, 10)))


def test_input_tensor():
    x = fastnn.Input((32, 32, 3))
    model = fastnn.applications.MobileNet(
        weights=None, alpha=0.25, include_top=False, input_tensor=fastnn.layers.Rescaling(0.5)(x)
    )
    assert [layer.name for layer in model.layers][:1] == [x.call.operation.name] and model.output_shape[1:] == (
        1,
        1,
        256,
    )
    assert "rescaling" in model.layers[1].name


def test_weights_from_a_file_and_from_the_web(tmp_path, monkeypatch):
    arguments = {"include_top": False, "input_shape": (32, 32, 3), "alpha": 0.25}
    path = str(tmp_path / "mobile.weights.h5")
    saved = fastnn.applications.MobileNet(weights=None, **arguments)
    saved.save_weights(path)
    asked = []

    def fetch(name, origin, cache_subdir, file_hash):
        asked.append((name, origin, cache_subdir, file_hash))
        return path

    monkeypatch.setattr(base.utils, "get_file", fetch)
    for weights in (path, "imagenet"):
        model = fastnn.applications.MobileNet(weights=weights, **arguments)
        for a, b in zip(model.get_weights(), saved.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    name = "mobilenet_2_5_224_tf_no_top.h5"
    assert asked == [(name, f"{base.KERAS_FILES}mobilenet/{name}", "models", None)]


ADDRESSES = [
    *itertools.product(["MobileNet", "MobileNetV2", "MobileNetV3Small"], [True, False]),
    ("NASNetMobile", False),
]


@pytest.mark.parametrize("name, include_top", ADDRESSES)
def test_addresses_are_keras_s(name, include_top, monkeypatch):
    """What each model would fetch, with and without its classifier, is what Keras fetches."""

    class Asked(Exception):
        pass

    def fetch(fname=None, origin=None, cache_subdir=None, file_hash=None, **_):
        raise Asked(fname, origin, cache_subdir, file_hash)

    theirs = importlib.import_module(getattr(keras.applications, name).__module__)
    monkeypatch.setattr(theirs.file_utils, "get_file", fetch)
    monkeypatch.setattr(base.utils, "get_file", fetch)
    asked = []
    for k in (keras, fastnn):
        with pytest.raises(Asked) as error:
            getattr(k.applications, name)(include_top=include_top, input_shape=(224, 224, 3))
        asked.append(error.value.args)
    assert asked[0] == asked[1]


BAD = [
    {"weights": "no such file"},
    {"weights": "imagenet", "classes": 10},
    {"weights": "imagenet", "classifier_activation": "relu"},
    {"weights": "imagenet", "input_shape": (64, 64, 3)},
    {"input_shape": (8, 8, 3), "include_top": False},
    {"input_shape": (224, 224)},
    {"input_shape": (None, None, 3)},
]


@pytest.mark.parametrize("arguments", BAD, ids=str)
def test_bad_arguments(arguments):
    """Keras raises ValueError for each, some of them after it has built the model."""
    with pytest.raises(ValueError):
        fastnn.applications.VGG16(**{"weights": None, **arguments})


def test_nasnet_wants_a_size_for_its_weights():
    with pytest.raises(ValueError, match=r"\(None, None, 3\)"):
        fastnn.applications.NASNetMobile((None, None, 3), include_top=False)


def test_convnext_wants_channels_last(monkeypatch):
    monkeypatch.setattr(fastnn.config, "image_data_format", lambda: "channels_first")
    with pytest.raises(ValueError, match="channels_first"):
        fastnn.applications.ConvNeXtTiny(weights=None)


def test_classifier_of_vgg():
    x = fastnn.Input((1, 1, 8))
    model = fastnn.Model(x, vgg16.top(x, 5, "softmax"))
    names = [layer.name for layer in model.layers[1:]]
    assert names == ["flatten", "fc1", "fc2", "predictions"] and model.output_shape == (None, 5)
