"""KerasTensor: what a functional model is built from, and how shapes with unknown sizes are inferred.

Shape rules see only static shapes. A symbolic call is therefore traced twice with two different numbers in place of
each unknown size; the sizes of the outputs that differ are the unknown ones. Where an op asks that a size has a factor,
as a reshape that takes images apart again which lie one after another along the batch, multiples of both are tried.
"""

from __future__ import annotations

from typing import Any

from fastnn import naming, tree
from fastnn._kernels._engine import accepts
from fastnn.graph.trace import tracing
from fastnn.graph.value import Graph, Operators, Value

# Two primes that no layer is likely to have as a size, so that a product or sum with them is recognised too.
PROBES = (83, 89)
MOST_FACTOR = 1 << 24  # of what probes are multiplied by


class IndivisibleError(ValueError):
    """An op needs sizes whose product has one more factor, `factor`."""

    def __init__(self, message: str, factor: int):
        super().__init__(message)
        self.factor = factor


class Call:
    """One call of a layer or an op on KerasTensors: what ran, with which arguments, and what came out.

    A call of an op has a `name`; those of a layer go by the layer's, and have None.
    """

    __slots__ = ("args", "kwargs", "name", "operation", "outputs")

    def __init__(self, operation: Any, args: tuple, kwargs: dict[str, Any], name: str | None = None):
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.name = name
        self.outputs: list[KerasTensor] = []

    @property
    def inputs(self) -> list[KerasTensor]:
        return [x for x in tree.flatten((self.args, self.kwargs)) if isinstance(x, KerasTensor)]


@tree.leaf
class KerasTensor(Operators):
    """A symbolic array: shape (None where it is not known), dtype and the call that made it; no numbers.

    Args:
        shape: tuple of sizes, None for one that is not known (the batch, as a rule).
        dtype: its dtype.
        name: a name for messages.

    Example:
        >>> x = KerasTensor((None, 3)); x.shape
        (None, 3)
    """

    __array_ufunc__ = None
    _count = 0
    _keras_mask: KerasTensor | None = None  # see `masks`

    def __init__(self, shape, dtype="float32", sparse=False, ragged=False, record_history=True, name=None):
        self.shape = tuple(None if size is None else int(size) for size in shape)
        self.dtype = dtype
        self.sparse, self.ragged, self.record_history = bool(sparse), bool(ragged), record_history
        if name is None:
            KerasTensor._count += 1
            name = f"keras_tensor_{KerasTensor._count - 1}"
        self.ragged_rank = self.row_splits_dtype = None
        self.name = name
        self.call: Call | None = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def T(self):
        return self.functions["transpose"](self)

    def reshape(self, newshape):
        return self.functions["reshape"](self, newshape)

    def squeeze(self, axis=None):
        return self.functions["squeeze"](self, axis)

    def _concrete(self, *_args, **_kwargs):
        raise ValueError(
            "A KerasTensor is symbolic: it stands for an array in a model that is being built and has no numbers. Use "
            "fastnn.ops or a layer on it, not NumPy functions or Python's if/while."
        )

    __array__ = __bool__ = __float__ = __int__ = __iter__ = __len__ = _concrete

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse={self.sparse}, name={self.name}>"


def is_keras_tensor(x) -> bool:
    """Whether `x` is a KerasTensor."""
    return isinstance(x, KerasTensor)


def infer_outputs(function, args: tuple, kwargs: dict[str, Any]):
    """What `function` returns for `args` and `kwargs`, as KerasTensors in the same structure."""
    has_unknown = any(isinstance(x, KerasTensor) and None in x.shape for x in tree.flatten((args, kwargs)))
    results = _probes(function, args, kwargs) if has_unknown else [_probe(function, args, kwargs, PROBES[0])]

    def combine(*specs):
        first = specs[0]
        if not hasattr(first, "shape"):
            return first
        shape = [size if all(s.shape[k] == size for s in specs) else None for k, size in enumerate(first.shape)]
        return KerasTensor(shape, first.dtype)

    return tree.map_structure(combine, *results)


def symbolic_call(operation, args: tuple, kwargs: dict[str, Any], outputs=None, name: str | None = None):
    """Records `operation` on KerasTensors and returns its symbolic outputs (inferred unless they are given).

    A call of an op gets a `name`, numbered unless it is given.
    """
    if outputs is None:
        outputs = infer_outputs(operation, args, kwargs)
    if name is None and not hasattr(operation, "get_config"):
        name = naming.auto_name(name_of(operation))
    call = Call(operation, args, kwargs, name)
    for tensor in tree.flatten(outputs):
        if isinstance(tensor, KerasTensor):
            tensor.call = call
            call.outputs.append(tensor)
    return outputs


def name_of(operation) -> str:
    """The name of a layer, of an op's record, or of a function recorded as one call."""
    return getattr(operation, "name", None) or operation.__name__


def _probes(function, args, kwargs) -> list:
    """What comes out for each of `PROBES`, times the factors that ops ask for."""
    factor, first_error = 1, None
    while True:
        try:
            return [_probe(function, args, kwargs, size * factor) for size in PROBES]
        except IndivisibleError as error:
            first_error = first_error or error
            factor *= error.factor
            if factor > MOST_FACTOR:
                raise first_error from None


def _probe(function, args, kwargs, unknown_size: int):
    graph = Graph()

    def value_of(x):
        if not isinstance(x, KerasTensor):
            return x
        return graph.input(tuple(unknown_size if size is None else size for size in x.shape), x.dtype, x.name)

    args, kwargs = tree.map_structure(value_of, (args, kwargs))
    with tracing(graph):
        outputs = function(*args, **kwargs)
    return tree.map_structure(lambda v: v.spec if isinstance(v, Value) else v, outputs)


def accepts_symbolic(function, forwards: int = 0):
    """Makes a public op that computes with shapes accept KerasTensors, whose sizes may be unknown.

    A call with a KerasTensor among the arguments (or in a list or tuple of them) is recorded as one call of the whole
    function, which then sees only static shapes.
    """
    return accepts(KerasTensor, function, symbolic_call, forwards)
