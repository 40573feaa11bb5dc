"""Depthwise convolution kernels against sums over taps in higher precision, on every instruction set."""

import functools
from dataclasses import astuple, dataclass

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from tests.kernels.guarded import Guarded
from tests.kernels.programs import Program
from tests.kernels.wide import wide

ISAS = _engine.isas()
FLOATS = {"f32": np.float32, "f64": np.float64}


@dataclass(frozen=True)
class Problem:
    n: int
    h: int
    w: int
    channels: int
    mult: int
    kh: int
    kw: int
    strides: tuple = (1, 1)
    dilation: tuple = (1, 1)
    pads: tuple = (0, 0, 0, 0)  # top, left, bottom, right

    @property
    def out(self):
        top, left, bottom, right = self.pads
        oh = (self.h + top + bottom - (self.kh - 1) * self.dilation[0] - 1) // self.strides[0] + 1
        ow = (self.w + left + right - (self.kw - 1) * self.dilation[1] - 1) // self.strides[1] + 1
        return oh, ow

    @property
    def ints(self):
        sizes = [self.n, self.h, self.w, self.channels, *self.out, self.mult, self.kh, self.kw]
        return [*sizes, *self.strides, *self.dilation, *self.pads[:2], 0, 0]

    @property
    def shapes(self):
        """Of x, kernel and y; y has an axis for the multiplier."""
        kernel = (self.kh, self.kw, self.channels, self.mult)
        return (self.n, self.h, self.w, self.channels), kernel, (self.n, *self.out, self.channels, self.mult)


