"""Which graphs have the rows of a batch apart: what is said to be so is so, and what mixes rows is not."""

import numpy as np
import pytest

import fastnn as keras
from fastnn import layers, ops
from fastnn.graph.rows import are_apart, differ_in_rows_alone
from fastnn.plan.function import Compiled

ROWS = 8
rng = np.random.default_rng(3)


def uniform(*shape):
    return rng.uniform(-1, 1, shape).astype("float32")


K = uniform(4, 4)
IMAGE_KERNEL = uniform(3, 3, 4, 5)
TABLE = uniform(9, 4)
STATE = uniform(1, 4)

# What each computes from x of shape (rows, 6, 4).
APART = {
    "elementwise": lambda x: ops.tanh(x) * 2.0 + K[0] + x,
    "an image of all": lambda x: x + uniform(1, 6, 4) * 0 + K[:1],
    "reshape": lambda x: ops.reshape(ops.reshape(x, (-1, 4)) @ K, (-1, 24)),
    "rows along the second axis": lambda x: ops.reshape(ops.reshape(x, (1, -1, 4)) @ K, (-1, 6, 4)),
    "dense": lambda x: ops.relu(ops.matmul(x, K) + K[1]),
    "matrix first": lambda x: ops.matmul(uniform(3, 6) * 0 + 1, x),
    "product of rows": lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))),
    "softmax": lambda x: ops.softmax(x, axis=-1),
    "softmax of another axis": lambda x: ops.softmax(x, axis=1),
    "sum": lambda x: ops.sum(x, axis=1),
    "max, kept": lambda x: x - ops.max(x, axis=(1, 2), keepdims=True),
    "variance": lambda x: ops.var(x, axis=1),
    "layer norm": lambda x: layers.LayerNormalization()(x),
    "concatenate": lambda x: ops.concatenate([x, 2 * x], axis=1),
    "slice": lambda x: x[:, 1:, ::2],
    "pad": lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 0))),
    "roll": lambda x: ops.roll(x, (1, -1), (1, 2)),
    "reflection": lambda x: ops.pad(x, ((0, 0), (1, 2), (0, 0)), mode="reflect"),
    "multi-hot": lambda x: ops.multi_hot(ops.cast(ops.abs(x) * 8, "int32"), 9),
    "elements": lambda x: ops.take_along_axis(x, ops.cast(ops.abs(x[:, :2]) * 3, "int32"), axis=1),
    "broadcast": lambda x: ops.broadcast_to(x[:, :1], (x.shape[0], 6, 4)) + x,
    "words": lambda x: ops.take(TABLE, ops.cast(ops.abs(x) * 8, "int32"), axis=0),
    "convolution": lambda x: ops.conv(ops.reshape(x, (-1, 2, 3, 4)), IMAGE_KERNEL, padding="same"),
    "transposed convolution": lambda x: ops.conv_transpose(
        ops.reshape(x, (-1, 2, 3, 4)), uniform(3, 3, 5, 4) * 0 + 0.5, strides=2
    ),
    "depthwise": lambda x: ops.depthwise_conv(
        ops.reshape(x, (-1, 2, 3, 4)), uniform(3, 3, 4, 1) * 0 + 0.5, padding="same"
    ),
    "a scalar of two sizes": lambda x: x * ops.convert_to_tensor(np.float32(2)),
    "max pooling": lambda x: ops.max_pool(ops.reshape(x, (-1, 2, 3, 4)), 2, padding="same"),
    "average pooling": lambda x: ops.average_pool(ops.reshape(x, (-1, 2, 3, 4)), 2, padding="same"),
    "attention": lambda x: ops.dot_product_attention(*[ops.reshape(x, (-1, 6, 2, 2))] * 3),
    "attention with a mask": lambda x: ops.dot_product_attention(
        *[ops.reshape(x, (-1, 6, 2, 2))] * 3, mask=np.tri(6, dtype=bool)[None, None]
    ),
}

