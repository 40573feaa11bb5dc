"""Op: one record that says everything about an operation.

Calling a record applies it: to arrays at once, to traced values by adding a node to the graph, to KerasTensors by
recording a symbolic call. Eager execution, tracing, differentiation and lowering all read the record.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import _api, _kernels, config, plan
from fastnn._kernels import _engine
from fastnn.graph import dtypes, trace
from fastnn.graph.symbolic import KerasTensor, symbolic_call
from fastnn.graph.value import Graph, Node, Operators, Spec, Value, dtype_name
from fastnn.graph.variable import Variable
from fastnn.plan.copying import FEWEST_COLUMNS, MOST_AXES, in_memory, is_large, is_window


class _Registry(dict):
    """Records by name; one that is not there may be in a family that is not loaded yet."""

    def __missing__(self, name):
        return dict(all_ops())[name]


REGISTRY: dict[str, Op] = _Registry()
KINDS = ("plain", "elementwise", "reduce", "view")

_executables: dict[tuple, plan.executable.Executable | None] = {}
_EXECUTABLES = 1024  # signatures kept; the oldest go first
_promises: dict[tuple, list] = {}  # by signature, the shapes and dtypes that references give


# What a record need not say.
_DEFAULTS = {
    "shape": None, "reference": None, "grad": None, "kind": "plain", "dtype": None, "promote": None, "lower": None,
    "simplify": None, "inplace": False, "aliases": (), "into": None, "sum_of_steps": None, "reduced": None,
    "epilogue": None, "keeps_tile": None, "again": None, "window": None, "joins_windows": False, "reads_window": None,
    "rows": None, "number": None, "domain": None, "lone": None, "is_registered": True,
}  # fmt: skip


class Op(_engine.Caller):
    """The record of one operation.

    Attributes:
        name: unique; also the kernel's or opcode's name, the test's and the benchmark's.
        shape: `(*specs, **params) -> Spec | tuple[Spec, ...]`, raising ValueError with the numbers when they do not
            fit. Elementwise ops need none: they broadcast.
        reference: `(*arrays, **params) -> array | tuple`: slow, obvious NumPy that judges the kernel.
        grad: `(dy, y, *xs, **params)` -> the gradient of each input (None where there is none), in other ops; or a
            function of nothing that gives it, for those where it is often not wanted. None: the op is not
            differentiable.
        kind: "elementwise" (one program opcode of the same name), "reduce" (params axis, keepdims), "view" (same bytes,
            another shape) or "plain".
        dtype: of an elementwise op's output: None is that of its promoted inputs, "float" the same made a float,
            "real" that of their
            real parts, otherwise a dtype. With "float" the inputs are made floats first.
        promote: which inputs of an elementwise op are promoted together; None is all.
        lower: `(node, builder)`: emits the kernel calls, or returns False when no kernel fits.
        simplify: `(node) -> None | Value | tuple`: a cheaper equivalent.
        inplace: the first output may share the memory of the first input.
        aliases: pairs (output, input) of other outputs that may share the memory of an input.
        into: `(outputs, inputs, **params) -> bool`: the reference, but into the arrays `outputs`, which it gives whole;
            False where it cannot. The arrays are the plan's own memory, so nothing may keep them.
        sum_of_steps: `(node) -> None | (*inputs) -> outputs`: for a node in the body of a loop, what gives the sum of
            its outputs over all steps from its inputs of all steps, steps first.
        reduced: `(node, reduction, between) -> None | Value`: what gives the result of the node `reduction` of the
            output, or of an elementwise node `between` of it, in one step.
        epilogue: `(node) -> bool`: whether the kernel should apply an elementwise program to its output while that is
            in cache; None where it cannot.
        keeps_tile: `(node) -> bool`: whether the kernel needs no memory for an output that only its epilogue reads.
        again: `(node) -> Value`: the first output of the inputs and the other outputs, by elementwise ops.
        window: `(node) -> None | (offset, strides)`: where in its input the elements of the output lie, and how far
            apart along each axis, in elements, where it is worth while to read them there.
        joins_windows: whether the kernel reads such elements of all its inputs there; those of elementwise ops do, too.
        reads_window: `(node, strides) -> bool`: whether the kernel reads those of its input there.
        rows: `(node, axes, rows) -> bool`: whether the node keeps the rows of a batch apart (`graph.rows`), given along
            which axis of each input they lie, None for one without; at least one has some. Only "plain" ops need one.
        number: `(*numbers) -> float`: the reference of Python's floats, which gives float32 and float64 their bits or
            raises ZeroDivisionError. Constants are folded by it: the code of NumPy's loops would be memory.
        domain: `(rng, shape, dtype) -> array`: what generated tests sample the inputs from.
        lone: `(k, op)`: what gives output k alone, where nobody reads the others, by its reference.
        is_registered: False for records made for one call, such as a custom gradient's.
        is_reference: whether nothing but the reference may compute it; found from the others.
    """

    __slots__ = ("is_reference", "name", *_DEFAULTS)

    def __init__(self, name: str, *args, **given):
        self.name = name
        given |= zip(_DEFAULTS, args, strict=False)
        if not _DEFAULTS.keys() >= given.keys():
            raise TypeError(f"op {name!r}: no record has {sorted(given.keys() - _DEFAULTS.keys())}")
        for attribute, default in _DEFAULTS.items():
            setattr(self, attribute, given.get(attribute, default))
        self.is_reference = self.kind == "plain" and self.lower is None and self.simplify is None
        self.is_view = self.kind == "view"
        has_plans = self.is_registered and not self.is_view and not self.is_reference
        self.executables = _executables if has_plans else None
        self.turns = 1 if self.kind == "reduce" else 2 if self.kind == "elementwise" or self.joins_windows else 0
        if self.kind == "elementwise" and self.promote is None:  # inputs of one dtype; "float" makes one of integers
            self.numbers = 1 if self.dtype == "float" else 2
        self._check_and_register()

    def _check_and_register(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"op {self.name!r}: kind {self.kind!r} is none of {KINDS}")
        if self.reference is None or (self.shape is None and self.kind != "elementwise"):
            raise ValueError(f"op {self.name!r} needs a reference" + ("" if self.reference is None else " and a shape"))
        if self.is_registered:
            if self.name in REGISTRY:
                raise ValueError(f"two ops are named {self.name!r}")
            REGISTRY[self.name] = self

    def apply(self, args: tuple, params: dict[str, Any]):
        """A call for which there is no plan yet, or which is watched."""
        for x in args:
            if isinstance(x, KerasTensor):
                return symbolic_call(self, args, params)
        state = trace.state
        graph = state.graph
        if not _LISTS.isdisjoint(map(type, args)):
            args = tuple(map(joined, args))
        if self.kind == "elementwise":
            given, args = args, _promoted(self, args)
            if args is not given and graph is None and not state.tapes and state.scope is None:
                outputs = self.call_before(args, params)
                if outputs is not None:
                    return outputs
        if self.is_reference and graph is None and not state.tapes and state.scope is None:
            outputs = self.evaluate(tuple([x if type(x) is np.ndarray else as_array(x) for x in args]), params)
            return outputs[0] if len(outputs) == 1 else outputs
        if graph is not None:
            return self.trace(graph, tuple([x if type(x) is Value else as_value(x) for x in args]), params)
        return run_eager(self, args, params)

    def as_they_lie(self, args: tuple, params: dict[str, Any]):
        """What a call gives where the axes of all arrays lie in memory in one other order: what it gives of them in
        that order, with the axes where they belong again; where the kernel reads windows, too, or a program reduces
        rows, what it gives of others as they lie. Nothing is copied. None for other arguments."""
        if self.joins_windows and not is_large(args[0]):
            return None
        order = _order_in_memory(args, params.get("axis") if self.joins_windows else None)
        if order is None:
            is_read = self.has_kernel if self.turns == 2 else _is_of_rows(args[0], **params)
            return self._of_windows(args, params) if is_read else None
        turned = [x.transpose(order) if type(x) is np.ndarray and x.ndim else x for x in args]
        if self.turns == 2:
            params = params if self.kind == "elementwise" else {"axis": order.index(params["axis"])}
            return self(*turned, **params).transpose([order.index(k) for k in range(len(order))])
        axes = params["axis"]
        y, kept = self(*turned, axis=tuple(sorted(map(order.index, axes))), keepdims=False), sorted({*order} - {*axes})
        places = [k for k in order if k not in axes]
        y = y.transpose([places.index(k) for k in kept])
        return np.expand_dims(y, axes) if params["keepdims"] else y

    def _of_windows(self, args: tuple, params: dict[str, Any]):
        found, kinds = {x.dtype for x in args if type(x) is np.ndarray}, {*map(type, args)}
        is_float = {x.kind for x in found} == {"f"}
        if len(found) != 1 or not kinds <= {np.ndarray, float, int}:
            return None
        if not is_float and (float in kinds or self.dtype == "float"):  # the array becomes another first
            return None
        windows = [None if type(x) is not np.ndarray or x.flags.c_contiguous else self._window(x) or x for x in args]
        if any(window is x for window, x in zip(windows, args, strict=True)):
            return None
        promoted = _promoted(self, args) if self.kind == "elementwise" else args
        if any(window and p is not x for window, p, x in zip(windows, promoted, args, strict=True)):
            return None
        arrays = [window[0] if window else as_array(x) for window, x in zip(windows, promoted, strict=True)]
        places = tuple([window and (x.shape, *window[1:]) for window, x in zip(windows, args, strict=True)])
        key = (self, _kernels.isa(), places, *[(x.shape, x.dtype.char) for x in arrays], *params.items())
        try:
            executable = _executables.get(key, self)
        except TypeError:  # a parameter that cannot be hashed
            return None
        if executable is self:
            executable = _executable_of(self, arrays, params, places)
            _remember(key, executable)
        return None if executable is None else executable.run(arrays)[0]

    def _window(self, x: np.ndarray):
        """`in_memory` where the kernel reads such an array as fast as a copy: whole rows, and floats that it shuffles
        as it reads them."""
        if not is_large(x):
            return None
        if self.kind == "elementwise":
            steps = [stride // x.itemsize for stride in x.strides]
            is_quick = (x.dtype.kind == "f" and self.name != "cast") or (x.itemsize == 4 and steps[-1] == 2)
            if x.itemsize < 4 or not is_window(x.shape, steps) or (steps[-1] not in (0, 1) and not is_quick):
                return None
        return in_memory(x)

    @property
    def has_kernel(self) -> bool:
        """Whether a kernel may compute it; not for views, which compute nothing."""
        return self.kind != "view" and (
            self.lower is not None or self.kind == "reduce" or self.name in _kernels.opcodes()
        )

    def specs(self, inputs: tuple[Spec, ...], params: dict[str, Any]) -> tuple[Spec, ...]:
        """Shapes and dtypes of the outputs."""
        if self.shape is not None:
            result = self.shape(*inputs, **params)
        elif inputs.count(inputs[0]) == len(inputs) and (
            self.dtype is None or (self.dtype == "float" and dtypes.is_inexact(inputs[0].dtype))
        ):
            result = inputs[0]
        else:
            shape = broadcast_shapes(self.name, *[spec.shape for spec in inputs])
            result = Spec(shape, _elementwise_dtype(self, inputs))
        return result if isinstance(result, tuple) else (result,)

    def trace(self, graph: Graph, inputs: tuple[Value, ...], params: dict[str, Any]):
        """Adds a node and returns its output (a tuple of them when there are several)."""
        outputs = graph.add(self, inputs, params, self.specs(tuple([x.spec for x in inputs]), params)).outputs
        return outputs[0] if len(outputs) == 1 else outputs

    def evaluate(self, arrays, params) -> tuple[np.ndarray, ...]:
        """The outputs by the reference, checked against the shape rule's dtypes."""
        if self.kind == "view":
            return (self.reference(*arrays, **params),)
        arrays = tuple(arrays)
        key = _engine.constant_key(self, arrays, params) if self.is_reference else None  # not of the bodies of loops
        promised = None if key is None else _promises.get(key)
        if promised is None:
            specs = self.specs(tuple(Spec(a.shape, dtype_name(a.dtype)) for a in arrays), params)
            promised = [(spec.shape, np.dtype(spec.dtype)) for spec in specs]
            if key is not None:
                _promises[key] = promised
                while len(_promises) > _EXECUTABLES:
                    _promises.pop(next(iter(_promises)), None)
        if not self.is_reference and self.has_kernel and self.name != "cast":  # as in a plan (`graph.halves`): rounded
            arrays = tuple(a.astype(np.float32) if dtypes.is_half(dtype_name(a.dtype)) else a for a in arrays)
        results = self.reference(*arrays, **params)
        results = tuple(results) if isinstance(results, tuple) else (results,)
        if key is not None and _engine.are_new(results, promised, arrays):
            return results
        # Some NumPy functions widen (float32 with a Python float under NumPy 1); the record's dtype is the promise.
        return tuple(np.asarray(r, dtype).reshape(shape) for r, (shape, dtype) in zip(results, promised, strict=True))

    def __repr__(self) -> str:
        return f"<Op {self.name}>"


