"""Compiled: a Python function, traced and compiled once for each signature of its arguments.

Owns the cache of executables and the way arguments become inputs; knows nothing of models.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Hashable
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastnn import _kernels, config, plan, tree
from fastnn._kernels._engine import Caller, as_function, is_watched, set_surroundings, turn_back
from fastnn.graph import trace
from fastnn.graph.value import Graph, Operators, Spec, Value, dtype_name
from fastnn.graph.variable import Variable
from fastnn.plan.copying import is_large

_PLAIN = frozenset({bool, int, float, str, type(None)})  # nothing inside, so no structure and no array

_NOTHING = ()

set_surroundings(trace.state, config.choices, _kernels.chosen, config.threads)


class Traced:
    """A trace of the function, compiled.

    Attributes:
        structure: of the outputs, with _Output where an array goes.
        is_plain: whether that is one array, or a tuple of several, in their order.
        is_one_of_three: whether that is (array, (), ()): what a layer without losses and masks has.
    """

    __slots__ = ("executable", "is_one_of_three", "is_plain", "structure")

    def __init__(self, executable: plan.executable.Executable, structure: Any, is_one_of_three: bool):
        self.executable = executable
        self.structure = structure
        self.is_one_of_three = is_one_of_three
        outputs = structure if type(structure) is tuple and len(structure) > 1 else (structure,)
        count = len(executable.graph.outputs)
        self.is_plain = all(type(x) is _Output for x in outputs) and outputs == tuple(range(count))


class _Output(int):
    """The number of an output, in its place in a structure."""


class Compiled:
    """`function`, compiled.

    Args:
        function: takes nested structures of arrays and returns one; runs on traced values.
        name: for messages.
        key: returns a hashable that selects the trace too: whatever `function` reads that may change.
        is_eager: whether it is an op, called with arrays, that keeps little memory from call to call.
    """

    CACHE_SIZE = 64  # signatures; the oldest is dropped beyond it, unless all graphs have few nodes
    CACHE_NODES = 1 << 17  # of a function that is no op: some 300 MB, 2 KB a node. A model may have many shapes

    def __init__(
        self, function: Callable[..., Any], name: str, key: Callable[[], Hashable] | None = None,
        is_eager: bool = False,
    ):  # fmt: skip
        self.function = function
        self.name = name
        self.is_eager = is_eager
        self._key = key or _no_key
        self._cache: dict[Hashable, Traced] = {}
        self._known: dict[Hashable, Any] = {}
        self.called: dict[tuple, plan.executable.Executable] = {}  # those of `_cache` that `_OnePlan` finds by itself
        self._lock = threading.RLock()

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs) if is_watched() else self.run(args, kwargs)

    def into(self, array: np.ndarray, *args):
        """What a call does; a lone output is written into `array`, contiguous, where it has its shape and dtype."""
        return self.function(*args) if is_watched() else self.run(args, {}, into=array)

    def run(
        self, args: tuple, kwargs: dict, signature: Hashable = None, arrays: list[np.ndarray] | None = None,
        into: np.ndarray | None = None,
    ):  # fmt: skip
        """What a call does where nothing is being traced or taped.

        `signature` and `arrays` are what `flat_signature` found, where the caller has asked it; `into` is as for
        `Executable.run`.
        """
        if signature is None or arrays is None:
            signature, arrays = _signature_of_call(args, kwargs)
        turned = turn_back(arrays) if self.is_eager else None  # read as they lie, not copied
        if turned is not None:
            signature = (signature, turned)
        traced = self._cache.get((signature, config.floatx(), self._key()))
        if traced is None or not traced.executable.is_current():
            traced = self._traced(signature, args, kwargs, lambda: specs_of(arrays), turned=turned or ())
        outputs = traced.executable.run(arrays, into)
        return (outputs[0], (), ()) if traced.is_one_of_three else packed(traced.structure, outputs)

    def batches(self, data, batch_size: int, start: int, steps: int, index: np.ndarray | None = None, **kwargs):
        """Runs `steps` batches of `batch_size` rows of `data` in one call and returns the outputs of the last.

        Args:
            data: a structure of arrays with the same number of rows.
            batch_size: rows a batch; every batch is full.
            start: the first row, in the order of `index`.
            steps: how many batches.
            index: int32 array: the order in which rows are taken; None for their own.
            kwargs: further static arguments of the function.
        """
        traced, sources = self._traced_batches(data, batch_size, kwargs)
        return packed(traced.structure, traced.executable.run_batches(sources, index, batch_size, start, steps))

    def _traced_batches(self, data, batch_size: int, kwargs) -> tuple[Traced, list[np.ndarray]]:
        sources: list[np.ndarray] = []
        # How many rows the data has is no part of the signature, only what a row is.
        key = ("batches", batch_size, _signature(data, sources, 1), _signature(kwargs, []))

        def specs():
            types = [config.floatx() if a.dtype == np.float64 else _number_type(a) for a in sources]
            return [Spec((batch_size, *a.shape[1:]), dtype) for a, dtype in zip(sources, types, strict=True)]

        return self._traced(key, (data,), kwargs, specs, sources), sources

    def traced_before(self, signature: Hashable, arrays: list[np.ndarray]) -> Traced | None:
        """What `run` found of an op for what `flat_signature` said, if it is still there."""
        turned = turn_back(list(arrays))
        signature = signature if turned is None else (signature, turned)
        return self._cache.get((signature, config.floatx(), self._key()))

    def known(self, about: Hashable, find: Callable[[], Any]):
        """What `find` returned for `about` since what the function reads changed last."""
        key = (about, config.floatx(), self._key())
        if key not in self._known:
            if len(self._known) >= 16 * self.CACHE_SIZE:
                self._known.clear()
            self._known[key] = find()
        return self._known[key]

    def executables(self) -> list[plan.executable.Executable]:
        """What has been compiled so far, oldest first."""
        return [traced.executable for traced in self._cache.values()]

    def executable_for(self, *args, **kwargs) -> plan.executable.Executable:
        """The executable that a call with these arguments runs, compiled if need be."""
        signature, arrays = _signature_of_call(args, kwargs)
        return self._traced(signature, args, kwargs, lambda: specs_of(arrays)).executable

    def executable_for_batches(self, data, batch_size: int, **kwargs) -> plan.executable.Executable:
        """The executable that `batches` runs for data like `data`, compiled if need be."""
        return self._traced_batches(data, batch_size, kwargs)[0].executable

    def _traced(
        self, signature, args, kwargs, specs: Callable[[], list[Spec]], sources=None, turned: tuple[int, ...] = ()
    ) -> Traced:
        key = (signature, config.floatx(), self._key())
        traced = self._cache.get(key)
        if traced is None or not traced.executable.is_current():
            with self._lock:
                traced = self._cache.get(key)
                if traced is None or not traced.executable.is_current():
                    traced = self._trace(args, kwargs, specs(), sources, turned)
                    # Tracing may have built layers, which changes the key.
                    key = (signature, config.floatx(), self._key())
                    self._make_room(traced)
                    self._cache[key] = traced
        return traced

    def _make_room(self, traced: Traced) -> None:
        """Drops the oldest where there are more than `CACHE_SIZE` with `traced`, and more than `CACHE_NODES` nodes."""
        if len(self._cache) < self.CACHE_SIZE:
            return
        nodes = 0 if self.is_eager else sum(len(e.graph.nodes) for e in (*self.executables(), traced.executable))
        self.called.clear()
        while len(self._cache) >= self.CACHE_SIZE and (self.is_eager or nodes > self.CACHE_NODES):
            nodes -= len(self._cache.pop(next(iter(self._cache))).executable.graph.nodes)

    def graph_for(self, *args, **kwargs) -> Graph:
        """What a call with these arguments computes, as it is traced: not simplified."""
        return self._graph(args, kwargs, specs_of(_signature_of_call(args, kwargs)[1]))[0]

    def _graph(self, args, kwargs, specs, turned: tuple[int, ...] = ()) -> tuple[Graph, Any]:
        """A trace of the function, and the structure of its outputs; of the inputs `turned` it takes the transposes."""
        graph = Graph()
        inputs = [graph.input(spec.shape, spec.dtype) for spec in specs]
        with trace.tracing(graph):
            for k in turned:
                order = tuple(range(inputs[k].ndim))
                inputs[k] = Operators.functions["transpose"](inputs[k], (*order[:-2], *order[:-3:-1]))
            values = iter(inputs)
            traced_args, traced_kwargs = tree.map_structure(
                lambda leaf: next(values) if _is_array(leaf) else leaf, (args, kwargs)
            )
            result = self.function(*traced_args, **traced_kwargs)
            return graph, tree.map_structure(lambda leaf: _output(graph, leaf), result)

    def _trace(self, args, kwargs, specs, sources, turned) -> Traced:
        with _without_collections():
            graph, structure = self._graph(args, kwargs, specs, turned)
            gathered = None if sources is None else [dtype_name(a.dtype) for a in sources]
            executable = plan.executable.Executable(graph, self.name, gathered, self.is_eager)
        return Traced(executable, structure, structure == (_Output(0), (), ()))


@contextmanager
def _without_collections():
    """Garbage collection waits meanwhile: nearly all objects of a graph that is being built are alive, and to search
    them again and again takes a tenth of the time. They are searched once, afterwards; older ones, whose turn it may be
    by then, when the next collection is due."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if 0 < gc.get_threshold()[0] < gc.get_count()[0]:
                gc.collect(0)
            gc.enable()


