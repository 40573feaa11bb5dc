"""Layout, creation and indexing: against NumPy and the released Keras, and gradients against central differences."""

import keras
import numpy as np
import pytest

from fastnn import KerasTensor, Variable, ops
from fastnn.ops.boxes import place_op, slice_update_op, strided_slice_op
from fastnn.ops.pieces import pieces_op
from fastnn.testing import check_op

RNG = np.random.default_rng(0)


def floats(*shape, dtype=np.float32):
    return RNG.standard_normal(shape).astype(dtype)


X = floats(3, 4, 5)

# name, arguments behind x, keyword arguments: called in both libraries on X
SAME_AS_KERAS = [
    ("reshape", ((5, -1),)),
    ("reshape", (60,)),
    ("ravel", ()),
    ("expand_dims", (1,)),
    ("expand_dims", ((0, -1),)),
    ("squeeze", ()),
    ("transpose", ()),
    ("transpose", ((1, 2, 0),)),
    ("transpose", ((0, -1, 1),)),
    ("moveaxis", (0, -1)),
    ("moveaxis", ((0, 1), (-1, 0))),
    ("swapaxes", (0, -1)),
    ("flip", ()),
    ("flip", (1,)),
    ("roll", (2,)),
    ("roll", (-1, 2)),
    ("roll", ((1, 2), (0, 1))),
    ("rot90", ()),
    ("rot90", (2, (1, 2))),
    ("rot90", (-1, (0, 2))),
    ("tile", (2,)),
    ("tile", ((2, 1, 3),)),
    ("tile", ((2, 1, 1, 2),)),
    ("repeat", (2,)),
    ("repeat", (3, 1)),
    ("repeat", ((1, 0, 2), 0)),
    ("broadcast_to", ((2, 3, 4, 5),)),
    ("pad", (1,)),
    ("pad", (((0, 1), (2, 0), (1, 1)),)),
    ("pad", (((0, 1), (2, 0), (1, 1)), "constant", 3.5)),
    ("pad", (((1, 2), (0, 1), (2, 2)), "reflect")),
    ("pad", (((1, 2), (0, 1), (2, 2)), "symmetric")),
    ("pad", (((1, 2), (0, 1), (2, 2)), "edge")),
    ("split", (2, 1)),
    ("split", ((1, 3), 2)),
    ("array_split", (3, -1)),
    ("hsplit", (2,)),
    ("vsplit", (3,)),
    ("unstack", (None, 1)),
    ("slice", ((1, 0, 2), (2, 3, 1))),
    ("slice_update", ((1, 0, 2), np.ones((2, 3, 1), "float32"))),
    ("tril", (1,)),
    ("triu", (-1,)),
    ("diagonal", (1, 1, 2)),
    ("trace", (0, 0, 2)),
    ("append", (X,)),
    ("append", (X, 1)),
    ("full_like", (3,)),
    ("zeros_like", ()),
    ("ones_like", ("int32",)),
    ("shape", ()),
    ("size", ()),
    ("ndim", ()),
    ("copy", ()),
    ("fliplr", ()),
    ("flipud", ()),
    ("dsplit", (5,)),
    ("get_item", ((slice(None), 1),)),
]


def assert_same(ours, theirs):
    if isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b)
    else:
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("name", "args"), SAME_AS_KERAS, ids=lambda x: x if isinstance(x, str) else "")
def test_same_as_keras(name, args):
    assert_same(getattr(ops, name)(X, *args), getattr(keras.ops, name)(X.copy(), *args))


CREATED = [
    ("zeros", (3,)),
    ("zeros", ((2, 0), "int8")),
    ("ones", ((),)),
    ("full", ((2, 2), 3)),
    ("full", ((2, 2), 3, "int32")),
    ("eye", (3,)),
    ("eye", (2, 4, 1)),
    ("identity", (2,)),
    ("tri", (3, 4, -1)),
    ("arange", (4,)),
    ("arange", (1, 7, 2)),
    ("arange", (0.5, 2.0, 0.5)),
    ("arange", (4, None, None, "float64")),
    ("linspace", (0, 1, 5)),
    ("linspace", (0, 1, 5, False)),
    ("logspace", (0, 2, 3)),
    ("diag", (np.float32([1, 2]), 1)),
    ("diag", (np.float32([1, 2]), -2)),
    ("diag", (X[0], 1)),
    ("diagflat", (np.float32([[1, 2]]),)),
    ("meshgrid", (np.int32([1, 2]), np.int32([3, 4, 5]))),
    ("concatenate", ([X, X[:1]],)),
    ("concatenate", ([X, X[:, :, :2]], -1)),
    ("concatenate", ([np.int32([1]), np.float32([2])],)),
    ("stack", ([X, X], -1)),
    ("vstack", ([X[0], X[1]],)),
    ("vstack", ([X[0, 0], X[1, 1]],)),
    ("hstack", ([X[0], X[1]],)),
    ("hstack", ([X[0, 0], X[1, 1]],)),
    ("dstack", ([X[0], X[1]],)),
    ("convert_to_tensor", ([1, 2],)),
    ("convert_to_tensor", ([1.0, 2],)),
    ("convert_to_tensor", (True,)),
    ("convert_to_tensor", ([1, 2], "float64")),
    ("convert_to_numpy", ([[1.5]],)),
    ("array", ([1, 2],)),
    ("space_to_depth", (np.arange(64.0).reshape(1, 4, 4, 4), 2)),
    ("depth_to_space", (np.arange(64.0).reshape(1, 4, 4, 4), 2)),
    ("depth_to_space", (np.arange(64.0).reshape(1, 4, 4, 4), 2, "channels_first")),
]


