"""Metric: a few variables that every batch updates, and a result computed from them."""

import numpy as np

from fastnn import initializers
from fastnn.graph.dtypes import standardize_dtype
from fastnn.graph.stateless import StatelessScope, pairs
from fastnn.graph.variable import Variable
from fastnn.naming import auto_name, to_snake_case


class Metric:
    """Base of metrics. A metric keeps its state in variables, so that updates compile into the training step.

    Args:
        dtype: of the state and the result; `floatx()` by default.
        name: for logs; the snake_case of the class by default.

    Subclasses call `add_variable` in `__init__`, and write `update_state(*args, sample_weight=None)` and `result()`
    with `fastnn.ops`.

    Example:
        >>> class Largest(Metric):
        ...     def __init__(self, name="largest"):
        ...         super().__init__(name=name)
        ...         self.value = self.add_variable((), "zeros", name="value")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.value.assign(fastnn.ops.maximum(self.value, y_pred.max()))
        ...     def result(self):
        ...         return self.value
        >>> float(Largest()(None, np.float32([1, 3, 2])))
        3.0
    """

    def __init__(self, dtype=None, name=None):
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self._dtype = standardize_dtype(getattr(dtype, "compute_dtype", dtype))

    def __setattr__(self, name, value):
        members = value if isinstance(value, (list, tuple)) else (value,)
        tracked = self.__dict__.setdefault("_tracked", [])
        for member in members:
            if isinstance(member, (Variable, Metric)) and not any(member is other for other in tracked):
                tracked.append(member)
        object.__setattr__(self, name, value)

    @property
    def dtype(self) -> str:
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The state: own variables and those of metrics inside, in the order in which they were made."""
        found: list[Variable] = []
        for member in self.__dict__.get("_tracked", ()):
            found += [member] if isinstance(member, Variable) else member.variables
        return found

    def add_variable(self, shape, initializer="zeros", dtype=None, aggregation="sum", name=None) -> Variable:
        """A new state variable.

        Args:
            shape: tuple of ints.
            initializer: a name or a callable; `reset_state` sets zeros in any case.
            dtype: the metric's by default.
            aggregation: kept for Keras's signature.
            name: for messages.
        """
        initializer = np.zeros if initializer == "zeros" else initializers.get(initializer)
        variable = Variable(initializer, tuple(shape), dtype or self.dtype, trainable=False, name=name)
        variable.path = f"{self.name}/{variable.name}"
        self._tracked.append(variable)
        return variable

    def add_weight(self, shape=(), initializer=None, dtype=None, name=None) -> Variable:
        """`add_variable` with a scalar as its default."""
        return self.add_variable(shape, initializer or "zeros", dtype, name=name)

    def update_state(self, *args, **kwargs):
        """Takes one batch into account."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `update_state`.")

    def result(self):
        """The metric over everything since the last `reset_state`: a scalar, an array or a dict of them."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `result`.")

    def reset_state(self):
        """Forgets what was seen: all variables become zero."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def stateless_update_state(self, metric_variables, *args, **kwargs) -> list:
        """`update_state` on values of the variables; returns the new ones and changes nothing.

        Args:
            metric_variables: values, in the order of `variables`.
            args, kwargs: of `update_state`.

        Raises:
            ValueError: when their number is another.

        Example:
            >>> metric = fastnn.metrics.Mean()
            >>> [float(v) for v in metric.stateless_update_state([0.0, 0.0], [1.0, 3.0])]
            [4.0, 2.0]
        """
        with StatelessScope(pairs(self, "metric_variables", self.variables, metric_variables)) as scope:
            self.update_state(*args, **kwargs)
            return [scope.get_current_value(v) for v in self.variables]

    def stateless_result(self, metric_variables):
        """`result` for values of the variables.

        Args:
            metric_variables: values, in the order of `variables`.

        Raises:
            ValueError: when their number is another.

        Example:
            >>> float(fastnn.metrics.Mean().stateless_result([4.0, 2.0]))
            2.0
        """
        with StatelessScope(pairs(self, "metric_variables", self.variables, metric_variables)):
            result = self.result()
            return result.value if isinstance(result, Variable) else result

    def stateless_reset_state(self) -> list:
        """What `reset_state` would make of the variables.

        Example:
            >>> [float(v) for v in fastnn.metrics.Mean().stateless_reset_state()]
            [0.0, 0.0]
        """
        with StatelessScope([(v, v.value) for v in self.variables]) as scope:
            self.reset_state()
            return [scope.get_current_value(v) for v in self.variables]

    def __call__(self, *args, **kwargs):
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