PROBLEMS = [
    Problem(2, 6, 7, 1, 1, 1, 1),
    Problem(2, 9, 12, 16, 1, 3, 3),
    Problem(1, 9, 12, 64, 1, 3, 2),
    Problem(2, 8, 17, 5, 1, 3, 3, pads=(1, 1, 1, 1)),
    Problem(2, 7, 9, 17, 1, 3, 3, strides=(2, 2), pads=(0, 0, 1, 1)),
    Problem(1, 6, 9, 3, 4, 3, 3, pads=(1, 1, 1, 1)),
    Problem(2, 6, 9, 7, 3, 2, 3, strides=(1, 2)),
    Problem(1, 11, 12, 4, 2, 3, 3, dilation=(2, 3), pads=(2, 3, 2, 3)),
    Problem(1, 12, 14, 6, 1, 3, 3, strides=(2, 2), dilation=(2, 3)),
    # Thin pixels are read where they lie, but for those at the end of the array.
    Problem(3, 13, 12, 5, 1, 3, 3, strides=(3, 3), pads=(1, 1, 1, 1)),
    Problem(2, 21, 9, 1, 1, 5, 4, strides=(2, 2), pads=(2, 2, 1, 2)),
    Problem(1, 60, 30, 33, 1, 5, 5, pads=(2, 2, 2, 2)),
    Problem(1, 8, 8, 2, 2, 2, 2, strides=(5, 5)),
    Problem(0, 5, 5, 2, 1, 3, 3),
    Problem(2, 5, 5, 0, 1, 3, 3, pads=(1, 1, 1, 1)),
    # Whole vectors and one that overlaps, pairs of rows and a single one, borders on one side or wider than the kernel.
    Problem(2, 14, 14, 24, 1, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 5, 6, 31, 1, 3, 3, pads=(2, 0, 0, 2)),
    Problem(3, 7, 8, 40, 1, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),
    Problem(1, 9, 9, 16, 1, 3, 3, dilation=(2, 2), strides=(2, 2), pads=(2, 2, 2, 2)),
    Problem(2, 1, 17, 19, 1, 1, 3, pads=(0, 1, 0, 1)),
    Problem(1, 3, 1, 32, 1, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 2, 3, 18, 1, 3, 3, pads=(4, 5, 4, 5)),
    Problem(1, 13, 11, 20, 1, 4, 7, strides=(1, 2), pads=(2, 3, 1, 3)),
    Problem(1, 10, 22, 16, 1, 5, 5, strides=(2, 2), pads=(1, 2, 2, 1)),
    # Rows of one to eight results at once, of columns that they share.
    *(Problem(1, 10, 2 * ow + 1, 17, 1, 7, 7, strides=(2, 2), pads=(3, 3, 3, 2)) for ow in (1, 2, 3, 9, 13, 16)),
    *(Problem(1, 6, ow + taps - 1, 17, 1, 4, taps) for taps in (3, 4) for ow in (1, 3, 8, 13)),
    Problem(1, 70, 40, 16, 1, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 4, 6, 130, 1, 2, 2, pads=(0, 0, 1, 1)),
    Problem(1, 5, 6, 512, 1, 3, 3, pads=(1, 1, 1, 1)),
    # Pixels that share sets of the first cache, or fat ones: by tiles of results, or rows of them by parts.
    Problem(1, 9, 37, 128, 1, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),
    Problem(1, 6, 19, 512, 1, 3, 3, strides=(2, 2), pads=(0, 0, 1, 1)),
    Problem(2, 13, 12, 203, 1, 3, 3, strides=(2, 2), pads=(1, 1, 1, 0)),
    Problem(1, 3, 4, 64, 2, 3, 3, strides=(2, 2), pads=(6, 5, 4, 7)),
    Problem(1, 95, 86, 133, 1, 3, 3, strides=(2, 2), pads=(1, 0, 2, 1)),
    Problem(1, 131, 126, 65, 1, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),
    Problem(1, 265, 290, 24, 1, 3, 3, strides=(2, 2), pads=(0, 0, 1, 1)),
    Problem(1, 95, 86, 128, 1, 5, 5, strides=(2, 2), pads=(2, 1, 2, 3)),
    Problem(1, 8, 21, 256, 1, 2, 5, strides=(3, 2), dilation=(1, 2), pads=(1, 4, 0, 3)),
    Problem(1, 7, 16, 64, 4, 3, 3, strides=(1, 3), pads=(1, 1, 1, 1)),
    # Several results of a channel, more than a vector of them and a rest.
    Problem(2, 6, 7, 37, 2, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 5, 6, 21, 3, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),
    Problem(1, 6, 5, 19, 4, 2, 3, pads=(0, 1, 1, 1)),
    Problem(1, 4, 5, 9, 5, 3, 3, pads=(1, 1, 1, 1)),
    # Long rows, and x and dy of more than 4 MiB: by parts too.
    Problem(1, 6, 18, 130, 1, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 5, 21, 100, 1, 2, 3, pads=(0, 0, 2, 2)),
    Problem(1, 64, 66, 133, 1, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 91, 90, 107, 1, 3, 5, strides=(2, 2), pads=(1, 1, 2, 2)),
    Problem(1, 4, 150, 24, 1, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 40, 430, 32, 1, 3, 3, pads=(1, 1, 1, 1)),
    # The same of large pixels: by bands of all channels, some of which end inside an image.
    Problem(3, 26, 26, 261, 1, 3, 3, pads=(1, 1, 1, 1)),
    Problem(3, 41, 22, 263, 1, 5, 5, strides=(2, 1), pads=(2, 1, 2, 2)),
    Problem(2, 27, 26, 384, 1, 4, 3, dilation=(2, 1), pads=(3, 2, 1, 2)),
    # And of thinner ones that are read for several groups of taps.
    Problem(1, 70, 90, 90, 1, 5, 5, pads=(2, 2, 2, 2)),
    # More than 16 MiB without a stride: by tiles.
    Problem(1, 95, 86, 260, 1, 3, 3, pads=(1, 0, 2, 1)),
    Problem(1, 300, 301, 24, 1, 3, 3, pads=(1, 1, 0, 2)),
    # And of pixels of two vectors at once.
    Problem(1, 5, 131, 17, 1, 3, 3, pads=(0, 2, 1, 0)),
    Problem(2, 7, 75, 15, 1, 3, 3, pads=(1, 0, 2, 3)),
    Problem(1, 4, 128, 16, 1, 3, 3),
    # Neighbouring pixels share vectors.
    Problem(2, 9, 33, 3, 1, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 8, 20, 12, 1, 5, 5, pads=(2, 2, 2, 2)),
    Problem(2, 20, 40, 1, 1, 7, 7, pads=(3, 3, 3, 3)),
    Problem(1, 9, 19, 6, 1, 3, 3, strides=(2, 1), dilation=(2, 3), pads=(2, 8, 1, 0)),
    Problem(1, 3, 16, 2, 1, 4, 2, pads=(3, 0, 0, 40)),
    # As many as they may be, and those that are a vector by themselves, of which the last reaches past the end.
    *(Problem(2, 7, 10, c, 1, 3, 3, pads=(1, 1, 1, 1)) for c in (4, 7, 8, 9, 13)),
    *(Problem(1, 6, 9, c, 1, 5, 5, dilation=(1, d), pads=(2, 2 * d, 2, 2 * d)) for c, d in ((3, 1), (6, 2), (11, 1))),
]
pytestmark = pytest.mark.parametrize("isa", ISAS)
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: "-".join(map(str, astuple(p))))
each_float = pytest.mark.parametrize("suffix", FLOATS)


