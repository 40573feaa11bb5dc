"""Reductions: plans against references, gradients against differences, values, shapes and dtypes against Keras."""

import itertools
import os
import pickle

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "numpy")
import keras

from fastnn import ops
from fastnn.autodiff import GradientTape, jit
from fastnn.ops.reduce import max_op, mean_op, min_op, prod_op, reduction_ints, sum_op
from fastnn.testing.check_op import check_op

CASES = [
    ((37,), None),
    ((4, 5), 0),
    ((4, 5), -1),
    ((3, 1, 5), (0, 2)),
    ((2, 3, 4, 5), (0, 1, 2)),
    ((), None),
    ((6, 2000), 1),
]


def sample(shape, dtype="float64", seed=0):
    """Distinct numbers, so that extremes are unique."""
    rng = np.random.default_rng(seed)
    n = int(np.prod(shape))
    return (rng.permutation(np.linspace(0.5, 2.5, n)) * rng.choice([-1, 1], n)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "var", "std", "logsumexp", "prod", "ptp"])
def test_reduction(name, keepdims, dtype):
    for shape, axis in CASES:
        x = sample(shape, dtype)
        if name == "prod":
            x = np.sign(x) * np.exp((np.abs(x) - 1.5) / 20).astype(dtype)
        if name in ("std", "ptp") and shape == ():
            continue  # the root of a variance that is 0 has no derivative; a range of one element has none either
        check_op(lambda v, a=axis: getattr(ops, name)(v, axis=a, keepdims=keepdims), [x], gradient=shape != (6, 2000))


@pytest.mark.parametrize("name", ["any", "all", "count_nonzero", "argmax", "argmin"])
def test_reduction_without_gradient(name):
    rng = np.random.default_rng(1)
    for shape, axis in CASES:
        if name.startswith("arg") and (isinstance(axis, tuple) or shape == ()):
            continue
        for dtype in ("float32", "int32", "bool"):
            check_op(
                lambda v, a=axis: getattr(ops, name)(v, axis=a),
                [rng.integers(0, 2, shape).astype(dtype)],
                gradient=False,
            )


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_running(name):
    for shape, axis in [((7,), 0), ((3, 4, 5), 1), ((3, 4, 5), -1), ((3, 4), None)]:
        check_op(lambda v, a=axis: getattr(ops, name)(v, axis=a), [sample(shape)])


def test_norm_and_average():
    x = sample((3, 4, 5))
    for kwargs in [
        {}, {"axis": 1}, {"axis": 1, "ord": 1}, {"axis": 2, "ord": np.inf}, {"axis": 0, "ord": -np.inf},
        {"axis": 1, "ord": 3}, {"axis": (0, 2)}, {"axis": (0, 2), "ord": "fro"}, {"axis": (0, 2), "ord": 1},
        {"axis": (2, 0), "ord": np.inf}, {"axis": (1, 2), "ord": -1}, {"axis": 1, "ord": 0},
    ]:  # fmt: skip
        for keepdims in (False, True):
            wanted = np.linalg.norm(x.reshape(-1) if not kwargs else x, keepdims=keepdims and bool(kwargs), **kwargs)
            np.testing.assert_allclose(
                ops.norm(x, keepdims=keepdims, **kwargs).reshape(wanted.shape), wanted, rtol=1e-12
            )
        if kwargs.get("ord") != 0:
            check_op(lambda v, kwargs=kwargs: ops.norm(v, **kwargs), [x])
    weights = np.abs(sample((4,), seed=2))
    np.testing.assert_allclose(ops.average(x, 1, weights), np.average(x, 1, weights), rtol=1e-12)
    check_op(lambda v, w: ops.average(v, 1, w), [x, weights])
    with pytest.raises(ValueError, match=r"\(3,\).*\(3, 4, 5\)"):
        ops.average(x, 1, np.ones(3))
    with pytest.raises(ValueError, match="'nuclear'"):
        ops.norm(x, "nuclear", axis=(0, 1))


