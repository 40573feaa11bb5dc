"""custom_gradient: a function whose gradient its author writes."""

import functools

import numpy as np

from fastnn.graph import trace
from fastnn.graph.value import Operators, Value
from fastnn.ops.record import Op, as_value


def custom_gradient(f):
    """Gives `f` a gradient of its own.

    `f(*args)` returns `(outputs, grad_fn)`; `grad_fn(*upstream)` returns the gradient of each argument. What flows into
    an output that nobody used is zeroes.

    Raises, when the gradient is taken:
        ValueError: for another number of gradients than of arguments, or one of another shape than its argument's.

    Example:
        >>> import fastnn
        >>> @fastnn.custom_gradient
        ... def clipped(x):
        ...     return x, lambda dy: fastnn.ops.clip(dy, -1, 1)
    """
    name = getattr(f, "__name__", repr(f))

    def run(*args):
        graph = trace.current()
        with trace.untaped():
            outputs, grad_fn = f(*args)
        single = not isinstance(outputs, (tuple, list))
        flat = (outputs,) if single else tuple(outputs)

        def grad(dy, y, *xs):
            dys, ys = (dy, y) if isinstance(dy, tuple) else ((dy,), (y,))
            dxs = grad_fn(*[_zeros_like(y) if dy is None else dy for dy, y in zip(dys, ys, strict=True)])
            dxs = tuple(dxs) if isinstance(dxs, (tuple, list)) else (dxs,)
            if len(dxs) != len(args):
                raise ValueError(f"the gradient of {name} gave {len(dxs)} values; it has {len(args)} arguments")
            return (None,) * len(flat) + tuple(map(functools.partial(_fitting, name), dxs, xs[len(flat) :]))

        # The outputs pass through a node whose gradient jumps over what computed them, straight to the arguments.
        op = _passthrough(len(flat), grad)
        inputs = (*flat, *args)
        result = op(*inputs) if graph is None else op.trace(graph, tuple(as_value(x) for x in inputs), {})
        return result if single or isinstance(result, tuple) else (result,)

    return run


def _zeros_like(y: Value) -> Value:
    return as_value(np.zeros(y.shape, y.dtype))


def _fitting(name: str, dx, x: Value) -> Value | None:
    """`dx` in the dtype of the argument that it is the gradient of."""
    if dx is None:
        return None
    dx = as_value(dx)
    if dx.shape != x.shape:
        raise ValueError(f"the gradient of {name} has the shape {dx.shape} for an argument of the shape {x.shape}")
    return dx if dx.dtype == x.dtype else Operators.functions["cast"](dx, x.dtype)


def _passthrough(count: int, grad) -> Op:
    def reference(*arrays):  # copies: what `f` gives may be an argument, or the weights of a Variable
        outputs = tuple([np.array(x) for x in arrays[:count]])
        return outputs if count > 1 else outputs[0]

    return Op(
        "custom_gradient", is_registered=False, grad=grad,
        shape=lambda *specs: specs[:count] if count > 1 else specs[0],
        reference=reference,
        simplify=lambda node: node.inputs[:count] if count > 1 else node.inputs[0],
    )  # fmt: skip