def taps(problem):
    """For each tap: its number along both axes and the rows and columns of padded x that it multiplies."""
    oh, ow = problem.out
    for ky in range(problem.kh):
        for kx in range(problem.kw):
            y, z = ky * problem.dilation[0], kx * problem.dilation[1]
            rows = slice(y, y + (oh - 1) * problem.strides[0] + 1, problem.strides[0])
            yield ky, kx, rows, slice(z, z + (ow - 1) * problem.strides[1] + 1, problem.strides[1])


def padded(problem, x):
    top, left, bottom, right = problem.pads
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))


def forward(problem, x, kernel):
    big = padded(problem, x)
    return sum(big[:, rows, cols, :, None] * kernel[ky, kx] for ky, kx, rows, cols in taps(problem))


def grad_input(problem, dy, kernel):
    top, left, _, _ = problem.pads
    dx = np.zeros_like(padded(problem, np.zeros(problem.shapes[0], dy.dtype)))
    for ky, kx, rows, cols in taps(problem):
        dx[:, rows, cols] += (dy * kernel[ky, kx]).sum(-1)
    return dx[:, top : top + problem.h, left : left + problem.w]


def grad_kernel(problem, x, dy):
    dw, big = np.zeros(problem.shapes[1], dy.dtype), padded(problem, x)
    for ky, kx, rows, cols in taps(problem):
        dw[ky, kx] = (big[:, rows, cols, :, None] * dy).sum((0, 1, 2))
    return dw


# Kernel name: the shapes of its inputs and of its output, its judge, and the products in an element of the output.
KERNELS = {
    "depthwise_conv2d": ((0, 1), 2, forward, lambda p: p.kh * p.kw),
    "depthwise_conv2d_grad_input": ((2, 1), 0, grad_input, lambda p: p.kh * p.kw * p.mult),
    "depthwise_conv2d_grad_kernel": ((0, 2), 1, grad_kernel, lambda p: p.n * int(np.prod(p.out))),
}


def data(problem, suffix, which):
    rng = np.random.default_rng(5)
    return [Guarded(rng.standard_normal(problem.shapes[k]), FLOATS[suffix]).array for k in which]


@functools.lru_cache(2)  # for every instruction set
def judged(kernel, problem, suffix):
    """What the kernel shall make of such data, and by how much each element may be off."""
    which, _, judge, terms = KERNELS[kernel]
    arrays = [wide(a) for a in data(problem, suffix, which)]
    bound = (terms(problem) + 4) * np.finfo(FLOATS[suffix]).eps * judge(problem, *map(abs, arrays))
    return judge(problem, *arrays), bound


def run(kernel, problem, arrays, suffix, isa, threads=1, program=(), extra=()):
    y = Guarded.unwritten(problem.shapes[KERNELS[kernel][1]], FLOATS[suffix])
    ints = [*problem.ints[:-1], len(problem.ints), *program] if program else problem.ints
    _kernels.run(f"{kernel}_{suffix}", [*arrays, y.array, *extra], ints, [], threads, isa)
    y.assert_canaries()
    return y.array


@each_float
@each_problem
@pytest.mark.parametrize("kernel", KERNELS)
def test_against_sums_over_taps(kernel, problem, suffix, isa):
    y = run(kernel, problem, data(problem, suffix, KERNELS[kernel][0]), suffix, isa)
    expected, bound = judged(kernel, problem, suffix)
    bad = ~(np.abs(y - expected) <= bound)
    assert not bad.any(), f"{bad.sum()} of {bad.size} are off, the first at {np.argwhere(bad)[0]}"


@each_problem
@pytest.mark.parametrize("kernel", KERNELS)
def test_same_bits_for_any_thread_count(kernel, problem, isa):
    arrays = data(problem, "f32", KERNELS[kernel][0])
    one, two, three = (run(kernel, problem, arrays, "f32", isa, threads) for threads in (1, 2, 3))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, three)


