"""Tables of cases, one file a family: which layers, ops and bad arguments are compared with the released Keras.

The same rows are run several times: `tests/layers/test_all_layers.py` holds each layer to its contract and compares it
with Keras's on NumPy, `tests/ops/test_against_keras.py` does so for ops, `tests/parity` compares gradients with Keras
on JAX, `tests/surface/test_bad_arguments.py` compares exceptions. `tests/layers/test_masking.py` and `tests/parity` do
so for masks, which Keras on NumPy has not.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class LayerCase:
    """One configuration of a layer.

    Attributes:
        name: in `layers`.
        arguments: of the constructor; a function of `fastnn` or `keras` that returns them where they hold layers.
        inputs: an array or a list of arrays, the batch first.
        call: further arguments of the call; arrays among them have the batch first too.
        gradient: whether gradients by the float inputs and the weights are compared.
        config: whether the layer is made again from its config.
        flat: ends of the paths of weights that change nothing: their gradient is nothing but rounding.
        rtol: of outputs and gradients against Keras; also of the largest value, for what cancels.
    """

    name: str
    arguments: dict | Callable
    inputs: object
    call: dict = field(default_factory=dict)
    gradient: bool = True
    config: bool = True
    flat: tuple[str, ...] = ()
    rtol: float = 1e-5

    def arguments_for(self, k) -> dict:
        return self.arguments(k) if callable(self.arguments) else dict(self.arguments)

    def __str__(self):
        return _id(self.name, (), {} if callable(self.arguments) else self.arguments, self.call)


@dataclass(frozen=True)
class OpCase:
    """One call of an op.

    Attributes:
        name: in `ops`, dotted for a namespace of it ("image.resize"), or in `quantizers`, which it begins with.
        args, kwargs: of the call; arrays among them (in lists too) become inputs of the traced and symbolic call.
        gradient: whether the gradient by the float arrays is compared with JAX's.
        traced: whether it can be traced (False where the output's shape depends on values).
        rtol: of outputs and gradients against Keras; also of the largest value, for what cancels.
    """

    name: str
    args: tuple
    kwargs: dict = field(default_factory=dict)
    gradient: bool = False
    traced: bool = True
    rtol: float = 1e-5

    def __str__(self):
        return _id(self.name, self.args, self.kwargs)


@dataclass(frozen=True)
class MaskCase:
    """A layer called on arrays with masks: what it makes of them, and which masks its outputs have.

    Attributes:
        name, arguments, inputs, call: as in `LayerCase`.
        masks: one for the input, or a list of one for each, None where it has none.
        training: of the call.
        rtol: of outputs.
    """

    name: str
    arguments: dict | Callable
    inputs: object
    masks: object
    call: dict = field(default_factory=dict)
    training: bool = False
    rtol: float = 1e-5

    def arguments_for(self, k) -> dict:
        return self.arguments(k) if callable(self.arguments) else dict(self.arguments)

    def __str__(self):
        masks = self.masks if isinstance(self.masks, list) else [self.masks]
        shown = "".join("0" if mask is None else "1" for mask in masks)
        return _id(self.name, (), {} if callable(self.arguments) else self.arguments, {**self.call, "masks": shown})


@dataclass(frozen=True)
class BadCase:
    """A call that must raise what Keras raises: `call` is a function of `fastnn` or `keras`.

    Attributes:
        name: of the test.
        call: what to do.
        mentions: what our message says, such as the argument's name.
        raises: the exception's type where Keras's NumPy backend does not raise a sensible one; None asks Keras.
    """

    name: str
    call: Callable
    mentions: str
    raises: type[Exception] | None = None

    def __str__(self):
        return self.name


def rows(*shape, low=None, seed=7, dtype="float32"):
    """Normal random numbers; with `low`, uniform ones from there to `low + 1`."""
    rng = np.random.default_rng([seed, *shape])
    return (rng.normal(size=shape) if low is None else rng.uniform(low, low + 1, shape)).astype(dtype)


def table(kind: str) -> list:
    """The rows of all families: `kind` is "LAYERS", "OPS", "MASKS" or "BAD"."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [row for name in names for row in getattr(importlib.import_module(f"{__name__}.{name}"), kind, ())]


def close(actual, expected, rtol, what=""):
    """Equal dtype and shape, and values within `rtol`, relative to each and to the largest finite one."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, wanted {expected.shape}"
    assert actual.dtype == expected.dtype, f"{what}: dtype {actual.dtype}, wanted {expected.dtype}"
    if expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(actual, expected, err_msg=what)
        return
    finite = np.abs(expected[np.isfinite(expected)])
    atol = rtol * (finite.max() if finite.size else 0)
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol, err_msg=what)


def _id(name, args, kwargs, call=()):
    def short(x):
        return f"{x.dtype.name}{list(x.shape)}".replace(" ", "") if isinstance(x, np.ndarray) else str(x)[:40]

    parts = [short(x) for x in args] + [f"{key}={short(value)}" for key, value in {**kwargs, **dict(call)}.items()]
    return "-".join([name, *parts])