def test_gradient_of_product_with_zeroes():
    """One zero: only its own gradient is not 0; two: none is. Central differences see it, the product is linear."""
    for row in ([1.0, 2.0, 0.0, 4.0], [0.0, 2.0, 0.0, 4.0]):
        check_op(lambda v: ops.prod(v, axis=1), [np.array([row, [1.0, 2.0, 3.0, 4.0]])])


def test_equal_extremes_share_the_gradient():
    from fastnn import value_and_grad

    x = np.array([[1.0, 3.0, 3.0], [2.0, 1.0, 0.0]])
    np.testing.assert_array_equal(
        value_and_grad(lambda v: ops.sum(ops.max(v, axis=1)))(x)[1], [[0, 0.5, 0.5], [1, 0, 0]]
    )


def test_logsumexp_of_infinities():
    x = np.array([[-np.inf, -np.inf], [0.0, np.inf], [1000.0, 1000.0], [np.nan, 0.0]], "float32")
    np.testing.assert_allclose(ops.logsumexp(x, axis=1), [-np.inf, np.inf, 1000 + np.log(2), np.nan], rtol=1e-6)


NAMES = ["sum", "prod", "max", "min", "amax", "amin", "any", "all", "mean", "var", "std", "median", "logsumexp", "ptp"]


@pytest.mark.parametrize("name", NAMES)
def test_against_keras(name):
    rng = np.random.default_rng(3)
    for dtype in ("float32", "int32", "uint8", "bool"):
        x = rng.integers(0, 5, (3, 4, 2)).astype(dtype)
        if dtype == "bool" and name == "ptp":
            continue
        for axis in (None, 0, -1, (0, 2)):
            for keepdims in (False, True):
                wanted = np.asarray(getattr(keras.ops, name)(x, axis=axis, keepdims=keepdims))
                result = getattr(ops, name)(x, axis=axis, keepdims=keepdims)
                assert result.shape == wanted.shape
                # Keras's NumPy backend leaves logsumexp of integers in float64.
                assert result.dtype == (np.float32 if wanted.dtype == np.float64 else wanted.dtype)
                np.testing.assert_allclose(result, wanted, rtol=1e-5)


@pytest.mark.parametrize("name", ["argmax", "argmin", "cumsum", "cumprod", "average", "count_nonzero"])
def test_others_against_keras(name):
    rng = np.random.default_rng(4)
    for dtype in ("float32", "int32", "int8", "bool"):
        x = rng.integers(0, 3, (3, 4)).astype(dtype)
        for axis in (None, 0, -1):
            wanted = np.asarray(getattr(keras.ops, name)(x, axis=axis))
            result = getattr(ops, name)(x, axis=axis)
            assert result.shape == wanted.shape and result.dtype == wanted.dtype
            np.testing.assert_allclose(result, wanted, rtol=1e-6)


def test_quantile_against_keras():
    x = sample((4, 7), "float32")
    for q in (0.3, [0.0, 0.5, 1.0]):
        for kwargs in ({}, {"axis": 1}, {"axis": 0, "keepdims": True}, {"axis": 1, "method": "nearest"}):
            wanted = keras.ops.quantile(x, q, **kwargs)
            np.testing.assert_allclose(ops.quantile(x, q, **kwargs), wanted, rtol=1e-6, atol=1e-7)


def test_moments():
    x = sample((4, 7), "float32")
    for result, wanted in zip(ops.moments(x, axes=(0,)), keras.ops.moments(x, axes=(0,)), strict=True):
        np.testing.assert_allclose(result, wanted, rtol=1e-5)
    with pytest.raises(NotImplementedError):
        ops.moments(x, axes=0, synchronized=True)


def test_symbolic_shapes():
    import fastnn

    x = fastnn.KerasTensor((None, 3, 4))
    for axis, keepdims, shape in [(1, False, (None, 4)), ((0, 1), False, (4,)), (-1, True, (None, 3, 1))]:
        for name in ("sum", "mean", "max", "logsumexp", "var", "argmax"):
            if name == "argmax" and isinstance(axis, tuple):
                continue
            assert getattr(ops, name)(x, axis=axis, keepdims=keepdims).shape == shape, name


