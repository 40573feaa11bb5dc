"""How the arguments of a layer's `call` are bound, and which of them are arrays."""

import functools
import inspect

from fastnn import tree
from fastnn.graph.symbolic import PROBES
from fastnn.layers import call_context

_KEYWORD_ONLY, _PLAIN = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD


class CallSignature:
    """The signature of one `call` method."""

    def __init__(self, signature: inspect.Signature):
        self.signature, self.parameters = signature, signature.parameters
        kinds = {p.kind for p in self.parameters.values()}
        self._takes_any = inspect.Parameter.VAR_KEYWORD in kinds
        self._is_plain = kinds <= {_PLAIN, _KEYWORD_ONLY}  # then what `inspect` does takes a third of the time here
        self._positional = [name for name, p in self.parameters.items() if p.kind is not _KEYWORD_ONLY]
        self._required = {name for name, p in self.parameters.items() if p.default is inspect.Parameter.empty}

    @classmethod
    def of(cls, call) -> "CallSignature":
        return _signature_of(getattr(call, "__func__", call), hasattr(call, "__func__"))

    def has(self, name: str) -> bool:
        """Whether `call` declares an argument `name`."""
        return name in self.parameters

    def default(self, name: str):
        """The default of argument `name`, None without one."""
        default = self.parameters[name].default
        return None if default is inspect.Parameter.empty else default

    def bind(self, args: tuple, kwargs: dict) -> inspect.BoundArguments:
        """The arguments by name.

        Raises:
            TypeError: when they do not fit the signature.
        """
        kwargs = self.accepted(kwargs)
        if self._is_plain and len(args) <= len(self._positional):
            found = dict(zip(self._positional, args, strict=False)) | kwargs
            fits = len(found) == len(args) + len(kwargs) and self._required <= found.keys() <= self.parameters.keys()
            if fits and kwargs:
                found = {name: found[name] for name in self.parameters if name in found}
            if fits:
                return inspect.BoundArguments(self.signature, found)
        return self.signature.bind(*args, **kwargs)

    def split(self, bound: inspect.BoundArguments) -> tuple[list | tuple, dict]:
        """The arguments by position and those by name, as `bound.args` and `bound.kwargs`."""
        if not self._is_plain:
            return bound.args, bound.kwargs
        found = dict(bound.arguments)
        args = []
        for name in self._positional:
            if name not in found:
                break
            args.append(found.pop(name))
        return args, found

    def accepted(self, kwargs: dict) -> dict:
        """`kwargs` without `training` where `call` has no such argument: it is for layers inside."""
        if "training" in kwargs and not (self._takes_any or "training" in self.parameters):
            return {name: value for name, value in kwargs.items() if name != "training"}
        return kwargs


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