_SHORTEST_REDUCED = 256  # elements of a row: a program copies shorter ones to a block before it reduces them
_FEWEST_TURNED = 4096  # elements: to copy fewer takes less time than to ask how they lie


def _is_of_rows(x, axis: tuple[int, ...], keepdims: bool) -> bool:
    """Whether `axis` is the last one, or all to one number, of floats whose rows are long and without gaps, or the
    first of a matrix: what reads them where they lie takes less time then than a copy of them."""
    if type(x) is not np.ndarray or x.dtype.char not in "fd" or not 0 < x.ndim <= MOST_AXES:
        return False
    if axis == (0,) and x.ndim == 2:
        return x.strides[1] == x.itemsize and x.strides[0] >= x.shape[1] * x.itemsize and x.shape[1] >= FEWEST_COLUMNS
    is_long = x.strides[-1] == x.itemsize and x.shape[-1] >= _SHORTEST_REDUCED
    return is_long and (axis == (x.ndim - 1,) or (len(axis) == x.ndim and not keepdims))


def _order_in_memory(args: tuple, joined: int | None = None) -> list[int] | None:
    """The order in which the axes of all arrays, which have one shape but for the axis `joined`, follow each other in
    memory without gaps; None where there is none, or it is their own. An axis of size 1 may have any place: as the
    first one it is the cheapest to join."""
    order, shape = None, None
    for x in args:
        if type(x) is not np.ndarray or not x.ndim:
            continue
        if order is None:
            strides, shape = [s if n > 1 else math.inf for n, s in zip(x.shape, x.strides, strict=True)], x.shape
            if x.size < _FEWEST_TURNED or x.ndim < 2 or x.flags.c_contiguous:
                return None
            order = sorted(range(x.ndim), key=strides.__getitem__, reverse=True)
        if x.shape != shape and (
            x.ndim != len(shape) or [k for k in range(x.ndim) if x.shape[k] != shape[k]] != [joined]
        ):
            return None
        if not x.transpose(order).flags.c_contiguous:
            return None
    return order


