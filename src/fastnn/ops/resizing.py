"""The op of image resizing: bands of weights along height and width.

    resize  x (n, h, w, c) -> y (n, *out, c): y[i] = R x[i] C', for each channel
            R (out[0], h) and C (out[1], w) are `axis_weights`, most of which are 0; or, of the gradient
            (`is_transposed`), those of the opposite way, transposed

so that the gradient of either is the other.
"""

import numpy as np

from fastnn.graph import trace
from fastnn.graph.row_rules import of_first_axis
from fastnn.ops import elementwise as ew
from fastnn.ops import logic
from fastnn.ops.record import Op, Spec, uniform
from fastnn.ops.trigonometry import sin


def _cubic(x):
    """Keys's kernel with a = -1/2: third-order accurate (Keys 1981)."""
    near = _polynomial(x, 1.5, -2.5, 0, 1)
    far = _polynomial(x, -0.5, 2.5, -4, 2)
    return _where_below(x, 1, near, _where_below(x, 2, far, 0))


def _polynomial(x, *coefficients):
    total = coefficients[0]
    for coefficient in coefficients[1:]:
        total = ew.add(ew.multiply(total, x), coefficient)
    return total


def _where_below(x, limit, y, otherwise):
    return logic.where(logic.less(x, limit), y, otherwise)


def _lanczos(radius):
    def kernel(x):
        is_centre = logic.equal(x, 0)
        angle = logic.where(is_centre, 1, ew.multiply(x, np.pi))
        lobes = ew.multiply(sin(angle), sin(ew.divide(angle, radius)))
        lobes = ew.divide(ew.multiply(lobes, radius), ew.square(angle))
        return _where_below(x, radius, logic.where(is_centre, 1, lobes), 0)

    return kernel


KERNELS = {
    "bilinear": lambda x: ew.maximum(ew.subtract(1, x), 0),
    "bicubic": _cubic,
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
}


def nearest(size: int, target: int) -> np.ndarray:
    """(target,): the pixel that is nearest to each result."""
    return np.floor((np.arange(target) + 0.5) * (size / target)).astype(np.int32)


def axis_weights(size: int, target: int, interpolation: str, antialias: bool, dtype: str) -> np.ndarray:
    """(target, size): what each pixel adds to each result, about the centres of pixels; rows add up to 1."""
    if interpolation == "nearest":
        return np.eye(size, dtype=dtype)[nearest(size, target)]
    scale = size / target
    at = (np.arange(target) + 0.5) * scale - 0.5
    width = max(scale, 1) if antialias else 1
    with trace.eager():
        weights = KERNELS[interpolation](np.abs(at[:, None] - np.arange(size)) / width)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(dtype)


def matrices(size, out, interpolation, antialias, is_transposed, dtype) -> list[np.ndarray]:
    """(out, size) for height and for width."""
    ways = zip(size, out, strict=True)
    if is_transposed:
        return [axis_weights(n, m, interpolation, antialias, dtype).T for m, n in ways]
    return [axis_weights(m, n, interpolation, antialias, dtype) for m, n in ways]


def band(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each row of `weights` (out, size) where it is not 0: the first place, how many there are (at least none, and
    as many more as it takes that neither firsts nor ends fall), and what stands there, (out, most), 0 behind it."""
    size = weights.shape[1]
    is_there = weights != 0
    is_empty = ~is_there.any(axis=1)
    first = np.where(is_empty, size, is_there.argmax(axis=1) if size else 0)
    end = np.where(is_empty, 0, size - (is_there[:, ::-1].argmax(axis=1) if size else 0))
    first = np.minimum.accumulate(first[::-1])[::-1]
    count = np.maximum(np.maximum.accumulate(end) - first, 0)
    taps = np.arange(count.max(initial=0))
    at = np.minimum(first[:, None] + taps, max(size - 1, 0))
    return first, count, np.where(taps < count[:, None], np.take_along_axis(weights, at, axis=1), 0)


def _reference(x, out, **way):
    rows, cols = matrices(x.shape[1:3], out, **way, dtype=x.dtype)
    return np.einsum("ph,nhwc,qw->npqc", rows, x, cols, optimize=True)


def _lower(node, b):
    x, y = node.inputs[0], node.outputs[0]
    if b.suffix(x) is None:
        return False
    bands = [band(weights) for weights in matrices(x.shape[1:3], **node.params, dtype=x.dtype)]
    ints = [*x.shape, *y.shape[1:3], *(weights.shape[1] for _, _, weights in bands)]
    _, count, weights = bands[0]
    ints.append(bool((count == 1).all() and (weights == 1).all()))
    for first, count, _ in bands:
        ints += [*first, *count]
    b.step(f"resize_{b.suffix(x)}", [x, y], ints, [value for _, _, weights in bands for value in weights.ravel()])
    return True


resize_op = Op(
    "resize",
    shape=lambda x, out, **_: Spec((x.shape[0], *out, x.shape[3]), x.dtype),
    reference=_reference,
    grad=lambda dy, y, x, out, is_transposed, **params: resize_op(
        dy, out=x.shape[1:3], is_transposed=not is_transposed, **params
    ),
    lower=_lower,
    domain=uniform(-3, 3),
    rows=of_first_axis(0),
)
