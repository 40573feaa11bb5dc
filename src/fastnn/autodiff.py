"""Gradients for custom loops: GradientTape, value_and_grad, jit. (`custom_gradient` is an op: `ops/own_gradient.py`.)

Inside a trace the tape only marks a place: the graph already holds every operation. Outside, it writes down the ops
that run, and replays them as a graph when a gradient is asked for. Either way the same rules differentiate. What a
custom loop records again and again is differentiated once and becomes a plan.
"""

from __future__ import annotations

import numpy as np

from fastnn import _kernels, config, plan, tree
from fastnn.graph import trace
from fastnn.graph.grad import gradients
from fastnn.graph.value import CONSTANT, Graph, Operators, Value
from fastnn.graph.variable import Variable
from fastnn.ops.record import Spec, as_array, as_value, dtype_of, evaluate_recorded, shape_of
from fastnn.plan.function import Compiled


class TapeArray(np.ndarray):
    """An array that a tape watches: NumPy's functions and operators on it run as fastnn.ops, so they are recorded."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        name = {"true_divide": "divide", "matmul": "matmul"}.get(ufunc.__name__, ufunc.__name__)
        if method == "__call__" and not kwargs and trace.state.tapes and hasattr(_ops(), name):
            return getattr(_ops(), name)(*inputs)
        plain = [x.view(np.ndarray) if isinstance(x, TapeArray) else x for x in inputs]
        return getattr(ufunc, method)(*plain, **kwargs)

    def __getitem__(self, index):
        if trace.state.tapes:
            return Operators.functions["getitem"](self, index)
        return self.view(np.ndarray)[index]

    @property
    def T(self):
        return Operators.functions["transpose"](self)

    def sum(self, axis=None, keepdims=False):
        return Operators.functions["sum"](self, axis=axis, keepdims=keepdims)

    def mean(self, axis=None, keepdims=False):
        return Operators.functions["mean"](self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape):
        return Operators.functions["reshape"](self, shape[0] if len(shape) == 1 else shape)


def _ops():
    import fastnn.ops

    return fastnn.ops


class GradientTape:
    """Records operations so that their result can be differentiated.

    Trainable variables are watched by themselves; arrays after `watch`. Watched arrays must pass through `fastnn.ops`
    (or come out of an op: results carry Python's and NumPy's operators). From the third time on that the same ops are
    recorded on arrays of the same shapes, `gradient` runs as one plan.

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
        self._watch_variables = watch_accessed_variables
        self._records: list | None = []
        self._tracked: dict[int, object] = {}
        self._graph: Graph | None = None
        self._updates: dict = {}

    def __enter__(self):
        self._graph = trace.current()
        if self._graph is None:
            trace.state.tapes.append(self)
        else:
            # A variable that was assigned before this point is differentiated by what it is now.
            self._updates = dict(self._graph.updates)
        return self

    def __exit__(self, *_):
        if self._graph is None:
            trace.state.tapes.remove(self)

    def watch(self, tensor) -> None:
        """Lets `gradient` differentiate by `tensor` (an array, a Variable, or a structure of them)."""
        for x in tree.flatten(tensor):
            self._tracked[id(x)] = x

    def reset(self) -> None:
        """Forgets what was recorded."""
        self._records, self._tracked = [], {}

    def record(self, op, args, arrays, params, outputs):
        """Called by every op that runs: notes it when an input is watched, and watches its outputs."""
        if not any(self._is_tracked(x) for x in args):
            return outputs
        outputs = tuple(y if isinstance(y, TapeArray) else y.view(TapeArray) for y in outputs)
        for y in outputs:
            self._tracked[id(y)] = y
        self._records.append((op, args, arrays, params, outputs))
        return outputs

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
        if self._records is None:
            raise RuntimeError("GradientTape.gradient can be called once; make the tape with persistent=True for more.")
        targets, flat = tree.flatten(target), tree.flatten(sources)
        seeds = None if output_gradients is None else tree.flatten(output_gradients)
        if self._graph is not None:
            graph = self._graph
            of = [self._traced(graph, x) if isinstance(x, Variable) else x for x in flat]
            found = iter(gradients(graph, [as_value(t) for t in targets], [x for x in of if x is not None], seeds))
            results = [None if x is None else next(found) for x in of]
        else:
            results = self._replay(targets, flat, seeds)
            if not self._persistent:
                self._records = None
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

    def _is_tracked(self, x) -> bool:
        if isinstance(x, Variable) and x.trainable and self._watch_variables:
            self._tracked.setdefault(id(x), x)
            return True
        return self._tracked.get(id(x)) is x

    def _replay(self, targets, sources, seeds):
        """The gradients of what was recorded; by a plan once as much was recorded some times before."""
        key = self._signature(targets, sources, seeds)
        backward = _backwards.get(key)
        if backward is not None:
            return backward.run(self._records, seeds)
        times = _times.get(key, 0) + 1
        if key is not None:
            _keep(_times, key, times)
        if key is not None and times == _COMPILED_TIMES:
            try:
                backward = _compiled(*self._differentiated(targets, sources, seeds, is_reusable=True))
            except TypeError:  # a rule asks for the numbers of what is an input here
                backward = None
            if backward is not None:
                _keep(_backwards, key, backward)
                return backward.run(self._records, seeds)
        graph, places, results = self._differentiated(targets, sources, seeds)
        numbers = {value: self._records[r][part][k] for value, (r, part, k) in places.items()}
        return _run_new_nodes(graph, numbers, results)

    def _signature(self, targets, sources, seeds):
        """All that decides how the records are differentiated; None where other tapes or scopes see it, or where it
        does not come again."""
        if trace.state.tapes or trace.state.scope is not None or trace.state.autocast:
            return None
        numbers: dict[int, int] = {}
        key = [_kernels.isa(), config.floatx()]
        for op, args, arrays, params, outputs in self._records:
            if not op.is_registered:
                return None
            key += (op, *params.items())
            for x, array in zip(args, arrays, strict=True):
                if self._is_tracked(x):
                    key.append(numbers.setdefault(id(x), len(numbers)))
                elif array.size == 1:
                    key.append(array.tobytes())
                key += (array.shape, array.dtype.char)
            numbers.update({id(y): len(numbers) + k for k, y in enumerate(outputs)})
        key += [numbers.get(id(x)) for x in (*targets, *sources)]
        key += [None if s is None else (shape_of(s), dtype_of(s)) for s in seeds or ()]
        try:
            hash(key := (len(targets), *key))
        except TypeError:  # a parameter that cannot be hashed
            return None
        return key

    def _differentiated(self, targets, sources, seeds, is_reusable=False):
        """The records as a graph with the gradients, the place of each value that has numbers in the records or the
        seeds, and the gradients. Where it is reusable, arrays of several numbers are inputs, not constants."""
        graph = Graph()
        values: dict[int, Value] = {}
        places: dict[Value, tuple] = {}

        def value_of(x, array, place):
            is_tracked = self._is_tracked(x)
            if is_tracked and id(x) in values:
                return values[id(x)]
            is_input = is_tracked or (is_reusable and array.size != 1)
            value = graph.input(array.shape, array.dtype.name) if is_input else graph.constant(array)
            places[value] = place
            if is_tracked:
                values[id(x)] = value
            return value

        with trace.tracing(graph):
            for r, (op, args, arrays, params, outputs) in enumerate(self._records):
                inputs = tuple(
                    value_of(x, array, (r, _ARRAYS if is_reusable or not self._is_tracked(x) else _ARGS, k))
                    for k, (x, array) in enumerate(zip(args, arrays, strict=True))
                )
                node = graph.add(op, inputs, params, tuple(Spec(y.shape, y.dtype.name) for y in outputs))
                for k, (y, value) in enumerate(zip(outputs, node.outputs, strict=True)):
                    values[id(y)], places[value] = value, (r, _OUTPUTS, k)
            connected = [values.get(id(x)) for x in sources]
            ends = [values.get(id(t)) for t in targets]
            flowing = [None] * len(ends)
            for k, seed in enumerate(seeds or ()):
                if seed is None or ends[k] is None:
                    continue
                if is_reusable:
                    flowing[k] = graph.input(shape_of(seed), dtype_of(seed))
                    places[flowing[k]] = (None, None, k)
                else:
                    flowing[k] = as_value(seed)
            pairs = [(end, dy) for end, dy in zip(ends, flowing, strict=True) if end is not None]
            if not pairs:
                return graph, places, [None] * len(sources)
            found = iter(gradients(
                graph, [end for end, _ in pairs], [x for x in connected if x is not None], [dy for _, dy in pairs]
            ))  # fmt: skip
            return graph, places, [None if x is None else next(found) for x in connected]


