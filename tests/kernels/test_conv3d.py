"""Convolutions of volumes in place against sums over taps in higher precision, on every instruction set, between
canaries: planes that some taps along the depth do not reach, units of several volumes, none that any tap reaches."""

from dataclasses import dataclass

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from tests.kernels.guarded import Guarded
from tests.kernels.wide import product, wide

FLOATS = {"f32": np.float32, "f64": np.float64}


@dataclass(frozen=True)
class Problem:
    x: tuple  # n, depth, h, w, cin
    kernel: tuple  # kd, kh, kw
    cout: int
    strides: tuple = (2, 2, 2)
    dilation: tuple = (1, 1, 1)
    before: tuple = (0, 0, 0)
    after: tuple = (0, 0, 0)

    @property
    def out(self):
        axes = zip(self.x[1:4], self.kernel, self.strides, self.dilation, self.before, self.after, strict=True)
        return tuple((size + b + a - (k - 1) * d - 1) // s + 1 for size, k, s, d, b, a in axes)

    @property
    def ints(self):
        n, depth, h, w, cin = self.x
        sizes = [n, h, w, cin, *self.out[1:], self.cout, *self.kernel[1:], *self.strides[1:], *self.dilation[1:]]
        deep = [depth, self.out[0], self.kernel[0], self.strides[0], self.dilation[0], self.before[0]]
        return [*sizes, *self.before[1:], 1, 0, 0, *deep]

    @property
    def shapes(self):
        """Of x, kernel and y."""
        return self.x, (*self.kernel, self.x[4], self.cout), (self.x[0], *self.out, self.cout)

    def taps(self, x):
        """For each tap its place in the kernel and the elements of x that it multiplies, zeros outside."""
        around = [(0, 0), *((b, max(a, 0)) for b, a in zip(self.before, self.after, strict=True)), (0, 0)]
        x = np.pad(x, around)
        for at in np.ndindex(*self.kernel):
            spans = zip(at, self.out, self.strides, self.dilation, strict=True)
            yield at, x[:, *(slice(t * d, t * d + (o - 1) * s + 1, s) for t, o, s, d in spans)]


ONES = (1, 1, 1)
PROBLEMS = [
    Problem((2, 6, 7, 5, 16), (3, 3, 3), 8),
    Problem((2, 6, 7, 5, 16), (3, 3, 3), 9, before=ONES, after=ONES),
    Problem((2, 6, 8, 8, 16), (3, 3, 3), 40, after=ONES),
    Problem((1, 5, 7, 6, 3), (2, 3, 2), 17, (1, 2, 2), (2, 1, 1), (1, 1, 0), ONES),
    Problem((3, 5, 7, 6, 20), (5, 1, 1), 5, (2, 1, 1), before=(2, 0, 0), after=(2, 0, 0)),
    Problem((1, 2, 12, 12, 4), (2, 3, 3), 6, (1, 2, 2), (5, 1, 1), (2, 1, 1), (3, 1, 1)),  # planes of the bias alone
    Problem((1, 6, 9, 8, 24), (3, 3, 3), 16, ONES, before=ONES, after=ONES),  # sums over lanes
    Problem((2, 5, 9, 9, 33), (2, 3, 2), 11, ONES, (2, 1, 1), (3, 2, 0), (1, 0, 1)),  # some planes of the bias alone
    Problem((1, 7, 9, 12, 48), (3, 2, 2), 7, (2, 1, 1), (1, 2, 1), (1, 1, 1), (1, 0, 0)),
    Problem((2, 8, 4, 4, 32), ONES, 16),
    Problem((2, 8, 4, 4, 32), (1, 3, 3), 16, (2, 1, 1), before=(0, 1, 1), after=(0, 1, 1)),
    Problem((1, 4, 30, 40, 2), (3, 5, 5), 16, before=(1, 2, 2), after=(1, 2, 2)),
    Problem((1, 12, 20, 21, 32), (3, 3, 3), 64, after=ONES),
    Problem((1, 9, 30, 30, 16), (4, 4, 4), 1, before=ONES, after=ONES),
    Problem((2, 3, 3, 3, 16), (3, 3, 3), 16, ONES, before=ONES, after=ONES),
    Problem((0, 3, 3, 3, 16), (3, 3, 3), 16),
    Problem((5, 2, 2, 2, 16), (2, 2, 2), 16),
    Problem((2, 20, 3, 3, 48), (3, 3, 3), 33, before=ONES, after=ONES),
    Problem((1, 7, 5, 5, 16), (3, 3, 3), 16, (3, 1, 1), before=(0, 1, 1), after=(-1, 1, 1)),
    Problem((2, 5, 9, 9, 13), (3, 3, 3), 70, (1, 1, 1), (1, 2, 2), (1, 2, 2), (1, 2, 2)),
    Problem((1, 9, 12, 11, 6), (3, 2, 3), 16, (1, 2, 1), before=ONES, after=ONES),  # weights of rows in turns
    Problem((1, 6, 6, 6, 3), (3, 3, 3), 20, ONES, before=ONES, after=ONES),  # few channels, which in planes are thin
]
each = pytest.mark.parametrize("problem", PROBLEMS, ids=str)
each_float = pytest.mark.parametrize("suffix", FLOATS)
each_isa = pytest.mark.parametrize("isa", _engine.isas())


def random(problem, which, suffix):
    rng = np.random.default_rng(which)
    return rng.uniform(-1, 1, problem.shapes[which]).astype(FLOATS[suffix])


def run(name, problem, arrays, outputs, suffix, isa, relu=0):
    """The outputs of a kernel, which were full of NaN between canaries; the same bits for any number of threads."""
    ints, found = problem.ints, []
    ints[16] = relu
    for threads in (1, 2):
        guarded = [Guarded.unwritten(x, FLOATS[suffix]) if isinstance(x, tuple) else x for x in outputs]
        buffers = [g.array if isinstance(g, Guarded) else g for g in guarded]
        _kernels.run(f"{name}_{suffix}", [*arrays, *buffers], ints, [], threads, isa)
        guarded = [g for g in guarded if isinstance(g, Guarded)]
        for g in guarded:
            g.assert_canaries()
        found.append([g.array for g in guarded])
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)
    return found[0]