def _elementwise_dtype(op: Op, inputs: tuple[Spec, ...]) -> str:
    dtype = dtypes.promote(
        tuple([spec.dtype for spec in inputs] if op.promote is None else [inputs[k].dtype for k in op.promote])
    )
    if op.dtype is None:
        return dtype
    if op.dtype == "real":
        return dtypes.real_part(dtype)
    return dtypes.as_float(dtype) if op.dtype == "float" else op.dtype


def _promoted(op: Op, args: tuple) -> tuple:
    """The inputs of an elementwise op in one dtype; weak scalars become 0-d constants of it."""
    if op.promote is None:
        if _is_promoted(op, args):
            return args
        # The most common of what follows: numbers beside an array, or floats beside traced values and variables.
        found = {x.dtype if isinstance(x, np.ndarray) else type(x) for x in args} - {float, int}
        if len(found) == 1 and getattr(found := found.pop(), "char", "") in ("f", "d"):
            return tuple([x if isinstance(x, np.ndarray) else np.array(x, found) for x in args])
        if {*map(type, args)} <= {Value, Variable, float}:
            found = {x.dtype for x in args if type(x) is not float}
            if found in ({"float32"}, {"float64"}):
                (dtype,) = found
                return tuple([np.array(x, dtype) if type(x) is float else x for x in args])
    which = range(len(args)) if op.promote is None else op.promote
    kinds = [dtypes.weak_kind(args[k]) for k in which]
    names = [dtype_of(args[k]) if kind is None else None for k, kind in zip(which, kinds, strict=True)]
    dtype = dtypes.promote(tuple([name for name in names if name]), tuple([kind for kind in kinds if kind]))
    if op.dtype == "float":
        dtype = dtypes.as_float(dtype)
    promoted = list(args)
    for k, kind, name in zip(which, kinds, names, strict=True):
        if kind is not None:
            promoted[k] = _number(args[k], dtype)
        elif name != dtype:
            promoted[k] = REGISTRY["cast"](args[k], dtype=dtype)
    return tuple(promoted)


