"""custom_gradient: a function whose gradient its author writes."""

from fastnn.graph import trace
from fastnn.ops.record import Op, as_value


def custom_gradient(f):
    """Gives `f` a gradient of its own.

    `f(*args)` returns `(outputs, grad_fn)`; `grad_fn(*upstream)` returns the gradient of each argument.

    Example:
        >>> import fastnn
        >>> @fastnn.custom_gradient
        ... def clipped(x):
        ...     return x, lambda dy: fastnn.ops.clip(dy, -1, 1)
    """

    def run(*args):
        graph = trace.current()
        with trace.untaped():
            outputs, grad_fn = f(*args)
        single = not isinstance(outputs, (tuple, list))
        flat = (outputs,) if single else tuple(outputs)

        def grad(dy, _y, *_xs):
            dys = dy if isinstance(dy, tuple) else (dy,)
            dxs = grad_fn(*dys)
            dxs = tuple(dxs) if isinstance(dxs, (tuple, list)) else (dxs,)
            return (None,) * len(flat) + dxs

        # The outputs pass through a node whose gradient jumps over what computed them, straight to the arguments.
        op = _passthrough(len(flat), grad)
        inputs = (*flat, *args)
        result = op(*inputs) if graph is None else op.trace(graph, tuple(as_value(x) for x in inputs), {})
        return result if single or isinstance(result, tuple) else (result,)

    return run


def _passthrough(count: int, grad) -> Op:
    return Op(
        "custom_gradient", is_registered=False, grad=grad,
        shape=lambda *specs: specs[:count] if count > 1 else specs[0],
        reference=lambda *arrays: arrays[:count] if count > 1 else arrays[0],
        simplify=lambda node: node.inputs[:count] if count > 1 else node.inputs[0],
    )  # fmt: skip
