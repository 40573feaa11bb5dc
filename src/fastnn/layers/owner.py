"""Owner: what a layer has. Weights, sublayers, generators and metrics are read from its attributes."""

from __future__ import annotations

import math

import numpy as np

from fastnn import constraints, initializers, naming, regularizers
from fastnn.graph import trace
from fastnn.graph.dtypes import is_float, standardize_dtype
from fastnn.graph.variable import Variable
from fastnn.layers import call_context, weight_lists
from fastnn.layers.tracking import Changes, Children, kind_of, scan, tracked

_MISSING = object()


class LayerState:
    """What a layer keeps for itself; nothing in here is searched for sublayers or weights."""

    __slots__ = (
        "build_shapes", "changes", "children", "children_at", "compiled", "flat", "flat_at", "inbound",
        "init_arguments", "is_building", "key", "key_at", "losses", "output_shape", "path", "super_called", "taped",
        "version", "weights",
    )  # fmt: skip

    def __init__(self, init_arguments):
        self.init_arguments = init_arguments
        self.super_called = False
        self.version = 0  # counts changes that compiled calls must notice
        self.weights: list[Variable] = []  # made by add_weight, in order
        self.losses: list = []  # (the graph that was being traced or None, loss), from add_loss
        self.inbound: list = []  # (symbolic call, its outputs)
        self.build_shapes: dict | None = None
        self.output_shape = None  # of the last call, for summaries
        self.is_building = False
        self.path: str | None = None
        self.compiled = None  # the Compiled of this layer's own calls
        self.taped = None  # those under a tape, see `taped_call`
        self.children: Children | None = None
        self.children_at = -1
        self.changes = 0  # of attributes that may hold children
        self.flat: list = []  # the layers inside, as `_flatten_layers` found them
        self.flat_at = -1
        self.key: tuple = ()
        self.key_at = -1

    def __getstate__(self) -> dict:
        """For copies: without what belongs to this object's own calls."""
        return {
            name: getattr(self, name) for name in ("init_arguments", "super_called", "weights", "build_shapes", "path")
        }

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["init_arguments"])
        for name, value in state.items():
            setattr(self, name, value)


