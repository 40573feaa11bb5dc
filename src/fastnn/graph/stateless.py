"""StatelessScope: inside, variables have given values, and what is assigned to them is kept aside.

In a trace the graph's own updates do it: they are exchanged for those of the scope and put back afterwards. Outside, a
variable asks the scope of its thread.
"""

from __future__ import annotations

from fastnn.graph import trace
from fastnn.graph.variable import Variable


class StatelessScope:
    """Inside, no variable changes: reads see the given values and what was assigned in the scope, which keeps it.

    Args:
        state_mapping: list of (Variable, value): the values to begin with; others have their own.
        collect_losses: whether `add_loss` keeps losses.
        initialize_variables: kept for Keras's signature.

    Attributes:
        losses: what `add_loss` was given.

    Raises:
        ValueError: when a key is no Variable, or a value has another shape.

    Example:
        >>> v = fastnn.Variable([1.0, 2.0])
        >>> with fastnn.StatelessScope([(v, np.float32([5, 6]))]) as scope:
        ...     _ = v.assign_add([1.0, 1.0])
        >>> scope.get_current_value(v), v.numpy()
        (array([6., 7.], dtype=float32), array([1., 2.], dtype=float32))
    """

    def __init__(self, state_mapping=None, collect_losses=False, initialize_variables=True):
        self.collect_losses, self.initialize_variables = collect_losses, initialize_variables
        self.losses: list = []
        self._values: dict[Variable, object] = {}
        self._graph = None
        for variable, value in state_mapping or []:
            if not isinstance(variable, Variable):
                raise ValueError(
                    "Invalid reference variable in StatelessScope: all keys in argument `mapping` must be Variable "
                    f"instances. Received instead: {variable}"
                )
            value = value.value if isinstance(value, Variable) else value
            shape = tuple(getattr(value, "shape", ()))
            if shape != variable.shape:
                raise ValueError(
                    "Invalid variable value in StatelessScope: all values in argument `mapping` must be tensors with a "
                    f"shape that matches the corresponding variable shape. For variable {variable}, received invalid "
                    f"value {value} with shape {shape}."
                )
            self._values[variable] = value

    def __enter__(self):
        self._graph = trace.current()
        if self._graph is None:
            trace.watch(1)
            self._outer, trace.state.scope = trace.state.scope, self
        else:
            self._outer = dict(self._graph.updates)
            for variable, value in self._values.items():
                variable.assign(value)
        return self

    def __exit__(self, *_):
        graph, self._graph = self._graph, None
        if graph is None:
            trace.state.scope = self._outer
            trace.watch(-1)
            return
        changed = {v: value for v, value in graph.updates.items() if self._outer.get(v) is not value}
        self._values |= changed
        graph.updates.clear()
        graph.updates.update(self._outer)

    def add_loss(self, loss) -> None:
        """Keeps a loss in `losses`."""
        self.losses.append(loss)

    def add_update(self, update) -> None:
        """Takes `(variable, value)` as an assignment."""
        variable, value = update
        if self._graph is not None:
            variable.assign(value)
        else:
            self._values[variable] = value

    def get_current_value(self, variable):
        """The value of `variable` in the scope; None where it was neither given nor assigned."""
        if self._graph is not None:
            value = self._graph.updates.get(variable)
            if value is not None and self._outer.get(variable) is not value:
                return value
        return self._values.get(variable)

    def read(self, x):
        """`x`, or its value when it is a variable that has one here."""
        if not isinstance(x, Variable):
            return x
        value = self._values.get(x)
        return x if value is None else value


def pairs(owner, argument: str, variables, values) -> list[tuple]:
    """`variables`, each with its one of `values`.

    Raises:
        ValueError: naming `argument` of `owner`, when their numbers differ.
    """
    values = list(values)
    if len(values) != len(variables):
        raise ValueError(
            f"Argument `{argument}` must be a list of tensors corresponding 1:1 to {type(owner).__name__}()."
            f"{argument.removeprefix('optimizer_').removeprefix('metric_')}. Received list with length {len(values)}, "
            f"but expected {len(variables)} variables."
        )
    return list(zip(variables, values, strict=True))


class SymbolicScope:
    """Marks code that runs on KerasTensors. Kept for Keras; nothing here needs to know.

    Example:
        >>> with fastnn.SymbolicScope():
        ...     y = fastnn.ops.relu(fastnn.KerasTensor((None, 3)))
        >>> y.shape
        (None, 3)
    """

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
