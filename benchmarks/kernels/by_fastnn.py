"""The problems by fastnn: each a compiled function whose native plan is repeated without any Python in between."""

import fastnn
from benchmarks.kernels.operations import OPERATIONS
from fastnn import ops
from fastnn.ops.attention import attend
from fastnn.ops.conv2d import conv2d_grad_input_op, conv2d_grad_kernel_op, conv2d_op
from fastnn.ops.depthwise import depthwise_conv2d_grad_input_op, depthwise_conv2d_grad_kernel_op, depthwise_conv2d_op
from fastnn.ops.gather import take_grad_op
from fastnn.ops.matmul import linear_grad_kernel_op, linear_op, matmul_op
from fastnn.ops.normalization import batch_norm, layer_normalization
from fastnn.ops.pool2d import average_pool2d_op, max_pool2d_grad_op, max_pool2d_op
from fastnn.ops.recurrent import gru, lstm
from fastnn.plan import memory
from fastnn.plan.function import Compiled
from fastnn.random import SeedGenerator


def prepare(problem):
    """`(run(times), result())` of `problem`."""
    arrays = problem.inputs()
    if problem.kind in PREPARED:
        arrays = PREPARED[problem.kind](problem.params, *arrays)
    if problem.kind in OPTIMIZERS:
        function = _step(OPTIMIZERS[problem.kind](), arrays[0].size)
    else:

        def function(*values):
            return FUNCTIONS[problem.kind](problem.params, *values)

    compiled = Compiled(function, problem.name)
    executable = compiled.executable_for(*arrays)
    if executable.has_references:
        return lambda times: [executable.run(arrays) for _ in range(times)], lambda: compiled(*arrays)
    run, threads = repeatable(executable, arrays), fastnn.config.threads()
    return lambda times: run(times, threads), lambda: compiled(*arrays)


def repeatable(executable, arrays):
    """`run(times, threads)` of the native plan, with `arrays` and room for its results bound."""
    plan, arena = executable.plan, executable._acquire(fastnn.config.threads())
    for slot, array in enumerate(arrays):
        plan.bind(arena, slot, array)
    for (shape, dtype), offset in zip(executable.result_types, executable.result_offsets or (), strict=False):
        if offset < 0:
            plan.bind(arena, -1 - offset, memory.empty(shape, dtype), writable=True)
    return lambda times, threads: plan.execute(arena, 0, plan.n_steps, 0, times, threads)


def _step(optimizer, size):
    """A step of `optimizer` on a variable of zeros."""
    variable = fastnn.Variable(ops.zeros(size))
    optimizer.build([variable])

    def step(gradient):
        optimizer.apply([gradient], [variable])
        return variable[:10]

    return step


def _conv(params) -> dict:
    return {"strides": (params["stride"],) * 2, "pads": (params["pad"],) * 4, "dilation": (1, 1)}


def _sizes(params) -> dict:
    return {"size": (params["size"],) * 2}


def _kernel(params) -> dict:
    return {"kernel_size": (params["kernel"],) * 2}


def _windows(params) -> dict:
    return {"window": (params["window"],) * 2, "strides": (params["stride"],) * 2, "pads": ((0, 0), (0, 0))}


def _per_channel(w):
    return ops.expand_dims(w, -1)


def _fit(function, inputs, dy=None):
    """The value of `function(*inputs)` and its gradients, given what flows into it."""
    with fastnn.GradientTape() as tape:
        tape.watch(inputs)
        y = function(*inputs)
    return y, *tape.gradient(y, list(inputs), output_gradients=dy)


def _cross_entropy_fit(_, logits, labels):
    return _fit(lambda x: ops.mean(ops.sparse_categorical_crossentropy(labels, x, from_logits=True)), [logits])


def _batch_norm(x, gamma, beta):
    return batch_norm(x, gamma, beta)[0]


def _layer_norm(x, gamma, beta):
    return layer_normalization(x, gamma, beta, epsilon=1e-3)


def _polynomial(_, x):
    y = x
    for _ in range(7):
        y = y * x + 1.0
    return y


def _lstm(x, w, r, bias):
    zeros = ops.zeros((x.shape[0], r.shape[0]))
    return lstm(linear_op(x, w, bias), r, zeros, zeros)[0]


def _gru(x, w, r, bias, recurrent_bias):
    return gru(linear_op(x, w, bias), r, recurrent_bias, ops.zeros((x.shape[0], r.shape[0])))[0]


