"""Bounding boxes against the released Keras, also in compiled functions."""

import keras
import numpy as np
import pytest

import fastnn

BOXES = np.array([[[-1, 2, 3, 7], [1, 1, 4, 3], [5, 5, 5, 8], [7, 8, 9, 12]]], "float32")
OTHERS = np.array([[1, 1, 3, 5], [4, 4, 6, 9], [-1, -1, -1, -1], [0, 0, 6, 8], [2, 3, 2.5, 7]], "float32")
FORMATS = ["xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh"]
ANGLES = [np.array([x], "float32") for x in (30, 0.1, 0.2, 1.2, 5, 10)]
LABELS = np.array([[0, 1, 2, 3]], "int32")

ours, theirs = fastnn.utils.bounding_boxes, keras.utils.bounding_boxes


def agree(name, *args, **kwargs):
    def call(namespace):
        return getattr(namespace, name)(*[x.copy() if isinstance(x, np.ndarray) else x for x in args], **kwargs)

    wanted, eager = np.asarray(call(theirs)), call(ours)
    assert eager.dtype == wanted.dtype
    np.testing.assert_allclose(eager, wanted, rtol=1e-5, atol=1e-5)
    arrays = [x for x in args if isinstance(x, np.ndarray)]
    rest = args[len(arrays) :]
    traced = fastnn.jit(lambda *xs: getattr(ours, name)(*xs, *rest, **kwargs))(*arrays)
    np.testing.assert_allclose(traced, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_convert_format(source, target):
    agree("convert_format", BOXES, source, target, height=8, width=6)


def test_convert_format_takes_dictionaries_and_dtypes():
    result = ours.convert_format({"boxes": BOXES, "labels": LABELS}, "xyxy", "XYWH")
    assert result["labels"] is LABELS
    np.testing.assert_array_equal(result["boxes"], ours.convert_format(BOXES, "xyxy", "xywh"))
    agree("convert_format", BOXES, "xyxy", "xyxy", dtype="int32")


@pytest.mark.parametrize("relative", [False, True])
def test_clip_to_image_size(relative):
    boxes = {"boxes": BOXES / 8 if relative else BOXES, "labels": LABELS}
    kwargs = {"bounding_box_format": "rel_xyxy"} if relative else {"height": 8, "width": 6}
    wanted = theirs.clip_to_image_size({name: x.copy() for name, x in boxes.items()}, **kwargs)
    for result in (ours.clip_to_image_size(boxes, **kwargs), fastnn.jit(ours.clip_to_image_size)(boxes, **kwargs)):
        np.testing.assert_array_equal(result["boxes"], wanted["boxes"])
        np.testing.assert_array_equal(result["labels"], wanted["labels"])


def test_crop_and_pad():
    agree("crop", BOXES, 1, 2, 4, 3)
    agree("crop", BOXES.astype("int32"), 1, 2, 4, 3)
    agree("pad", BOXES, 1, 2)


@pytest.mark.parametrize("changed", range(7))
def test_affine_transform(changed):
    neutral = [np.array([x], "float32") for x in (0, 0, 0, 1, 0, 0)]
    numbers = ANGLES if changed == 6 else [ANGLES[k] if k == changed else neutral[k] for k in range(6)]
    agree("affine_transform", BOXES, *numbers, 8, 6)
    agree("affine_transform", BOXES, *numbers, 8, 6, 0.2, 0.3)
    one = ours.affine_transform(BOXES[0], *(float(x[0]) for x in numbers), 8, 6)
    np.testing.assert_allclose(one, ours.affine_transform(BOXES, *numbers, 8, 6)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bounding_box_format", ["xyxy", "xywh", "center_yxhw"])
def test_compute_iou(bounding_box_format):
    agree("compute_iou", BOXES[0], OTHERS, bounding_box_format)
    agree("compute_iou", BOXES, OTHERS, bounding_box_format)
    agree("compute_iou", BOXES, OTHERS[None], bounding_box_format)
    agree("compute_ciou", BOXES[0], OTHERS[:4], bounding_box_format)


def test_compute_iou_of_relative_boxes_and_masks():
    agree("compute_iou", BOXES[0] / 8, OTHERS / 8, "rel_xyxy", image_shape=(8, 6, 3))
    agree("compute_iou", BOXES[0], OTHERS, "xyxy", use_masking=True)
    masked = ours.compute_iou(BOXES, OTHERS, "xyxy", use_masking=True, mask_val=-5)
    plain = ours.compute_iou(BOXES, OTHERS, "xyxy")
    np.testing.assert_array_equal(masked, np.where(np.arange(5) == 2, -5, plain))
    relative = ours.compute_ciou(BOXES[0] / [6, 8, 6, 8], OTHERS[:4] / [6, 8, 6, 8], "rel_xyxy", image_shape=(8, 6, 3))
    np.testing.assert_allclose(relative, ours.compute_ciou(BOXES[0], OTHERS[:4], "xyxy"), rtol=1e-5)


@pytest.mark.parametrize("encoding", ["center_yxhw", "center_xywh"])
@pytest.mark.parametrize("variance", [None, [0.1, 0.2, 0.3, 0.4]])
def test_deltas(encoding, variance):
    anchors, boxes = (
        np.array([[0, 0, 4, 4], [1, 2, 5, 7]], "float32"),
        np.array([[1, 1, 3, 5], [2, 1, 6, 8]], "float32"),
    )
    agree("encode_box_to_deltas", anchors, boxes, "xyxy", "yxyx", encoding, variance)
    agree("encode_box_to_deltas", anchors / 8, boxes[None] / 8, "rel_xyxy", "rel_xyxy", encoding, variance, (8, 6, 3))
    deltas = ours.encode_box_to_deltas(anchors, boxes, "xyxy", "xyxy", encoding, variance)
    agree("decode_deltas_to_boxes", anchors, deltas, "xyxy", "xywh", encoding, variance)
    np.testing.assert_allclose(
        ours.decode_deltas_to_boxes(anchors, deltas, "xyxy", "xyxy", encoding, variance), boxes, rtol=1e-5
    )
    levels = ours.decode_deltas_to_boxes({3: anchors}, {3: deltas}, "xyxy", "xyxy", encoding, variance)
    np.testing.assert_allclose(levels[3], boxes, rtol=1e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda k: k.convert_format(BOXES, "xyxy", "x"),
        lambda k: k.convert_format(BOXES, "xyxy", "rel_xyxy"),
        lambda k: k.convert_format(BOXES[..., :3], "xyxy", "xywh"),
        lambda k: k.clip_to_image_size({"boxes": BOXES.copy(), "labels": LABELS}),
        lambda k: k.clip_to_image_size({"boxes": BOXES, "labels": LABELS}, 8, 6, "xywh"),
        lambda k: k.crop(BOXES, 1, 2, 4, 3, "xywh"),
        lambda k: k.pad(BOXES, 1, 2, 4, 3, "xywh"),
        lambda k: k.compute_iou(BOXES[None], OTHERS, "xyxy"),
        lambda k: k.compute_iou(BOXES, OTHERS, "rel_xyxy"),
        lambda k: k.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", "xyxy"),
        lambda k: k.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", variance=[1.0]),
        lambda k: k.decode_deltas_to_boxes(BOXES, BOXES, "xyxy", "xyxy", "xyxy"),
    ],
)
def test_errors(call):
    with pytest.raises(Exception) as wanted:
        call(theirs)
    with pytest.raises(wanted.type, match=r"\w+: "):
        call(ours)
