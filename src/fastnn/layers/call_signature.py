"""How the arguments of a layer's `call` are bound, and which of them are arrays."""

from __future__ import annotations

import functools
import inspect
import types

from fastnn import tree
from fastnn.graph.symbolic import PROBES
from fastnn.layers import call_context

_NO_PLAIN_ARGUMENTS = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


class Bound:
    """Arguments by name, as `inspect.BoundArguments` has them."""

    __slots__ = ("arguments",)

    def __init__(self, arguments: dict):
        self.arguments = arguments


class CallSignature:
    """The signature of one `call` method.

    Attributes:
        mask_names: of the arguments that are masks.
    """

    def __init__(self, function, is_method: bool):
        self._function, self._is_method = function, is_method
        # Of most functions their code says all, in a tenth of the time that `inspect` takes.
        code = function.__code__ if type(function) is types.FunctionType and not function.__dict__ else None
        self._is_plain = code is not None and not code.co_flags & _NO_PLAIN_ARGUMENTS and not code.co_posonlyargcount
        if self._is_plain:
            count = code.co_argcount
            names = code.co_varnames[: count + code.co_kwonlyargcount]
            defaults = function.__defaults__ or ()
            self._defaults = dict(zip(names[count - len(defaults) : count], defaults, strict=True))
            self._defaults |= function.__kwdefaults__ or {}
            self._positional, self._names = names[is_method:count], names[is_method:]
            self._takes_any = False
        else:
            found = self.parameters
            empty = inspect.Parameter.empty
            self._defaults = {name: p.default for name, p in found.items() if p.default is not empty}
            self._positional, self._names = (), tuple(found)
            self._takes_any = any(p.kind is p.VAR_KEYWORD for p in found.values())
        self.mask_names = {name for name in self._names if name == "mask" or name.endswith("_mask")}
        self._required = {name for name in self._names if name not in self._defaults}

    @classmethod
    def of(cls, call) -> CallSignature:
        return _signature_of(getattr(call, "__func__", call), hasattr(call, "__func__"))

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        signature = inspect.signature(self._function)
        if self._is_method:
            signature = signature.replace(parameters=list(signature.parameters.values())[1:])
        return signature

    @property
    def parameters(self):
        return self.signature.parameters

    def has(self, name: str) -> bool:
        """Whether `call` declares an argument `name`."""
        return name in self._names

    def default(self, name: str):
        """The default of argument `name`, None without one."""
        return self._defaults.get(name)

    def bind(self, args: tuple, kwargs: dict) -> Bound | inspect.BoundArguments:
        """The arguments by name.

        Raises:
            TypeError: when they do not fit the signature.
        """
        kwargs = self.accepted(kwargs)
        if self._is_plain and len(args) <= len(self._positional):
            found = dict(zip(self._positional, args, strict=False)) | kwargs
            in_order = {name: found[name] for name in self._names if name in found}
            if len(in_order) == len(args) + len(kwargs) and self._required <= in_order.keys():
                return Bound(in_order)
        return self.signature.bind(*args, **kwargs)

    def split(self, bound: Bound) -> tuple[list | tuple, dict]:
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
        if "training" in kwargs and not (self._takes_any or "training" in self._names):
            return {name: value for name, value in kwargs.items() if name != "training"}
        return kwargs


@functools.lru_cache(maxsize=1024)
def _signature_of(function, is_method: bool) -> CallSignature:
    return CallSignature(function, is_method)


def is_array(x) -> bool:
    """Whether `x` is an array, a variable, a traced value or a KerasTensor."""
    return hasattr(x, "shape") and hasattr(x, "dtype")


def array_arguments(bound: Bound) -> dict:
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


def describe(bound: Bound) -> str:
    """The arguments, one a line, arrays by shape and dtype: for error messages."""
    return "\n".join(f"  • {name}={_describe(value)}" for name, value in bound.arguments.items())


def name_layer(error: Exception, layer, bound: Bound) -> None:
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