def as_one_plan(function):
    """Makes a public op that is composed of others one plan where it is called with arrays and constants and nobody
    watches: its ops are fused and called once, unless it reads the numbers of an array, such as `repeats`. Constants
    are part of the plan, and a new one costs a millisecond: not for ops whose constants are data, as the bounds of
    `clip` may be."""
    return _as_function(_OnePlan(function))


def as_one_plan_of_arrays(function):
    """The same for an op of two arrays that may be called with a number, or a list of them, in the place of one. As
    that is data, a number beside an array of floats becomes an array too; other such calls are their ops, one by one.
    """
    return _as_function(_OnePlanOfArrays(function))


def as_one_plan_of_parts(function):
    """The same for an op that puts the arrays of its first argument side by side: large ones with gaps are not copied
    for a plan, as the ops, one by one, read them where they lie."""
    return _as_function(_OnePlanOfParts(function))


def _settings() -> tuple:
    """What the plans of ops depend on, besides their arguments."""
    return _kernels.isa(), config.epsilon(), config.image_data_format()


def _as_function(one_plan: _OnePlan):
    run = as_function(one_plan, one_plan.function)
    run.compiled = one_plan.compiled
    return run


class _OnePlan(Caller):
    """`as_one_plan`.

    Attributes:
        taped: the calls under a tape, one record each: see `tape_replay`.
    """

    __slots__ = ("compiled", "function", "taped", "untraced")

    def __init__(self, function):
        self.function = function
        self.compiled = Compiled(function, function.__name__, _settings, is_eager=True)
        self.untraced: set[tuple] = set()
        self.taped = None
        self.executables, self.numbers = self.compiled.called, 3

    def apply(self, args: tuple, kwargs: dict):
        if is_watched():
            tapes = trace.state.tapes  # none inside a trace
            outputs = tapes[-1].call(self, args, kwargs) if tapes else NotImplemented
            return self.function(*args, **kwargs) if outputs is NotImplemented else outputs
        return self.run(args, kwargs)

    def run(self, args: tuple, kwargs: dict):
        """What a call does where nothing is being traced or taped."""
        arrays: list[np.ndarray] = []
        signature = flat_signature(args, kwargs, arrays, takes_plain=True)
        if signature is None or not arrays or (self.untraced and signature in self.untraced):
            return self.function(*args, **kwargs)
        try:
            result = self.compiled.run(args, kwargs, signature, list(arrays))
        except TypeError:  # a traced array has no numbers, or an argument is wrong, which the op says best
            if len(self.untraced) >= Compiled.CACHE_SIZE:
                self.untraced.clear()
            self.untraced.add(signature)
            return self.function(*args, **kwargs)
        self._remember(args, kwargs, signature, arrays)
        return result

    def _remember(self, args: tuple, kwargs: dict, signature: tuple, arrays: list[np.ndarray]) -> None:
        """Lets the next such call go from the engine to the plan, where it gives an array, or a tuple of some."""
        traced = self.compiled.traced_before(signature, arrays)
        if traced is None or not traced.executable.plan.is_quick or not traced.is_plain:
            return
        key = self.key(args, kwargs)
        if key is not None:
            self.executables[key] = traced.executable


