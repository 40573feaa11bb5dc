"""The problems by PyTorch, eager: images in channels_last, gradients by autograd or the operator that it would call."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.kernels.operations import OPERATIONS
from benchmarks.machine import threads
from benchmarks.timing import repeated

torch.set_num_threads(threads())


def prepare(problem):
    """`(run(times), result())` of `problem`."""
    arrays = [torch.from_numpy(array) for array in problem.inputs()]
    call = FUNCTIONS[problem.kind](problem.params, *arrays)

    def result():
        found = call()
        found = found if isinstance(found, (tuple, list)) else [found]
        return [tensor.detach().numpy() for tensor in TO_OURS.get(problem.kind, lambda *xs: xs)(*found)]

    return repeated(call), result


def _without_gradients(function):
    """A function of (params, *tensors) as a maker of calls that record nothing for a gradient."""

    def make(params, *tensors):
        def call():
            with torch.inference_mode():
                return function(params, *tensors)

        return call

    return make


def _fit(function):
    """The value and its gradients by every tensor but the last, which is what flows into the value."""

    def make(params, *tensors):
        inputs, dy = [x.requires_grad_() for x in tensors[:-1]], tensors[-1]

        def call():
            y = function(params, *inputs)
            return y, *torch.autograd.grad(y, inputs, dy)

        return call

    return make


# ---- convolution: (n, h, w, c) is seen as channels_last (n, c, h, w), and kernels are (cout, cin, k, k) ----


def _planes(x):
    return x.permute(0, 3, 1, 2)


def _ours(*found):
    """Images back to channels last, kernels back to (k, k, cin, cout)."""
    return [x.permute(0, 2, 3, 1) if x.ndim == 4 else x for x in found]


def _kernel(w):
    """(k, k, cin, cout), or (k, k, channels) of a depthwise convolution."""
    w = w.permute(3, 2, 0, 1) if w.ndim == 4 else w.permute(2, 0, 1)[:, None]
    return w.contiguous(memory_format=torch.channels_last)


def _conv2d(p, x, w, b):
    x, w = _planes(x), _kernel(w)
    groups = x.shape[1] // w.shape[1]
    return _without_gradients(lambda _: functional.conv2d(x, w, b, p["stride"], p["pad"], 1, groups))(p)


def _backward(dy, x, w, p, mask):
    groups = x.shape[1] // w.shape[1]
    steps = [p["stride"]] * 2, [p["pad"]] * 2, [1, 1]
    call = torch.ops.aten.convolution_backward
    bias = [w.shape[0]]
    return _without_gradients(lambda _: call(dy, x, w, bias, *steps, False, [0, 0], groups, mask))(p)


def _grad_input(channels_of):
    """`channels_of(p, w)`: the channels of the input, for a kernel (cout, cin of a group, k, k)."""

    def prepared(p, dy, w):
        dy, w = _planes(dy), _kernel(w)
        x = _planes(torch.empty(dy.shape[0], p["size"], p["size"], channels_of(p, w)))
        call = _backward(dy, x, w, p, [True, False, False])
        return lambda: call()[0]

    return prepared


def _conv2d_grad_kernel(p, x, dy):
    x, dy = _planes(x), _planes(dy)
    w = _kernel(torch.empty(p["kernel"], p["kernel"], x.shape[1] // p["groups"], dy.shape[1]))
    call = _backward(dy, x, w, p, [False, True, True])
    return lambda: call()[1:]


def _depthwise_grad_kernel(p, x, dy):
    x, dy = _planes(x), _planes(dy)
    call = _backward(dy, x, _kernel(torch.empty(p["kernel"], p["kernel"], x.shape[1])), p, [False, True, False])
    return lambda: call()[1]


def _max_pool_grad(p, dy, x):
    dy, x = _planes(dy), _planes(x)
    shape = [p["window"]] * 2, [p["stride"]] * 2, [0, 0], [1, 1], False
    _, places = torch.ops.aten.max_pool2d_with_indices(x, *shape)
    call = torch.ops.aten.max_pool2d_with_indices_backward
    return _without_gradients(lambda _: call(dy, x, *shape, places))(p)


def _take_grad(p, dy, index):
    index = index.long()
    return _without_gradients(lambda _: torch.ops.aten.embedding_dense_backward(dy, index, p["words"], -1, False))(p)


# ---- the rest ----


def _cross_entropy_fit(_, logits, labels):
    logits, labels = logits.requires_grad_(), labels.long()

    def call():
        loss = functional.cross_entropy(logits, labels)
        return loss, *torch.autograd.grad(loss, [logits])

    return call


def _batch_norm(_, x, gamma, beta):
    return functional.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-3)


def _layer_norm(_, x, gamma, beta):
    return functional.layer_norm(x, x.shape[-1:], gamma, beta, eps=1e-3)


def _polynomial(_, x):
    y = x.clone()
    for _ in range(7):
        y.mul_(x).add_(1)
    return y


def _reset_first(x):
    """GRU's parts z, r, g as PyTorch orders them: r, z, g; and back."""
    z, r, g = x.chunk(3, -1)
    return torch.cat([r, z, g], -1)


