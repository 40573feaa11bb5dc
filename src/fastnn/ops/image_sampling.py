"""Images read at other positions: map_coordinates, and the affine, perspective and elastic transforms on top of it.

Pixels are rows of one table, so that reading them is a `take` with computed indices, which has a kernel; positions and
weights are elementwise. All of it differentiates, by the pixels and by the positions.
"""

import math
from functools import reduce
from itertools import product

import numpy as np

from fastnn import config
from fastnn.graph.dtypes import is_float
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import logic, rounding
from fastnn.ops import reduce as reductions
from fastnn.ops.gather import take
from fastnn.ops.image_filters import gaussian_blur
from fastnn.ops.image_size import image_axes
from fastnn.ops.indexing import getitem
from fastnn.ops.joining import concatenate
from fastnn.ops.layout import broadcast_to, contiguous_strides, expand_dims, moveaxis, reshape
from fastnn.ops.random import random_normal_op
from fastnn.ops.record import Op, Spec, as_operand, broadcast_shapes, dtype_of, shape_of
from fastnn.random import drawing  # not the name in it: it may be what is importing this package

INTERPOLATIONS = ("nearest", "bilinear")
FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


# Of a whole position i, a float, and the one after it: the pixels of an axis of n that stand there.
def _clipped(i, n):
    """... 0 0 | 0 1 2 | 2 2 ..."""
    yield ew.clip(i, 0, n - 1)
    yield ew.clip(ew.add(i, 1), 0, n - 1)


def _wrapped(i, n):
    """... 1 2 | 0 1 2 | 0 1 ..., of period n."""
    i = ew.mod(i, n)
    yield i
    yield logic.where(logic.equal(i, n - 1), 0, ew.add(i, 1))


def _mirrored(i, n):
    """... 2 1 | 0 1 2 | 1 0 ..., of period 2 (n - 1)."""
    i = ew.mod(i, 2 * n - 2) if n > 1 else ew.multiply(i, 0)
    for middle in (n - 1, n - 2) if n > 1 else (0, 0):
        yield ew.subtract(n - 1, ew.absolute(ew.subtract(i, middle)))


def _reflected(i, n):
    """... 1 0 | 0 1 2 | 2 1 ..., of period 2 n."""
    i = ew.mod(i, 2 * n)
    yield ew.minimum(i, ew.subtract(2 * n - 1, i))
    yield ew.maximum(ew.minimum(ew.add(i, 1), ew.subtract(2 * n - 2, i)), 0)  # -1 is the first pixel of all


_FOLDS = {
    "constant": _clipped,
    "nearest": _clipped,
    "wrap": _wrapped,
    "mirror": _mirrored,
    "reflect": _reflected,
}


# ---- sample_bilinear: x (n, h, w, c) between four pixels for each of m points; row0 .. right (n or 1, m) ----


def four_pixels(row0, row1, down, col0, col1, right):
    """Row, column and weight of each pixel around points; of arrays, or of values in a graph."""
    for row, share in ((row0, 1 - down), (row1, down)):
        for col, weight in ((col0, share * (1 - right)), (col1, share * right)):
            yield row, col, weight


def _sample_reference(x, *points, fill_value):
    n, h, w, _ = x.shape
    total, images = 0, np.arange(n)[:, None]
    for row, col, weight in four_pixels(*points):
        inside = (row >= 0) & (row < h) & (col >= 0) & (col < w)
        at = (np.where(inside, i, 0).astype(np.int64) for i in (row, col))
        total = total + np.where(inside[..., None], x[(images, *at)], fill_value) * weight[..., None]
    return total


def _sample_grad_reference(dy, *points, size):
    dx = np.zeros((dy.shape[0], *size, dy.shape[2]), dy.dtype)
    for pixel in four_pixels(*points):
        row, col, weight = (np.broadcast_to(a, dy.shape[:2]) for a in pixel)
        inside = (row >= 0) & (row < size[0]) & (col >= 0) & (col < size[1])
        at = (np.nonzero(inside)[0], *(i[inside].astype(np.int64) for i in (row, col)))
        np.add.at(dx, at, dy[inside] * weight[inside][:, None])
    return dx