_ARGS, _ARRAYS, _OUTPUTS = 1, 2, 4  # of a record
_COMPILED_TIMES = 3  # a plan costs as much as some hundred ops that run one by one
_KEPT = 64  # signatures
_times: dict[tuple, int] = {}
_backwards: dict[tuple, _Backward] = {}


def _keep(kept: dict, key, value) -> None:
    """The oldest go first."""
    kept[key] = value
    while len(kept) > _KEPT:
        kept.pop(next(iter(kept)), None)


class _Backward:
    """The gradients of a tape as a plan.

    Attributes:
        places: where in the records (or the seeds) each input is.
        numbers: which output each gradient is; None where nothing depends on the source.
    """

    def __init__(self, executable: plan.executable.Executable, places: list[tuple], numbers: list[int | None]):
        self.executable, self.places, self.numbers = executable, places, numbers

    def run(self, records, seeds):
        arrays = [as_array(seeds[k] if r is None else records[r][part][k]) for r, part, k in self.places]
        found = self.executable.run(arrays)
        return [None if k is None else found[k] for k in self.numbers]


def _compiled(graph: Graph, places: dict[Value, tuple], results) -> _Backward | None:
    """None where a gradient is no result of an op."""
    nodes = _new_nodes(graph, places, results)
    outputs = {r: k for k, r in enumerate(dict.fromkeys(r for r in results if r is not None))}
    if not outputs or any(r in places or r.node.op.kind == "leaf" for r in outputs):
        return None
    own, used, values = Graph(), [], {}

    def value_of(x: Value) -> Value:
        if x not in values and x.node.op is CONSTANT:
            values[x] = own.constant(x.node.params["array"])
        elif x not in values:
            values[x] = own.input(x.shape, x.dtype)
            used.append(places[x])
        return values[x]

    for node in nodes:
        if node.op.kind != "leaf":
            made = own.add(node.op, tuple(map(value_of, node.inputs)), node.params, tuple(y.spec for y in node.outputs))
            values.update(zip(node.outputs, made.outputs, strict=True))
    own.outputs = [values[r] for r in outputs]
    executable = plan.executable.Executable(own, "gradient")
    return _Backward(executable, used, [None if r is None else outputs[r] for r in results])


def _new_nodes(graph: Graph, numbers: dict[Value, object], results):
    """The nodes that `results` need and that have no numbers yet, in order."""
    needed = {r for r in results if r is not None}
    nodes = []
    for node in reversed(graph.nodes):
        if any(y in needed for y in node.outputs) and not all(y in numbers for y in node.outputs):
            nodes.append(node)
            needed.update(node.inputs)
    return nodes[::-1]


def _run_new_nodes(graph: Graph, numbers: dict[Value, object], results):
    """Runs them one by one, so that tapes around this one see them."""
    for node in _new_nodes(graph, numbers, results):
        if node.op.kind == "leaf":
            numbers[node.outputs[0]] = node.params["array"]
            continue
        outputs = evaluate_recorded(node.op, tuple(numbers[x] for x in node.inputs), node.params)
        numbers.update(zip(node.outputs, outputs, strict=True))
    return [None if r is None else numbers[r] for r in results]


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
