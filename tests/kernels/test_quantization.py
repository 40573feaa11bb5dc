"""dequantize_int4: odd sizes, both axes of packing and of groups, groups out of range; through_float8: all numbers that
float8 has, the middles between them and their neighbours. On every instruction set."""

import ml_dtypes
import numpy as np
import pytest

import fastnn
from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops.quantization import FLOAT8, dequantize_int4_op, through_float8_op
from fastnn.testing import check_op
from tests.kernels.guarded import Guarded


def arguments(rows, cols, packed, axis, groups=3):
    rng = np.random.default_rng([rows, cols])
    numbers = rng.integers(-8, 8, (rows, cols)).astype("int8")
    of_groups = [groups if k == axis else n for k, n in enumerate((rows, cols))]
    scale, zero = (rng.normal(size=of_groups).astype("float32") for _ in range(2))
    group = rng.integers(0, groups, (rows, cols)[axis]).astype("int32")
    return numbers, (fastnn.quantizers.pack_int4(numbers, packed)[0], scale, zero, group)


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("packed", [0, 1])
def test_kernel(packed, axis, isa):
    for rows, cols, threads in ((1, 1, 1), (3, 5, 1), (64, 64, 2), (7, 67, 2), (130, 129, 2), (2, 9000, 2)):
        numbers, (packed_numbers, scale, zero, group) = arguments(rows, cols, packed, axis)
        wanted = (numbers - np.take(zero, group, axis)) * np.take(scale, group, axis)
        y = Guarded.unwritten((rows, cols), "float32")
        buffers = [packed_numbers, scale, zero, group, y.array]
        _kernels.run("dequantize_int4", buffers, [rows, cols, 3, packed, axis], [], threads, isa)
        np.testing.assert_allclose(y.array, wanted, rtol=1e-6, atol=1e-6)
        y.assert_canaries()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("packed", [0, 1])
def test_op(packed, axis):
    _, inputs = arguments(7, 5, packed, axis)
    check_op(dequantize_int4_op, inputs, shape=(7, 5), packed=packed, axis=axis, gradient=False)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_group_out_of_range(axis):
    _, inputs = arguments(4, 6, 1, axis)
    inputs[3][2] = 3
    with pytest.raises(IndexError):
        fastnn.jit(lambda *x: dequantize_int4_op(*x, shape=(4, 6), packed=1, axis=axis))(*inputs)


def test_shapes_that_do_not_fit():
    _, inputs = arguments(4, 6, 1, 0)
    with pytest.raises(ValueError, match="dequantize_int4"):
        dequantize_int4_op(*inputs, shape=(4, 8), packed=1, axis=0)


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("name", FLOAT8)
def test_float8(name, isa):
    """As ml_dtypes rounds."""
    dtype = np.dtype(getattr(ml_dtypes, name))
    mantissa, least, largest = FLOAT8[name]
    numbers = np.arange(256, dtype="uint8").view(dtype).astype("float32")
    numbers = np.sort(numbers[np.isfinite(numbers)])
    middles = (numbers[1:] + numbers[:-1]) / 2
    near = np.concatenate([numbers, middles]).astype("float32")
    x = np.concatenate([near, np.nextafter(near, np.float32(-1e9)), np.nextafter(near, np.float32(1e9))])
    x = np.concatenate([x, np.float32([1e30, -1e30, np.inf, -np.inf, np.nan, 1e-30])]) * np.float32(0.5)
    wanted = np.clip(x / np.float32(0.5), -largest, largest).astype(dtype).astype("float32") * np.float32(0.5)
    y = Guarded.unwritten(x.shape, "float32")
    _kernels.run("through_float8", [x, np.float32([0.5]), y.array], [x.size, mantissa, least], [largest], 2, isa)
    np.testing.assert_array_equal(y.array, wanted)
    y.assert_canaries()
    for values in (x, x.astype("float64")):
        result = through_float8_op(values, values.dtype.type(0.5), dtype=name)
        assert result.dtype == values.dtype
        np.testing.assert_array_equal(result, wanted)


def test_float8_gradient():
    x = np.float32([-1000, -3, 0.3, 449, 500])
    with fastnn.GradientTape() as tape:
        tape.watch(x)
        y = through_float8_op(x, np.float32(1), dtype="float8_e4m3fn")
    np.testing.assert_array_equal(tape.gradient(y, x), [0, 1, 1, 0, 0])