@each_float
@each_problem
def test_bias_is_added_to_each_pixel(problem, suffix, isa):
    x, kernel = data(problem, suffix, (0, 1))
    bias = Guarded(np.random.default_rng(7).standard_normal(problem.channels * problem.mult), FLOATS[suffix]).array
    y = Guarded.unwritten(problem.shapes[2], FLOATS[suffix])
    _kernels.run(f"depthwise_conv2d_{suffix}", [x, kernel, y.array, bias], [*problem.ints[:-2], 3, 0], [], 1, isa)
    y.assert_canaries()
    expected, bound = judged("depthwise_conv2d", problem, suffix)
    bias = wide(bias.reshape(problem.channels, problem.mult))
    of_bias = (problem.kh * problem.kw + 4) * np.finfo(FLOATS[suffix]).eps * abs(bias)
    assert (np.abs(y.array - expected - bias) <= bound + of_bias).all()


@pytest.mark.parametrize("kernel", ["depthwise_conv2d", "depthwise_conv2d_grad_input"])
@pytest.mark.parametrize("width", [6, 32, 33])
def test_results_where_the_input_lies_in_a_page(width, kernel, isa):
    """Pixels of 2 and 4 KiB collide there, so that the results of a row are kept."""
    problem = Problem(1, 3, width, 512, 1, 3, 3, pads=(1, 1, 1, 1))
    which = KERNELS[kernel][0]
    arrays = data(problem, "f32", which)
    plain = run(kernel, problem, arrays, "f32", isa)
    both = _kernels.aligned_empty(2 * plain.size + 3072, np.float32)
    both[:] = np.nan
    gap = -plain.size % 1024 + plain.size  # elements from the input to the result, whole pages
    x, y = (both[k : k + plain.size].reshape(a.shape) for k, a in ((0, arrays[0]), (gap, plain)))
    x[...] = arrays[0]
    _kernels.run(f"{kernel}_f32", [x, arrays[1], y], problem.ints, [], 1, isa)
    np.testing.assert_array_equal(y, plain)
    np.testing.assert_array_equal(x, arrays[0])
    assert np.isnan(both[gap + plain.size :]).all() and np.isnan(both[plain.size : gap]).all()


@pytest.mark.parametrize("kernel", ["depthwise_conv2d", "depthwise_conv2d_grad_input"])
@pytest.mark.parametrize("taps", [3, 5])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
@pytest.mark.parametrize("offset", [0, 1])
def test_images_beyond_every_cache(offset, strides, taps, kernel, isa):
    """Results that go past the caches, where they begin with a line, have the bits of those of single images."""
    many, one = (Problem(n, 57, 56, 128, 1, taps, taps, strides, pads=(1, 1, 1, 1)) for n in (20, 1))
    x, weights = data(many, "f32", KERNELS[kernel][0])
    shape = many.shapes[KERNELS[kernel][1]]
    whole = _kernels.aligned_empty(int(np.prod(shape)) + 32, np.float32)
    whole[:] = np.nan
    y = whole[16 + offset : 16 + offset - 32].reshape(shape)
    _kernels.run(f"{kernel}_f32", [x, weights, y], many.ints, [], 2, isa)
    assert np.isnan(whole[: 16 + offset]).all() and np.isnan(whole[16 + offset - 32 :]).all()
    for k in (0, 7, 19):
        np.testing.assert_array_equal(y[k : k + 1], run(kernel, one, [x[k : k + 1], weights], "f32", isa))


@each_float
@pytest.mark.parametrize("kernel", ["depthwise_conv2d", "depthwise_conv2d_grad_input"])
@pytest.mark.parametrize("problem", [PROBLEMS[k] for k in (1, 4, 6)], ids=str)
def test_program_runs_on_what_is_finished(problem, kernel, suffix, isa):
    """result = result + residual, by a program over the rows and columns of the output."""
    arrays = data(problem, suffix, KERNELS[kernel][0])
    plain = run(kernel, problem, arrays, suffix, isa)
    residual = np.random.default_rng(6).standard_normal(plain.shape).astype(plain.dtype)
    dtype, n = _kernels.DTYPE_CODE[plain.dtype.name], int(np.prod(plain.shape[3:]))
    program = Program((2, dtype, n, 1), (3, dtype, n, 1))
    program.store(program.do("add", 0, 1), 0)
    for threads in (1, 2):
        y = run(kernel, problem, arrays, suffix, isa, threads, program.encode(isa), [residual])
        np.testing.assert_array_equal(y, plain + residual)