def _attention(params):
    dropout = {"dropout": params["dropout"], "seed_generator": SeedGenerator(0)} if params["dropout"] else {}
    return lambda q, k, v: attend(q, k, v, is_causal=params["causal"], **dropout)


def _operation(function):
    return lambda _, *xs: function(ops, *xs)


def _operation_fit(function):
    """By the first argument; the last is what flows into the value."""
    return lambda _, x, *rest: _fit(lambda x: function(ops, x, *rest[:-1]), [x], rest[-1])


def _convolutions(kind):
    def with_groups(op, arguments=lambda p: {}):
        return lambda p, *arrays: op(*arrays, groups=p["groups"], **arguments(p), **_conv(p))

    return {
        kind: with_groups(conv2d_op),
        f"{kind}_grad_input": with_groups(conv2d_grad_input_op, _sizes),
        f"{kind}_grad_kernel": with_groups(conv2d_grad_kernel_op, _kernel),
    }


# {kind: function(params, *arrays)}
FUNCTIONS = {
    "dense": lambda _, x, w, b: linear_op(x, w, b),
    "dense_grad_input": lambda _, dy, w: matmul_op(dy, w, transpose_b=True),
    "dense_grad_kernel": lambda _, x, dy: linear_grad_kernel_op(x, dy),
    **_convolutions("conv2d"),
    **_convolutions("grouped"),
    "depthwise": lambda p, x, w, b: depthwise_conv2d_op(x, _per_channel(w), **_conv(p)) + b,
    "depthwise_grad_input": lambda p, dy, w: depthwise_conv2d_grad_input_op(
        dy, _per_channel(w), **_sizes(p), **_conv(p)
    ),
    "depthwise_grad_kernel": lambda p, x, dy: depthwise_conv2d_grad_kernel_op(x, dy, **_kernel(p), **_conv(p)),
    "max_pool": lambda p, x: max_pool2d_op(x, **_windows(p))[0],
    "max_pool_grad": lambda p, dy, places: max_pool2d_grad_op(dy, places, shape=p["shape"], **_windows(p)),
    "average_pool": lambda p, x: average_pool2d_op(x, **_windows(p)),
    "softmax": lambda _, x: ops.softmax(x),
    "cross_entropy_fit": _cross_entropy_fit,
    "batch_norm": lambda _, *xs: _batch_norm(*xs),
    "batch_norm_fit": lambda _, *xs: _fit(_batch_norm, xs[:-1], xs[-1]),
    "layer_norm": lambda _, *xs: _layer_norm(*xs),
    "layer_norm_fit": lambda _, *xs: _fit(_layer_norm, xs[:-1], xs[-1]),
    "add_relu": lambda _, a, b: ops.relu(a + b),
    "bias_gelu": lambda _, x, b: ops.gelu(x + b),
    "gate": lambda _, a, b: ops.sigmoid(a) * ops.tanh(b),
    "polynomial": _polynomial,
    "column_sum": lambda _, x: ops.sum(x, 0),
    "sum": lambda _, x: ops.sum(x, 1),
    "max": lambda _, x: ops.max(x, 1),
    "take": lambda _, table, index: ops.take(table, index, axis=0),
    "take_grad": lambda p, dy, index: take_grad_op(dy, index, shape=(p["words"], dy.shape[-1]), axis=0),
    "lstm": lambda _, *xs: _lstm(*xs),
    "lstm_fit": lambda _, *xs: _fit(_lstm, xs[:-1], xs[-1]),
    "gru": lambda _, *xs: _gru(*xs),
    "gru_fit": lambda _, *xs: _fit(_gru, xs[:-1], xs[-1]),
    "attention": lambda p, *xs: _attention(p)(*xs),
    "attention_fit": lambda p, *xs: _fit(_attention(p), xs[:-1], xs[-1]),
    "attention_dropout_fit": lambda p, *xs: _fit(_attention(p), xs[:-1], xs[-1]),
    **{kind: _operation(of.fastnn) for kind, of in OPERATIONS.items()},
    **{f"{kind}_fit": _operation_fit(of.fastnn) for kind, of in OPERATIONS.items() if of.fit},
}
# {kind: function(params, *arrays)}: what the forward pass leaves for a gradient, in the place of its arguments
PREPARED = {"max_pool_grad": lambda p, dy, x: [dy, max_pool2d_op(x, **_windows(p))[1]]}
OPTIMIZERS = {
    "sgd": lambda: fastnn.optimizers.SGD(0.01),
    "momentum": lambda: fastnn.optimizers.SGD(0.01, momentum=0.9),
    "adam": lambda: fastnn.optimizers.Adam(0.001),
}