def _recurrent(make, reorder, is_fit):
    def prepared(_, x, w, r, *rest):
        biases, dy = (rest[:-1], rest[-1]) if is_fit else (rest, None)
        module = make(w.shape[0], r.shape[0], batch_first=True)
        weights = [module.weight_ih_l0, module.weight_hh_l0, module.bias_ih_l0, module.bias_hh_l0]
        with torch.no_grad():
            for weight, array in zip(weights, [reorder(x).T.contiguous() for x in (w, r, *biases)], strict=False):
                weight.copy_(array)
            if len(biases) == 1:
                weights.pop().zero_()
        if not is_fit:
            return _without_gradients(lambda _, x: module(x)[0])(None, x)
        return _fit(lambda _, x, *rest: module(x)[0])(None, x, *weights, dy)

    return prepared


def _recurrent_in_our_order(reorder):
    return lambda y, dx, *weights: (y, dx, *(reorder(weight.T) for weight in weights))


def _attention(p, q, k, v):
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    y = functional.scaled_dot_product_attention(q, k, v, dropout_p=p["dropout"], is_causal=p["causal"])
    return y.transpose(1, 2)


def _optimizer(make):
    def prepared(_, gradient):
        weight = nn.Parameter(torch.zeros_like(gradient))
        weight.grad = gradient
        optimizer = make([weight])

        def step():
            optimizer.step()
            return weight[:10]

        return step

    return prepared


def _pool(function):
    return _without_gradients(lambda p, x: function(_planes(x), p["window"], p["stride"]))


def _operation(function):
    return _without_gradients(lambda _, *xs: function(torch, *xs))


def _operation_fit(function):
    """By the first argument; the last is what flows into the value."""

    def make(_, x, *rest):
        return _fit(lambda _, x: function(torch, x, *rest[:-1]))(None, x, rest[-1])

    return make


# {kind: function(params, *tensors) that returns what is timed}
FUNCTIONS = {
    "dense": _without_gradients(lambda _, x, w, b: torch.addmm(b, x, w)),
    "dense_grad_input": _without_gradients(lambda _, dy, w: dy @ w.T),
    "dense_grad_kernel": _without_gradients(lambda _, x, dy: (x.T @ dy, dy.sum(0))),
    "conv2d": _conv2d,
    "conv2d_grad_input": _grad_input(lambda p, w: w.shape[1] * p["groups"]),
    "conv2d_grad_kernel": _conv2d_grad_kernel,
    "depthwise": _conv2d,
    "depthwise_grad_input": _grad_input(lambda _, w: len(w)),
    "depthwise_grad_kernel": _depthwise_grad_kernel,
    "grouped": _conv2d,
    "grouped_grad_input": _grad_input(lambda p, w: w.shape[1] * p["groups"]),
    "grouped_grad_kernel": _conv2d_grad_kernel,
    "max_pool": _pool(functional.max_pool2d),
    "max_pool_grad": _max_pool_grad,
    "average_pool": _pool(functional.avg_pool2d),
    "softmax": _without_gradients(lambda _, x: torch.softmax(x, -1)),
    "cross_entropy_fit": _cross_entropy_fit,
    "batch_norm": _without_gradients(_batch_norm),
    "batch_norm_fit": _fit(_batch_norm),
    "layer_norm": _without_gradients(_layer_norm),
    "layer_norm_fit": _fit(_layer_norm),
    "add_relu": _without_gradients(lambda _, a, b: torch.relu_(a + b)),
    "bias_gelu": _without_gradients(lambda _, x, b: functional.gelu(x + b, approximate="tanh")),
    "gate": _without_gradients(lambda _, a, b: torch.sigmoid(a).mul_(torch.tanh(b))),
    "polynomial": _without_gradients(_polynomial),
    "column_sum": _without_gradients(lambda _, x: x.sum(0)),
    "sum": _without_gradients(lambda _, x: x.sum(1)),
    "max": _without_gradients(lambda _, x: x.amax(1)),
    "take": _without_gradients(lambda _, table, index: functional.embedding(index, table)),
    "take_grad": _take_grad,
    "sgd": _optimizer(lambda ws: torch.optim.SGD(ws, lr=0.01, fused=True)),
    "momentum": _optimizer(lambda ws: torch.optim.SGD(ws, lr=0.01, momentum=0.9, fused=True)),
    "adam": _optimizer(lambda ws: torch.optim.Adam(ws, lr=0.001, eps=1e-7, fused=True)),
    "lstm": _recurrent(nn.LSTM, lambda x: x, is_fit=False),
    "lstm_fit": _recurrent(nn.LSTM, lambda x: x, is_fit=True),
    "gru": _recurrent(nn.GRU, _reset_first, is_fit=False),
    "gru_fit": _recurrent(nn.GRU, _reset_first, is_fit=True),
    "attention": _without_gradients(_attention),
    "attention_fit": _fit(_attention),
    "attention_dropout_fit": _fit(_attention),
    **{kind: _operation(of.torch) for kind, of in OPERATIONS.items()},
    **{f"{kind}_fit": _operation_fit(of.torch) for kind, of in OPERATIONS.items() if of.fit},
}
_IMAGES = (
    "conv2d",
    "conv2d_grad_input",
    "depthwise",
    "depthwise_grad_input",
    "grouped",
    "grouped_grad_input",
    "max_pool",
    "max_pool_grad",
    "average_pool",
)
TO_OURS = dict.fromkeys(_IMAGES, _ours) | {
    "conv2d_grad_kernel": lambda w, b: (w.permute(2, 3, 1, 0), b),
    "depthwise_grad_kernel": lambda w: [w.permute(2, 3, 1, 0)],
    "grouped_grad_kernel": lambda w, b: (w.permute(2, 3, 1, 0), b),
    "lstm_fit": _recurrent_in_our_order(lambda x: x),
    "gru_fit": _recurrent_in_our_order(_reset_first),
}