def _number(x, dtype: str) -> np.ndarray:
    # Of Python's floats, without an array of float64 between them.
    return np.array(x, dtype) if type(x) is float and dtype in ("float32", "float64") else np.asarray(x).astype(dtype)


def _is_promoted(op: Op, args: tuple) -> bool:
    """Whether `args` are all traced values, or all arrays, of the one dtype that they are to have."""
    kind = Value if type(args[0]) is Value else np.ndarray
    if not isinstance(args[0], kind):
        return False
    dtype = args[0].dtype
    for x in args:
        if not isinstance(x, kind) or x.dtype != dtype:
            return False
    return op.dtype != "float" or dtypes.is_inexact(dtype if kind is Value else dtype_name(dtype))


def broadcast_shapes(name: str, *shapes) -> tuple[int, ...]:
    """NumPy's broadcasting, with an error that names the op."""
    larger = {*shapes} - {()}
    if len(larger) < 2:
        return larger.pop() if larger else ()
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"{name}: shapes {' and '.join(map(str, shapes))} do not broadcast together.") from None


_LISTS = frozenset({list, tuple})


def joined(x):
    """A list of arrays, Variables or traced values, or of such lists, as one of them where somebody watches, to whom
    NumPy's array of a list would be a constant; others as they are."""
    return Operators.functions["stack"]([joined(item) for item in x]) if _is_joined(x) else x


