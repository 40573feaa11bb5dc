"""Functions of functions: jvp and vectorize."""

import re

import numpy as np

from fastnn import tree
from fastnn.graph import trace
from fastnn.graph.grad import gradients
from fastnn.graph.value import Graph
from fastnn.ops import elementwise as ew
from fastnn.ops import reduce
from fastnn.ops.indexing import getitem
from fastnn.ops.joining import stack
from fastnn.ops.layout import broadcast_to, copy_op, reshape
from fastnn.ops.record import Op, as_operand, as_value, dtype_of, shape_of
from fastnn.plan.executable import Executable


def _derivative(fun, primals, tangents, has_aux):
    """The outputs, derivatives and aux as traced values.

    Twice backward: the gradient by the inputs is linear in what flows into the outputs, and the derivative of its
    product with the tangents by that is what the tangents become.
    """
    graph = trace.current()
    sources = [copy_op(x) for x in primals]  # what else depends on a primal does not count
    outputs = fun(*sources)
    outputs, aux = outputs if has_aux else (outputs, ())
    flat = [as_value(y) for y in tree.flatten(outputs)]
    seeds = [graph.constant(np.zeros(y.shape, y.dtype)) for y in flat]
    found = gradients(graph, flat, sources, seeds)
    products = [
        reduce.sum(ew.multiply(g, ew.cast(t, g.dtype))) for g, t in zip(found, tangents, strict=True) if g is not None
    ]
    turned = gradients(graph, products, seeds)
    turned = [np.zeros(y.shape, y.dtype) if t is None else t for t, y in zip(turned, flat, strict=True)]
    return outputs, tree.pack_sequence_as(outputs, turned), aux


def _at_once(fun, primals, tangents, has_aux):
    """The same for arrays: one op made for this call, so that tapes see it."""
    count = len(primals)
    graph = Graph()
    arrays = [*primals, *tangents]
    inputs = [graph.input(shape_of(x), dtype_of(x)) for x in arrays]
    with trace.tracing(graph):
        structure = _derivative(fun, inputs[:count], inputs[count:], has_aux)
        graph.outputs = [as_value(y) for y in tree.flatten(structure)]

    def grad(dy, _y, *xs):
        flat = [as_value(y) for y in tree.flatten(_derivative(fun, xs[:count], xs[count:], has_aux))]
        known = [(y, d) for y, d in zip(flat, dy, strict=True) if d is not None]
        return tuple(gradients(trace.current(), [y for y, _ in known], list(xs), [d for _, d in known]))

    specs = tuple(y.spec for y in graph.outputs)
    executable = Executable(graph, "jvp")
    op = Op(
        "jvp", shape=lambda *_: specs, reference=lambda *xs: tuple(executable.run(list(xs))), grad=grad,
        is_registered=False,
    )  # fmt: skip
    return tree.pack_sequence_as(structure, list(op(*arrays)))


def jvp(fun, primals, tangents, has_aux=False):
    """What a function gives for `primals`, and the derivative of that in the direction of `tangents`.

    Args:
        fun: function of arrays that returns an array or a structure of them.
        primals: list or tuple of arrays, its arguments.
        tangents: arrays of the same shapes.
        has_aux: whether `fun` returns a pair, of which the second part is not differentiated.

    Returns:
        `(outputs, derivatives)`, and the second part of the pair behind them when `has_aux`.

    Raises:
        ValueError: when there are not as many tangents as primals, or a shape differs.

    Example:
        >>> jvp(lambda x: x * x, (np.array(3.0),), (np.array(1.0),))
        (array(9.), array(6.))
    """
    primals, tangents = list(primals), list(tangents)
    shapes = [[shape_of(x) for x in xs] for xs in (primals, tangents)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"jvp: primals have shapes {shapes[0]}, tangents {shapes[1]}; they must be the same.")
    if trace.current() is None:
        primals, tangents = ([as_operand(x) for x in xs] for xs in (primals, tangents))
        results = _at_once(fun, primals, tangents, has_aux)
    else:
        results = _derivative(fun, [as_value(x) for x in primals], [as_value(x) for x in tangents], has_aux)
    return tuple(results) if has_aux else tuple(results[:2])


