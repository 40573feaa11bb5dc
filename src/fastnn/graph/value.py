"""The graph: nodes that apply ops to values of static shape, in the order they were traced.

A `Graph` is in static single assignment form: a value is written once, by the node it belongs to. Leaves are nodes
too, of the ops INPUT, VARIABLE and CONSTANT. `updates` says which variables a run changes, and to what.
"""

from __future__ import annotations

import functools
import importlib
import math
import operator
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from fastnn import limits, tree

Shape = tuple[int, ...]


class Spec:
    """Shape (static) and dtype of an array."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: Shape, dtype: str):
        self.shape = shape
        self.dtype = dtype

    def __eq__(self, other) -> bool:
        return self is other or (type(other) is Spec and self.dtype == other.dtype and self.shape == other.shape)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * np.dtype(self.dtype).itemsize

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]"


dtype_name = functools.cache(operator.attrgetter("name"))  # of a NumPy dtype, which makes the string each time


class OpLike(Protocol):
    """What the graph knows of an op's record (`fastnn.ops.record.Op`)."""

    name: str
    kind: str
    grad: Any
    simplify: Any
    number: Any
    evaluate: Any


class Leaf:
    """The op of a node without inputs."""

    kind = "leaf"
    grad = simplify = reduced = evaluate = sum_of_steps = epilogue = None

    def __init__(self, name: str):
        self.name = name


INPUT, VARIABLE, CONSTANT = Leaf("input"), Leaf("variable"), Leaf("constant")


class Copy:
    """The op that moves numbers and changes none: the planner inserts it where memory must not be shared."""

    name = "copy"
    kind = "elementwise"
    grad = simplify = reduced = lower = into = epilogue = keeps_tile = again = number = lone = None
    inplace = False
    aliases = ()

    def specs(self, inputs: tuple[Spec, ...], _params) -> tuple[Spec, ...]:
        return inputs

    def evaluate(self, arrays, _params) -> tuple[np.ndarray, ...]:
        return (arrays[0].copy(),)


COPY = Copy()


class _Loading(dict):
    """Loads `fastnn.ops`, which then puts its functions in this one's place: who makes a variable may have no ops."""

    def __missing__(self, name):
        importlib.import_module("fastnn.ops")
        return Operators.functions[name]


class Operators:
    """Python's operators for every symbolic or variable value. `fastnn.ops` puts its functions into `functions`:
    this module is below it and knows it by name only."""

    __slots__ = ()
    functions: dict[str, Any] = _Loading()
    __array_priority__ = 1000  # NumPy leaves `array + value` to __radd__


def _binary(name: str):
    def forward(self, other):
        return self.functions[name](self, other)

    def backward(self, other):
        return self.functions[name](other, self)

    return forward, backward


def _unary(name: str):
    def method(self):
        return self.functions[name](self)

    return method


for _symbol, _name in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
    "mod": "mod", "pow": "power", "matmul": "matmul", "and": "logical_and", "or": "logical_or", "xor": "logical_xor",
}.items():  # fmt: skip
    _forward, _backward = _binary(_name)
    setattr(Operators, f"__{_symbol}__", _forward)
    setattr(Operators, f"__r{_symbol}__", _backward)
for _symbol, _name in {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "ne": "not_equal", "eq": "equal",
}.items():  # fmt: skip
    setattr(Operators, f"__{_symbol}__", _binary(_name)[0])
for _symbol, _name in {"neg": "negative", "abs": "absolute", "invert": "logical_not"}.items():
    setattr(Operators, f"__{_symbol}__", _unary(_name))
Operators.__getitem__ = lambda self, index: self.functions["get_item"](self, index)
Operators.__hash__ = object.__hash__


@tree.leaf
class Value(Operators):
    """A traced array: static shape and dtype, no numbers yet."""

    __slots__ = ("__weakref__", "_keras_mask", "index", "node", "spec")
    __array_ufunc__ = None

    def __init__(self, node: Node, index: int, spec: Spec):
        self.node = node
        self.index = index
        self.spec = spec
        self._keras_mask = None  # a Value, see `masks`

    @property
    def shape(self) -> Shape:
        return self.spec.shape

    @property
    def dtype(self) -> str:
        return self.spec.dtype

    @property
    def size(self) -> int:
        return self.spec.size

    @property
    def ndim(self) -> int:
        return len(self.spec.shape)

    @property
    def T(self) -> Value:
        return self.functions["transpose"](self)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a traced value of shape () has no length")
        return self.shape[0]

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def _concrete(self, *_args, **_kwargs):
        raise TypeError(
            f"This value ({self.spec}, from {self.node.op.name!r}) is being traced and has no numbers yet: it cannot "
            "become a Python or NumPy value. Use fastnn.ops instead of NumPy and of Python's if/while on it, or "
            "compile the model with run_eagerly=True."
        )

    __array__ = __bool__ = __float__ = numpy = _concrete

    def __int__(self) -> int:
        numbers = _known(self)
        return self._concrete() if numbers is None else int(numbers)

    __index__ = __int__

    def __repr__(self) -> str:
        return f"<Value {self.spec} of {self.node.op.name}>"


