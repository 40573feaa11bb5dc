"""Image augmentations: what is done for a given transformation is Keras's, what is random has the right distribution,
and all of it runs inside compiled models, the same for any number of threads."""

import keras
import numpy as np
import pytest

import fastnn
from fastnn import config
from fastnn.layers.preprocessing.image.base_image_layer import BaseImagePreprocessingLayer

IMAGES = np.random.default_rng(0).random((6, 8, 7, 3)).astype("float32")
MANY = np.zeros((4000, 4, 6, 3), "float32")

# Layers whose transformation Keras gives.
GIVEN = [
    ("RandomFlip", {}),
    ("RandomFlip", {"mode": "vertical"}),
    ("RandomFlip", {"mode": "horizontal"}),
    ("RandomRotation", {"factor": 0.3}),
    ("RandomRotation", {"factor": 0.3, "fill_mode": "constant", "fill_value": 7.0, "interpolation": "nearest"}),
    ("RandomZoom", {"height_factor": 0.5, "width_factor": 0.3}),
    ("RandomZoom", {"height_factor": 0.5, "fill_mode": "wrap"}),
    ("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.3}),
    ("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.3, "fill_mode": "nearest"}),
    ("RandomShear", {"x_factor": 0.5, "y_factor": 0.3}),
    ("RandomCrop", {"height": 4, "width": 3, "seed": 1}),
    ("RandomCrop", {"height": 12, "width": 3, "seed": 1}),
    ("RandomBrightness", {"factor": 0.5, "value_range": (-1, 1)}),
    ("RandomBrightness", {"factor": 0.5}),
    ("RandomContrast", {"factor": 0.5}),
    ("RandomContrast", {"factor": 0.5, "value_range": (-1, 1)}),
    ("RandomHue", {"factor": 0.5}),
    ("RandomHue", {"factor": 0.5, "value_range": (0, 1)}),
    ("RandomSaturation", {"factor": (-0.5, 0.5)}),
    ("RandomSaturation", {"factor": 0.9, "value_range": (0, 1)}),
    ("RandomColorDegeneration", {"factor": 0.5}),
    ("RandomColorDegeneration", {"factor": 0.5, "value_range": (-1, 1)}),
    ("RandomGrayscale", {"factor": 0.5}),
    ("RandomInvert", {"factor": 1.0}),
    ("RandomInvert", {"factor": 1.0, "value_range": (0, 1)}),
    ("RandomPosterization", {"factor": 5}),
    ("RandomPosterization", {"factor": 5, "value_range": (-1, 1)}),
    ("RandomSharpness", {"factor": (0.0, 1.0)}),
    ("RandomSharpness", {"factor": (0.0, 1.0), "value_range": (-1, 1)}),
    ("RandomGaussianBlur", {"factor": (0.5, 1.0), "sigma": (0.5, 2.0), "kernel_size": (3, 5)}),
    ("RandomErasing", {"factor": (0.5, 1.0), "scale": (0.2, 0.5)}),
    ("RandomErasing", {"factor": (0.5, 1.0), "scale": (0.2, 0.5), "fill_value": 3.0}),
    ("RandomPerspective", {"factor": (0.8, 1.0)}),
    ("RandomPerspective", {"factor": (0.8, 1.0), "interpolation": "nearest", "fill_value": 9.0}),
    ("Solarization", {"addition_factor": 0.5, "threshold_factor": 0.5}),
    ("Solarization", {"addition_factor": 0.5, "threshold_factor": 0.5, "value_range": (-1, 1)}),
    ("CutMix", {}),
    ("MixUp", {"alpha": 1.0}),
    ("AugMix", {}),
]
# Layers of all kinds, with arguments that leave nothing as it is.
EACH = [
    *[case for case in GIVEN if case[0] not in ("RandomFlip", "RandomCrop")][::2],
    ("RandAugment", {"num_ops": 3}),
    ("RandomFlip", {}),
    ("RandomElasticTransform", {"factor": (1.0, 1.0)}),
    (
        "RandomColorJitter",
        {"brightness_factor": 0.3, "contrast_factor": 0.3, "saturation_factor": 0.3, "hue_factor": 1.0},
    ),
]


def in_range(arguments):
    low, high = arguments.get("value_range", (0, 255))
    return low + (high - low) * IMAGES


def ids(case):
    return "-".join([case[0], *(f"{key}={value}" for key, value in case[1].items())])


def pair(name, arguments):
    return getattr(keras.layers, name)(**arguments), getattr(fastnn.layers, name)(**arguments)


def layers_of(seed=None, **more):
    for name, arguments in EACH:
        yield getattr(fastnn.layers, name)(**arguments, seed=seed, **more), in_range(arguments)


def close(actual, expected, scale=255, tolerance=2e-6):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=tolerance * scale)


# ---- the same as Keras for the same transformation ----


@pytest.mark.parametrize("case", GIVEN, ids=ids)
def test_images_for_a_given_transformation(case):
    name, arguments = case
    theirs, ours = pair(name, arguments)
    x = in_range(arguments)
    keras.utils.set_random_seed(1)
    theirs(x.copy(), training=True)
    transformation = theirs.get_random_transformation(x, training=True)
    expected = np.asarray(theirs.transform_images(x.copy(), transformation, training=True))
    result = ours.transform_images(x, transformation, training=True)
    assert result.dtype == expected.dtype
    if name == "AugMix":
        # A value that rounding moves over the edge of a bin or a threshold becomes another one altogether.
        off = np.abs(result - expected) > 1e-3
        assert off.mean() < 0.02
    else:
        close(result, expected)


def test_rand_augment_for_a_given_transformation():
    """Against Keras's layers one after the other: on NumPy its RandAugment changes the images that others get."""
    theirs, ours = pair("RandAugment", {"num_ops": 1})
    theirs.build(IMAGES.shape)
    x = 255 * IMAGES
    transforms = theirs.get_random_transformation(x, training=True)["transforms"]
    assert list(transforms) == list(ours.order)
    for number, name in enumerate(ours.order):
        expected = np.asarray(getattr(theirs, name).transform_images(x.copy(), transforms[name], training=True))
        given = {"transforms": transforms, "layer_idxes": np.array([number], "int32")}
        close(ours.transform_images(x, given, training=True), expected)
        traced = fastnn.jit(lambda x, n: ours.transform_images(x, {"transforms": transforms, "layer_idxes": n}))
        close(traced(x, np.array([number], "int32")), expected)
    both = fastnn.layers.RandAugment(num_ops=2)
    given["layer_idxes"] = np.array([3, 9], "int32")
    once = ours.transform_images(x, {**given, "layer_idxes": np.array([3])}, training=True)
    twice = ours.transform_images(once, {**given, "layer_idxes": np.array([9])}, training=True)
    close(both.transform_images(x, given, training=True), twice)


@pytest.mark.parametrize("name", ["CutMix", "MixUp"])
def test_labels_and_masks_for_a_given_transformation(name):
    theirs, ours = pair(name, {})
    transformation = theirs.get_random_transformation(IMAGES, training=True)
    labels = np.eye(6, dtype="float32")
    wanted = theirs.transform_labels(labels.copy(), transformation, training=True)
    close(ours.transform_labels(labels, transformation, training=True), wanted, 1)
    masks = np.random.default_rng(2).integers(0, 3, (6, 8, 7, 1)).astype("float32")
    if name == "MixUp":
        weight = np.reshape(transformation["mix_weight"], (-1, 1, 1, 1))
        wanted = np.where(weight >= 0.5, masks, masks[np.asarray(transformation["permutation_order"])])
    else:
        patch = np.asarray(transformation["batch_masks"])[..., :1]
        wanted = np.where(patch, masks[np.asarray(transformation["permutation_order"])], masks)
    np.testing.assert_array_equal(ours.transform_segmentation_masks(masks, transformation, training=True), wanted)


BOXES = np.array([[[0, 2, 3, 7], [1, 1, 4, 3], [5, 5, 6, 8], [0, 0, 7, 8]]] * 6, "float32")
BOX_LABELS = np.array([[0, 1, 2, 3]] * 6, "int32")


@pytest.mark.parametrize(
    "case",
    [
        ("RandomFlip", {}),
        ("RandomFlip", {"mode": "horizontal"}),
        ("RandomFlip", {"mode": "vertical"}),
        ("RandomRotation", {"factor": 0.5}),
        ("RandomZoom", {"height_factor": 0.5, "width_factor": 0.5}),
        ("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.5}),
        ("RandomPerspective", {"factor": (0.5, 1.0), "scale": 0.5}),
        ("RandomInvert", {}),
    ],
    ids=ids,
)
@pytest.mark.parametrize("bounding_box_format", ["xyxy", "rel_xywh"])
def test_boxes_for_a_given_transformation(case, bounding_box_format):
    name, arguments = case
    theirs, ours = pair(name, {**arguments, "bounding_box_format": bounding_box_format})
    transformation = theirs.get_random_transformation(IMAGES, training=True)
    boxes = fastnn.utils.bounding_boxes.convert_format(BOXES, "xyxy", bounding_box_format, 8, 7)
    # Keras's method wants pixels where its call converts before and after.
    corners = {"boxes": BOXES.copy(), "labels": BOX_LABELS.copy()}
    plain = getattr(keras.layers, name)(**arguments, bounding_box_format="xyxy")
    wanted = plain.transform_bounding_boxes(corners, transformation, training=True)
    result = ours.transform_bounding_boxes({"boxes": boxes, "labels": BOX_LABELS}, transformation, training=True)
    np.testing.assert_array_equal(result["labels"], wanted["labels"])
    moved = fastnn.utils.bounding_boxes.convert_format(result["boxes"], bounding_box_format, "xyxy", 8, 7)
    close(moved, wanted["boxes"], 8)


@pytest.mark.parametrize(
    "name", ["RandomShear", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomPerspective"]
)
def test_boxes_move_with_their_pixels(name):
    """A rectangle of ones is surrounded by its box before and after, up to the pixel that interpolation spreads."""
    arguments = {
        "RandomShear": {"x_factor": 0.2, "y_factor": 0.2, "fill_mode": "constant"},
        "RandomRotation": {"factor": 0.2, "fill_mode": "constant"},
        "RandomZoom": {"height_factor": 0.3, "width_factor": 0.3, "fill_mode": "constant"},
        "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2, "fill_mode": "constant"},
        "RandomPerspective": {"factor": (1.0, 1.0), "scale": 0.4},
    }[name]
    x = np.zeros((8, 40, 32, 1), "float32")
    x[:, 12:22, 10:18] = 1
    boxes = {"boxes": np.array([[[10, 12, 17, 21]]] * 8, "float32"), "labels": np.zeros((8, 1), "int32")}
    layer = getattr(fastnn.layers, name)(**arguments, bounding_box_format="xyxy", seed=3)
    result = layer({"images": x, "bounding_boxes": boxes}, training=True)
    for image, box in zip(result["images"][..., 0], result["bounding_boxes"]["boxes"][:, 0], strict=True):
        rows, columns = np.nonzero(image > 0.5)
        around = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
        assert np.abs(around - box).max() < 1.5, (around, box)


# ---- structures, formats, dtypes ----


@pytest.mark.parametrize("case", EACH, ids=ids)
def test_without_training_nothing_happens(case):
    layer = getattr(fastnn.layers, case[0])(**case[1])
    x = in_range(case[1])
    np.testing.assert_array_equal(layer(x, training=False), x)
    assert np.abs(layer(x, training=True) - x).max() > 0.01


@pytest.mark.parametrize("case", [case for case in EACH if "value_range" not in case[1]], ids=ids)
def test_channels_first_is_the_same(case):
    name, arguments = case
    last, first = (
        getattr(fastnn.layers, name)(**arguments, seed=3, data_format=data_format)
        for data_format in ("channels_last", "channels_first")
    )
    x = 255 * IMAGES
    y = first(np.moveaxis(x, -1, 1).copy(), training=True)
    close(np.moveaxis(y, 1, -1), last(x, training=True), tolerance=1e-5)


@pytest.mark.parametrize("case", EACH, ids=ids)
def test_one_image_and_integers(case):
    layer = getattr(fastnn.layers, case[0])(**case[1])
    x = in_range(case[1])
    assert layer(x[0], training=True).shape == x.shape[1:]
    assert layer(x.astype("int32"), training=True).dtype == "float32"
    whole = getattr(fastnn.layers, case[0])(**case[1], dtype="uint8")
    assert whole(np.abs(x).astype("uint8"), training=True).dtype == "uint8"


def test_dictionaries():
    layer = fastnn.layers.RandomCrop(4, 3, bounding_box_format="xyxy", seed=1)
    masks = np.arange(6 * 8 * 7, dtype="int32").reshape(6, 8, 7, 1)
    x = np.concatenate([masks, masks, masks], axis=-1).astype("float32")
    data = {"images": x, "labels": np.arange(6), "segmentation_masks": masks,
            "bounding_boxes": {"boxes": BOXES, "labels": BOX_LABELS}}  # fmt: skip
    result = layer(data, training=True)
    assert list(result) == list(data)
    np.testing.assert_array_equal(result["labels"], data["labels"])
    np.testing.assert_array_equal(result["images"][..., :1], result["segmentation_masks"])
    top, left = divmod(int(result["images"][0, 0, 0, 0]), 7)
    wanted = fastnn.utils.bounding_boxes.crop(BOXES, top, left, 4, 3)
    np.testing.assert_array_equal(result["bounding_boxes"]["boxes"], wanted)
    one = {"images": x[0], "labels": np.int32(3), "segmentation_masks": masks[0],
           "bounding_boxes": {"boxes": BOXES[0], "labels": BOX_LABELS[0]}}  # fmt: skip
    result = layer(one, training=True)
    assert result["images"].shape == (4, 3, 3) and result["bounding_boxes"]["boxes"].shape == (4, 4)
    assert result["labels"] == 3


def test_masks_take_the_nearest():
    masks = np.random.default_rng(1).integers(0, 5, (6, 8, 7, 1))
    for name, arguments in (
        ("RandomRotation", {"factor": 0.3}),
        ("RandomPerspective", {"factor": (1.0, 1.0)}),
        ("RandomElasticTransform", {"factor": (1.0, 1.0)}),
        ("RandAugment", {"num_ops": 4}),
        ("RandomZoom", {"height_factor": 0.4}),
    ):
        layer = getattr(fastnn.layers, name)(**arguments, seed=2)
        result = layer({"images": 255 * IMAGES, "segmentation_masks": masks}, training=True)["segmentation_masks"]
        assert set(np.unique(result)) <= set(range(5)), name


def test_max_num_bounding_boxes():
    data = {"images": IMAGES, "bounding_boxes": {"boxes": BOXES, "labels": BOX_LABELS}}
    for number in (2, 4, 7):
        ours, theirs = (
            k.layers.MaxNumBoundingBoxes(number, bounding_box_format="xyxy")(data)["bounding_boxes"]
            for k in (fastnn, keras)
        )
        np.testing.assert_array_equal(ours["boxes"], theirs["boxes"])
        np.testing.assert_array_equal(ours["labels"], theirs["labels"])


def test_mix_up_keeps_the_boxes_of_both():
    layer = fastnn.layers.MixUp(bounding_box_format="xyxy", seed=1)
    boxes = {
        "boxes": BOXES + np.arange(6, dtype="float32")[:, None, None],
        "labels": BOX_LABELS + np.arange(6)[:, None],
    }
    result = layer({"images": IMAGES, "labels": np.eye(6), "bounding_boxes": boxes}, training=True)["bounding_boxes"]
    order = result["labels"][:, 4] - result["labels"][:, 0] + np.arange(6)
    np.testing.assert_array_equal(result["boxes"], np.concatenate([boxes["boxes"], boxes["boxes"][order]], axis=1))


@pytest.mark.parametrize("name", ["CutMix", "RandomElasticTransform"])
def test_layers_without_boxes_say_so(name):
    layer = getattr(fastnn.layers, name)(bounding_box_format="xyxy")
    with pytest.raises(NotImplementedError, match=name):
        layer({"images": IMAGES, "bounding_boxes": {"boxes": BOXES, "labels": BOX_LABELS}}, training=True)


def test_configs_of_layers_of_layers():
    layer = fastnn.layers.Pipeline([fastnn.layers.RandomFlip(seed=1), fastnn.layers.RandomShear(0.2)], name="p")
    assert [type(x).__name__ for x in layer.layers] == ["RandomFlip", "RandomShear"]
    again = fastnn.layers.Pipeline.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    # Keras writes the range that one number became, and does not read it back.
    assert again.layers[1].x_factor == layer.layers[1].x_factor == (-0.2, 0.2)


# ---- what is random ----

UNIFORM = [  # (layer, arguments, key, least, largest)
    ("RandomRotation", {"factor": (0.1, 0.3)}, "angle", 36, 108),
    ("RandomZoom", {"height_factor": (0.1, 0.3), "width_factor": (-0.2, 0.4)}, "height_zoom", 1.1, 1.3),
    ("RandomZoom", {"height_factor": (0.1, 0.3), "width_factor": (-0.2, 0.4)}, "width_zoom", 0.8, 1.4),
    ("RandomBrightness", {"factor": (0.1, 0.3), "value_range": (-1, 1)}, "rgb_delta", 0.2, 0.6),
    ("RandomContrast", {"factor": (0.1, 0.3)}, "contrast_factor", 0.9, 1.3),
    ("RandomColorDegeneration", {"factor": 0.4}, "factor", -0.4, 0.4),
    ("RandomSharpness", {"factor": 0.4}, "factor", 0, 0.4),
    ("Solarization", {"addition_factor": 0.4, "threshold_factor": (0.2, 0.4)}, "thresholds", 51, 102),
    ("MixUp", {"alpha": 1.0}, "mix_weight", 0, 1),
]


def drawn(name, arguments, key=None, **more):
    transformation = getattr(fastnn.layers, name)(**arguments, seed=5, **more).get_random_transformation(MANY)
    return np.asarray(transformation if key is None else transformation[key])


@pytest.mark.parametrize("case", UNIFORM, ids=lambda case: f"{case[0]}-{case[2]}")
def test_uniform_parameters(case):
    name, arguments, key, low, high = case
    x = np.sort(drawn(name, arguments, key).ravel())
    # Kolmogorov and Smirnov: above 2 / sqrt(n) once in 1500 seeds.
    steps = np.abs((x - low) / (high - low) - np.arange(1, x.size + 1) / x.size)
    assert x.size == 4000 and steps.max() < 2 / np.sqrt(x.size)


PROBABILITIES = [  # (layer, arguments, key, probability)
    ("RandomFlip", {}, "flips", 0.5),
    ("RandomGrayscale", {"factor": 0.3}, None, 0.3),
    ("RandomInvert", {"factor": 0.4}, "apply_inversion", 0.2),
    ("RandomGaussianBlur", {"factor": (0.6, 1.0)}, "should_apply_blur", 0.8),
    ("RandomErasing", {"factor": (0.5, 1.0)}, "apply_erasing", 0.75),
    ("RandomElasticTransform", {"factor": 1.0}, "apply_transform", 0.5),
    ("RandomPerspective", {"factor": (0.2, 0.2)}, "apply_perspective", 0.2),
]


@pytest.mark.parametrize("case", PROBABILITIES, ids=lambda case: case[0])
def test_probabilities(case):
    name, arguments, key, probability = case
    x = drawn(name, arguments, key).ravel()
    assert x.dtype == bool and x.size == 4000
    assert abs(x.mean() - probability) < 4 * np.sqrt(probability * (1 - probability) / 4000)


def test_other_distributions():
    hue = drawn("RandomHue", {"factor": (0.1, 0.3)}, "factor")
    assert (
        0.05 <= np.abs(hue).min() < 0.051 and 0.149 < np.abs(hue).max() <= 0.15 and abs((hue > 0).mean() - 0.5) < 0.04
    )
    saturation = drawn("RandomSaturation", {"factor": (0.1, 0.3)}, "factor")
    share = saturation / (1 + saturation)
    assert 0.1 <= share.min() < 0.101 and 0.299 < share.max() <= 0.3001
    shear = drawn("RandomShear", {"x_factor": (0.1, 0.3), "y_factor": 0.2}, "shear_factor")
    assert np.abs(shear[:, 0]).min() >= 0.1 and abs((shear[:, 0] > 0).mean() - 0.5) < 0.04
    assert np.abs(shear[:, 1]).min() < 0.01
    shifts = drawn("RandomTranslation", {"height_factor": (0.1, 0.3), "width_factor": 0.5}, "translations")
    np.testing.assert_allclose(shifts.min(0), [-3, 0.4], atol=0.01)
    np.testing.assert_allclose(shifts.max(0), [3, 1.2], atol=0.01)
    bits = drawn("RandomPosterization", {"factor": (2, 5)}, "shift_factor")
    assert sorted(np.unique(bits)) == [4, 5, 6] and np.unique(bits, return_counts=True)[1].min() > 1200
    corners = drawn("RandomPerspective", {"scale": 0.5}, "end_points")
    np.testing.assert_array_equal(corners[:, 0], 0)
    assert 3.75 <= corners[:, 3, 0].min() < 3.77 and 6.23 < corners[:, 3, 0].max() <= 6.25
    places = [fastnn.layers.RandomCrop(2, 4, seed=k).get_random_transformation(MANY)[:2] for k in range(200)]
    assert {tuple(map(int, place)) for place in places} == {(top, left) for top in range(3) for left in range(3)}


def test_patches():
    x = np.zeros((2000, 40, 50, 3), "float32")
    for name, arguments in (("RandomErasing", {"scale": (0.1, 0.2)}), ("CutMix", {"factor": (1.0, 1.0)})):
        layer = getattr(fastnn.layers, name)(**arguments, seed=1)
        transformation = layer.get_random_transformation(x)
        masks = np.asarray(transformation["batch_masks"])[..., 0]
        heights, widths = masks.any(2).sum(1), masks.any(1).sum(1)
        np.testing.assert_array_equal(masks.sum((1, 2)), heights * widths)  # rectangles
        if name == "CutMix":
            weight = np.asarray(transformation["mix_weight"]).ravel()
            np.testing.assert_allclose(1 - weight, masks.mean((1, 2)), atol=1e-6)
            assert abs(weight.mean() - 0.5) < 0.05 and abs(weight.std() - 12**-0.5) < 0.02  # Beta(1, 1), cut down
            assert sorted(np.asarray(transformation["permutation_order"])) == list(range(2000))
        else:
            assert heights.min() >= 12 and heights.max() <= 17 and widths.min() >= 15 and widths.max() <= 22
            top = masks.any(2).argmax(1)
            assert top.min() == 0 and (top + heights).max() == 40


def test_each_call_draws_anew_and_a_seed_repeats_it():
    for (layer, x), (again, _) in zip(layers_of(seed=3), layers_of(seed=3), strict=True):
        first, second = layer(x, training=True), layer(x, training=True)
        np.testing.assert_array_equal(again(x, training=True), first)
        assert np.abs(first - second).max() > 0, layer.name


# ---- in compiled models ----


def test_any_number_of_threads_gives_the_same_bits():
    threads = config.threads()
    results = []
    try:
        for count in (1, 2, 3):
            config.set_threads(count)
            results.append([layer(x, training=True) for layer, x in layers_of(seed=3)])
    finally:
        config.set_threads(threads)
    for one, two, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def model_of(layers):
    return fastnn.Sequential(
        [fastnn.Input((8, 7, 3)), *layers, fastnn.layers.Flatten(), fastnn.layers.Dense(2, activation="softmax")]
    )


def test_first_layers_of_a_model():
    """`fit` trains on changed images; `predict` sees them as they are, and the step has no loss of determinism."""

    def trained():
        fastnn.utils.set_random_seed(7)
        model = model_of([layer for layer, x in layers_of(seed=3)])
        model.compile("sgd", "sparse_categorical_crossentropy")
        history = model.fit(255 * IMAGES, np.arange(6) % 2, epochs=2, batch_size=3, verbose=0)
        return model, history.history["loss"]

    (model, losses), (_, again) = trained(), trained()
    assert losses == again and np.isfinite(losses).all()
    plain = model_of([])
    plain.set_weights(model.get_weights())
    x = 255 * IMAGES
    np.testing.assert_allclose(model.predict(x, verbose=0), plain.predict(x, verbose=0), rtol=1e-6)


def test_crop_has_one_shape_in_training_and_without():
    model = fastnn.Sequential([fastnn.Input((8, 7, 3)), fastnn.layers.RandomCrop(4, 3)])
    assert model.output_shape == (None, 4, 3, 3)
    for training in (True, False):
        assert model(IMAGES, training=training).shape == (6, 4, 3, 3)
    resized = fastnn.ops.image.resize(IMAGES, (4, 3), crop_to_aspect_ratio=True)
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), resized)


def test_saved_models(tmp_path):
    model = model_of([fastnn.layers.RandomFlip(seed=1), fastnn.layers.RandomShear(0.2), fastnn.layers.RandAugment()])
    model.save(tmp_path / "m.keras")
    again = fastnn.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))


def test_a_layer_of_ones_own():
    class Shifted(BaseImagePreprocessingLayer):
        def transform_images(self, images, transformation, training=True):
            return images + 1 if training else images

    np.testing.assert_array_equal(Shifted()(IMAGES[0], training=True), IMAGES[0] + 1)
    np.testing.assert_array_equal(Shifted()({"images": IMAGES}, training=False)["images"], IMAGES)