def _is_joined(x) -> bool:
    return (
        isinstance(x, (list, tuple))
        and _engine.is_watched()
        and any(isinstance(item, (np.ndarray, Operators)) or _is_joined(item) for item in x)
    )


def as_operand(x):
    """`x` as it is where it has a shape; numbers and lists as an array."""
    x = joined(x)
    return x if hasattr(x, "shape") else as_array(x)


def as_value(x) -> Value:
    """`x` as a value of the graph that is being traced."""
    graph = trace.current()
    x = joined(x)
    if isinstance(x, Value):
        return x
    if isinstance(x, Variable):
        return x.value
    return graph.constant(as_array(x))


def as_array(x) -> np.ndarray:
    """`x` as a NumPy array: floats in `floatx` and ints in int32 when they are plain Python or NumPy scalars and
    lists; arrays keep their dtype.

    Raises:
        TypeError: for a traced value, or what is no array.
    """
    if type(x) is np.ndarray:
        return x
    if type(x) is float:
        return _number(x, config.floatx())
    if type(x) is int and -(2**31) <= x < 2**31:
        return np.array(x, np.int32)
    if isinstance(x, np.ndarray):
        return x.view(np.ndarray)  # the reference must not be recorded again
    if isinstance(x, Variable):
        array = x.array if trace.state.scope is None else x.numpy()
        return array if x.dtype == x.storage_dtype else array.astype(x.dtype)
    if isinstance(x, Value):
        x._concrete()
    if hasattr(x, "__array__") and not isinstance(x, np.generic):
        return np.asarray(x)
    if hasattr(x, "__dlpack__"):
        return np.from_dlpack(x)
    array = np.asarray(x)
    if array.dtype == np.float64:
        return array.astype(config.floatx())
    if array.dtype == np.complex128:
        return array.astype(dtypes.COMPLEX[config.floatx()])
    if array.dtype == np.int64:
        return array.astype(np.int32) if np.all(array == array.astype(np.int32)) else array
    if array.dtype == object:
        raise TypeError(f"{x!r} ({type(x).__name__}) is not an array of numbers.")
    return array


def dtype_of(x) -> str:
    """The dtype name of an array, Variable, Value, KerasTensor or scalar."""
    if type(x) is np.ndarray:
        return dtype_name(x.dtype)
    dtype = getattr(x, "dtype", None)
    if isinstance(dtype, str):
        return dtype
    if dtype is None and _is_joined(x):
        kinds = [dtypes.weak_kind(item) for item in x]
        names = [dtype_of(item) for item, kind in zip(x, kinds, strict=True) if kind is None]
        return dtypes.promote(tuple(names), tuple([kind for kind in kinds if kind]))
    return dtype_name(as_array(x).dtype if dtype is None or isinstance(x, np.generic) else np.dtype(dtype))


def shape_of(x) -> tuple[int, ...]:
    """The shape of an array, Variable, Value, KerasTensor or scalar."""
    shape = getattr(x, "shape", None)
    if shape is not None:
        return tuple(shape)
    return (len(x), *shape_of(x[0])) if _is_joined(x) else np.shape(x)


def run_eager(op: Op, args: tuple, params: dict[str, Any]):
    """Applies `op` to arrays at once, and records it on the tapes that watch."""
    outputs = evaluate_recorded(op, args, params)
    return outputs[0] if len(outputs) == 1 else outputs