def test_empty():
    assert ops.sum(np.zeros((0, 3), "float32"), axis=0).tolist() == [0, 0, 0]
    assert ops.max(np.zeros((0, 3), "float32"), axis=0, initial=2.0).tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match=r"max.*\(0, 3\)"):
        ops.max(np.zeros((0, 3)), axis=0)
    with pytest.raises(ValueError, match=r"axis.*2 dimensions"):
        ops.sum(np.zeros((2, 3)), axis=2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
@pytest.mark.parametrize(
    "shape, axis", [((5, 3, 2, 4), (0, 2)), ((5, 3, 2), (0, 2)), ((4, 3, 1, 2), (0, 1, 3)), ((2, 5, 3, 7), (1, 3))]
)
def test_short_runs_that_lie_apart(shape, axis, name, dtype):
    """Reduced in two steps, with the result of one."""
    x = sample(shape, dtype)  # integers from -2 to 2
    for keepdims in (False, True):
        wanted = getattr(np, name)(x.astype("float64"), axis, keepdims=keepdims)
        y = getattr(ops, name)(x, axis, keepdims)
        assert y.shape == wanted.shape and y.dtype == dtype
        np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)
    x[0, 1] = 0
    if dtype != "int32":
        x[0, 1] = np.nan
        wanted = np.isnan(x).any(axis)
        assert np.array_equal(np.isnan(getattr(ops, name)(x, axis)), wanted)


def test_reduction_ints_merge_dimensions():
    """NHWC statistics are one reduction of rows, whatever lies in between."""
    assert reduction_ints((8, 5, 7, 16), (0, 1, 2)) == [16, 0, 1, 8 * 5 * 7, 16]
    assert reduction_ints((8, 1, 7), (2,)) == [1, 1, 1, 8, 7, 7, 1]
    assert reduction_ints((2, 3, 4, 5), (1, 3)) == [1, 2, 2, 2, 4, 60, 5, 3, 5, 20, 1]


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_reductions_without_nan(name):
    x = sample((4, 5), "float32")
    x[0, 1], x[2, 3], x[3] = np.nan, np.nan, np.nan
    for axis in (None, 0, 1):
        for keepdims in (False, True):
            wanted = np.asarray(getattr(keras.ops, name)(x, axis=axis, keepdims=keepdims))
            result = getattr(ops, name)(x, axis=axis, keepdims=keepdims)
            assert result.shape == wanted.shape and result.dtype == wanted.dtype
            np.testing.assert_allclose(result, wanted, rtol=1e-5)
    check_op(lambda v: getattr(ops, name)(v[:3], axis=1), [sample((4, 5))])
    integers = np.arange(1, 5, dtype="int32")
    np.testing.assert_allclose(getattr(ops, name)(integers), getattr(np, name)(integers), rtol=1e-6)