def _by_shares(dy, x, row0, row1, down, col0, col1, right, fill_value):
    """The gradient by each of row0 .. right: by a share, what is at its end less what is at its start."""

    def along(start, end):
        step = ew.subtract(*(sample_bilinear_op(x, *points, fill_value=fill_value) for points in (end, start)))
        total = reductions.sum(ew.multiply(dy, step), axis=-1)
        return total if shape_of(down) == shape_of(total) else reductions.sum(total, axis=0, keepdims=True)

    none, all_of = ew.multiply(down, 0), ew.add(ew.multiply(down, 0), 1)
    vertical = along((row0, row1, none, col0, col1, right), (row0, row1, all_of, col0, col1, right))
    horizontal = along((row0, row1, down, col0, col1, none), (row0, row1, down, col0, col1, all_of))
    return None, None, vertical, None, None, horizontal


def _sample_lower(kernel):
    def lower(node, b):
        image = node.inputs[0] if kernel == "sample_bilinear" else node.outputs[0]
        points = node.inputs[1]
        if b.suffix(image) is None or math.prod(image.shape[1:3]) >= 1 << 31:
            return False
        b.step(
            f"{kernel}_{b.suffix(image)}", [*node.inputs, node.outputs[0]],
            [*image.shape, points.shape[1], points.shape[0] == image.shape[0]],
            [node.params.get("fill_value", 0)],
        )  # fmt: skip
        return True

    return lower


sample_bilinear_op = Op(
    "sample_bilinear",
    shape=lambda x, row0, *_, fill_value: Spec((x.shape[0], row0.shape[1], x.shape[3]), x.dtype),
    reference=_sample_reference,
    grad=lambda dy, y, x, *points, fill_value: (
        sample_bilinear_grad_op(dy, *points, size=x.shape[1:3]), *_by_shares(dy, x, *points, fill_value)
    ),
    lower=_sample_lower("sample_bilinear"),
)  # fmt: skip

sample_bilinear_grad_op = Op(
    "sample_bilinear_grad",
    shape=lambda dy, *_, size: Spec((dy.shape[0], *size, dy.shape[2]), dy.dtype),
    reference=_sample_grad_reference,
    grad=lambda ddx, dx, dy, *points, size: (
        sample_bilinear_op(ddx, *points, fill_value=0.0), *_by_shares(dy, ddx, *points, 0.0)
    ),
    lower=_sample_lower("sample_bilinear_grad"),
)  # fmt: skip


_COUNTED = {"float32": 1 << 24, "float64": 1 << 53}  # whole numbers up to there are floats


def _neighbours(position, order):
    """The whole positions next to `position`, each with its weight (None: it is the only one)."""
    if order == 0:
        return [(rounding.floor(ew.add(position, 0.5)), None)]
    low = rounding.floor(position)
    share = ew.subtract(position, low)
    return [(low, ew.subtract(1, share)), (ew.add(low, 1), share)]


def _read(table, first, sizes, positions, order, fill_mode, fill_value):
    """Pixels at `positions`.

    Args:
        table: pixels of all images, shape (rows, channels); those of an image follow each other in C order.
        first: the table's row at which the image of each point starts; integers that broadcast to the points.
        sizes: of an image.
        positions: for each axis of an image an array of floats, shape (*points).

    Returns:
        Shape (*points, channels).
    """
    if order and len(sizes) == 2 and dtype_of(positions[0]) == dtype_of(table):
        return _read_bilinear(table, np.size(first), sizes, positions, fill_mode, fill_value)
    strides, filler = contiguous_strides(sizes), shape_of(table)[0]
    # Floats that count rows exactly need no second pass in integers.
    counter = dtype_of(positions[0])
    counter = counter if filler <= _COUNTED.get(counter, 0) else "int32"
    first = ew.cast(first, counter)
    # A neighbour along one axis serves several corners: rows, weight and whether it lies inside are found once.
    axes = [
        [
            (
                ew.multiply(ew.cast(pixel, counter), stride),
                weight,
                logic.logical_and(logic.greater_equal(whole, 0), logic.less_equal(whole, n - 1)),
            )
            for (whole, weight), pixel in zip(ends, _FOLDS[fill_mode](ends[0][0], n), strict=False)
        ]
        for ends, n, stride in zip((_neighbours(p, order) for p in positions), sizes, strides, strict=True)
    ]
    if fill_mode == "constant":  # one more row, which is read outside: there is nothing to select among channels
        table = concatenate([table, np.full((1, shape_of(table)[1]), fill_value, dtype_of(table))], axis=0)
    total = None
    for corner in product(*axes):
        rows, weights, inside = zip(*corner, strict=True)
        row = reduce(ew.add, rows, first)
        if fill_mode == "constant":
            row = logic.where(reduce(logic.logical_and, inside), row, np.asarray(filler, counter))
        pixels = take(table, ew.cast(row, "int32"), axis=0)
        if order:
            pixels = ew.multiply(pixels, expand_dims(reduce(ew.multiply, weights), -1))
        total = pixels if total is None else ew.add(total, pixels)
    return total