@pytest.mark.parametrize(("name", "args"), CREATED, ids=lambda x: x if isinstance(x, str) else "")
def test_creation_same_as_keras(name, args):
    assert_same(getattr(ops, name)(*args), getattr(keras.ops, name)(*args))


KEYS = [
    0,
    -1,
    (0, 1, 2),
    slice(1, None),
    (slice(None), slice(None, None, -2)),
    (Ellipsis, 1),
    (None, 1, None, Ellipsis, None),
    (slice(3, 1), 0),
    [0, 2],
    (slice(None), [1, -1]),
    ([0, 1], [1, 2]),
    ([[0], [1]], slice(1, 3), [0, 4]),
    (slice(None), [0, 1], [[2], [3]]),
    (1, slice(None), [0, 3]),
    (slice(None), None, [0, 1], slice(1, 2)),
    (slice(None), [[0, 1]], 2),
    np.int64(1),
    X[:, 0, 0] > 0,
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_getitem_is_that_of_numpy(key):
    np.testing.assert_array_equal(ops.getitem(X, key), X[key])


@pytest.mark.parametrize("key", [key for key in KEYS if not isinstance(key, np.ndarray)], ids=str)
def test_getitem_gradient(key):
    check_op(lambda x: ops.getitem(x, key), [X])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.transpose(x, (2, 0, 1)),
        lambda x: ops.concatenate([x, ops.multiply(x, x)], axis=1),
        lambda x: ops.stack([x, x], axis=-1),
        lambda x: ops.pad(x, ((1, 0), (0, 2), (1, 1)), constant_values=2),
        lambda x: ops.pad(x, 2, mode="reflect"),
        lambda x: ops.pad(x, ((0, 0), (0, 3), (1, 0)), mode="edge"),
        lambda x: ops.pad(x[:, :2], ((0, 0), (5, 4), (0, 0)), mode="symmetric"),
        lambda x: ops.flip(x, (0, 2)),
        lambda x: ops.roll(x, (1, -2), (0, 2)),
        lambda x: ops.roll(x, (1, 2, 2), (1, 1, 2)),
        lambda x: ops.tile(x, (1, 2, 2)),
        lambda x: ops.repeat(x, 2, axis=1),
        lambda x: ops.broadcast_to(ops.reshape(x, (3, 1, 4, 1, 5)), (2, 3, 2, 4, 2, 5)),
        lambda x: ops.split(x, [1, 2], axis=1),
        lambda x: ops.slice_update(x, (1, 1, 1), ops.slice(x, (0, 0, 0), (2, 2, 2))),
        lambda x: ops.diag(x[0, 0], 1),
        lambda x: ops.diagonal(x, 0, 1, 2),
        lambda x: ops.tril(x),
        lambda x: x[:, ::2],
        lambda x: ops.unstack(x, axis=1)[2],
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernel_and_gradient(function, dtype):
    check_op(function, [X.astype(dtype)])


@pytest.mark.parametrize(
    "pieces",
    [
        (((2, 1, 1), (1, -1, 2)), None),  # a permutation, whose gradient is one
        (None, ((3, 1, 1), (0, 1, 4), (2, -1, 3))),
        (((0, 1, 1), (0, 1, 1), (2, 1, 1)), ((3, -1, 2),)),
    ],
)
def test_pieces(pieces):
    check_op(pieces_op, [floats(3, 4)], pieces=pieces)


def test_pads_of_many_pieces():
    """An axis at a time where one copy would have too many parts."""
    x = X[:2, :2]
    np.testing.assert_array_equal(ops.pad(x, 9, mode="edge"), np.pad(x, 9, mode="edge"))


@pytest.mark.parametrize("steps", [(1, 1), (2, -1), (1, -1), (-2, 3)])
@pytest.mark.parametrize("size", [(3, 4), (1, 2), (0, 2)])
def test_boxes(size, steps):
    """The records, forwards, backwards and with gaps, also where the box is the whole array."""
    last = [max(n - 1, 0) * abs(step) for n, step in zip(size, steps, strict=True)]
    starts = tuple(0 if step > 0 else end for step, end in zip(steps, last, strict=True))
    for margin in (1, 4):
        shape = tuple(end + margin for end in last)
        check_op(place_op, [floats(*size)], shape=shape, starts=starts, steps=steps, value=0)
        check_op(strided_slice_op, [floats(*shape)], starts=starts, sizes=size, steps=steps)
        check_op(slice_update_op, [floats(*shape), floats(*size)], starts=starts, steps=steps)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
@pytest.mark.parametrize("sizes", [(300, 290), (17, 60, 70)])
def test_large_turned_arrays_are_joined_as_they_lie(sizes, dtype):
    """The result lies in their order, too; of arrays in several orders it lies in its own."""
    x, y = (floats(*sizes).astype(dtype).T for _ in range(2))
    for axis in range(-1, len(sizes)):
        found = ops.concatenate([x, y], axis)
        np.testing.assert_array_equal(found, np.concatenate([x, y], axis))
        assert found.T.flags.c_contiguous
        cut = np.take(y, [0, 1], axis).copy("F")
        np.testing.assert_array_equal(ops.concatenate([x, cut], axis), np.concatenate([x, cut], axis))
        np.testing.assert_array_equal(ops.stack([x, y], axis), np.stack([x, y], axis))
        mixed = ops.concatenate([x, y.copy("C")], axis)
        np.testing.assert_array_equal(mixed, np.concatenate([x, y], axis))
        assert mixed.flags.c_contiguous
    with pytest.raises(ValueError, match="differ on another axis"):
        ops.concatenate([x, y[:-1]], 1)
    flat = ops.concatenate([x, y], None)
    np.testing.assert_array_equal(flat, np.concatenate([x, y], None))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int32", "int64"])
def test_other_dtypes(dtype):
    x = RNG.integers(0, 2 if dtype == "bool" else 100, (3, 4, 5)).astype(dtype)
    check_op(lambda x: [ops.transpose(x), ops.pad(x, 1, constant_values=1), ops.flip(x, 1)], [x], gradient=False)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (1, 1), (0,)])
