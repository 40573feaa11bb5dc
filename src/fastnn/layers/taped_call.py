"""Calls of layers under a GradientTape: what is called again and again becomes one plan, which the tape writes down as
one record. Where a layer has code of a user in it, the layers that this calls do."""

from __future__ import annotations

import weakref

import numpy as np

from fastnn import tree
from fastnn.autodiff import TapeArray
from fastnn.graph import trace
from fastnn.graph.masks import attach_masks, flat_masks_of_arrays
from fastnn.layers import call_context
from fastnn.layers.core.lambda_layer import Lambda
from fastnn.plan.function import packed
from fastnn.tape_replay import TapedCall, TapedCalls


class LayerCalls(TapedCalls):
    """The calls of one layer under a tape."""

    def __init__(self, layer):
        layer = weakref.ref(layer)  # as in `Layer._call_compiled`
        super().__init__(
            lambda m, *a, **k: layer()._call_for_plan(m, a, k), layer().name,
            lambda: (layer()._trace_key(), call_context.training()),
        )  # fmt: skip
        self._layer = layer

    def are_known(self) -> bool:
        return self.known("layers", lambda: all(map(_is_known, self._layer()._flatten_layers())))

    def _trace(self, args, kwargs, specs, sources, turned) -> TapedCall:
        layers = self._layer()._flatten_layers()
        losses = [layer._state.losses for layer in layers]  # of calls before this one, in a call around them
        self._layer()._clear_losses()
        try:
            return super()._trace(args, kwargs, specs, sources, turned)
        finally:
            for layer, earlier in zip(layers, losses, strict=True):
                layer._state.losses = earlier


def call(layer, args: tuple, kwargs: dict):
    """The outputs of a call of `layer` by a plan, written down by the tape that watches; NotImplemented where its ops
    are to run one by one."""
    state = trace.state
    if state.graph is not None or state.scope is not None or not layer.built:
        return NotImplemented
    if type(call_context.training()) not in (bool, type(None)):
        return NotImplemented
    if layer._state.taped is None:
        layer._state.taped = LayerCalls(layer)
    arrays: list[np.ndarray] = []
    masks = flat_masks_of_arrays((args, kwargs))
    if len(args) == 1 and not kwargs and not masks and isinstance(args[0], np.ndarray):  # as most calls are
        given, plain_args, plain_kwargs = args, ((), _plain(args[0])), kwargs
    else:
        args = (masks, *args)
        given = [x for x in tree.flatten((args, kwargs)) if isinstance(x, np.ndarray)]
        plain_args = tuple([tree.map_structure(_plain, x) for x in args])
        plain_kwargs = {name: tree.map_structure(_plain, x) for name, x in kwargs.items()}
    traced = layer._state.taped.traced_for(plain_args, plain_kwargs, arrays)
    if traced is None:
        return NotImplemented
    results = traced.run(arrays, given)
    outputs, losses, masks = packed(traced.structure, results)
    if masks:
        attach_masks(outputs, masks)
    if not call_context.depth():
        layer._clear_losses()
    layer._state.losses = [*layer._state.losses, *((None, loss) for loss in losses)]
    return outputs


def _is_known(layer) -> bool:
    """Whether nothing but fastnn's code runs in a call of it."""
    return type(layer).__module__.startswith("fastnn.") and not isinstance(layer, Lambda)


def _plain(x):
    return x.view(np.ndarray) if isinstance(x, TapeArray) else x
