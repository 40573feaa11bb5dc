"""Gradients for custom loops: GradientTape, value_and_grad, jit. (`custom_gradient` is an op: `ops/own_gradient.py`.)

Inside a trace the tape only marks from where to where it looked on: the graph already holds every operation. Outside,
it writes down the ops that run, and replays them as a graph when a gradient is asked for. Either way the same rules
differentiate. What a custom loop records again and again is differentiated once and becomes a plan.
"""

from __future__ import annotations

import functools

import numpy as np

from fastnn import tree
from fastnn._kernels._engine import Tape, is_taped, set_taped
from fastnn.graph import trace
from fastnn.graph.dtypes import is_inexact
from fastnn.graph.grad import gradients
from fastnn.graph.value import Graph, Operators
from fastnn.graph.variable import Variable
from fastnn.ops.record import as_value
from fastnn.plan.function import Compiled

_NAMES = {"remainder": "mod", "conjugate": "conj"}  # of NumPy's functions that are called otherwise in fastnn.ops
_UNCHANGED = (
    "what a GradientTape watches does not change; ops.slice_update and scatter_update, and `x = x + y`, give new arrays"
)


@tree.leaf
class TapeArray(np.ndarray):
    """An array that a tape watches: Python's operators, NumPy's ufuncs and the methods of arrays that there are ops for
    run as these, so they are recorded. `x += y` is `x = x + y`, as of tensors: records hold what `x` was.
    """

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method == "__call__" and not kwargs and any(map(is_taped, inputs)):
            function = getattr(_ops(), _NAMES.get(ufunc.__name__, ufunc.__name__), None)
            if function is not None:
                return function(*inputs)
        plain, outs = map(_plain, inputs), kwargs.get("out", ())
        if any(map(is_taped, outs)):
            raise TypeError(f"{ufunc.__name__}: {_UNCHANGED}")
        kwargs = {name: tuple(map(_plain, x)) if name == "out" else _plain(x) for name, x in kwargs.items()}
        found = getattr(ufunc, method)(*plain, **kwargs)
        return outs[0] if len(outs) == 1 else outs or found

    def __array_function__(self, function, types, args, kwargs):
        """NumPy's functions that are no ufuncs, as `np.squeeze`, give plain arrays: constants, as of Keras tensors."""
        return function(*map(_all_plain, args), **{name: _all_plain(x) for name, x in kwargs.items()})

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    def __str__(self) -> str:
        return str(self.view(np.ndarray))

    def __getitem__(self, index):
        if is_taped(self):
            return Operators.functions["getitem"](self, index)
        return self.view(np.ndarray)[index]

    def __setitem__(self, index, value):
        if is_taped(self):
            raise TypeError(_UNCHANGED)
        self.view(np.ndarray)[index] = value

    @property
    def T(self):
        return self.transpose()

    def transpose(self, *axes):
        if not is_taped(self):
            return self.view(np.ndarray).transpose(*axes)
        axes = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return Operators.functions["transpose"](self, axes)

    def reshape(self, *shape, **kwargs):
        if kwargs or not is_taped(self):
            return self.view(np.ndarray).reshape(*shape, **kwargs)
        return Operators.functions["reshape"](self, shape[0] if len(shape) == 1 else shape)

    def ravel(self, *order):
        return self.view(np.ndarray).ravel(*order) if order else self.reshape(-1)

    def flatten(self, *order):
        return self.view(np.ndarray).flatten(*order) if order or not is_taped(self) else self.reshape(-1)


set_taped(Variable, TapeArray, is_inexact)


def _method(name: str, op: str, most: int, known: set[str]) -> None:
    """A method that is recorded as `op` with at most so many arguments by place, and `known` ones by name; with others,
    such as the `out` that NumPy's functions give it, its result is NumPy's, a constant."""
    plain = getattr(np.ndarray, name)

    @functools.wraps(plain)
    def method(self, *args, **kwargs):
        if len(args) <= most and kwargs.keys() <= known and is_taped(self):
            return getattr(_ops(), op)(self, *args, **kwargs)
        return plain(self.view(np.ndarray), *args, **kwargs)

    setattr(TapeArray, name, method)


