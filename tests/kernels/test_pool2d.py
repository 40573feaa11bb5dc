"""Pooling and its gradients: windows, strides, padding, channels around the vector, epilogues, every ISA."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import DTYPE_CODE, _engine
from fastnn.ops.pool2d import average_pool2d_grad_op, average_pool2d_op, max_pool2d_grad_op, max_pool2d_op
from fastnn.ops.record import Spec
from tests.kernels.programs import Program

ISAS = _engine.isas()
FLOATS = {"f32": np.float32, "f64": np.float64}

# x shape, window, strides, pads
CASES = [
    ((1, 1, 1, 1), (1, 1), (1, 1), ((0, 0), (0, 0))),
    ((2, 4, 4, 3), (2, 2), (2, 2), ((0, 0), (0, 0))),
    ((3, 7, 5, 16), (2, 2), (2, 2), ((0, 0), (0, 0))),  # a row and a column left over
    ((2, 5, 5, 17), (3, 3), (2, 2), ((1, 1), (1, 1))),
    ((2, 6, 5, 8), (3, 2), (1, 1), ((1, 1), (0, 1))),  # windows overlap
    ((1, 9, 8, 5), (2, 3), (3, 4), ((0, 0), (0, 2))),  # gaps between windows
    ((2, 5, 1, 33), (5, 1), (1, 1), ((2, 2), (0, 0))),
    ((1, 70, 40, 7), (3, 3), (2, 1), ((0, 1), (1, 1))),  # several bands of one image
    ((1, 60, 30, 20), (3, 3), (2, 2), ((1, 1), (0, 1))),  # and finished before their end
    ((1, 40, 33, 18), (3, 3), (1, 1), ((1, 1), (1, 1))),
    ((2, 9, 9, 6), (2, 2), (2, 2), ((1, 0), (1, 0))),
    ((2, 10, 8, 6), (3, 3), (3, 3), ((2, 0), (0, 2))),
    ((40, 8, 8, 15), (2, 2), (2, 2), ((0, 0), (0, 0))),  # several images in one unit
    ((2, 30, 90, 11), (3, 3), (2, 2), ((0, 0), (0, 0))),
    ((3, 12, 21, 9), (1, 2), (1, 2), ((0, 0), (1, 0))),
    ((1, 50, 31, 4), (3, 2), (5, 4), ((2, 0), (1, 1))),
    ((1, 5, 300, 40), (3, 3), (1, 1), ((2, 0), (0, 2))),  # rows longer than a unit, the first of them padding alone
    ((2, 20, 18, 5), (17, 16), (2, 1), ((1, 0), (0, 3))),  # more elements than a byte counts
    ((2, 90, 40, 3), (3, 3), (2, 2), ((1, 0), (0, 1))),  # few channels, in several bands
    ((9, 12, 13, 1), (3, 3), (1, 1), ((1, 1), (1, 1))),
    ((1, 50, 40, 18), (4, 4), (1, 1), ((1, 2), (2, 1))),
    ((1, 50, 40, 18), (4, 5), (1, 1), ((1, 2), (2, 2))),  # no unrolled windows, in a large image
    ((1, 50, 40, 18), (5, 4), (3, 2), ((1, 2), (2, 1))),
    ((1, 60, 41, 16), (5, 5), (2, 2), ((2, 2), (2, 2))),  # bands whose borders go through windows
    ((1, 70, 41, 16), (5, 5), (1, 1), ((2, 2), (2, 2))),
    ((1, 18, 19, 256), (3, 3), (3, 3), ((0, 0), (0, 2))),  # windows apart, of many vectors
    ((2, 11, 9, 37), (2, 2), (1, 1), ((0, 0), (0, 1))),
    ((2, 9, 70, 1), (2, 2), (2, 2), ((0, 0), (0, 0))),  # few channels, whose pixels are done at once
    ((2, 9, 33, 2), (3, 3), (2, 2), ((1, 1), (1, 1))),
    ((1, 8, 61, 1), (4, 3), (2, 4), ((2, 1), (0, 2))),
    ((1, 7, 50, 3), (1, 1), (2, 2), ((0, 0), (0, 0))),
    ((1, 30, 90, 1), (17, 16), (1, 3), ((3, 0), (0, 5))),
    ((0, 4, 4, 3), (2, 2), (2, 2), ((0, 0), (0, 0))),
    ((2, 4, 4, 0), (2, 2), (2, 2), ((0, 0), (0, 0))),
]


def guarded(shape, dtype, offset=1):
    n = int(np.prod(shape))
    raw = _kernels.aligned_empty(n + 64 + offset, dtype)
    raw[...] = 77
    inner = raw[32 + offset : 32 + offset + n]
    inner[...] = np.nan if raw.dtype.kind == "f" else 99

    def check():
        assert (raw[: 32 + offset] == 77).all() and (raw[32 + offset + n :] == 77).all(), "wrote outside"

    return inner.reshape(shape), check


def run(name, kind, isa, inputs, x_shape, y_shape, outs, case):
    """The outputs (`outs`: a shape and a dtype each, None for one that nobody asks for) of one thread, after a check
    that two give the same bits."""
    _, window, strides, pads = case
    ints = [*x_shape, *y_shape[1:3], *window, *strides, pads[0][0], pads[1][0], 0]
    results = []
    for threads in (1, 2):
        arrays, checks = zip(*((None, None) if out is None else guarded(*out) for out in outs), strict=True)
        _kernels.run(f"{name}_{kind}", [*inputs, *arrays], ints, (), threads, isa)
        for check in filter(None, checks):
            check()
        results.append(arrays)
    for one, two in zip(*results, strict=True):
        assert one is None or one.tobytes() == two.tobytes()
    return results[0]


def relu_times(isa, out, factor, channels, dtype):
    """The program out = relu(out) * factor, where `factor` is a buffer of one number for each channel."""
    code = DTYPE_CODE[np.dtype(dtype).name]
    program = Program((out, code, channels, 1), (factor, code, 0, 1))
    program.store(program.do("multiply", program.do("relu", 0), 1), 0)
    return program.encode(isa)


def sample(rng, shape, dtype):
    """Small integers: sums are exact and maxima are tied."""
    return rng.integers(-3, 4, shape).astype(dtype)


def shape_of(case):
    return max_pool2d_op.shape(Spec(case[0], "float32"), *case[1:])[0].shape


def places_of(case):
    """Shape and dtype."""
    places = max_pool2d_op.shape(Spec(case[0], "float32"), *case[1:])[1]
    return places.shape, np.dtype(places.dtype)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_max(case, kind, isa):
    rng = np.random.default_rng(0)
    shape, params = case[0], dict(zip(("window", "strides", "pads"), case[1:], strict=True))
    y_shape = shape_of(case)
    for special in (False, True):
        x = sample(rng, shape, FLOATS[kind])
        if special:
            where = rng.random(shape) < 0.2
            x[where] = rng.choice(np.array([np.nan, np.inf, -np.inf], x.dtype), where.sum())
        of_y, of_places = (y_shape, FLOATS[kind]), places_of(case)
        y, places = run("max_pool2d", kind, isa, [x], shape, y_shape, [of_y, of_places], case)
        for result, wanted in zip((y, places), max_pool2d_op.reference(x, **params), strict=True):
            np.testing.assert_array_equal(result, wanted)
        alone, _ = run("max_pool2d", kind, isa, [x], shape, y_shape, [of_y, None], case)
        np.testing.assert_array_equal(alone, y)
        dy = sample(rng, y_shape, FLOATS[kind])
        (dx,) = run("max_pool2d_grad", kind, isa, [dy, places], shape, y_shape, [(shape, FLOATS[kind])], case)
        np.testing.assert_array_equal(dx, max_pool2d_grad_op.reference(dy, places, shape=shape, **params))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("window, strides, pads", [((2, 2), (2, 2), 0), ((3, 3), (2, 2), 1), ((4, 3), (4, 5), 2)])
def test_images_beyond_the_last_cache(window, strides, pads, isa):
    """Their next windows are asked for ahead; the results have the bits of those of single images."""
    many, one = (((n, 101, 91, 130), window, strides, ((pads, 0), (0, pads))) for n in (4, 1))
    x = sample(np.random.default_rng(3), many[0], np.float32)

    def both(case, x):
        y_shape, float32 = shape_of(case), np.dtype(np.float32)
        outs = [(y_shape, float32), (y_shape, np.dtype(np.uint8))]
        maxima = run("max_pool2d", "f32", isa, [x], case[0], y_shape, outs, case)
        return *maxima, *run("average_pool2d", "f32", isa, [x], case[0], y_shape, outs[:1], case)

    whole = both(many, x)
    for k in range(4):
        for result, single in zip(whole, both(one, x[k : k + 1]), strict=True):
            np.testing.assert_array_equal(result[k : k + 1], single)


@pytest.mark.parametrize("isa", ISAS)
def test_max_of_nothing_but_minus_infinity(isa):
    """Padding, which is -inf to the reference, is never where the maximum is."""
    case = ((1, 3, 3, 5), (3, 3), (2, 2), ((1, 1), (1, 1)))
    params = dict(zip(("window", "strides", "pads"), case[1:], strict=True))
    x = np.full(case[0], -np.inf, np.float32)
    _, places = run(
        "max_pool2d", "f32", isa, [x], case[0], (1, 2, 2, 5), [((1, 2, 2, 5), x.dtype), places_of(case)], case
    )
    assert places[0, :, :, 0].tolist() == [[4, 3], [1, 0]]
    np.testing.assert_array_equal(places, max_pool2d_op.reference(x, **params)[1])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_average(case, kind, isa):
    rng = np.random.default_rng(1)
    shape, params = case[0], dict(zip(("window", "strides", "pads"), case[1:], strict=True))
    y_shape = shape_of(case)
    eps = np.finfo(FLOATS[kind]).eps
    x, dy = sample(rng, shape, FLOATS[kind]), sample(rng, y_shape, FLOATS[kind])
    (y,) = run("average_pool2d", kind, isa, [x], shape, y_shape, [(y_shape, FLOATS[kind])], case)
    wanted = average_pool2d_op.reference(x.astype(np.float64), **params)
    assert (np.abs(y - wanted) <= eps * np.abs(wanted)).all()  # the sum is exact: one division
    (dx,) = run("average_pool2d_grad", kind, isa, [dy], shape, y_shape, [(shape, FLOATS[kind])], case)
    params["shape"] = shape
    wanted = average_pool2d_grad_op.reference(dy.astype(np.float64), **params)
    magnitude = average_pool2d_grad_op.reference(np.abs(dy).astype(np.float64), **params)
    assert (np.abs(dx - wanted) <= (np.prod(case[1]) + 1) * eps * magnitude).all()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("case", CASES[:-2], ids=str)
def test_epilogue(case, kind, isa):
    rng = np.random.default_rng(2)
    shape, params = case[0], dict(zip(("window", "strides", "pads"), case[1:], strict=True))
    y_shape, dtype = shape_of(case), FLOATS[kind]
    x, dy = sample(rng, shape, dtype), sample(rng, y_shape, dtype)
    factor = sample(rng, (shape[3],), dtype)
    y, places = max_pool2d_op.reference(x, **params)
    dx = max_pool2d_grad_op.reference(dy, places, shape=shape, **params)
    (mean,) = run("average_pool2d_grad", kind, isa, [dy], shape, y_shape, [(shape, dtype)], case)
    # The program's operands are looked up among the buffers, so the factor goes behind the kernel's own.
    for name, inputs, plain, rest in (
        ("max_pool2d", [x], y, [None]),
        ("max_pool2d", [x], y, [np.empty_like(places, places_of(case)[1])]),
        ("max_pool2d_grad", [dy, places.astype(places_of(case)[1])], dx, []),
        ("average_pool2d_grad", [dy], mean, []),
    ):
        out_at, factor_at = len(inputs), len(inputs) + 1 + len(rest)
        program = relu_times(isa, out_at, factor_at, shape[3], dtype)
        ints = [*shape, *y_shape[1:3], *case[1], *case[2], case[3][0][0], case[3][1][0], 13, *program]
        for threads in (1, 2):
            out, check = guarded(plain.shape, dtype)
            _kernels.run(f"{name}_{kind}", [*inputs, out, *rest, factor], ints, (), threads, isa)
            np.testing.assert_array_equal(out, np.maximum(plain, 0) * factor)
            check()
