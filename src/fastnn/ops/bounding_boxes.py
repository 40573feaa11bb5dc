"""Boxes around objects in images (Keras's `utils.bounding_boxes`): formats, cutting, moving, overlap, deltas.

A format is an order of numbers, and whether they are pixels or shares of the image ("rel_"). Everything is computed
with the corners, (left, top, right, bottom). Boxes are arrays (..., 4), or dictionaries {"boxes", "labels"}.
"""

import math

import numpy as np

from fastnn.graph.dtypes import is_float, standardize_dtype
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import logic, reduce
from fastnn.ops.boxes import concatenate
from fastnn.ops.indexing import getitem
from fastnn.ops.joining import stack
from fastnn.ops.layout import expand_dims, reshape
from fastnn.ops.record import as_array, as_operand, dtype_of, shape_of
from fastnn.ops.trigonometry import arctan, cos, sin, tan

# The boxes as left, top, right, bottom, and back.
_TO_CORNERS = {
    "xyxy": lambda a, b, c, d: (a, b, c, d),
    "yxyx": lambda a, b, c, d: (b, a, d, c),
    "xywh": lambda a, b, c, d: (a, b, ew.add(a, c), ew.add(b, d)),
    "center_xywh": lambda a, b, c, d: (*_ends(a, b, c, d, -0.5), *_ends(a, b, c, d, 0.5)),
    "center_yxhw": lambda a, b, c, d: (*_ends(b, a, d, c, -0.5), *_ends(b, a, d, c, 0.5)),
}
_FROM_CORNERS = {
    "xyxy": lambda a, b, c, d: (a, b, c, d),
    "yxyx": lambda a, b, c, d: (b, a, d, c),
    "xywh": lambda a, b, c, d: (a, b, ew.subtract(c, a), ew.subtract(d, b)),
    "center_xywh": lambda a, b, c, d: (_middle(a, c), _middle(b, d), ew.subtract(c, a), ew.subtract(d, b)),
    "center_yxhw": lambda a, b, c, d: (_middle(b, d), _middle(a, c), ew.subtract(d, b), ew.subtract(c, a)),
}
FORMATS = (*_TO_CORNERS, "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def _ends(x, y, width, height, share):
    return ew.add(x, ew.multiply(width, share)), ew.add(y, ew.multiply(height, share))


def _middle(a, b):
    return ew.multiply(ew.add(a, b), 0.5)


def split(boxes):
    """The four numbers of boxes (..., 4), each of shape (...)."""
    boxes = as_operand(boxes)
    return tuple(getitem(boxes, (..., k)) for k in range(4))


def _with_boxes(bounding_boxes, change):
    """`change` applied to the boxes of a dictionary, which is copied, or to an array."""
    if isinstance(bounding_boxes, dict):
        return {**bounding_boxes, "boxes": change(bounding_boxes["boxes"])}
    return change(bounding_boxes)


@accepts_symbolic
def convert_format(boxes, source, target, height=None, width=None, dtype="float32"):
    """Boxes in another format.

    Args:
        boxes: array of shape (..., 4), or a dictionary of `boxes` and `labels`.
        source, target: "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", or "rel_" and one of the first four: in
            shares of the image's width and height instead of pixels. Case does not count.
        height, width: of the image; needed when either format is relative.
        dtype: of the result.

    Raises:
        ValueError: for another format, boxes without 4 numbers, or a size that is missing.

    Example:
        >>> convert_format(np.array([[10.0, 20.0, 30.0, 60.0]]), "xyxy", "rel_xywh", 100, 200).round(2)
        array([[0.05, 0.2 , 0.1 , 0.4 ]], dtype=float32)
    """
    names = str(source).lower(), str(target).lower()
    if any(name not in FORMATS for name in names):
        raise ValueError(f"convert_format: `source` {source!r} and `target` {target!r} must be of {FORMATS}.")
    has_relative = any(name.startswith("rel_") for name in names)
    if names[0] != names[1] and has_relative and (height is None or width is None):
        raise ValueError(
            f"convert_format: from {source!r} to {target!r} needs the image's `height` and `width`; got {height} and "
            f"{width}."
        )

    def change(x):
        x = as_operand(x)
        if not shape_of(x) or shape_of(x)[-1] != 4:
            raise ValueError(f"convert_format: `boxes` of shape {shape_of(x)} must have a last size of 4.")
        x = ew.cast(x, standardize_dtype(dtype))
        if names[0] == names[1]:
            return x
        corners = list(_TO_CORNERS[names[0].removeprefix("rel_")](*split(x)))
        for k in range(4):
            size = (width, height)[k % 2]
            if names[0].startswith("rel_"):
                corners[k] = ew.multiply(corners[k], size)
            if names[1].startswith("rel_"):
                corners[k] = ew.divide(corners[k], size)
        return ew.cast(stack(_FROM_CORNERS[names[1].removeprefix("rel_")](*corners), axis=-1), standardize_dtype(dtype))

    return _with_boxes(boxes, change)


def clip_to_image_size(bounding_boxes, height=None, width=None, bounding_box_format="xyxy"):
    """Boxes without what lies outside the image; a box of which nothing is left gets the label -1.

    Args:
        bounding_boxes: dictionary of `boxes`, shape (..., n, 4), and `labels`, shape (..., n).
        height, width: of the image; not needed for relative boxes.
        bounding_box_format: "xyxy" or "rel_xyxy".

    Raises:
        ValueError: for a size that is missing.
        NotImplementedError: for another format.

    Example:
        >>> boxes = {"boxes": np.array([[-1.0, 2.0, 3.0, 9.0], [7.0, 1.0, 9.0, 2.0]]), "labels": np.array([3, 4])}
        >>> clip_to_image_size(boxes, height=8, width=6)["labels"]
        array([ 3, -1])
    """
    _check_implemented("clip_to_image_size", bounding_box_format, ("xyxy", "rel_xyxy"))
    if bounding_box_format == "rel_xyxy":
        height = width = 1
    if height is None or width is None:
        raise ValueError(f"clip_to_image_size: boxes in pixels need `height` and `width`; got {height} and {width}.")
    corners = [ew.clip(x, 0, (width, height)[k % 2]) for k, x in enumerate(split(bounding_boxes["boxes"]))]
    labels = bounding_boxes["labels"]
    labels = as_operand(labels)
    is_there = logic.logical_and(logic.greater(corners[2], corners[0]), logic.greater(corners[3], corners[1]))
    return {
        **bounding_boxes,
        "boxes": stack(corners, axis=-1),
        "labels": logic.where(is_there, labels, np.asarray(-1, dtype_of(labels))),
    }


def _check_implemented(name, bounding_box_format, known):
    if bounding_box_format not in known:
        raise NotImplementedError(f"{name}: bounding_box_format {bounding_box_format!r}; only {known} are implemented.")


@accepts_symbolic
def crop(boxes, top, left, height, width, bounding_box_format="xyxy"):
    """The parts of boxes that lie in a window, as seen from its corner.

    Args:
        boxes: array of shape (..., 4).
        top, left: corner of the window.
        height, width: its size.
        bounding_box_format: "xyxy".

    Raises:
        NotImplementedError: for another format.

    Example:
        >>> crop(np.array([[10, 20, 50, 60]]), top=10, left=20, height=40, width=25)
        array([[ 0, 10, 25, 40]])
    """
    _check_implemented("crop", bounding_box_format, ("xyxy",))
    ends = ((left, width), (top, height))
    corners = [ew.clip(ew.subtract(x, ends[k % 2][0]), 0, ends[k % 2][1]) for k, x in enumerate(split(boxes))]
    return stack(corners, axis=-1)


@accepts_symbolic
def pad(boxes, top, left, height=None, width=None, bounding_box_format="xyxy"):
    """Boxes in an image that has got rows above and columns to the left.

    Args:
        boxes: array of shape (..., 4).
        top, left: rows and columns that were added.
        height, width: of the new image; they do not count.
        bounding_box_format: "xyxy".

    Raises:
        NotImplementedError: for another format.

    Example:
        >>> pad(np.array([[1, 2, 3, 4]]), top=10, left=20)
        array([[21, 12, 23, 14]])
    """
    _check_implemented("pad", bounding_box_format, ("xyxy",))
    return stack([ew.add(x, (left, top)[k % 2]) for k, x in enumerate(split(boxes))], axis=-1)


def around(corners, move):
    """The boxes around the images of boxes.

    Args:
        corners: left, top, right and bottom of boxes.
        move: maps x and y of points to others.

    Returns:
        Left, top, right and bottom.
    """
    left, top, right, bottom = corners
    xs, ys = zip(*(move(x, y) for x in (left, right) for y in (top, bottom)), strict=True)
    least, most = (
        (lambda p: ew.minimum(ew.minimum(*p[:2]), ew.minimum(*p[2:]))),
        (lambda p: ew.maximum(ew.maximum(*p[:2]), ew.maximum(*p[2:]))),
    )
    return least(xs), least(ys), most(xs), most(ys)


@accepts_symbolic
def affine_transform(
    boxes, angle, translate_x, translate_y, scale, shear_x, shear_y, height, width, center_x=None, center_y=None,
    bounding_box_format="xyxy",
):  # fmt: skip
    """The boxes around boxes that are moved, turned, stretched and sheared with their image.

    Args:
        boxes: array of shape (n, 4) or (batch, n, 4).
        angle: in degrees, counter-clockwise; a number, or one for each image of the batch. So are the next five.
        translate_x, translate_y: in shares of width and height less one pixel.
        scale: factor.
        shear_x, shear_y: angles in degrees.
        height, width: of the image.
        center_x, center_y: what stays where it is, in the same shares; the middle by default.
        bounding_box_format: of `boxes` and the result; see `convert_format`.

    Example:
        >>> affine_transform(np.array([[[0.0, 0.0, 4.0, 2.0]]]), *np.float32([[90], [0], [0], [1], [0], [0]]), 9, 9)
        array([[[0., 4., 2., 8.]]], dtype=float32)
    """
    rank = len(shape_of(boxes))
    angle, translate_x, translate_y, scale, shear_x, shear_y, center_x, center_y = (
        _for_each_image(x, rank)
        for x in (angle, translate_x, translate_y, scale, shear_x, shear_y,
                  0.5 if center_x is None else center_x, 0.5 if center_y is None else center_y)
    )  # fmt: skip
    turn, lean_x, lean_y = (
        ew.multiply(angle, math.pi / 180),
        *(tan(ew.multiply(shear, math.pi / 180)) for shear in (shear_x, shear_y)),
    )
    c = ew.subtract(ew.multiply(cos(turn), lean_y), sin(turn))
    d = ew.add(cos(turn), ew.multiply(sin(turn), lean_y))
    a = ew.subtract(cos(turn), ew.multiply(lean_x, c))
    b = ew.add(sin(turn), ew.multiply(lean_x, d))
    middle = ew.multiply(center_x, width - 1), ew.multiply(center_y, height - 1)
    shift = ew.multiply(translate_x, width - 1), ew.multiply(translate_y, height - 1)

    def move(x, y):
        x, y = (ew.add(ew.subtract(p, middle[k]), shift[k]) for k, p in enumerate((x, y)))
        return tuple(
            ew.add(ew.multiply(scale, ew.add(ew.multiply(row[0], x), ew.multiply(row[1], y))), middle[k])
            for k, row in enumerate(((a, b), (c, d)))
        )

    corners = split(convert_format(boxes, bounding_box_format, "xyxy", height, width))
    moved = stack(around(corners, move), axis=-1)
    return convert_format(moved, "xyxy", bounding_box_format, height, width)


def _for_each_image(x, rank):
    """A number, or a vector with one for each image, to meet the boxes of a batch."""
    x = x if hasattr(x, "shape") else as_array(float(x))
    x = x if is_float(dtype_of(x)) else ew.cast(x, "float32")
    return reshape(x, (-1, *(1,) * (rank - 2))) if shape_of(x) and rank == 3 else x


# ---- overlap ----


def _area(left, top, right, bottom):
    return ew.multiply(ew.subtract(right, left), ew.subtract(bottom, top))


def _intersection(one, two):
    sides = [
        ew.maximum(ew.subtract(ew.minimum(one[k + 2], two[k + 2]), ew.maximum(one[k], two[k])), 0) for k in range(2)
    ]
    return ew.multiply(*sides)


def _corners_for_overlap(name, boxes, bounding_box_format, image_shape):
    if str(bounding_box_format).lower().startswith("rel") and image_shape is None:
        raise ValueError(f"{name}: relative boxes ({bounding_box_format!r}) need `image_shape`.")
    height, width = image_shape[:2] if image_shape is not None else (None, None)
    return convert_format(boxes, bounding_box_format, "xyxy", height, width)


@accepts_symbolic
def compute_iou(boxes1, boxes2, bounding_box_format, use_masking=False, mask_val=-1, image_shape=None):
    """The intersection over the union of each box with each other.

    Args:
        boxes1: array of shape (m, 4) or (batch, m, 4).
        boxes2: array of shape (n, 4) or (batch, n, 4).
        bounding_box_format: of both; see `convert_format`.
        use_masking: whether boxes of which all four numbers are negative count as missing.
        mask_val: the result for a pair in which one is missing.
        image_shape: (height, width, ...), needed for relative boxes.

    Returns:
        Array of shape (m, n), or (batch, m, n).

    Raises:
        ValueError: for boxes of another rank, or a relative format without `image_shape`.

    Example:
        >>> compute_iou(np.array([[0.0, 0, 4, 4]]), np.array([[2.0, 0, 6, 4], [4, 4, 5, 5]]), "xyxy").round(3)
        array([[0.333, 0.   ]], dtype=float32)
    """
    ranks = len(shape_of(boxes1)), len(shape_of(boxes2))
    if any(rank not in (2, 3) for rank in ranks):
        raise ValueError(
            f"compute_iou: boxes must have shape (n, 4) or (batch, n, 4), got {shape_of(boxes1)}, {shape_of(boxes2)}."
        )
    one, two = (_corners_for_overlap("compute_iou", x, bounding_box_format, image_shape) for x in (boxes1, boxes2))
    pairs = split(expand_dims(one, -2)), split(expand_dims(two, -3))
    shared = _intersection(*pairs)
    union = ew.subtract(ew.add(_area(*pairs[0]), _area(*pairs[1])), shared)
    result = ew.divide_no_nan(shared, union)
    if use_masking:
        missing = [reduce.max(x, axis=-1) for x in (one, two)]
        missing = expand_dims(logic.less(missing[0], 0), -1), expand_dims(logic.less(missing[1], 0), -2)
        result = logic.where(logic.logical_or(*missing), np.asarray(mask_val, dtype_of(result)), result)
    return result


@accepts_symbolic
def compute_ciou(boxes1, boxes2, bounding_box_format, image_shape=None):
    """The complete intersection over union of boxes with their partners (Zheng et al. 2020).

    From the intersection over the union the squared distance of the middles, in units of the diagonal around both,
    and a term for other proportions are subtracted.

    Args:
        boxes1, boxes2: arrays of shape (..., 4).
        bounding_box_format: of both; see `convert_format`.
        image_shape: (height, width, ...), needed for relative boxes.

    Returns:
        Array of shape (...).

    Raises:
        ValueError: for a relative format without `image_shape`.

    Example:
        >>> compute_ciou(np.array([[0.0, 0, 4, 4]]), np.array([[0.0, 0, 4, 4]]), "xyxy").round(3)
        array([1.], dtype=float32)
    """
    one, two = (
        split(_corners_for_overlap("compute_ciou", x, bounding_box_format, image_shape)) for x in (boxes1, boxes2)
    )
    epsilon = 1e-7
    sizes = [[ew.subtract(box[k + 2], box[k]) for k in range(2)] for box in (one, two)]
    shared = _intersection(one, two)
    union = ew.subtract(ew.add(ew.multiply(*sizes[0]), ew.multiply(*sizes[1])), shared)
    iou = ew.divide(shared, ew.add(union, epsilon))
    around_both = [ew.subtract(ew.maximum(one[k + 2], two[k + 2]), ew.minimum(one[k], two[k])) for k in range(2)]
    diagonal = ew.add(ew.square(around_both[0]), ew.square(around_both[1]))
    apart = [ew.subtract(_middle(one[k], one[k + 2]), _middle(two[k], two[k + 2])) for k in range(2)]
    distance = ew.add(ew.square(apart[0]), ew.square(apart[1]))
    slopes = [arctan(ew.divide(w, ew.add(h, epsilon))) for w, h in sizes]
    shape_term = ew.multiply(ew.square(ew.subtract(*slopes)), 4 / math.pi**2)
    weight = ew.divide(shape_term, ew.add(ew.subtract(shape_term, iou), 1 + epsilon))
    penalty = ew.add(ew.divide(distance, ew.add(diagonal, epsilon)), ew.multiply(shape_term, weight))
    return ew.subtract(iou, penalty)


# ---- deltas ----


def _check_deltas(name, argument, encoding, variance):
    if encoding not in ("center_xywh", "center_yxhw"):
        raise ValueError(f"{name}: `{argument}` must be 'center_xywh' or 'center_yxhw', not {encoding!r}.")
    if variance is not None and tuple(np.shape(variance)) != (4,):
        raise ValueError(f"{name}: `variance` must have 4 numbers, not shape {np.shape(variance)}.")


def _size_of(image_shape):
    return image_shape[:2] if image_shape is not None else (None, None)


def encode_box_to_deltas(
    anchors, boxes, anchor_format, box_format, encoding_format="center_yxhw", variance=None, image_shape=None
):  # fmt: skip
    """Where boxes lie, as seen from anchors: the distance of the middles in anchor sizes, and the logarithm of the
    quotient of the sizes.

    Args:
        anchors: array of shape (n, 4), or a dictionary of such by level, which are put together.
        boxes: array of shape (n, 4) or (batch, n, 4).
        anchor_format, box_format: see `convert_format`.
        encoding_format: the order of the result, "center_yxhw" or "center_xywh".
        variance: four numbers by which the result is divided.
        image_shape: (height, width, ...), needed for relative boxes.

    Raises:
        ValueError: for another encoding, or a variance without 4 numbers.

    Example:
        >>> encode_box_to_deltas(np.array([[0.0, 0, 4, 4]]), np.array([[1.0, 1, 3, 5]]), "xyxy", "xyxy").round(3)
        array([[ 0.25 ,  0.   ,  0.   , -0.693]], dtype=float32)
    """
    _check_deltas("encode_box_to_deltas", "encoding_format", encoding_format, variance)
    if isinstance(anchors, dict):
        anchors = concatenate(list(anchors.values()), axis=0)
    size = _size_of(image_shape)
    anchor = split(convert_format(anchors, anchor_format, encoding_format, *size))
    box = split(convert_format(boxes, box_format, encoding_format, *size))
    sizes = [ew.maximum(anchor[k], 1e-7) for k in (2, 3)]
    deltas = [ew.divide(ew.subtract(box[k], anchor[k]), sizes[k]) for k in range(2)]
    deltas += [ew.log(ew.divide(ew.maximum(box[k + 2], 1e-7), sizes[k])) for k in range(2)]
    result = stack(deltas, axis=-1)
    return result if variance is None else ew.divide(result, np.asarray(variance, dtype_of(result)))


def decode_deltas_to_boxes(
    anchors, boxes_delta, anchor_format, box_format, encoded_format="center_yxhw", variance=None, image_shape=None
):  # fmt: skip
    """The boxes that `encode_box_to_deltas` made deltas of.

    Args:
        anchors: array of shape (n, 4), or a dictionary of such by level.
        boxes_delta: array of shape (n, 4) or (batch, n, 4), or a dictionary with the same keys.
        anchor_format: of the anchors; see `convert_format`.
        box_format: of the result.
        encoded_format: the order of the deltas, "center_yxhw" or "center_xywh".
        variance: four numbers by which the deltas are multiplied first.
        image_shape: (height, width, ...), needed for relative boxes.

    Raises:
        ValueError: for another encoding, or a variance without 4 numbers.

    Example:
        >>> decode_deltas_to_boxes(np.array([[0.0, 0, 4, 4]]), np.array([[0.25, 0, 0, 0]]), "xyxy", "xyxy")
        array([[0., 1., 4., 5.]], dtype=float32)
    """
    _check_deltas("decode_deltas_to_boxes", "encoded_format", encoded_format, variance)
    if isinstance(anchors, dict):
        return {
            level: decode_deltas_to_boxes(
                anchors[level], boxes_delta[level], anchor_format, box_format, encoded_format, variance, image_shape
            )
            for level in anchors
        }
    size = _size_of(image_shape)
    anchor = split(convert_format(anchors, anchor_format, encoded_format, *size))
    deltas = as_operand(boxes_delta)
    if variance is not None:
        deltas = ew.multiply(deltas, np.asarray(variance, dtype_of(deltas)))
    delta = split(deltas)
    parts = [ew.add(ew.multiply(delta[k], anchor[k + 2]), anchor[k]) for k in range(2)]
    parts += [ew.multiply(ew.exp(delta[k]), anchor[k]) for k in (2, 3)]
    return convert_format(stack(parts, axis=-1), encoded_format, box_format, *size)


__all__ = [
    "affine_transform", "clip_to_image_size", "compute_ciou", "compute_iou", "convert_format", "crop",
    "decode_deltas_to_boxes", "encode_box_to_deltas", "pad",
]  # fmt: skip
