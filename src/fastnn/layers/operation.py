"""Operation: a computation with a name that models can record; what layers are, without weights."""

from __future__ import annotations

import inspect

from fastnn import naming, tree
from fastnn.graph.symbolic import KerasTensor, infer_outputs, symbolic_call

PLAIN = (bool, int, float, str, type(None))


class Operation:
    """Base of computations that can be called on arrays and on KerasTensors. A subclass writes `call` with ops.

    Args:
        name: no slash in it; the class's in snake case by default, numbered.

    Raises:
        ValueError: for what is no name.

    Example:
        >>> class Double(fastnn.Operation):
        ...     def call(self, x):
        ...         return x * 2
        >>> Double()(np.ones(2, "float32")), Double()(fastnn.Input((3,))).shape
        (array([2., 2.], dtype=float32), (None, 3))
    """

    def __new__(cls, *args, **kwargs):
        operation = super().__new__(cls)
        operation.__dict__["_init_arguments"] = (args, kwargs)
        operation.__dict__["_inbound"] = []
        return operation

    def __init__(self, name=None):
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                f"Argument `name` must be a string and cannot contain character `/`. Received: name={name} (of type "
                f"{type(name)})"
            )
        self.name = name or naming.auto_name(naming.to_snake_case(type(self).__name__))

    def __call__(self, *args, **kwargs):
        if any(isinstance(x, KerasTensor) for x in tree.flatten((args, kwargs))):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def call(self, *args, **kwargs):
        """The computation, on arrays or traced values; written by the subclass."""
        raise NotImplementedError(f"{type(self).__name__} does not have a `call` method implemented.")

    def symbolic_call(self, *args, **kwargs):
        """KerasTensors in, KerasTensors out; the call is recorded for the model that is being built."""
        outputs = symbolic_call(self, args, kwargs, self.compute_output_spec(*args, **kwargs))
        produced = [y for y in tree.flatten(outputs) if isinstance(y, KerasTensor)]
        if produced:
            self._inbound.append((produced[0].call, outputs))
        return outputs

    def compute_output_spec(self, *args, **kwargs):
        """The outputs for KerasTensors, as KerasTensors; found by tracing `call`."""
        return infer_outputs(self.call, args, kwargs)

    @property
    def input(self):
        """The KerasTensor of its first symbolic call, or a list of them."""
        tensors = self._first_call()[0].inputs
        return tensors[0] if len(tensors) == 1 else tensors

    @property
    def output(self):
        """The KerasTensor that its first symbolic call returned, or a list of them."""
        tensors = [y for y in tree.flatten(self._first_call()[1]) if isinstance(y, KerasTensor)]
        return tensors[0] if len(tensors) == 1 else tensors

    def _first_call(self):
        if not self._inbound:
            raise AttributeError(
                f"{type(self).__name__} {self.name!r} has never been called on symbolic inputs: no input or output is "
                "defined."
            )
        return self._inbound[0]

    def get_config(self) -> dict:
        """The arguments of `__init__`.

        Raises:
            NotImplementedError: when one of them is no plain value and the class has no `get_config` of its own.
        """
        args, kwargs = self._init_arguments
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        config = {"name": self.name, **dict(list(bound.arguments.items())[1:])}
        if not all(isinstance(leaf, PLAIN) for leaf in tree.flatten(list(config.values()))):
            raise NotImplementedError(
                f"Object {type(self).__name__} was created by passing non-serializable argument values in "
                "`__init__()`, and therefore the object must override `get_config()` in order to be serializable."
            )
        return {**config, "name": self.name}

    @classmethod
    def from_config(cls, config):
        """A new operation with the arguments of `config`."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"
