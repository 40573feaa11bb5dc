"""How the arguments of a layer's `call` are bound, and which of them are arrays."""

import functools
import inspect
from dataclasses import dataclass

from fastnn import tree
from fastnn.graph.symbolic import PROBES
from fastnn.layers import call_context


@dataclass(eq=False, repr=False, slots=True)
class CallSignature:
    """The signature of one `call` method."""

    signature: inspect.Signature

    @classmethod
    def of(cls, call) -> "CallSignature":
        return _signature_of(getattr(call, "__func__", call), hasattr(call, "__func__"))

    def has(self, name: str) -> bool:
        """Whether `call` declares an argument `name`."""
        return name in self.signature.parameters

    def default(self, name: str):
        """The default of argument `name`, None without one."""
        default = self.signature.parameters[name].default
        return None if default is inspect.Parameter.empty else default

    def bind(self, args: tuple, kwargs: dict) -> inspect.BoundArguments:
        """The arguments by name.

        Raises:
            TypeError: when they do not fit the signature.
        """
        return self.signature.bind(*args, **self.accepted(kwargs))

    def accepted(self, kwargs: dict) -> dict:
        """`kwargs` without `training` where `call` has no such argument: it is for layers inside."""
        if "training" in kwargs and not self._takes("training"):
            return {name: value for name, value in kwargs.items() if name != "training"}
        return kwargs

    def _takes(self, name: str) -> bool:
        parameters = self.signature.parameters
        return name in parameters or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


@functools.lru_cache(maxsize=1024)
def _signature_of(function, is_method: bool) -> CallSignature:
    signature = inspect.signature(function)
    if is_method:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    return CallSignature(signature)


def is_array(x) -> bool:
    """Whether `x` is an array, a variable, a traced value or a KerasTensor."""
    return hasattr(x, "shape") and hasattr(x, "dtype")


def array_arguments(bound: inspect.BoundArguments) -> dict:
    """The arguments that are structures of arrays, by name, in order."""
    found = {}
    for name, value in bound.arguments.items():
        leaves = tree.flatten(value)
        if leaves and any(is_array(leaf) for leaf in leaves) and all(leaf is None or is_array(leaf) for leaf in leaves):
            found[name] = value
    return found


def shapes_of(structure):
    """The shapes (tuples) of the arrays of `structure`, None for None."""
    return tree.map_structure(lambda x: None if x is None else tuple(x.shape), structure)


def describe(bound: inspect.BoundArguments) -> str:
    """The arguments, one a line, arrays by shape and dtype: for error messages."""
    return "\n".join(f"  • {name}={_describe(value)}" for name, value in bound.arguments.items())


def name_layer(error: Exception, layer, bound: inspect.BoundArguments) -> None:
    """Adds the layer and its arguments to the message of `error`, once: the innermost layer is the one to name."""
    if getattr(error, "_names_layer", False):
        return
    kind = type(layer).__name__
    where = f"Exception encountered when calling {kind}.call() of layer {call_context.path()!r}."
    arguments = f"Arguments received by {kind}.call():\n{describe(bound)}"
    if error.args and isinstance(error.args[0], str):
        error.args = (f"{where}\n\n{error.args[0]}\n\n{arguments}", *error.args[1:])
    else:
        error.add_note(f"{where}\n{arguments}")
    error._names_layer = True


def _describe(value) -> str:
    # While shapes are inferred, numbers stand in for sizes that are not known.
    stand_ins = PROBES if call_context.is_probing() else ()

    def leaf(x):
        if not is_array(x):
            return _Text(repr(x))
        shape = tuple(None if size in stand_ins else size for size in x.shape)
        return _Text(f"{type(x).__name__}(shape={shape}, dtype={x.dtype})")

    return str(tree.map_structure(leaf, value))


class _Text(str):
    """A string that shows itself without quotes inside structures."""

    __repr__ = str.__str__