MIXING = {
    "mean of the batch": lambda x: x - ops.mean(x, axis=0, keepdims=True),
    "sum of all": lambda x: x + ops.sum(x),
    "softmax of the batch": lambda x: ops.softmax(x, axis=0),
    "rows from the last": lambda x: x[::-1],
    "a row for all": lambda x: x + x[:1],
    "some rows": lambda x: x[1:],
    "rows behind rows": lambda x: ops.concatenate([x, x], axis=0)[: x.shape[0]],
    "sums of rows": lambda x: ops.cumsum(x, axis=0),
    "sorted": lambda x: ops.sort(x, axis=0),
    "transposed": lambda x: ops.transpose(x, (1, 0, 2)) @ K,
    "product of the batch": lambda x: ops.matmul(ops.reshape(x, (-1, 24)), ops.transpose(ops.reshape(x, (-1, 24)))),
    "rows of rows": lambda x: ops.take(x, np.arange(x.shape[0])[::-1].copy(), axis=0),
    "a half of two rows": lambda x: ops.reshape(ops.reshape(x, (x.shape[0] // 2, -1)) * 2.0, x.shape),
    "another number for each row": lambda x: x * np.arange(x.shape[0], dtype="float32")[:, None, None],
    "rows first for all": lambda x: ops.reshape(x, (-1, 4)) @ ops.reshape(x, (4, -1)),
    "normalized by the batch": lambda x: layers.BatchNormalization()(x, training=True),
    "elements of rows": lambda x: ops.take_along_axis(x, ops.cast(ops.abs(x), "int32"), axis=0),
    "rows that swap": lambda x: ops.roll(x, 1, axis=0),
}


def compiled(function):
    return Compiled(function, "of_rows")


@pytest.mark.parametrize("name", APART)
def test_rows_that_are_apart(name):
    function, x = compiled(APART[name]), uniform(ROWS, 6, 4)
    assert are_apart(function.executable_for(x).graph, ROWS)
    whole = function(x)
    parts = np.concatenate([function(x[:3]), function(x[3:4]), function(x[4:])])
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", MIXING)
def test_rows_that_mix(name):
    assert not are_apart(compiled(MIXING[name]).executable_for(uniform(ROWS, 6, 4)).graph, ROWS)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "Bidirectional"])
@pytest.mark.parametrize("stateful", [False, True])
def test_recurrent_layers(kind, stateful):
    if kind == "Bidirectional":
        layer = layers.Bidirectional(layers.LSTM(5, stateful=stateful))
    else:
        layer = getattr(layers, kind)(5, stateful=stateful)
    model = keras.Sequential([keras.Input((6, 4), batch_size=ROWS if stateful else None), layer])
    graph = model.make_predict_function().executable_for(uniform(ROWS, 6, 4)).graph
    assert not (stateful and are_apart(graph, ROWS))
    if kind in ("LSTM", "GRU", "Bidirectional") and not stateful:
        assert are_apart(graph, ROWS)


@pytest.mark.parametrize(
    "function, alike",
    [
        (lambda x: ops.tanh(x) * 0.5, True),
        (lambda x: layers.LayerNormalization()(x), True),
        (lambda x: ops.concatenate([x, ops.zeros_like(x)], axis=1), True),
        (lambda x: x / x.shape[0], False),
        (lambda x: x * np.full((x.shape[0], 1, 1), 0.5, "float32"), True),
        (lambda x: x * np.full((x.shape[0], 1, 1), x.shape[0], "float32"), False),
        (lambda x: x + 1.0 if x.shape[0] > 9 else x * 2.0, False),
        (lambda x: ops.leaky_relu(x, negative_slope=1.0 / x.shape[0]), False),
        (lambda x: x[:, 1:] * 2.0, True),
        (lambda x: ops.pad(ops.reshape(x, (x.shape[0], -1)), ((0, 0), (1, 0))), True),
        (lambda x: x[:, : x.shape[0] // 2 - 1], False),
        (lambda x: x[:, x.shape[0] // 2 - 3 :][:, :1], False),
        (lambda x: ops.sum(x, axis=1 if x.shape[0] > 9 else 2), False),
    ],
)
def test_traces_for_batches_of_two_sizes(function, alike):
    traces = [compiled(function).graph_for(uniform(rows, 6, 4)) for rows in (ROWS, 10)]
    assert differ_in_rows_alone(*traces) == alike