def _read_bilinear(table, n, sizes, positions, fill_mode, fill_value):
    """`_read` by a kernel, of n images; points are those of one, or each image's own along their first axis."""
    points = broadcast_shapes("bilinear", *map(shape_of, positions))
    flat = (1 if n == 1 else points[0], math.prod(points if n == 1 else points[1:]))
    corners = []
    for position, size in zip(positions, sizes, strict=True):
        (low, _), (high, share) = _neighbours(position, 1)
        # What is outside has a value of its own by "constant": the kernel looks where it reads.
        ends = (low, high) if fill_mode == "constant" else _FOLDS[fill_mode](low, size)
        corners += [reshape(broadcast_to(a, points), flat) for a in (*ends, share)]
    images = reshape(table, (n, *sizes, shape_of(table)[1]))
    values = sample_bilinear_op(images, *corners, fill_value=float(fill_value))
    return reshape(values, (*(points if n == 1 else (n, *points[1:])), shape_of(table)[1]))


def _in_dtype(result, dtype):
    """Floats in `dtype`; an integer is the nearest one."""
    return ew.cast(result if is_float(dtype) else rounding.floor(ew.add(result, 0.5)), dtype)


@accepts_symbolic
def map_coordinates(inputs, coordinates, order, fill_mode="constant", fill_value=0):
    """`inputs` at positions between its elements.

    Args:
        inputs: array of rank d.
        coordinates: shape (d, *points): a position along each axis for each point.
        order: 0 takes the nearest element, 1 interpolates linearly along each axis.
        fill_mode: what stands outside: "constant" (`fill_value`), "nearest" (`a a | a b c | c c`), "wrap"
            (`b c | a b c | a b`), "mirror" (`c b | a b c | b a`) or "reflect" (`b a | a b c | c b`).
        fill_value: number.

    Returns:
        Shape (*points), in the dtype of `inputs`; integers are rounded.

    Raises:
        ValueError: for another order or fill mode, or a first size of `coordinates` that is not the rank of `inputs`.

    Example:
        >>> map_coordinates(np.array([0.0, 10.0, 30.0]), np.array([[0.5, 1.25, 2.5]]), 1)
        array([ 5., 15., 15.])
    """
    inputs = as_operand(inputs)
    coordinates = as_operand(coordinates)
    sizes = shape_of(inputs)
    if not shape_of(coordinates) or shape_of(coordinates)[0] != len(sizes):
        raise ValueError(
            f"map_coordinates: `coordinates` of shape {shape_of(coordinates)} must have a first size of {len(sizes)}, "
            f"the rank of `inputs` of shape {sizes}."
        )
    if order not in (0, 1):
        raise ValueError(f"map_coordinates: `order` must be 0 or 1, got {order!r}.")
    if fill_mode not in FILL_MODES:
        raise ValueError(f"map_coordinates: `fill_mode` must be one of {FILL_MODES}, got {fill_mode!r}.")
    dtype = dtype_of(inputs)
    wide = dtype if is_float(dtype) else config.floatx()
    if not is_float(dtype_of(coordinates)):
        coordinates = ew.cast(coordinates, wide)
    table = reshape(ew.cast(inputs, wide), (math.prod(sizes), 1))
    positions = [getitem(coordinates, k) for k in range(len(sizes))]
    values = _read(table, np.int32(0), sizes, positions, order, fill_mode, fill_value)
    return _in_dtype(reshape(values, shape_of(coordinates)[1:]), dtype)


def _check_choice(op, name, value, choices):
    if value not in choices:
        raise ValueError(f"{op}: `{name}` must be one of {choices}, got {value!r}.")


def _warped(op, images, positions_of, interpolation, fill_mode, fill_value, data_format):
    """Images whose pixel (y, x) is that of the input at the positions of `positions_of(n, y, x)`.

    `positions_of` gets the number of images and the grids of shapes (1, h, 1) and (1, 1, w), and returns rows and
    columns, each of shape (n or 1, h, w).
    """
    _check_choice(op, "interpolation", interpolation, INTERPOLATIONS)
    _check_choice(op, "fill_mode", fill_mode, FILL_MODES)
    x = as_operand(images)
    axes = image_axes(x, data_format)
    is_batch = len(shape_of(x)) == 4
    x = x if axes == (-3, -2) else moveaxis(x, -3, -1)
    h, w, channels = shape_of(x)[-3:]
    n = shape_of(x)[0] if is_batch else 1
    dtype = dtype_of(x)
    wide = dtype if is_float(dtype) else config.floatx()
    y, x_at = positions_of(n, np.arange(h, dtype=wide)[None, :, None], np.arange(w, dtype=wide)[None, None, :])
    table = reshape(ew.cast(x, wide), (n * h * w, channels))
    first = (np.arange(n, dtype=np.int32) * (h * w))[:, None, None]
    order = INTERPOLATIONS.index(interpolation)
    result = _in_dtype(_read(table, first, (h, w), (y, x_at), order, fill_mode, fill_value), dtype)
    result = result if is_batch else reshape(result, (h, w, channels))
    return result if axes == (-3, -2) else moveaxis(result, -1, -3)