class _OnePlanOfArrays(_OnePlan):
    """`as_one_plan_of_arrays`."""

    __slots__ = ()

    def run(self, args: tuple, kwargs: dict):
        pair = (*args, *kwargs.values())[:2]
        if all(type(x) is np.ndarray for x in pair):
            return super().run(args, kwargs)
        dtype = next((x.dtype for x in pair if type(x) is np.ndarray and x.dtype.char in "fd"), None)
        if dtype is None or len(args) < 2 or any(type(x) not in (np.ndarray, float, int) for x in pair):
            return self.function(*args, **kwargs)
        return self(*[np.array(x, dtype) if type(x) in (float, int) else x for x in pair], *args[2:], **kwargs)


def _has_gaps(x: np.ndarray) -> bool:
    """Whether elements of an axis follow each other, but those of all axes do not. Others are copied faster first."""
    return not x.flags.c_contiguous and x.itemsize in x.strides


class _OnePlanOfParts(_OnePlan):
    """`as_one_plan_of_parts`."""

    __slots__ = ()

    def run(self, args: tuple, kwargs: dict):
        parts = args[0] if args and type(args[0]) in (list, tuple) else ()
        if any(type(x) is np.ndarray and is_large(x) and _has_gaps(x) for x in parts):
            return self.function(*args, **kwargs)
        return super().run(args, kwargs)


