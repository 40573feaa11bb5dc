"""Steps: what one batch of training, evaluation and prediction is, and the compiled functions of it."""

from __future__ import annotations

import warnings
import weakref

from fastnn import config, ops, tree
from fastnn.autodiff import GradientTape
from fastnn.graph import trace
from fastnn.graph.stateless import StatelessScope, pairs
from fastnn.layers.call_signature import CallSignature
from fastnn.plan.function import Compiled
from fastnn.training import data as batches
from fastnn.training.host import HostFunction
from fastnn.training.loop import EagerFunction


class Steps:
    """The overridable steps of a model."""

    def train_step(self, data):
        """One batch of training: forward, loss, gradients, update, metrics. Override it to train in another way.

        Args:
            data: `(x, y)` or `(x, y, sample_weight)`; `x` where `fit` was given nothing else, `(x,)` where x is a
                list or tuple; what a generator yields or a PyDataset returns, as a tuple.

        Returns:
            `{name: value}`: what `fit` shows and hands to callbacks.
        """
        x, y, sample_weight = batches.unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self._loss_of(x, y, y_pred, sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss) if self.optimizer is not None else loss
        self._compilation.loss_tracker.update_state(loss, sample_weight=_rows_of(x))
        variables = self.trainable_variables
        if variables and self.optimizer is not None:
            self.optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables, strict=True))
        elif not variables:
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data):
        """One batch of evaluation: forward, loss, metrics. Override it to evaluate in another way.

        Args:
            data: as in `train_step`.

        Returns:
            `{name: value}`.
        """
        x, y, sample_weight = batches.unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        loss = self._loss_of(x, y, y_pred, sample_weight, training=False)
        self._compilation.loss_tracker.update_state(loss, sample_weight=_rows_of(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def predict_step(self, data):
        """One batch of prediction: the outputs for `x`. Override it to predict in another way.

        Args:
            data: `x`, or what a generator yielded.
        """
        x, _, _ = batches.unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The scalar that training minimises: the compiled loss plus `self.losses`.

        Args:
            x: inputs.
            y: targets.
            y_pred: outputs.
            sample_weight: weights of the rows.
            training: whether this is training.

        Raises:
            ValueError: when there is no loss at all.
        """
        compiled = self._compilation.loss
        parts = []
        if compiled is not None:
            loss = compiled(y, y_pred, sample_weight)
            if loss is not None:
                parts.append(loss)
        parts += [ops.sum(ops.cast(extra, config.floatx())) for extra in self.losses]
        if not parts:
            raise ValueError("No loss to compute. Provide a `loss` argument in `compile()`.")
        total = parts[0]
        for loss in parts[1:]:
            total = total + loss
        return total

    def _loss_of(self, x, y, y_pred, sample_weight, training):
        """By `compute_loss`, which users write without `training`, too."""
        given = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": sample_weight, "training": training}
        return self.compute_loss(**CallSignature.of(self.compute_loss).accepted(given))

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the compiled metrics and returns all results, as `get_metrics_result`."""
        if self._compilation.metrics is not None and y is not None:
            self._compilation.metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict:
        """`{name: result}` of all `metrics`."""
        results = {}
        for metric in self.metrics:
            value = metric.result()
            results |= value if isinstance(value, dict) else {metric.name: value}
        return results

    @property
    def metrics(self) -> list:
        """All metrics: the loss's mean, the compiled ones, the mean loss of each output, then those of layers."""
        made = self._compilation
        found = [] if made.loss_tracker is None else [made.loss_tracker]
        found += [] if made.metrics is None else [made.metrics]
        found += [] if made.loss is None else made.loss.metrics
        return found + [m for m in super().metrics if not any(m is other for other in found)]

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    def _log_names(self) -> list[str]:
        """The names of logs in the order of `metrics`: those of the compiled metrics one by one."""
        held = (m.metrics if m is self._compilation.metrics else [m] for m in self.metrics)
        return [metric.name for metrics in held for metric in metrics]

    def reset_metrics(self) -> None:
        """Forgets what all metrics have seen."""
        for metric in self.metrics:
            metric.reset_state()

    def stateless_compute_loss(
        self, trainable_variables, non_trainable_variables, metrics_variables, x=None, y=None, y_pred=None,
        sample_weight=None, training=True,
    ):  # fmt: skip
        """`compute_loss` as if the variables had the given values; none of them changes.

        Args:
            trainable_variables, non_trainable_variables, metrics_variables: values, in the order of the attributes.
            x, y, y_pred, sample_weight, training: as in `compute_loss`.

        Returns:
            `(loss, (trainable_variables, non_trainable_variables, metrics_variables))`, as they are afterwards.

        Raises:
            ValueError: when a list has another length.
        """
        given = {
            "trainable_variables": trainable_variables,
            "non_trainable_variables": non_trainable_variables,
            "metrics_variables": metrics_variables,
        }
        groups = [pairs(self, name, getattr(self, name), values) for name, values in given.items()]
        with StatelessScope([pair for group in groups for pair in group]) as scope:
            loss = self._loss_of(x, y, y_pred, sample_weight, training)
            after = tuple([scope.get_current_value(variable) for variable, _ in group] for group in groups)
        return loss, after

    # -- compiled functions --------------------------------------------------------------------------------------------

    def make_train_function(self, force=False):
        """The compiled `train_step`, made anew with `force`."""
        return self._function("train_step", force)

    def make_test_function(self, force=False):
        """The compiled `test_step`, made anew with `force`."""
        return self._function("test_step", force)

    def make_predict_function(self, force=False):
        """The compiled `predict_step`, made anew with `force`."""
        return self._function("predict_step", force)

    @property
    def train_function(self):
        """The compiled `train_step`; None before it is made."""
        return self._compilation.functions.get("train_step")

    @property
    def test_function(self):
        """The compiled `test_step`; None before it is made."""
        return self._compilation.functions.get("test_step")

    @property
    def predict_function(self):
        """The compiled `predict_step`; None before it is made."""
        return self._compilation.functions.get("predict_step")

    def explain(self, batch_size=32, mode="train"):
        """The kernel calls of one compiled step: what runs, on which shapes, with how much arithmetic and memory.

        After `fastnn.config.profile(True)` and a run with this batch size, each call has its time and speed as well.

        Args:
            batch_size: rows of a batch.
            mode: "train", "test" or "predict".

        Returns:
            An object that prints as a table; its `steps` is the list of kernel calls
            (see `fastnn.plan.explain.StepInfo`).

        Raises:
            ValueError: for another mode, a model that is not compiled, or one whose input sizes are not known yet.

        Example:
            >>> model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3)])
            >>> [step.kernel for step in model.explain(batch_size=8, mode="predict").steps]
            ['gemm_f32']
        """
        from fastnn.training import explained  # a twentieth of what a first import takes, and few ask

        if mode not in explained.MODES:
            raise ValueError(f"explain: mode must be one of {sorted(explained.MODES)}, not {mode!r}.")
        if mode != "predict":
            self._assert_compile_called()
        if self.run_eagerly:
            raise ValueError("explain: the model was compiled with run_eagerly=True, so there is no plan to show.")
        self._compilation.targets = None
        function = self._function(explained.MODES[mode])
        return explained.explain(self, getattr(function, "compiled", function), batch_size, mode)

    def _function(self, step: str, force=False):
        functions = self._compilation.functions
        if force or step not in functions:
            model = weakref.ref(self)  # the model owns what is compiled for it, not the other way round

            def run(data):
                return model()._checked_step(step, data)

            if self.run_eagerly:
                functions[step] = EagerFunction(run)
            else:
                functions[step] = Compiled(run, f"{self.name}.{step}", lambda: model()._step_key())
            if self._has_host_layers():
                functions[step] = HostFunction(functions[step], run, step, model)
        return functions[step]

    def _checked_step(self, step: str, data):
        """Runs a step; when it is being traced, the labels are checked once the number of classes is known."""
        outputs = getattr(self, step)(data)
        if trace.current() is not None and step != "predict_step":
            self._check_labels()
        return outputs

    def _step_key(self):
        """Changes whenever a compiled step might compute something else."""
        return self._trace_key(), getattr(self.optimizer, "version", 0)

    def _check_labels(self) -> None:
        loss, y = self._compilation.loss, self._compilation.targets
        if loss is not None and y is not None:
            loss.check_labels(y)

    def _about_to_run(self, y) -> None:
        """Remembers the targets for the trace that may follow, and checks them now when the classes are known."""
        self._compilation.targets = y
        self._check_labels()


def _rows_of(x) -> float:
    """How many samples a batch has."""
    return float(next((leaf.shape[0] for leaf in tree.flatten(x) if hasattr(leaf, "shape")), 1))