def _column(x, key, dtype):
    """A number for each image, x[:, key] or x[:, *key], to meet grids."""
    return reshape(ew.cast(getitem(x, (slice(None), *np.atleast_1d(key).tolist())), dtype), (-1, 1, 1))


def _batch_of(op, name, x, wanted, images):
    """`x` of shape `wanted`, or of (n, *wanted) for n images, as (n or 1, *wanted) floats."""
    x = as_operand(x)
    shape, sizes = shape_of(x), shape_of(images)
    n = sizes[0] if len(sizes) == 4 else 1
    if shape not in (wanted, (1, *wanted), (n, *wanted)):
        raise ValueError(f"{op}: `{name}` of shape {shape} must have shape {wanted}, or {(n, *wanted)} for {n} images.")
    x = x if is_float(dtype_of(x)) else ew.cast(x, config.floatx())
    return x if len(shape) > len(wanted) else expand_dims(x, 0)


@accepts_symbolic
def affine_transform(
    images, transform, interpolation="bilinear", fill_mode="constant", fill_value=0, data_format=None
):  # fmt: skip
    """Images moved, turned, stretched or sheared.

    Args:
        images: shape (h, w, c) or (n, h, w, c), channels first when `data_format` says so.
        transform: shape (8,) or (n, 8), `(a0, a1, a2, b0, b1, b2, c0, c1)`: the pixel at (x, y) of the result is that
            of the input at `(a0 x + a1 y + a2, b0 x + b1 y + b2)`. c0 and c1 do not count.
        interpolation: "nearest" or "bilinear".
        fill_mode: "constant", "nearest", "wrap", "mirror" or "reflect"; see `map_coordinates`.
        fill_value: number.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Raises:
        ValueError: for images of another rank, a transform of another shape, or another interpolation or fill mode.

    Example:
        >>> affine_transform(np.array([[[1.0], [2.0]]]), [1, 0, 1, 0, 1, 0, 0, 0], fill_value=9)[0, :, 0]
        array([2., 9.])
    """
    image_axes(images, data_format)
    transform = _batch_of("affine_transform", "transform", transform, (8,), images)

    def positions(n, y, x):
        a0, a1, a2, b0, b1, b2 = (_column(transform, k, dtype_of(y)) for k in range(6))
        return (
            ew.add(ew.multiply(b0, x), ew.add(ew.multiply(b1, y), b2)),
            ew.add(ew.multiply(a0, x), ew.add(ew.multiply(a1, y), a2)),
        )

    return _warped("affine_transform", images, positions, interpolation, fill_mode, fill_value, data_format)


def _cross(a, b):
    """The cross product of two triples of arrays."""
    return [
        ew.subtract(ew.multiply(a[(k + 1) % 3], b[(k + 2) % 3]), ew.multiply(a[(k + 2) % 3], b[(k + 1) % 3]))
        for k in range(3)
    ]


def _dot3(a, b):
    return ew.add(ew.add(ew.multiply(a[0], b[0]), ew.multiply(a[1], b[1])), ew.multiply(a[2], b[2]))


def _frame(points):
    """The columns of the map that takes the unit points and (1, 1, 1) to four points (n, 4, 2), and its inverse's rows.

    Both up to a factor: with p the points (x, y, 1), column i is det(p0, p1, p2 with p3 in place of p_i) p_i.
    """
    p = [[_column(points, (k, 0), "float64"), _column(points, (k, 1), "float64"), np.float64(1)] for k in range(4)]
    across = [_cross(p[1], p[2]), _cross(p[2], p[0]), _cross(p[0], p[1])]
    share = [_dot3(row, p[3]) for row in across]
    columns = [[ew.multiply(share[i], part) for part in p[i]] for i in range(3)]
    rows = [[ew.divide(part, share[i]) for part in across[i]] for i in range(3)]
    return columns, rows


