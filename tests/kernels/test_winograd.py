"""Winograd's convolutions against sums over taps in float64, on every instruction set.

Its error is not bounded element by element: the transforms add numbers of the whole tile. So it is measured against
the size of the result, and against the error of the plain kernels.
"""

from dataclasses import astuple, replace

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from tests.kernels.guarded import Guarded
from tests.kernels.programs import Program
from tests.kernels.test_conv2d import Problem, data, forward, grad_input, grad_kernel, run

ISAS = _engine.isas()
SAME, SAME_OF_5 = (1,) * 4, (2,) * 4
PROBLEMS = [
    Problem(2, 3, 3, 1, 1, 3, 3),
    Problem(1, 6, 6, 8, 16, 3, 3),
    Problem(2, 13, 13, 8, 17, 3, 3),
    Problem(3, 8, 8, 16, 16, 3, 3, pads=SAME),
    Problem(5, 4, 4, 2, 64, 3, 3, pads=SAME),
    Problem(1, 1, 1, 3, 5, 3, 3, pads=SAME),
    Problem(2, 5, 9, 33, 40, 3, 3, pads=SAME),
    Problem(1, 18, 7, 5, 130, 3, 3, pads=(0, 1, 1, 0)),
    Problem(1, 9, 11, 4, 3, 3, 3, pads=(2, 2, 2, 2)),
    Problem(2, 10, 9, 6, 7, 3, 3, pads=(1, 0, 0, 1)),
    Problem(30, 7, 7, 3, 9, 3, 3, pads=SAME),
    Problem(1, 40, 37, 20, 24, 3, 3, pads=SAME),
    Problem(1, 5, 150, 17, 31, 3, 3, pads=SAME),
    Problem(40, 13, 9, 2, 6, 3, 3, pads=SAME),
    Problem(2, 9, 9, 70, 150, 3, 3),
    Problem(0, 5, 5, 2, 3, 3, 3),
    Problem(1, 6, 6, 170, 40, 3, 3, pads=SAME),  # few tiles, more than one block of channels
    Problem(8, 8, 8, 5, 9, 3, 3, pads=SAME),  # and two units of images
    Problem(1, 20, 20, 3, 4, 3, 3, pads=SAME),  # one unit with a single vector of columns
    Problem(64, 3, 3, 257, 260, 3, 3, pads=SAME),  # done as few tiles are: the kernel is large
    Problem(70, 3, 3, 257, 260, 3, 3, pads=SAME),  # as many are, but more at once
    Problem(70, 3, 3, 350, 336, 3, 3, pads=SAME),  # and as few are again, in two units with two parts of the columns
    # Kernel gradients that would be one unit: two by columns, or by tiles if those are one vector.
    Problem(1, 13, 13, 32, 64, 3, 3),
    Problem(1, 32, 30, 18, 16, 3, 3, pads=SAME),
    Problem(2, 30, 32, 5, 8, 3, 3),
    Problem(1, 32, 32, 9, 4, 3, 3, pads=SAME),
    # 5 by 5.
    Problem(2, 5, 5, 1, 1, 5, 5),
    Problem(1, 6, 6, 8, 16, 5, 5),
    Problem(2, 13, 13, 8, 17, 5, 5),
    Problem(3, 8, 8, 16, 16, 5, 5, pads=SAME_OF_5),
    Problem(1, 1, 1, 3, 5, 5, 5, pads=SAME_OF_5),
    Problem(2, 5, 9, 33, 40, 5, 5, pads=SAME_OF_5),
    Problem(1, 18, 7, 5, 130, 5, 5, pads=(0, 1, 3, 0)),
    Problem(1, 9, 11, 4, 3, 5, 5, pads=(4, 4, 4, 4)),
    Problem(9, 7, 7, 3, 9, 5, 5, pads=SAME_OF_5),
    Problem(1, 40, 37, 20, 24, 5, 5, pads=SAME_OF_5),
    Problem(1, 5, 70, 17, 31, 5, 5, pads=SAME_OF_5),
    Problem(2, 9, 9, 70, 150, 5, 5),
    Problem(0, 5, 5, 2, 3, 5, 5),
    Problem(1, 6, 6, 170, 40, 5, 5, pads=SAME_OF_5),
    Problem(16, 3, 3, 257, 260, 5, 5, pads=SAME_OF_5),
    Problem(1, 13, 13, 32, 64, 5, 5),
    Problem(1, 16, 15, 18, 16, 5, 5, pads=SAME_OF_5),
    # Groups: of whole vectors and not, few tiles and many, panels, blocks of the batch, a kernel that no cache holds.
    Problem(2, 9, 10, 32, 32, 3, 3, pads=SAME, groups=2),
    Problem(3, 8, 7, 72, 48, 3, 3, pads=(0, 1, 1, 0), groups=3),
    Problem(1, 20, 22, 10, 14, 3, 3, groups=2),
    Problem(2, 9, 13, 64, 300, 3, 3, pads=SAME, groups=2),
    Problem(40, 13, 9, 8, 12, 3, 3, pads=SAME, groups=4),
    Problem(9, 14, 14, 160, 160, 3, 3, pads=SAME, groups=2),
    Problem(66, 3, 3, 514, 520, 3, 3, pads=SAME, groups=2),
    Problem(0, 5, 5, 4, 6, 3, 3, groups=2),
    Problem(2, 9, 11, 36, 60, 5, 5, pads=SAME_OF_5, groups=3),
    Problem(9, 7, 7, 32, 64, 5, 5, pads=SAME_OF_5, groups=2),
    # Rows and columns of 2 to 5 taps.
    Problem(2, 1, 50, 16, 16, 1, 3, pads=(0, 1, 0, 1)),
    Problem(3, 1, 37, 17, 33, 1, 2, dilation=(1, 3), pads=(0, 3, 0, 0)),
    Problem(1, 1, 18, 290, 310, 1, 3, pads=(0, 1, 0, 1)),  # a large kernel
    Problem(1, 1, 200, 24, 48, 1, 4),
    Problem(2, 1, 64, 5, 70, 1, 5, dilation=(1, 2), pads=(0, 4, 0, 4)),
    Problem(1, 1, 700, 9, 20, 1, 3, dilation=(1, 64), pads=(0, 128, 0, 0)),  # tiles of which some have no result
    Problem(1, 1, 9, 8, 8, 1, 3, dilation=(1, 7), pads=(0, 7, 0, 7)),
    Problem(4, 3, 20, 16, 40, 1, 3, pads=(0, 1, 0, 1)),
    Problem(40, 1, 33, 20, 20, 1, 5, pads=(0, 2, 0, 2)),
    Problem(2, 1, 90, 130, 70, 1, 3, dilation=(1, 2), pads=(0, 2, 0, 2)),
    Problem(1, 1, 3, 8, 8, 1, 3, pads=(0, 1, 0, 1)),
    Problem(1, 1, 1, 1, 1, 1, 2, pads=(0, 1, 0, 0)),
    Problem(0, 1, 9, 3, 4, 1, 3),
    Problem(2, 1, 70, 36, 60, 1, 3, dilation=(1, 2), pads=(0, 4, 0, 0), groups=3),
    Problem(2, 20, 7, 18, 40, 3, 1, pads=(1, 0, 1, 0)),
    Problem(3, 33, 1, 7, 9, 5, 1, dilation=(3, 1), pads=(12, 0, 0, 0)),
    Problem(1, 12, 10, 33, 64, 2, 1, dilation=(2, 1)),
    Problem(2, 18, 5, 4, 3, 4, 1, pads=(3, 0, 3, 0)),
    # The first windows begin inside, or the last end before.
    Problem(2, 1, 50, 16, 40, 1, 4, pads=(0, -4, 0, 2)),
    Problem(1, 30, 5, 9, 16, 3, 1, dilation=(2, 1), pads=(-5, 0, 1, 0)),
    Problem(3, 2, 40, 17, 24, 1, 3, pads=(0, 6, 0, -5)),
    Problem(1, 14, 13, 6, 9, 3, 3, pads=(-2, -1, 0, 1)),
]
pytestmark = pytest.mark.parametrize("isa", ISAS)
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: "-".join(map(str, astuple(p))))

