"""HostFunction: a step of a model that reads strings."""

from __future__ import annotations

from fastnn.layers.text import is_text
from fastnn.training.data import pack_x_y_sample_weight
from fastnn.training.loop import EagerFunction


class HostFunction(EagerFunction):
    """A step, on batches that may hold strings: the model's layers of strings run first, then the compiled step.

    Where strings are left (a model without a network, whose `call` uses them), the step runs eagerly.

    Args:
        compiled: the step, compiled.
        eager: the step.
        name: "train_step", "test_step" or "predict_step".
        model: returns the model.
    """

    def __init__(self, compiled, eager, name: str, model):
        super().__init__(self._run)
        self.compiled, self._eager, self._name, self._model = compiled, eager, name, model

    def _run(self, batch):
        model = self._model()
        is_packed = isinstance(batch, tuple)
        x = model._on_host(batch[0] if is_packed else batch)
        if self._name == "train_step":
            model._check_host_layers()
        data = (x, *batch[1:]) if is_packed else pack_x_y_sample_weight(x)
        return (self._eager if is_text(x) else self.compiled)(data)