# ---- vectorize ----

_CORE = r"\(\s*(?:\w+(?:\s*,\s*\w+)*)?\s*\)"
_SIGNATURE = rf"^{_CORE}(?:\s*,\s*{_CORE})*\s*->\s*{_CORE}(?:\s*,\s*{_CORE})*$"


def _parse_signature(signature: str) -> list[list[str]]:
    """The names of the core axes of each input."""
    if not re.match(_SIGNATURE, signature.strip()):
        raise ValueError(f"vectorize: not a valid signature: {signature!r}; such as '(n),(n)->()'.")
    inputs, _, _ = signature.partition("->")
    return [re.findall(r"\w+", core) for core in re.findall(_CORE, inputs)]


def _leading_shapes(arrays, cores, signature):
    """The shape of each array without its core axes, whose sizes must agree."""
    sizes, leading = {}, []
    for x, core in zip(arrays, cores, strict=True):
        shape = shape_of(x)
        if len(shape) < len(core):
            raise ValueError(f"vectorize: an argument of shape {shape} has no axes {core} of signature {signature!r}.")
        leading.append(shape[: len(shape) - len(core)])
        for name, size in zip(core, shape[len(shape) - len(core) :], strict=True):
            if sizes.setdefault(name, size) != size:
                raise ValueError(f"vectorize: axis {name!r} of signature {signature!r} is {sizes[name]} and {size}.")
    return leading


def vectorize(pyfunc, *, excluded=None, signature=None):
    """A function of arrays that calls `pyfunc` for each element, or each slice, of its broadcast arguments.

    The calls are made one after the other, also inside a compiled function, where they are unrolled.

    Args:
        pyfunc: function of scalars, or of the slices that `signature` names.
        excluded: positions and names of arguments that are handed on as they are.
        signature: such as "(n),(n)->()": the core axes of each argument and result, the last ones; scalars by default.

    Returns:
        A function that returns arrays, a tuple of them where `pyfunc` does.

    Raises:
        ValueError: when `pyfunc` is not callable, or the signature is no signature. The function raises it when
            arguments do not fit the signature.

    Example:
        >>> longer = vectorize(lambda a, b: a if a > b else b)
        >>> longer(np.array([1, 5, 2]), 3)
        array([3, 5, 3])
    """
    if not callable(pyfunc):
        raise ValueError(f"vectorize: `pyfunc` must be callable, got {pyfunc!r}.")
    excluded = set() if excluded is None else set(excluded)
    inputs = None if signature is None else _parse_signature(signature)

    def run(*args, **kwargs):
        places = [k for k in range(len(args)) if k not in excluded] + [name for name in kwargs if name not in excluded]
        given = {**dict(enumerate(args)), **kwargs}
        arrays = [as_operand(x) for x in (given[place] for place in places)]
        cores = [[]] * len(arrays) if inputs is None else inputs
        if len(cores) != len(arrays):
            raise ValueError(f"vectorize: signature {signature!r} has {len(cores)} arguments, not {len(arrays)}.")
        leading = _leading_shapes(arrays, cores, signature)
        outer = np.broadcast_shapes(*leading)
        wide = [broadcast_to(x, (*outer, *shape_of(x)[len(lead) :])) for x, lead in zip(arrays, leading, strict=True)]
        results = []
        for at in np.ndindex(outer):
            given.update({place: getitem(x, at) for place, x in zip(places, wide, strict=True)})
            y = pyfunc(*(given[k] for k in range(len(args))), **{name: given[name] for name in kwargs})
            results.append(y if isinstance(y, tuple) else (y,))
        if not results:
            raise ValueError(f"vectorize: nothing to call the function on: the arguments broadcast to {outer}.")
        stacked = tuple(stack(list(parts)) for parts in zip(*results, strict=True))
        stacked = tuple(reshape(y, (*outer, *shape_of(y)[1:])) for y in stacked)
        return stacked if isinstance(y, tuple) else stacked[0]

    return run