def specs_of(arrays: list[np.ndarray]) -> list[Spec]:
    return [Spec(a.shape, _number_type(a)) for a in arrays]


def _number_type(array: np.ndarray) -> str:
    name = dtype_name(array.dtype)
    if array.dtype.kind not in "biufc" and name != "bfloat16":
        raise ValueError(f"Invalid dtype: {array.dtype} of an array of shape {array.shape}. Expected numbers.")
    return name


def _is_array(leaf) -> bool:
    return isinstance(leaf, np.ndarray) or (hasattr(leaf, "__array__") and not isinstance(leaf, (np.generic, Variable)))


def flat_signature(args: tuple, kwargs: dict, arrays: list[np.ndarray], takes_plain: bool = False) -> tuple | None:
    """What tells apart calls whose arguments are arrays, lists, tuples and dicts of nothing but arrays, and constants,
    with `takes_plain` lists and tuples of these too; None for others. The arrays are appended to `arrays`. Every call
    of a layer passes here, so it is one flat loop."""
    signature: list = ["flat"]
    for x in args:
        kind = type(x)
        if kind is np.ndarray:
            arrays.append(x)
            signature += (x.shape, x.dtype)
        elif kind in _PLAIN:
            signature += (kind, x)
        elif inside := _signature_of_arrays(kind, x, arrays, takes_plain):
            signature += inside
        else:
            return None
    for name in sorted(kwargs):  # the order of tree.flatten
        x = kwargs[name]
        kind = type(x)
        if kind is np.ndarray:
            arrays.append(x)
            signature += (name, x.shape, x.dtype)
        elif kind in _PLAIN:
            signature += (name, kind, x)
        elif inside := _signature_of_arrays(kind, x, arrays, takes_plain):
            signature += (name, *inside)
        else:
            return None
    return tuple(signature)


def _signature_of_arrays(kind: type, x, arrays: list[np.ndarray], takes_plain: bool) -> tuple | None:
    """The same of a list, tuple or dict of nothing but arrays, or a list or tuple of constants; None for others."""
    keys = None
    if kind is dict:
        keys = tuple(sorted(x))
        x = [x[key] for key in keys]
    elif kind is not list and kind is not tuple:
        return None
    for item in x:
        if type(item) is not np.ndarray:
            is_plain = takes_plain and keys is None and _PLAIN.issuperset(map(type, x))
            return (kind, *map(type, x), *x) if is_plain else None
    arrays += x
    return kind, keys, *[(item.shape, item.dtype) for item in x]


def _signature_of_call(args: tuple, kwargs: dict) -> tuple[Hashable, list[np.ndarray]]:
    """What tells calls apart, and their arrays in the order of tree.flatten."""
    arrays: list[np.ndarray] = []
    signature = flat_signature(args, kwargs, arrays)
    if signature is None:
        arrays = []
        signature = ("call", _signature(args, arrays), _signature(kwargs, arrays))
    return signature, arrays


def _no_key() -> None:
    """The key of a function that reads nothing that changes."""


def _signature(structure, arrays: list[np.ndarray], first_axis: int = 0) -> Hashable:
    """A hashable that tells the structure apart, with the sizes of arrays from `first_axis` on; its arrays are appended
    to `arrays`, in the order of tree.flatten."""
    kind = type(structure)
    if kind is np.ndarray:
        arrays.append(structure)
        return structure.shape[first_axis:], structure.dtype
    if kind in _PLAIN:
        return kind, structure
    if isinstance(structure, (tuple, list)):
        return kind, tuple([_signature(item, arrays, first_axis) for item in structure]) if structure else ()
    if isinstance(structure, dict):
        keys = tuple(sorted(structure))
        return keys, tuple([_signature(structure[key], arrays, first_axis) for key in keys])
    if _is_array(structure):
        return _signature(np.asarray(structure), arrays, first_axis)
    return kind, structure


def _output(graph: Graph, leaf):
    if isinstance(leaf, Variable):
        leaf = graph.read(leaf)
    elif isinstance(leaf, np.ndarray):
        leaf = graph.constant(leaf)
    if not isinstance(leaf, Value):
        return leaf
    graph.outputs.append(leaf)
    return _Output(len(graph.outputs) - 1)


def packed(structure, outputs: list[np.ndarray]):
    if type(structure) is _Output:
        return outputs[structure]
    if type(structure) is tuple:
        return tuple([item if item is _NOTHING else packed(item, outputs) for item in structure])
    if type(structure) is list:
        return [packed(item, outputs) for item in structure]
    if type(structure) is dict:
        return {key: packed(item, outputs) for key, item in structure.items()}
    return tree.map_structure(lambda leaf: outputs[leaf] if type(leaf) is _Output else leaf, structure)