def evaluate_recorded(op: Op, args: tuple, params: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """The outputs of `op`, written down by the tapes that watch."""
    state = trace.state
    if state.scope is not None:
        args = tuple(state.scope.read(x) for x in args)
    if state.autocast and state.tapes:
        args = tuple(x.value if isinstance(x, Variable) else x for x in args)
    arrays = tuple([x if type(x) is np.ndarray else as_array(x) for x in args])
    outputs = op.call_before(arrays, params)
    if outputs is None:
        outputs = evaluate(op, arrays, params)
    elif type(outputs) is not tuple:
        outputs = (outputs,)
    for tape in state.tapes:
        outputs = tape.record(op, args, arrays, params, outputs)
    return outputs


def evaluate(op: Op, arrays: tuple[np.ndarray, ...], params: dict[str, Any]) -> tuple[np.ndarray, ...]:
    """The outputs of `op`: by a plan of its own where it has a kernel, or may become ops that do, else by the
    reference."""
    if not op.is_registered or (not op.has_kernel and (op.simplify is None or op.kind != "plain")):
        return op.evaluate(arrays, params)
    try:
        key = _engine.call_key(op, _kernels.isa(), arrays, params)
        executable = None if key is None else _executables.get(key, op)
    except TypeError:  # a parameter that cannot be hashed
        return op.evaluate(arrays, params)
    if executable is op:
        executable = _executable_of(op, arrays, params)
        _remember(key, executable)
    if executable is None:
        return op.evaluate(arrays, params)
    arrays = list(arrays)
    _engine.turn_back(arrays)
    return tuple(executable.run(arrays))


def _remember(key: tuple, executable: plan.executable.Executable | None) -> None:
    _executables[key] = executable
    while len(_executables) > _EXECUTABLES:
        _executables.pop(next(iter(_executables)), None)


def _executable_of(op: Op, arrays, params, windows: tuple = ()) -> plan.executable.Executable | None:
    """A plan for such arrays; those whose last two axes have changed places are read as they lie, not copied first.
    `windows`: of each array the parameters of `_APART` that make what the op is of, or None; there is no plan where its
    kernel cannot read that."""
    graph, arrays = Graph(), list(arrays)
    turned = _engine.turn_back(arrays) or ()
    inputs = [graph.input(a.shape, dtype_name(a.dtype)) for a in arrays]
    with trace.tracing(graph):
        for k in turned:
            order = tuple(range(inputs[k].ndim))
            inputs[k] = Operators.functions["transpose"](inputs[k], (*order[:-2], *order[:-3:-1]))
        for k, window in enumerate(windows):
            if window:
                inputs[k] = _APART(inputs[k], **dict(zip(("sizes", "offset", "strides"), window, strict=True)))
        outputs = op.trace(graph, tuple(inputs), params)
    graph.outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
    executable = plan.executable.Executable(graph, op.name, is_eager=True)
    return None if executable.has_references else executable


def _apart_reference(x, sizes, offset, strides):
    return np.lib.stride_tricks.as_strided(x[offset:], sizes, [stride * x.itemsize for stride in strides]).copy()


# Of a vector the elements that lie `strides` apart, from `offset` on. No kernel copies them.
_APART = Op(
    "apart",
    shape=lambda x, sizes, offset, strides: Spec(sizes, x.dtype),
    reference=_apart_reference,
    window=lambda node: (node.params["offset"], list(node.params["strides"])),
    is_registered=False,
)


def all_ops() -> dict[str, Op]:
    """The records of all families of `fastnn.ops`, by name; loads them."""
    for module in _api.PUBLIC["fastnn.ops"]:
        importlib.import_module(f"fastnn.{module}")
    return REGISTRY


def always(_node: Node) -> bool:
    """An `epilogue`, or `keeps_tile`, of each node."""
    return True


def uniform(low: float, high: float) -> Callable[..., np.ndarray]:
    """A domain: uniform floats in [low, high)."""
    return lambda rng, shape, dtype: np.asarray(rng.uniform(low, high, shape), dtype)


def integers(low: int, high: int) -> Callable[..., np.ndarray]:
    """A domain: integers in [low, high)."""
    return lambda rng, shape, dtype: np.asarray(rng.integers(low, high, shape), dtype)


__all__ = [
    "REGISTRY", "Node", "Op", "Spec", "Value", "all_ops", "always", "as_array", "as_value", "broadcast_shapes",
    "dtype_of", "evaluate", "evaluate_recorded", "integers", "shape_of", "uniform",
]  # fmt: skip