for _name in ("sum", "mean", "max", "min", "prod", "std", "var"):
    _method(_name, _name, 1, {"axis", "keepdims"})
for _name in ("cumsum", "cumprod", "squeeze"):
    _method(_name, _name, 1, {"axis"})
for _name, _op, _most in (
    ("astype", "cast", 1), ("clip", "clip", 2), ("copy", "copy", 0), ("diagonal", "diagonal", 3), ("dot", "dot", 1),
    ("repeat", "repeat", 2), ("round", "round", 1), ("swapaxes", "swapaxes", 2), ("take", "take", 2),
    ("trace", "trace", 3),
):  # fmt: skip
    _method(_name, _op, _most, set())


def _binary(symbol: str, name: str) -> None:
    """Operators that are recorded without NumPy between them and the op."""
    plain, plain_of_right = getattr(np.ndarray, f"__{symbol}__"), getattr(np.ndarray, f"__r{symbol}__")

    def forward(self, other):
        if is_taped(self) or is_taped(other):
            return Operators.functions[name](self, other)
        return plain(self, other)

    def backward(self, other):
        return Operators.functions[name](other, self) if is_taped(self) else plain_of_right(self, other)

    setattr(TapeArray, f"__{symbol}__", forward)
    setattr(TapeArray, f"__r{symbol}__", backward)


for _symbol, _name in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "matmul": "matmul",
}.items():  # fmt: skip
    _binary(_symbol, _name)
for _symbol in (
    "add", "sub", "mul", "truediv", "matmul", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift",
):  # fmt: skip
    setattr(TapeArray, f"__i{_symbol}__", getattr(TapeArray, f"__{_symbol}__"))


def _plain(x):
    return x.view(np.ndarray) if isinstance(x, TapeArray) else x


def _all_plain(x):
    return tree.map_structure(_plain, x) if isinstance(x, (list, tuple)) else _plain(x)


@functools.cache
def _ops():
    import fastnn.ops

    return fastnn.ops