def assert_close(result, expected, sizes, terms):
    assert (np.abs(result - expected) <= (terms + 2) * np.finfo(result.dtype).eps * sizes).all()


@each_isa
@each_float
@each
def test_conv3d(problem, suffix, isa):
    x, kernel = (random(problem, k, suffix) for k in (0, 1))
    bias = np.linspace(-1, 1, problem.cout).astype(x.dtype)

    def forward(x, kernel, bias):
        taps = problem.taps(wide(x))
        return sum((product(part, wide(kernel[at])) for at, part in taps), wide(bias))

    sizes, terms = forward(abs(x), abs(kernel), abs(bias)), kernel.size // max(1, problem.cout) + 1
    [y] = run("conv3d", problem, [x, kernel], [problem.shapes[2], None], suffix, isa)
    assert_close(y, forward(x, kernel, 0 * bias), sizes, terms)
    [y] = run("conv3d", problem, [x, kernel], [problem.shapes[2], bias], suffix, isa, relu=1)
    assert_close(y, np.maximum(forward(x, kernel, bias), 0), sizes, terms)


@each_isa
@each_float
@each
def test_conv3d_grad_kernel(problem, suffix, isa):
    x, dy = (random(problem, k, suffix) for k in (0, 2))

    def sums(x, dy):
        dy = wide(dy).reshape(-1, problem.cout)
        parts = (product(part.reshape(-1, problem.x[4]).T, dy) for _, part in problem.taps(wide(x)))
        return np.reshape([*parts], problem.shapes[1])

    dw, db = run("conv3d_grad_kernel", problem, [x, dy], [problem.shapes[1], (problem.cout,)], suffix, isa)
    terms = problem.x[0] * int(np.prod(problem.out))
    assert_close(dw, sums(x, dy), sums(abs(x), abs(dy)), terms)
    assert_close(db, dy.sum((0, 1, 2, 3), np.longdouble), abs(dy).sum((0, 1, 2, 3), np.longdouble), terms)
    [alone] = run("conv3d_grad_kernel", problem, [x, dy], [problem.shapes[1], None], suffix, isa)
    np.testing.assert_array_equal(alone, dw)
