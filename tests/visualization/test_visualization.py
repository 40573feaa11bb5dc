"""Boxes, masks and galleries: against the released Keras where it runs without OpenCV."""

import keras
import numpy as np
import pytest

import fastnn

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 12, 16, 3), dtype="uint8")
MASKS = np.random.default_rng(1).integers(-1, 5, (3, 12, 16, 1))
BOXES = {"boxes": np.array([[[2, 3, 9, 8], [0, 0, 1, 1]]] * 3), "labels": np.array([[0, -1]] * 3)}

ours, theirs = fastnn.visualization, keras.visualization


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"alpha": 0.3},
        {"blend": False},
        {"ignore_index": 2},
        {"color_mapping": {k: (10 * k, 20, 255 - k) for k in range(5)}},
    ],
    ids=str,
)
def test_draw_segmentation_masks(kwargs):
    wanted = np.asarray(theirs.draw_segmentation_masks(IMAGES.copy(), MASKS.copy(), num_classes=5, **kwargs))
    result = ours.draw_segmentation_masks(IMAGES, MASKS, num_classes=5, **kwargs)
    assert result.dtype == np.uint8
    # Both cut off; where float32 rounding meets a whole number one of them may be the byte below.
    assert np.abs(result.astype(int) - wanted).max() <= 1 and (result != wanted).mean() < 0.01
    np.testing.assert_array_equal(result, ours.draw_segmentation_masks(IMAGES, MASKS[..., 0], **kwargs))
    first = ours.draw_segmentation_masks(np.moveaxis(IMAGES, -1, 1), MASKS, data_format="channels_first", **kwargs)
    np.testing.assert_array_equal(result, first)


@pytest.mark.parametrize("thickness", [1, 2, 3])
def test_draw_bounding_boxes(thickness):
    before = IMAGES.copy()
    result = ours.draw_bounding_boxes(IMAGES, BOXES, "xyxy", color=(1, 2, 3), line_thickness=thickness)
    np.testing.assert_array_equal(IMAGES, before)
    rows, columns = np.mgrid[:12, :16]
    low, high = -((thickness - 1) // 2), thickness - 1 - (thickness - 1) // 2

    def near(at, line):
        return (at >= line + low) & (at <= line + high)

    def between(at, start, end):
        return (at >= start + low) & (at <= end + high)

    on_line = (near(rows, 3) | near(rows, 8)) & between(columns, 2, 9)
    on_line |= (near(columns, 2) | near(columns, 9)) & between(rows, 3, 8)
    np.testing.assert_array_equal(result, np.where(on_line[None, ..., None], np.uint8([1, 2, 3]), IMAGES))
    relative = {**BOXES, "boxes": BOXES["boxes"] / [16, 12, 16, 12]}
    again = ours.draw_bounding_boxes(IMAGES, relative, "rel_xyxy", color=(1, 2, 3), line_thickness=thickness)
    np.testing.assert_array_equal(again, result)


def test_names_of_classes_are_written():
    pytest.importorskip("PIL")
    x = np.zeros((1, 60, 80, 3), "uint8")
    boxes = {"boxes": np.array([[[5, 30, 70, 50]]]), "labels": np.array([[0]]), "confidences": np.array([[0.9]])}
    plain = ours.draw_bounding_boxes(x, boxes, "xyxy", color=(255, 0, 0))
    named = ours.draw_bounding_boxes(x, boxes, "xyxy", {0: "cat"}, color=(255, 0, 0))
    larger = ours.draw_bounding_boxes(x, boxes, "xyxy", {0: "cat"}, color=(255, 0, 0), font_scale=2.0)
    assert 0 < (named != plain).any(-1).sum() < (larger != plain).any(-1).sum()
    assert not (named != plain)[:, 32:].any()  # above the box


def test_galleries(tmp_path):
    figure = ours.plot_image_gallery(
        IMAGES, y_true=[0, 1, 0], y_pred=[1, 1, 0], label_map={0: "cat", 1: "dog"}, cols=3, show=False
    )
    assert [axis.get_title() for axis in figure.axes] == ["true: cat\npred: dog", "true: dog\npred: dog",
                                                          "true: cat\npred: cat"]  # fmt: skip
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), IMAGES[1])
    scaled = ours.plot_image_gallery(IMAGES / 255, value_range=(0, 1), rows=1, show=False)
    np.testing.assert_array_equal(scaled.axes[2].images[0].get_array(), IMAGES[2])
    assert ours.plot_image_gallery(IMAGES, path=tmp_path / "gallery.png") is None
    assert (tmp_path / "gallery.png").stat().st_size > 0
    figure = ours.plot_bounding_box_gallery(
        IMAGES, "xyxy", y_true=BOXES, y_pred=BOXES, legend=True, true_color=(9, 9, 9), pred_color=(1, 2, 3), show=False
    )
    drawn = ours.draw_bounding_boxes(IMAGES, BOXES, "xyxy", color=(1, 2, 3))
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), drawn[0])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Ground truth", "Prediction"]
    figure = ours.plot_segmentation_mask_gallery(IMAGES, 5, y_true=MASKS, y_pred=MASKS, show=False)
    assert len(figure.axes) == 9
    np.testing.assert_array_equal(figure.axes[3].images[0].get_array(), IMAGES[1])
    wanted = ours.draw_segmentation_masks(IMAGES, MASKS, 5)
    np.testing.assert_array_equal(figure.axes[4].images[0].get_array(), wanted[1])


def test_errors():
    for call, error in (
        (lambda: ours.draw_segmentation_masks(IMAGES[0], MASKS), ValueError),
        (lambda: ours.draw_segmentation_masks(IMAGES, MASKS.astype("float32")), TypeError),
        (lambda: ours.draw_bounding_boxes(IMAGES[0], BOXES, "xyxy"), ValueError),
        (lambda: ours.draw_bounding_boxes(IMAGES, BOXES["boxes"], "xyxy"), TypeError),
        (lambda: ours.draw_bounding_boxes(IMAGES, {"boxes": BOXES["boxes"]}, "xyxy"), ValueError),
        (lambda: ours.draw_bounding_boxes(IMAGES, BOXES, "x"), ValueError),
        (lambda: ours.plot_image_gallery(IMAGES[0]), ValueError),
        (lambda: ours.plot_image_gallery(IMAGES, y_true=[0, 1, 0]), ValueError),
        (lambda: ours.plot_image_gallery(IMAGES, path="x.png", show=True), ValueError),
    ):
        with pytest.raises(error):
            call()
