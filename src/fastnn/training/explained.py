"""What a model's compiled steps do: `model.explain()`."""

from __future__ import annotations

import numpy as np

from fastnn import tree
from fastnn.plan.explain import Explanation

MODES = {"train": "train_step", "test": "test_step", "predict": "predict_step"}


def explain(model, function, batch_size: int, mode: str) -> Explanation:
    """The plan of one step of `model` for batches of `batch_size` rows.

    The plan that already ran with this batch size, with its times, or else one compiled now for inputs as the model
    declares them and targets as its losses want them.
    """
    for executable in reversed(function.executables()):
        if executable.graph.inputs and executable.graph.inputs[0].shape[:1] == (batch_size,):
            return Explanation(executable)
    inputs = model._compiled_inputs()
    if not inputs:
        raise ValueError(
            f"explain: the model {model.name!r} does not declare its inputs; run {mode} once with batch_size="
            f"{batch_size}, then ask again."
        )
    x = tree.map_structure(lambda t: _zeros(t.shape[1:], t.dtype, batch_size), _as_given(inputs))
    if mode == "predict":
        return Explanation(function.executable_for((x,)))
    losses = tree.flatten(model.loss)
    losses = losses * len(model.outputs) if len(losses) == 1 else losses
    targets = [_target(t, loss, batch_size) for t, loss in zip(model.outputs, losses, strict=True)]
    return Explanation(function.executable_for_batches((x, _as_given(targets)), batch_size))


def _as_given(items: list):
    return items[0] if len(items) == 1 else items


def _zeros(row, dtype, batch_size: int) -> np.ndarray:
    if None in row:
        raise ValueError(f"explain: an input or output has rows of unknown size {tuple(row)}; run the model first.")
    return np.zeros((batch_size, *row), dtype)


def _target(output, loss, batch_size: int) -> np.ndarray:
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
    if "sparse" in str(name).lower():
        return _zeros(output.shape[1:-1], "int64", batch_size)
    return _zeros(output.shape[1:], output.dtype, batch_size)