# kernel: which arrays it reads, which it writes (0 x, 1 kernel, 2 y), and the sums over taps.
KERNELS = {
    "conv2d": ((0, 1), 2, forward),
    "conv2d_grad_input": ((2, 1), 0, grad_input),
    "conv2d_grad_kernel": ((0, 2), 1, grad_kernel),
}
each_kernel = pytest.mark.parametrize("kernel", KERNELS)


def outputs(kernel, problem):
    """The shape of the output, and no bias or gradient of it."""
    return [problem.shapes[KERNELS[kernel][1]], *([] if kernel == "conv2d_grad_input" else [None])]


def assert_close(got, expected, size):
    """Of a result whose terms have the root mean square `size`: 120 eps, which a wrong term would exceed by far."""
    np.testing.assert_allclose(got, expected, rtol=0, atol=120 * np.finfo(np.float32).eps * (size or 1))


def size_of(kernel, problem, exact):
    return np.sqrt(KERNELS[kernel][2](problem, *(a**2 for a in exact)).max(initial=0))


@each_kernel
@each_problem
def test_against_sums(problem, kernel, isa):
    which, _, sums = KERNELS[kernel]
    arrays, exact = data(problem, "f32", which)
    [got] = run(f"winograd_{kernel}", problem, arrays, outputs(kernel, problem), "f32", isa)
    assert_close(got, sums(problem, *exact), size_of(kernel, problem, exact))


@each_problem
def test_bias_and_relu(problem, isa):
    arrays, (x, kernel) = data(problem, "f32", (0, 1))
    bias = np.linspace(-1, 1, problem.cout).astype(np.float32)
    [y] = run("winograd_conv2d", problem, arrays, [problem.shapes[2], bias], "f32", isa, relu=True)
    assert_close(y, np.maximum(forward(problem, x, kernel) + bias, 0), size_of("conv2d", problem, (x, kernel)) + 1)