@pytest.mark.parametrize("name", ["nansum", "nanmax", "nanmin"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_reduced_by_one_kernel(name, dtype):
    """Of an array as it is given, in any order of its axes; what a plan makes is filled while it is made."""
    x = sample((30, 40), dtype)
    x[::3, ::2] = np.nan
    kernel = f"{name[3:]}_numbers_{'f32' if dtype == 'float32' else 'f64'}"
    for axis in (None, 0, 1, -1, (0, 1), ()):
        for function in (lambda v: v, ops.transpose):
            compiled = jit(lambda v: getattr(ops, name)(function(v), axis))  # noqa: B023
            wanted = getattr(np, name)(function(x), axis)
            np.testing.assert_allclose(compiled(x), wanted, rtol=1e-5, atol=1e-5)
            kernels = [step.kernel for step in compiled.executable_for(x).steps]
            assert kernel in kernels and ("copy" not in kernels or name != "nansum" or axis == ())
            compiled = jit(lambda v: getattr(ops, name)(function(v) * 2, axis))  # noqa: B023
            np.testing.assert_allclose(compiled(x), 2 * wanted, rtol=1e-5, atol=1e-5)
            assert kernel not in [step.kernel for step in compiled.executable_for(x).steps]
    filled = sample((3, 4))
    filled[1, 2] = np.nan
    check_op(lambda v: ops.nansum(v * 1, 1), [np.nan_to_num(filled)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "min"])
def test_columns_of_rows_with_gaps_are_read_as_they_lie(name, dtype):
    """To the bit as of a copy; rows that are few columns wide, in no order or of steps are copied."""
    m = sample((700, 600), dtype) / 8
    op = {"mean": mean_op, "sum": sum_op, "prod": prod_op, "max": max_op, "min": min_op}[name]
    for part, is_read in [
        (m[:, 7:], True),
        (m[::2, :200], True),
        (m[:, :99], True),
        (m[::-1, 1:], False),
        (m[:, ::2], False),
    ]:
        for keepdims in (False, True):
            wanted = getattr(ops, name)(part.copy(), 0, keepdims)
            np.testing.assert_array_equal(getattr(ops, name)(part, 0, keepdims), wanted)
            found = op.as_they_lie((part,), {"axis": (0,), "keepdims": keepdims})
            assert (found is not None) == is_read
    compiled = jit(lambda v: getattr(ops, name)(v[:, 7:], 0))
    np.testing.assert_array_equal(compiled(m), getattr(ops, name)(m[:, 7:].copy(), 0))
    assert "copy" not in [step.kernel for step in compiled.executable_for(m).steps]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_sums_of_squares_have_a_kernel(dtype):
    """Where nothing else reads the squares, and they are of one array as it lies."""
    x = sample((200, 300), dtype)
    kernel = f"sum_squares_{'f32' if dtype == 'float32' else 'f64'}"

    def kernels(function):
        compiled = jit(function)
        np.testing.assert_allclose(compiled(x)[0], function(x.astype("float64"))[0], rtol=1e-5)
        return [step.kernel for step in compiled.executable_for(x).steps]

    assert kernel in kernels(lambda v: [ops.norm(v)])
    assert kernel in kernels(lambda v: [ops.sum(v * v) + 1])
    assert kernel not in kernels(lambda v: [ops.sum(v[:, 1:] * v[:, :-1])])
    assert kernel not in kernels(lambda v: [ops.sum(ops.square(v)), ops.square(v)])
    assert kernel not in kernels(lambda v: [ops.sum(ops.square(v)), ops.max(ops.square(v))])
    assert kernel not in kernels(lambda v: [ops.sum(ops.square(v[:100, :50]))])
    assert kernel not in kernels(lambda v: [ops.sum(ops.square(v), 0)])
    check_op(lambda v: ops.norm(v), [sample((190, 180))])


@pytest.mark.parametrize("name, end", [("nanmax", -np.inf), ("nanmin", np.inf)])
def test_extremes_of_infinities_and_nan(name, end):
    """The number that is put in place of NaN may be there; of NaN alone the extreme is NaN."""
    x = np.array([[end, np.nan, end], [np.nan] * 3, [np.nan, 2, end], [end] * 3], "float32").repeat(11000, axis=1)
    for axis in (0, 1, None):
        wanted = jit(lambda v: getattr(ops, name)(v, axis))(x)  # noqa: B023
        np.testing.assert_array_equal(getattr(ops, name)(x, axis), wanted)
    np.testing.assert_array_equal(getattr(ops, name)(x, 1), np.array([end, np.nan, 2, end], "float32"))
    np.testing.assert_array_equal(getattr(ops, name)(x[1]), np.float32(np.nan))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize(
    "name, dtype", [("sum", "float32"), ("prod", "float64"), ("sum", "int32"), ("max", "float32"), ("any", "bool")]
)
def test_reductions_of_transposes(name, dtype, order):
    """Are those of the array itself, with the same bits: where one axis is kept nothing is moved."""
    x = (10 * sample((3, 4, 5))).astype(dtype)
    for axis in (None, 0, 1, -1, (0, 2), (1, 2), ()):
        for keepdims in (False, True):
            turned = jit(lambda v: getattr(ops, name)(ops.transpose(v, order), axis, keepdims))  # noqa: B023
            wanted = getattr(ops, name)(x.transpose(order).copy(), axis, keepdims=keepdims)
            rtol = 60 * 2.0 ** (-52 if dtype == "float64" else -23)  # of as many elements
            np.testing.assert_allclose(turned(x), wanted, rtol=rtol, atol=1e-5)
            assert turned(x).shape == wanted.shape and turned(x).dtype == wanted.dtype
            axes = tuple(range(3)) if axis is None else tuple(np.atleast_1d(np.array(axis, int)) % 3)
            if order == (0, 1, 2):
                np.testing.assert_array_equal(turned(x), wanted)
                continue
            own = getattr(ops, name)(x, tuple(order[k] for k in axes))
            kept = np.argsort(np.argsort([order[k] for k in range(3) if k not in axes]))
            np.testing.assert_array_equal(turned(x), own.transpose(kept).reshape(wanted.shape))
            if axis in (None, (0, 2), (1, 2)):
                assert all(step.kernel != "copy" for step in turned.executable_for(x).steps)
    check_op(lambda v: ops.sum(ops.transpose(v, order), 1), [sample((3, 4, 5))])


def test_running_sums_without_nan_and_percentiles():
    x = sample((4, 5), "float32")
    x[0, 1] = np.nan
    for name in ("nancumsum", "nancumprod"):
        np.testing.assert_allclose(getattr(ops, name)(x, axis=1), getattr(np, name)(x, axis=1), rtol=1e-6)
    y = sample((4, 5), "float32")
    np.testing.assert_allclose(ops.percentile(y, [25, 50], axis=1), np.percentile(y, [25, 50], axis=1), rtol=1e-5)


@pytest.mark.parametrize("dtype, n, kernel", [("float64", 601, "select_f64"), ("float32", 20_001, "select_f32")])
def test_few_quantiles_are_searched(dtype, n, kernel):
    """And many are read from sorted rows; with NaN or without."""
    x = sample((3, n), dtype)
    x[1, 5] = np.nan
    for name in ("median", "nanmedian"):
        for axis in (1, None):
            compiled = jit(lambda v: getattr(ops, name)(v, axis))  # noqa: B023
            np.testing.assert_allclose(compiled(x), getattr(np, name)(x, axis), rtol=1e-6)
            assert kernel in [step.kernel for step in compiled.executable_for(x).steps]
    for q in (0.3125, [0.0, 1.0], [k / 8 for k in range(8)]):
        for method in ("linear", "lower", "higher", "midpoint", "nearest"):
            for name in ("quantile", "nanquantile"):
                wanted = getattr(np, name)(x.astype("float64"), q, 1, method=method)
                np.testing.assert_allclose(getattr(ops, name)(x, q, 1, method=method), wanted, rtol=1e-5, atol=1e-6)
    rows = jit(lambda v: ops.quantile(v, np.linspace(0, 1, 20), 1)).executable_for(x).steps
    assert kernel not in [step.kernel for step in rows]


def test_gradient_of_what_is_searched():
    """Or sorted, in short rows."""
    for n, k in ((50, 2), (2500, 1)):
        x = sample((2, n), "float64")
        for function in (ops.median, lambda v: ops.quantile(v, [0.2, 0.7][:k], 1), lambda v: ops.nanmedian(v, 1)):  # noqa: B023
            check_op(function, [x])
    check_op(lambda v: ops.nanmedian(v, 0), [sample((2, 50), "float64")])


def test_quantiles_of_short_rows_are_sorted():
    for n, kernel in ((255, "sort"), (511, "sort"), (512, "select_f64")):
        x = sample((3, n), "float64")
        compiled = jit(lambda v: ops.median(v, 1))
        np.testing.assert_allclose(compiled(x), np.median(x, 1), rtol=1e-12)
        assert kernel in [step.kernel for step in compiled.executable_for(x).steps]


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint64"])
def test_sorts_of_64_bits(dtype):
    x = (np.random.default_rng(1).standard_normal((7, 301)) * 1000 + (5000 if dtype == "uint64" else 0)).astype(dtype)
    if dtype == "float64":
        x[2, 5] = np.nan
    for axis in (0, 1, None):
        np.testing.assert_array_equal(ops.sort(x, axis), np.sort(x, axis))
        np.testing.assert_array_equal(jit(lambda x, axis=axis: ops.sort(x, axis))(x), np.sort(x, axis))
    np.testing.assert_array_equal(ops.median(x, axis=0), np.median(x, axis=0))


def test_counts_of_a_vector():
    x = np.array([3, 1, 1, 7], "uint8")
    np.testing.assert_array_equal(ops.bincount(x, minlength=10), np.bincount(x, minlength=10))
    for dtype in ("int8", "int64"):
        with pytest.raises(ValueError, match="-2"):
            ops.bincount(np.array([1, -1, -2, 100], dtype))
    assert ops.bincount(np.zeros(0, "int32")).shape == (0,) and ops.bincount(x).dtype == np.int32
    for dtype in ("int32", "int64", "uint8", "uint64"):
        many = np.random.default_rng(3).integers(0, 200, (2, 20001)).astype(dtype)
        np.testing.assert_array_equal(
            ops.bincount(many[0], minlength=300), np.bincount(many[0].astype(int), minlength=300)
        )
        weights = np.random.default_rng(4).standard_normal(20001)
        for kind, rtol in (("float32", 1e-3), ("float64", 1e-12)):
            sums = ops.bincount(many[0], weights.astype(kind))
            assert sums.dtype == kind
            np.testing.assert_allclose(sums, np.bincount(many[0].astype(int), weights), rtol=rtol, atol=1e-4)
        rows = [np.bincount(row.astype(int), minlength=200) for row in many]
        np.testing.assert_array_equal(ops.bincount(many, minlength=200), rows)
    for dtype in ("bool", "uint8", "int16", "int32", "uint32", "int64"):
        for shape in ((0,), (1,), (1000,), (3, 50)):
            places = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
            weights = np.arange(places.size, dtype="float32").reshape(shape)
            counts = ops.bincount(places, weights, minlength=5)
            wanted = [
                np.bincount(row, w, minlength=counts.shape[-1])
                for row, w in zip(np.atleast_2d(places), np.atleast_2d(weights), strict=True)
            ]
            assert counts.dtype == np.float32 and counts.shape[-1] == max([5, *(places.ravel().astype(int) + 1)])
            np.testing.assert_array_equal(counts, np.reshape(wanted, counts.shape))


def test_counts_of_few_elements():
    """What calls count without a plan, and those beside them that they leave to others, are NumPy's to the bit."""
    rng = np.random.default_rng(5)
    for n, most in itertools.product((1, 10, 511, 512, 513), (1, 9, 255, 256, 257, 511, 512, 513)):
        for dtype in ("int32", "int64", "int16", ">i4"):
            x = rng.integers(0, most, n).astype(dtype)
            x[n // 2] = most - 1
            for k in (x, np.stack([x, x], 1)[:, 0]):
                counts = ops.bincount(k)
                assert counts.dtype == np.int32
                np.testing.assert_array_equal(counts, np.bincount(k))
                for kind in ("float32", "float64"):
                    weights = rng.standard_normal(n).astype(kind)
                    for sums in (ops.bincount(k, weights), ops.bincount(k, weights=weights)):
                        assert sums.dtype == kind
                        if dtype != "int16" or kind == "float64":
                            np.testing.assert_allclose(sums, np.bincount(k, weights), rtol=1e-6, atol=1e-5)
                        if dtype in ("int32", "int64"):
                            np.testing.assert_array_equal(sums, np.bincount(k, weights).astype(kind))
    np.testing.assert_array_equal(ops.bincount(x=np.array([1, 1])), [0, 2])
    np.testing.assert_array_equal(ops.bincount(np.array([1, 1]), minlength=4), [0, 2, 0, 0])
    for bad in (np.array([1, -1]), np.array([0, 1], "int32") - 1):
        with pytest.raises(ValueError, match="-1"):
            ops.bincount(bad)
    with pytest.raises(ValueError, match=r"\(3,\)"):
        ops.bincount(np.array([1, 1]), np.ones(3))
    for n, dtype in itertools.product((0, 1, 10, 512, 513), ("float32", "float64", "bool", "int32", ">f4")):
        x = (rng.standard_normal(n) * (rng.random(n) < 0.5)).astype(dtype)
        for y in (x, np.stack([x, x], 1), np.stack([x, x], 1)[:, 1], np.stack([x, x])[::-1]):
            count = ops.count_nonzero(y)
            assert count.dtype == np.int32 and count.shape == () and count == np.count_nonzero(y)
    for dtype in ("float32", "float64"):
        tiny = np.finfo(dtype).tiny
        x = np.array([np.nan, -np.nan, np.inf, -np.inf, tiny, -tiny, 0, -0.0, tiny / 2, -tiny / 4], dtype)
        for copies in (1, 100):  # denormal numbers are 0, as in plans
            assert ops.count_nonzero(np.tile(x, copies)) == 6 * copies


def test_counts_of_few_elements_are_watched():
    with GradientTape() as tape:
        weights = np.array([1.0, 2.0, 3.0], "float32")
        tape.watch(weights)
        y = ops.sum(ops.square(ops.bincount(np.array([1, 1, 0]), weights=weights)))
    np.testing.assert_array_equal(tape.gradient(y, weights), [6, 6, 6])
    assert jit(lambda x: ops.count_nonzero(x) + ops.bincount(np.array([2]))[2])(np.ones(3)) == 4
    assert pickle.loads(pickle.dumps(ops.bincount)) is ops.bincount and ops.bincount.__name__ == "bincount"


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
@pytest.mark.parametrize("sizes", [(1, 1), (40, 3), (3, 40), (100, 33), (7, 7)])
def test_correlate(sizes, mode):
    rng = np.random.default_rng(1)
    for dtype in ("float32", "float64", "complex64"):
        a, b = (rng.standard_normal(n).astype(dtype) for n in sizes)
        np.testing.assert_allclose(ops.correlate(a, b, mode), np.correlate(a, b, mode), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(0,), (1,), (9,), (4, 6), (1, 6)])
def test_differences(shape):
    x = np.random.default_rng(1).integers(0, 5, shape).astype("int32")
    for axis in range(x.ndim):
        for n in (0, 1, 2):
            for dtype in ("int32", "float32", "bool"):
                y = x.astype(dtype)
                wanted = np.diff(y, n, axis) if x.shape[axis] else y
                np.testing.assert_array_equal(ops.diff(y, n, axis), wanted)
                np.testing.assert_array_equal(jit(lambda y, n=n, axis=axis: ops.diff(y, n, axis))(y), wanted)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int16", "uint8"])
def test_sum_of_small_integers_over_any_axes(dtype):
    x = np.random.default_rng(4).integers(-3, 3, (5, 7, 131)).astype(dtype)
    for axis in (None, 0, 1, 2, (0, 1), (0, 2), (1, 2), ()):
        y = ops.sum(x, axis)
        assert y.dtype == ("uint32" if dtype == "uint8" else "int32")
        np.testing.assert_array_equal(y, x.astype(y.dtype).sum(axis))
        np.testing.assert_array_equal(ops.count_nonzero(x, axis), np.count_nonzero(x, axis) if axis != () else x != 0)
    assert ops.sum(x[:0], 0).shape == (7, 131) and ops.count_nonzero(x[:0]) == 0
