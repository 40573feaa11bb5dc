"""Resizing and CenterCrop on single images and dictionaries, against Keras."""

import copy

import keras
import numpy as np
import pytest

import fastnn
from tests.tables import rows

LAYERS = [
    ("Resizing", {"height": 4, "width": 4}),
    ("Resizing", {"height": 4, "width": 4, "crop_to_aspect_ratio": True}),
    ("Resizing", {"height": 4, "width": 4, "pad_to_aspect_ratio": True}),
    ("CenterCrop", {"height": 3, "width": 4}),
    ("CenterCrop", {"height": 8, "width": 4}),
]
BOXES = [
    [[1.0, 1.0, 4.0, 3.0], [0.0, 0.0, 8.0, 6.0], [6.5, 0.0, 8.0, 1.0]],
    [[2.0, 3.0, 5.0, 6.0], [0.0, 0.0, 0.0, 0.0], [-1.0, -1.0, -1.0, -1.0]],
]


def data():
    rng = np.random.default_rng(0)
    return {
        "images": rows(2, 6, 8, 3),
        "labels": np.array([[1.0, 0.0], [0.0, 1.0]], "float32"),
        "segmentation_masks": rng.integers(0, 5, (2, 6, 8, 1)).astype("float32"),
        "bounding_boxes": {"boxes": np.array(BOXES, "float32"), "labels": np.array([[1.0, 2.0, 3.0]] * 2, "float32")},
    }


@pytest.mark.parametrize(("name", "arguments"), LAYERS, ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_dictionaries(name, arguments, training):
    results = []
    for k in (fastnn, keras):
        layer = getattr(k.layers, name)(**arguments, bounding_box_format="xyxy")
        results.append(layer(copy.deepcopy(data()), training=training))
    ours, theirs = results
    compare(ours.pop("bounding_boxes"), theirs.pop("bounding_boxes"))
    compare(ours, theirs)


def compare(ours, theirs):
    assert set(ours) == set(theirs)
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], np.asarray(value), rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(("name", "arguments"), LAYERS, ids=str)
def test_one_image(name, arguments):
    image = rows(6, 8, 3)
    ours, theirs = (getattr(k.layers, name)(**arguments)(image) for k in (fastnn, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_sizes_that_are_not_known():
    for name in ("Resizing", "CenterCrop"):
        layer = getattr(fastnn.layers, name)(4, 5)
        model = fastnn.Sequential([fastnn.Input((None, None, 3)), layer])
        assert model.output_shape == (None, 4, 5, 3)
        for size in ((6, 8), (9, 5)):
            image = rows(1, *size, 3)
            np.testing.assert_allclose(model.predict(image, verbose=0), layer(image), rtol=1e-6, atol=1e-6)