@each_problem
def test_bias_gradient(problem, isa):
    arrays, (_, dy) = data(problem, "f32", (0, 2))
    dw, db = run("winograd_conv2d_grad_kernel", problem, arrays, [problem.shapes[1], (problem.cout,)], "f32", isa)
    assert_close(db, dy.sum((0, 1, 2)), np.sqrt((dy**2).sum((0, 1, 2)).max()))
    [alone] = run("winograd_conv2d_grad_kernel", problem, arrays, [problem.shapes[1], None], "f32", isa)
    np.testing.assert_array_equal(alone, dw)


@each_kernel
@pytest.mark.parametrize("size", [3, 5])
def test_error_is_near_that_of_plain_sums(size, kernel, isa):
    problem = Problem(4, 16, 16, 32, 32, size, size, pads=(size // 2,) * 4)
    which, _, sums = KERNELS[kernel]
    arrays, exact = data(problem, "f32", which)
    expected = sums(problem, *exact)
    errors = [
        abs(run(name, problem, arrays, outputs(kernel, problem), "f32", isa)[0] - expected)
        for name in (kernel, f"winograd_{kernel}")
    ]
    plain, fast = errors
    assert fast.mean() < 6 * plain.mean()
    # The gradients of a 5 by 5 kernel's last taps are sums with the fourth powers of the points.
    assert fast.max() < (16 if (size, kernel) == (5, "conv2d_grad_kernel") else 10) * plain.max()


@each_kernel
@each_problem
def test_same_bits_for_any_thread_count(problem, kernel, isa):
    arrays, _ = data(problem, "f32", KERNELS[kernel][0])
    one, two, three = (
        run(f"winograd_{kernel}", problem, arrays, outputs(kernel, problem), "f32", isa, threads)
        for threads in (1, 2, 3)
    )
    for a, b, c in zip(one, two, three, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("size", [3, 5])
def test_same_bits_for_any_batch(size, isa):
    """An image's results do not depend on which others come with it."""
    problem = Problem(30, 7, 9, 5, 9, size, size, pads=(size // 2,) * 4)
    for kernel in ("conv2d", "conv2d_grad_input"):
        (stack, weights), _ = data(problem, "f32", KERNELS[kernel][0])
        [whole] = run(f"winograd_{kernel}", problem, (stack, weights), outputs(kernel, problem), "f32", isa)
        one = replace(problem, n=1)
        [alone] = run(f"winograd_{kernel}", one, (stack[7:8], weights), outputs(kernel, one), "f32", isa)
        np.testing.assert_array_equal(whole[7:8], alone)


@each_kernel
@each_problem
def test_program_runs_on_what_is_finished(problem, kernel, isa):
    """result = relu(result + residual), by a program over the rows and columns of the output."""
    which = KERNELS[kernel][0]
    arrays, _ = data(problem, "f32", which)
    shape, *extra = outputs(kernel, problem)
    [plain] = run(f"winograd_{kernel}", problem, arrays, [shape, *extra], "f32", isa)
    residual = np.random.default_rng(6).standard_normal(shape).astype(np.float32)
    dtype, n = _kernels.DTYPE_CODE["float32"], shape[-1]
    program = Program((2, dtype, n, 1), (3 + len(extra), dtype, n, 1))
    program.store(program.do("relu", program.do("add", 0, 1)), 0)
    ints = [*problem.ints[:-1], len(problem.ints), *program.encode(isa)]
    for threads in (1, 2):
        y = Guarded.unwritten(shape, np.float32)
        _kernels.run(f"winograd_{kernel}_f32", [*arrays, y.array, *extra, residual], ints, [], threads, isa)
        y.assert_canaries()
        np.testing.assert_array_equal(y.array, np.maximum(plain + residual, 0))


@each_kernel
@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_error_of_lines_is_near_that_of_plain_sums(size, kernel, isa):
    problem = Problem(8, 1, 128, 32, 32, 1, size, pads=(0, size - 1, 0, 0))
    which, _, sums = KERNELS[kernel]
    arrays, exact = data(problem, "f32", which)
    expected = sums(problem, *exact)
    plain, fast = (
        abs(run(name, problem, arrays, outputs(kernel, problem), "f32", isa)[0] - expected)
        for name in (kernel, f"winograd_{kernel}")
    )
    assert fast.mean() < 6 * plain.mean()
    assert fast.max() < 10 * plain.max()


@pytest.mark.parametrize("size", [3, 5])
def test_not_a_number_stays_in_its_tiles(size, isa):
    """One of 4 by 4 results, or four of 2 by 2."""
    problem = Problem(1, 12, 12, 2, 3, size, size, pads=(size // 2,) * 4)
    (x, kernel), _ = data(problem, "f32", (0, 1))
    x[0, 1, 1, 0] = np.nan
    [y] = run("winograd_conv2d", problem, [x, kernel], [problem.shapes[2], None], "f32", isa)
    reached = np.zeros((12, 12), bool)
    reached[:4, :4] = True
    np.testing.assert_array_equal(np.isnan(y[0]), np.broadcast_to(reached[..., None], y[0].shape))