class Owner:
    """The part of a layer that owns things.

    Everything internal is in `_state`; all other attributes are searched, lists, tuples and dicts included.
    """

    # Attributes that say nothing about what `call` computes: setting them leaves compiled calls valid.
    _unversioned_attributes: frozenset[str] = frozenset({"built", "name", "supports_masking"})

    def __new__(cls, *args, **kwargs):
        layer = object.__new__(cls)
        layer.__dict__["_state"] = LayerState((args, kwargs))
        return layer

    def __setattr__(self, name, value):
        state = self._state
        old = self.__dict__.get(name, _MISSING)
        if old is value or (isinstance(value, (bool, int, float, str)) and type(old) is type(value) and old == value):
            return
        value = tracked(value)
        object.__setattr__(self, name, value)
        self._note_change(name, old, value)
        if isinstance(old, Variable):
            _forget(state.weights, old)

    def __delattr__(self, name):
        old = self.__dict__.get(name)
        object.__delattr__(self, name)
        self._note_change(name, old, None)
        if isinstance(old, Variable):
            _forget(self._state.weights, old)

    def _note_change(self, name, old, value) -> None:
        if name in self._unversioned_attributes:
            return
        Changes.count += 1
        self._state.changes += 1
        if not self.__dict__.get("built"):
            return
        # A plain attribute set while tracing (a counter, a note of the last output) is no reason to trace again.
        if trace.current() is None or kind_of(value, _is_layer) or kind_of(old, _is_layer):
            self._state.version += 1

    def add_weight(
        self, *args, shape=None, initializer=None, dtype=None, trainable=True, autocast=True, regularizer=None,
        constraint=None, aggregation="none", overwrite_with_gradient=False, name=None,
    ):  # fmt: skip
        """A new weight, to be kept as an attribute.

        Args:
            shape: tuple of ints; a scalar by default.
            initializer: default "glorot_uniform" for floats and "zeros" for others.
            dtype: default the layer's `variable_dtype`.
            trainable: whether optimizers see it.
            regularizer: a loss on it, or None.
            constraint: applied after each update, or None.
            name: "variable", "variable_1", ... by default.

        Returns:
            the `Variable`.

        Raises:
            ValueError: when `shape` has a None, with the shape.

        Example:
            >>> layer = fastnn.layers.Layer(); layer.add_weight(shape=(2,), initializer="ones").numpy()
            array([1., 1.], dtype=float32)
        """
        self._check_super_called()
        positional = ["shape", "initializer", "dtype", "trainable"]
        if args and isinstance(args[0], str):  # Keras 2: the name came first
            positional.insert(0, "name")
        given = dict(zip(positional, args, strict=False))
        shape, initializer = given.get("shape", shape), given.get("initializer", initializer)
        dtype, trainable, name = given.get("dtype", dtype), given.get("trainable", trainable), given.get("name", name)
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        name = name or naming.auto_name("variable")
        is_inside = naming.scopes.names[-1:] == [self.name]  # in build or call, not in __init__
        path = call_context.path(name if is_inside else f"{self.name}/{name}")
        if any(size is None for size in shape):
            raise ValueError(
                "Shapes used to initialize variables must be fully-defined (no `None` dimensions). Received: "
                f"shape={shape} for variable path={path!r}"
            )
        dtype = self.variable_dtype if dtype is None else standardize_dtype(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if is_float(dtype) else "zeros"
        variable = Variable(
            initializers.get(initializer), shape=tuple(int(size) for size in shape), dtype=dtype, trainable=trainable,
            autocast=autocast, aggregation=aggregation, name=name,
        )  # fmt: skip
        variable.path = path
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._state.weights.append(variable)
        Changes.count += 1
        self._state.changes += 1
        return variable

    def add_variable(
        self,
        shape,
        initializer,
        dtype=None,
        trainable=True,
        autocast=True,
        regularizer=None,
        constraint=None,
        name=None,
    ):
        """`add_weight` under Keras's other name."""
        return self.add_weight(
            shape=shape, initializer=initializer, dtype=dtype, trainable=trainable, autocast=autocast,
            regularizer=regularizer, constraint=constraint, name=name,
        )  # fmt: skip

    def _children(self) -> Children:
        state = self._state
        if state.children_at != Changes.count:
            at = Changes.count
            if state.children is None or state.children.are_other(state.changes):
                state.children = self._scan()
            state.children_at = at
        return state.children

    def _scan(self) -> Children:
        """The layers and so on that this layer owns directly."""
        attributes = {name: value for name, value in self.__dict__.items() if name != "_state"}
        children = scan(attributes, _is_layer, self._state.changes)
        made = self._state.weights
        children.variables = [*made, *(v for v in children.variables if not any(v is w for w in made))]
        return children

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Owner]:
        """This layer and those inside it, each once, outer before inner."""
        state = self._state
        if recursive and state.flat_at == Changes.count:
            return [self, *state.flat] if include_self else list(state.flat)
        at = Changes.count
        found: list[Owner] = []
        seen: set[int] = set()
        stack = [self]
        while stack:
            layer = stack.pop()
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            found.append(layer)
            if recursive or layer is self:
                stack.extend(reversed(layer._children().layers))
        if recursive:
            state.flat, state.flat_at = found[1:], at  # not self: layers are freed when the last name of them goes
        return found if include_self else found[1:]

    def _trace_key(self) -> tuple:
        """Changes whenever a compiled call of this layer might compute something else."""
        state = self._state
        if state.key_at != Changes.count:
            at = Changes.count
            layers = self._flatten_layers()
            state.key = tuple(
                (layer._state.version, *(container.version for container in layer._children().containers))
                for layer in layers
            )
            state.key_at = at
        return state.key

    @property
    def trainable(self) -> bool:
        """Whether the weights are trained; setting it sets it for all sublayers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value) -> None:
        for layer in self._flatten_layers():
            layer._trainable = bool(value)

    @property
    def variables(self) -> list[Variable]:
        """All state: weights, and the states of random generators."""
        return weight_lists.variables(self)

    @property
    def trainable_variables(self) -> list[Variable]:
        """The state that training changes by gradients."""
        return weight_lists.trainable_variables(self)

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The state that it does not."""
        return weight_lists.without(self.variables, self.trainable_variables)

    @property
    def weights(self) -> list[Variable]:
        """`variables` without the states of random generators."""
        return weight_lists.weights(self)

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that are trained."""
        return self.trainable_variables

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that are not trained."""
        return weight_lists.without(self.weights, self.trainable_weights)

    @property
    def metrics(self) -> list:
        """The metrics of this layer and those inside it."""
        return weight_lists.unique(m for layer in self._flatten_layers() for m in layer._children().metrics)

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of `metrics`."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the weights, in the order of `weights`."""
        return [np.array(variable) for variable in self.weights]

    def set_weights(self, weights) -> None:
        """Sets the weights.

        Args:
            weights: arrays, in the order and shapes of `weights`.

        Raises:
            ValueError: when a number or a shape differs; no weight has changed then.
        """
        weight_lists.set_weights(self, weights)

    def save_own_variables(self, store) -> None:
        """Writes this layer's own variables (not those of sublayers) into `store`; for subclasses with other state.

        Args:
            store: takes arrays by name: `store["0"] = array`.
        """
        for k, variable in enumerate(weight_lists.own(self)):
            store[str(k)] = variable.array

    def load_own_variables(self, store) -> None:
        """Reads them back.

        Args:
            store: gives arrays by name, and has `keys()`.

        Raises:
            ValueError: when their number or shapes differ.
        """
        weight_lists.assign_all(self.name, weight_lists.own(self), store)

    def count_params(self) -> int:
        """How many numbers the weights hold.

        Raises:
            ValueError: when it is not built.
        """
        if not self.built:
            raise ValueError(
                f"You tried to call `count_params` on layer {self.name!r}, but the layer isn't built. You can build it "
                "manually via: `layer.build(input_shape)`."
            )
        return sum(math.prod(variable.shape) for variable in self.weights)


def _is_layer(x) -> bool:
    return isinstance(x, Owner)


def _forget(variables: list, variable) -> None:
    for k, other in enumerate(variables):
        if other is variable:
            del variables[k]
            return
