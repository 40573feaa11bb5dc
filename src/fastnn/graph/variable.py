"""Variable: an array that outlives a call, and that a run of a plan can change where it lives."""

from __future__ import annotations

import itertools
import math

import numpy as np

from fastnn import _kernels, config, limits, naming, tree
from fastnn.graph import trace
from fastnn.graph.dtypes import is_float, standardize_dtype
from fastnn.graph.value import Operators, Value

# Counts how often any variable moved to other memory. A plan resolves its pointers again when this has changed.
_moves = itertools.count(1)
moved = 0

_CHOICES = {
    "aggregation": (None, "none", "mean", "sum", "only_first_replica"),
    "synchronization": (None, "none", "on_read", "on_write", "auto"),
}


@tree.leaf
class Variable(Operators):
    """An array with a name that training may change.

    Args:
        initializer: an array, a number, or a callable `initializer(shape, dtype)`.
        shape: tuple of ints; needed when `initializer` is a callable.
        dtype: defaults to the array's dtype, or `floatx()`.
        trainable: whether optimizers see it.
        autocast: whether layers that compute in another float dtype read it in that dtype.
        aggregation: how replicas would be joined; there is one.
        synchronization: when replicas would be.
        name: without "/"; "variable", "variable_1", ... by default.

    Raises:
        ValueError: for a callable without `shape`, an array of another shape than `shape`, a name or a choice that is
            none.

    Example:
        >>> v = Variable([1.0, 2.0]); _ = v.assign_add([1.0, 1.0]); v.numpy()
        array([2., 3.], dtype=float32)
    """

    def __init__(
        self, initializer, shape=None, dtype=None, trainable=True, autocast=True, aggregation="none",
        synchronization="auto", name=None,
    ):  # fmt: skip
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                f"Argument `name` must be a string and cannot contain character `/`. Received: name={name}"
            )
        for argument, value in (("aggregation", aggregation), ("synchronization", synchronization)):
            if value not in _CHOICES[argument]:
                raise ValueError(
                    f"Variable: `{argument}` must be one of {_CHOICES[argument]}. Received: {argument}={value}"
                )
        self.name = name or naming.auto_name("variable")
        self.path = naming.path(self.name)
        self._trainable = self.made_trainable = bool(trainable)
        self.autocast = autocast
        self.aggregation, self.synchronization = aggregation or "none", synchronization or "none"
        self.regularizer = None
        self.constraint = None
        self.overwrite_with_gradient = False
        value = initializer
        if callable(initializer):
            if shape is None:
                raise ValueError(
                    f"Variable {self.name!r}: `shape` is needed when the initializer is a callable ({initializer})."
                )
            shape, wanted = tuple(shape), standardize_dtype(dtype)
            limits.count_variable(self.path, shape, math.prod(shape) * np.dtype(wanted).itemsize)
            with trace.eager():
                value = initializer(shape, dtype=wanted)
        if dtype is None:
            dtype = getattr(value, "dtype", None)
            if dtype is None:
                dtype = np.asarray(value).dtype
                dtype = config.floatx() if dtype == np.float64 else "int32" if dtype == np.int64 else dtype
        self.storage_dtype = standardize_dtype(dtype)
        array = np.asarray(value, self.storage_dtype)
        if shape is not None and array.shape != tuple(shape):
            raise ValueError(
                f"Variable {self.name!r}: the initial value has shape {array.shape}, `shape` says {tuple(shape)}."
            )
        # Aligned, or each vector of weights that a kernel loads would lie in two cache lines.
        self._array = _kernels.aligned_copy(array)

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value) -> None:
        self._trainable = bool(value)

    @property
    def dtype(self) -> str:
        """The dtype in which it is read here: in a layer of mixed precision not the one in which it is kept."""
        dtype = trace.state.autocast
        return dtype if dtype and self.autocast and is_float(self.storage_dtype) else self.storage_dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def ndim(self) -> int:
        return self._array.ndim

    @property
    def value(self):
        """The array (a read-only view; a copy is `numpy().copy()`), or the traced value inside a trace."""
        graph = trace.current()
        if graph is not None:
            value = graph.read(self)
        elif trace.state.tapes:
            dtype = self.dtype
            with trace.autocasting(None):  # the cast reads what is kept, so that its gradient has that dtype
                return self.functions["cast"](self, dtype)  # an op, so that the tape sees the read
        else:
            value = self._here() if trace.state.scope is not None else self.numpy()
        return value if self.dtype == self.storage_dtype else self.functions["cast"](value, self.dtype)

    def _here(self) -> np.ndarray:
        """The numbers as this thread sees them: a StatelessScope may have others."""
        scope = trace.state.scope
        value = None if scope is None else scope.get_current_value(self)
        return self._array if value is None else value

    @property
    def array(self) -> np.ndarray:
        """The memory itself, writable: for the executor, optimizers and loaders."""
        return self._array

    def numpy(self) -> np.ndarray:
        """The numbers, as a read-only view that later assignments show through."""
        view = self._here().view()
        view.flags.writeable = False
        return view

    def assign(self, value):
        """Sets the numbers.

        Raises:
            ValueError: when the shape differs; the variable is as it was.
        """
        graph = trace.current()
        shape = np.shape(value) if not hasattr(value, "shape") else tuple(value.shape)
        if shape != self.shape:
            raise ValueError(
                f"The shape of the value assigned to variable {self.path!r} must be {self.shape}; it is {shape}."
            )
        if graph is not None:
            graph.assign(self, self.functions["cast"](value, self.storage_dtype))
        elif isinstance(value, Value):
            value._concrete()
        elif trace.state.scope is not None:
            trace.state.scope.add_update((self, self.functions["cast"](value, self.storage_dtype)))
        else:
            self._array[...] = np.asarray(value)
        return self

    def assign_add(self, value):
        """Adds `value` (broadcast to the variable's shape)."""
        return self.assign(self.functions["add"](self, value))

    def assign_sub(self, value):
        """Subtracts `value` (broadcast to the variable's shape)."""
        return self.assign(self.functions["subtract"](self, value))

    def move(self, memory: np.ndarray) -> None:
        """Makes `memory` (same shape and dtype) the variable's home and copies the numbers there."""
        global moved
        memory[...] = self._array
        self._array = memory
        moved = next(_moves)

    def __getstate__(self) -> dict:
        """For copies: in no buffer."""
        return {name: value for name, value in self.__dict__.items() if name not in ("home", "views")}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state, _array=_kernels.aligned_copy(state["_array"]))

    def __dlpack__(self, **kwargs):
        """The numbers for another library, without a copy: read-only ones to who can be told so, by `max_version`."""
        return (self.numpy() if kwargs.get("max_version") else self._array).__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()

    def __array__(self, dtype=None, copy=None):
        return np.array(self._here(), dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self._array)

    def __float__(self) -> float:
        return float(self._here())

    def __int__(self) -> int:
        return int(self._here())

    def __bool__(self) -> bool:
        return bool(self._here())

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={self._array}>"