def test_empty(shape):
    x = np.zeros(shape, np.float32)
    assert ops.transpose(x).shape == shape[::-1]
    assert ops.pad(x, 1).shape == tuple(n + 2 for n in shape)
    assert ops.concatenate([x, x]).shape == (2 * shape[0], *shape[1:])
    assert ops.flip(x).shape == shape
    check_op(lambda x: [ops.transpose(x), ops.pad(x, 1, constant_values=1), ops.tile(x, 2)], [x], gradient=False)


@pytest.mark.parametrize(
    ("call", "numbers"),
    [
        (lambda: ops.reshape(X, (7, -1)), ["60", "7"]),
        (lambda: ops.transpose(X, (0, 0, 1)), ["(3, 4, 5)"]),
        (lambda: ops.concatenate([X, X[:, :2]]), ["(3, 4, 5)", "(3, 2, 5)"]),
        (lambda: ops.stack([X, X[:2]]), ["(3, 4, 5)", "(2, 4, 5)"]),
        (lambda: ops.squeeze(X, 1), ["4"]),
        (lambda: ops.split(X, 3, axis=1), ["3", "(3, 4, 5)"]),
        (lambda: ops.broadcast_to(X, (3, 4, 6)), ["(3, 4, 5)", "(3, 4, 6)"]),
        (lambda: ops.slice(X, (2, 0, 0), (2, 1, 1)), ["2", "(3, 4, 5)"]),
        (lambda: ops.pad(X, 1, mode="edge", constant_values=1), ["edge"]),
        (lambda: ops.pad(X, 1, mode="wrapped"), ["wrapped"]),
        (lambda: ops.expand_dims(X, 7), ["7"]),
        (lambda: ops.unstack(X, num=2), ["3", "2"]),
    ],
)
def test_errors_have_the_numbers(call, numbers):
    with pytest.raises(ValueError) as error:
        call()
    assert all(number in str(error.value) for number in numbers), str(error.value)


def test_index_errors():
    with pytest.raises(IndexError, match="7"):
        ops.getitem(X, 7)
    with pytest.raises(IndexError, match="4"):
        ops.getitem(X, (0, 0, 0, 0))


def test_symbolic_shapes():
    x = KerasTensor((None, 4, 5))
    assert ops.reshape(x, (-1, 20)).shape == (None, 20)
    assert ops.transpose(x).shape == (5, 4, None)
    assert ops.concatenate([x, x], axis=0).shape == (None, 4, 5)
    assert x[:, 0].shape == (None, 5)
    assert ops.pad(x, ((0, 0), (1, 1), (0, 0))).shape == (None, 6, 5)
    assert ops.repeat(x, 2, axis=0).shape == (None, 4, 5)
    assert ops.expand_dims(x, -1).shape == (None, 4, 5, 1)


def test_a_converted_variable_does_not_change_with_it():
    v = Variable([1.0, 2.0])
    x = ops.convert_to_tensor(v)
    v.assign([3.0, 4.0])
    np.testing.assert_array_equal(x, [1, 2])


def test_unstack_of_an_array_gives_contiguous_copies():
    x = np.arange(24.0, dtype="float32").reshape(2, 3, 4)
    for axis in (0, 1, 2, -1):
        parts = ops.unstack(x, axis=axis)
        for part, wanted in zip(parts, np.moveaxis(x, axis, 0), strict=True):
            np.testing.assert_array_equal(part, wanted)
            assert part.flags.c_contiguous and not np.shares_memory(part, x)
    assert [type(part) for part in ops.unstack(x[0, 0])] == [np.ndarray] * 4