def homography(sources, targets):
    """The projective map that takes four points to four others.

    Args:
        sources, targets: shape (n, 4, 2), (x, y); no three points of either on a line.

    Returns:
        3 rows of 3 arrays of shape (n, 1, 1), float64: (x, y) goes to (u / w, v / w) with (u, v, w) = rows (x, y, 1).
    """
    _, rows = _frame(sources)
    columns, _ = _frame(targets)
    return [
        [_dot3([columns[i][r] for i in range(3)], [rows[i][c] for i in range(3)]) for c in range(3)] for r in range(3)
    ]


@accepts_symbolic
def perspective_transform(
    images, start_points, end_points, interpolation="bilinear", fill_value=0, data_format=None
):  # fmt: skip
    """Images seen from elsewhere: what lay at four points comes to lie at four others.

    Args:
        images: shape (h, w, c) or (n, h, w, c), channels first when `data_format` says so.
        start_points: shape (4, 2) or (n, 4, 2): points (x, y) of the images.
        end_points: where these are in the result; the same shape.
        interpolation: "nearest" or "bilinear".
        fill_value: of what lies outside the images.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Raises:
        ValueError: for images of another rank, points of another shape, or another interpolation.

    Example:
        >>> corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
        >>> perspective_transform(np.array([[[1.0], [2.0]], [[3.0], [4.0]]]), corners, corners[::-1])[:, :, 0]
        array([[4., 3.],
               [2., 1.]])
    """
    image_axes(images, data_format)
    start = _batch_of("perspective_transform", "start_points", start_points, (4, 2), images)
    end = _batch_of("perspective_transform", "end_points", end_points, (4, 2), images)
    back = homography(end, start)
    # In float64 until the last coefficient is 1: the others are differences of products of coordinates.
    rows = [[ew.divide(part, back[2][2]) for part in row] for row in back]

    def positions(n, y, x):
        u, v, w = (
            ew.add(ew.multiply(a, x), ew.add(ew.multiply(b, y), c))
            for a, b, c in ([ew.cast(part, dtype_of(y)) for part in row] for row in rows)
        )
        return ew.divide(v, w), ew.divide(u, w)

    return _warped("perspective_transform", images, positions, interpolation, "constant", fill_value, data_format)


@accepts_symbolic
def elastic_transform(
    images, alpha=20.0, sigma=5.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0, seed=None,
    data_format=None,
):  # fmt: skip
    """Images distorted by smooth random displacements (Simard et al. 2003).

    Args:
        images: shape (h, w, c) or (n, h, w, c), channels first when `data_format` says so.
        alpha: strength; displacements have a standard deviation of about 0.28 `alpha` pixels.
        sigma: standard deviation, in pixels, of the Gaussian that makes them smooth.
        interpolation: "nearest" or "bilinear".
        fill_mode: "constant", "nearest", "wrap", "mirror" or "reflect"; see `map_coordinates`.
        fill_value: number.
        seed: integer, `SeedGenerator` or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Raises:
        ValueError: for images of another rank, or another interpolation or fill mode.

    Example:
        >>> elastic_transform(np.ones((4, 5, 1)), seed=1)[0, 0]
        array([1.])
    """
    width = 2 * int(3 * sigma) + 1
    return elastic_warp(images, alpha, sigma, width, interpolation, fill_mode, fill_value, seed, data_format)


def elastic_warp(images, alpha, sigma, width, interpolation, fill_mode, fill_value, seed, data_format):
    """`elastic_transform` with a Gaussian of `width` pixels, so that alpha and sigma may be traced."""
    sizes = [shape_of(images)[axis] for axis in image_axes(images, data_format)]

    def positions(n, y, x):
        noise = drawing.draw(
            random_normal_op, seed, shape=(2 * n, *sizes, 1), dtype=dtype_of(y), mean=0.0, deviation=1.0
        )  # fmt: skip
        smooth = gaussian_blur(noise, (width, width), (sigma, sigma), "channels_last")
        # The deviation of smoothed noise is 1 / (2 sqrt(pi) sigma).
        moves = ew.multiply(reshape(smooth, (2, n, *sizes)), ew.multiply(ew.cast(alpha, dtype_of(y)), sigma))
        return [ew.add(start, getitem(moves, k)) for k, start in enumerate((y, x))]

    return _warped("elastic_transform", images, positions, interpolation, fill_mode, fill_value, data_format)


__all__ = ["affine_transform", "elastic_transform", "map_coordinates", "perspective_transform"]