def _known(value: Value, depth: int = 16) -> np.ndarray | None:
    """The numbers of sizes and the like, which ops computed from constants alone; None for what a run computes."""
    node = value.node
    if node.op is CONSTANT:
        return node.params["array"]
    if not node.inputs or value.size > 64 or depth == 0:
        return None
    arrays = [_known(x, depth - 1) for x in node.inputs]
    if any(array is None for array in arrays):
        return None
    return node.op.evaluate(arrays, node.params)[value.index]


class Node:
    """One application of an op."""

    __slots__ = ("inputs", "label", "op", "outputs", "params")

    def __init__(self, op: OpLike, inputs: tuple[Value, ...], params: dict[str, Any], specs: Sequence[Spec], label=""):
        self.op = op
        self.inputs = inputs
        self.params = params
        self.outputs = (
            (Value(self, 0, specs[0]),)
            if len(specs) == 1
            else tuple([Value(self, k, spec) for k, spec in enumerate(specs)])
        )
        self.label = label

    def __repr__(self) -> str:
        return f"<Node {self.op.name} {[str(v.spec) for v in self.inputs]} -> {[str(v.spec) for v in self.outputs]}>"


class Graph:
    """Nodes in execution order, with what goes in, what comes out and which variables change.

    Attributes:
        nodes: in an order in which every input is written before it is read.
        inputs: values bound before each run, in order.
        outputs: values that a run returns, in order.
        variables: the value that each variable has at the start of a run.
        updates: the value that each changed variable has at its end.
    """

    def __init__(self):
        self.nodes: list[Node] = []
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self.variables: dict[Any, Value] = {}
        self.updates: dict[Any, Value] = {}
        self.parts: dict[Any, Value] = {}  # slices of updated buffers that trace as the variables in them
        self.labels: list[str] = []

    def add(self, op: OpLike, inputs: tuple[Value, ...], params: dict[str, Any], specs: tuple[Spec, ...]) -> Node:
        limits.count_steps(1)
        node = Node(op, inputs, params, specs, self.labels[-1] if self.labels else "")
        self.nodes.append(node)
        return node

    def input(self, shape: Shape, dtype: str, name: str = "") -> Value:
        value = self.add(INPUT, (), {"name": name}, (Spec(tuple(shape), dtype),)).outputs[0]
        self.inputs.append(value)
        return value

    def constant(self, array) -> Value:
        array = np.asarray(array)
        return self.add(CONSTANT, (), {"array": array}, (Spec(array.shape, dtype_name(array.dtype)),)).outputs[0]

    def read(self, variable) -> Value:
        """The value of `variable` at this point of the trace."""
        return self.value_after(variable, self.updates)

    def value_after(self, variable, updates) -> Value:
        """The value of `variable` when `updates` have been made: its own, or its part of the buffer it lives in."""
        if variable in updates:
            return updates[variable]
        owner, offset = getattr(variable, "home", (None, 0))
        if owner is not None and owner in updates:
            return self._part(updates[owner], variable, offset)
        return self._at_start(variable)

    def _at_start(self, variable) -> Value:
        if variable not in self.variables:
            spec = Spec(tuple(variable.shape), variable.storage_dtype)
            self.variables[variable] = self.add(VARIABLE, (), {"variable": variable}, (spec,)).outputs[0]
        return self.variables[variable]

    def _part(self, whole: Value, variable, offset: int) -> Value:
        key = (whole, variable)
        if key not in self.parts:
            functions, size = Operators.functions, math.prod(variable.shape)
            part = functions["getitem"](whole, slice(offset, offset + size))
            self.parts[key] = functions["reshape"](part, tuple(variable.shape))
        return self.parts[key]

    def assign(self, variable, value: Value) -> None:
        """`variable` has `value` from here on.

        Where the buffer it lives in was updated, all variables in it are, each with its part: of a buffer and a
        variable in it a run would not know which to write last.
        """
        owner = getattr(variable, "home", (None, 0))[0]
        if owner is not None and owner in self.updates:
            whole = self.updates.pop(owner)
            for member in [view for view in owner.views if view.home[0] is owner]:
                self._at_start(member)
                self.updates[member] = self._part(whole, member, member.home[1])
        self.read(variable)
        self.updates[variable] = value

    def results(self) -> list[Value]:
        """Everything a run must compute: outputs, then updates."""
        return [*self.outputs, *self.updates.values()]

    def __str__(self) -> str:
        return "\n".join(format_nodes(self.nodes))


def format_nodes(nodes: list[Node]) -> list[str]:
    """One line a node: `%3 = add(%1, %2) float32[2,3]`."""
    names: dict[Value, str] = {}
    lines = []
    for node in nodes:
        for value in node.outputs:
            names[value] = f"%{len(names)}"
        inputs = ", ".join(names.get(value, "?") for value in node.inputs)
        params = ", ".join(f"{k}={_short(v)}" for k, v in node.params.items())
        written = ", ".join(names[value] for value in node.outputs)
        specs = ", ".join(str(value.spec) for value in node.outputs)
        arguments = ", ".join(filter(None, (inputs, params)))
        lines.append(f"{written} = {node.op.name}({arguments}) {specs}" + (f"  # {node.label}" if node.label else ""))
    return lines


def _short(value) -> str:
    if isinstance(value, np.ndarray):
        return str(value) if value.size == 1 else f"array{list(value.shape)}"
    return getattr(value, "name", None) or str(value)