class GradientTape(Tape):
    """Records the operations inside its `with` block so that their result can be differentiated.

    What was computed before the block, or after it, is constant.

    Trainable variables are watched by themselves; arrays after `watch`. Watched arrays must pass through `fastnn.ops`
    (or come out of an op: Python's operators, NumPy's ufuncs and methods such as `x.max()` on results are recorded,
    functions of NumPy such as `np.squeeze(x)` give constants). From the third time on that the same ops are
    recorded on arrays of the same shapes, `gradient` runs as one plan. So does a call of a loss, of an op that is
    composed of others, and of a model or layer that has nothing but fastnn's layers in it; code of yours runs each
    time, and the layers that it calls as a plan each.

    Args:
        persistent: whether `gradient` may be called more than once.
        watch_accessed_variables: whether trainable variables are watched as they are read.

    Example:
        >>> import fastnn, numpy as np
        >>> w = fastnn.Variable([3.0])
        >>> with fastnn.GradientTape() as tape:
        ...     y = fastnn.ops.sum(w * w)
        >>> tape.gradient(y, w)
        array([6.], dtype=float32)
    """

    def __init__(self, persistent=False, watch_accessed_variables=True):
        self._persistent = persistent
        self.watches_variables = bool(watch_accessed_variables)
        self.records, self.tracked = [], {}
        self._graph: Graph | None = None
        self._updates: dict = {}
        self._spans: list[slice] = []  # of the graph's nodes: what was traced inside

    def __enter__(self):
        self._graph = trace.current()
        if self._graph is None:
            trace.watch(1)
            trace.state.tapes.append(self)
        else:
            # A variable that was assigned before this point is differentiated by what it is now.
            self._updates = dict(self._graph.updates)
            self._spans.append(slice(len(self._graph.nodes), None))
        return self

    def __exit__(self, *_):
        if self._graph is None:
            trace.state.tapes.remove(self)
            trace.watch(-1)
        else:
            self._spans[-1] = slice(self._spans[-1].start, len(self._graph.nodes))

    def watch(self, tensor) -> None:
        """Lets `gradient` differentiate by `tensor` (an array, a Variable, or a structure of them)."""
        for x in tree.flatten(tensor):
            self.tracked[id(x)] = x

    def reset(self) -> None:
        """Forgets what was recorded."""
        self.records, self.tracked = [], {}
        is_open = bool(self._spans) and self._spans[-1].stop is None
        self._spans = [slice(len(self._graph.nodes), None)] if is_open else []

    def call(self, one_plan, args: tuple, kwargs: dict):
        """What a call of an op that is composed of others gives where it is one record; else NotImplemented."""
        from fastnn import tape_replay  # as in `gradient`

        return tape_replay.call_of_op(one_plan, args, kwargs)

    def gradient(self, target, sources, output_gradients=None, unconnected_gradients="none"):
        """The gradient of the sum of `target` by `sources`, in their structure.

        Args:
            target: a value, or a structure of them.
            sources: Variables or watched arrays, or a structure of them.
            output_gradients: what flows into each target, in its dtype and shape then; ones by default.
            unconnected_gradients: "none", or "zero" for zeroes where nothing depends on a source.

        Raises:
            RuntimeError: on a second call of a tape that is not persistent.
        """
        if self.records is None:
            raise RuntimeError("GradientTape.gradient can be called once; make the tape with persistent=True for more.")
        targets, flat = tree.flatten(target), tree.flatten(sources)
        seeds = None if output_gradients is None else tree.flatten(output_gradients)
        if self._graph is not None:
            graph = self._graph
            of = [self._traced(graph, x) if isinstance(x, Variable) else x for x in flat]
            nodes = [node for span in self._spans for node in graph.nodes[span]]
            asked = [x for x in of if x is not None]
            found = iter(gradients(graph, [as_value(t) for t in targets], asked, seeds, nodes))
            results = [None if x is None else next(found) for x in of]
        else:
            from fastnn import tape_replay  # not in a first import: a trace has no records

            results = tape_replay.gradients_of(self, targets, flat, seeds)
            if not self._persistent:
                self.records = None
        if unconnected_gradients == "zero":
            results = [
                Operators.functions["zeros_like"](x) if g is None else g for x, g in zip(flat, results, strict=True)
            ]
        return tree.pack_sequence_as(sources, results)

    def _traced(self, graph: Graph, variable: Variable):
        """The value as which the tape saw `variable`; None when nothing has read it."""
        home = getattr(variable, "home", (None, 0))[0]
        if variable not in graph.variables and variable not in self._updates and home not in self._updates:
            return None
        return graph.value_after(variable, self._updates)


def value_and_grad(function, variables=None, argnums=0, has_aux=False):
    """A function that returns what `function` returns, and its gradient.

    Args:
        function: returns a scalar loss, or `(loss, aux)` with `has_aux`.
        variables: Variables (a structure of them) to differentiate by; by default the arguments `argnums`.
        argnums: an int or a tuple of ints.
        has_aux: whether `function` also returns something that is passed through.

    Returns:
        A function with the arguments of `function` that returns `(value, gradients)`.

    Example:
        >>> import fastnn, numpy as np
        >>> fastnn.value_and_grad(lambda x: fastnn.ops.sum(x**2))(np.float32([1, 2]))[1]
        array([2., 4.], dtype=float32)
    """

    def run(*args, **kwargs):
        args = list(args)
        with GradientTape() as tape:
            if variables is None:
                positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)
                for k in positions:
                    args[k] = tree.map_structure(_watchable, args[k])
                    tape.watch(args[k])
                sources = args[argnums] if isinstance(argnums, int) else tuple(args[k] for k in positions)
            else:
                sources = variables
            result = function(*args, **kwargs)
            loss = result[0] if has_aux else result
        return result, tape.gradient(loss, sources)

    return run


def _watchable(x):
    return as_value(x) if trace.current() is not None else np.array(x).view(TapeArray)


def jit(function):
    """Compiles `function`: traced once for each signature, then run as one plan.

    Array arguments are inputs; other leaves are constants of the trace and part of the signature. Python side effects
    happen while tracing only.

    Example:
        >>> import fastnn, numpy as np
        >>> fastnn.jit(lambda x: fastnn.ops.relu(x) + 1)(np.float32([-1, 1]))
        array([1., 2.], dtype=float32)
    """
    return Compiled(function, getattr(function, "__name__", "function"))
