"""What `compile(loss=, metrics=, ...)` says, matched to the outputs of the model.

Owns names (in logs), structures (a loss for each output, by position or by name) and the choice behind "accuracy".
"""

from __future__ import annotations

from fastnn import losses, metrics, tree
from fastnn.losses.loss import Loss, LossFunctionWrapper
from fastnn.losses.reduction import as_tensor
from fastnn.metrics.mean import Mean, MeanMetricWrapper
from fastnn.metrics.metric import Metric
from fastnn.training.labels import LabelRange


class Outputs:
    """The outputs of a model, flat: how many, and what they are called.

    Args:
        y_pred: what the model returned: a value, or a structure of them.
        names: of the outputs of a functional model; None for others.
    """

    def __init__(self, y_pred, names: list[str] | None):
        self.count = len(tree.flatten(y_pred))
        self.has_loss = [True] * self.count
        self.is_dict = isinstance(y_pred, dict) and not any(tree.is_nested(v) for v in y_pred.values())
        if self.is_dict:
            self.names = sorted(y_pred)
        elif names is not None and len(names) == self.count:
            self.names = list(names)
        else:
            self.names = [None] * self.count

    def matched(self, spec, what: str, is_leaf=lambda x: not tree.is_nested(x)) -> list:
        """`spec` as a list with one entry for each output, None where it has none.

        Raises:
            ValueError: for unknown names, or a wrong number of entries.
        """
        if spec is None:
            return [None] * self.count
        if isinstance(spec, dict) and not is_leaf(spec):
            unknown = sorted(set(map(str, spec)) - set(map(str, self.names)))
            if unknown:
                named = [name for name in self.names if name]
                raise ValueError(f"Expected keys {named} in `{what}` dict, but found {what}.keys()={list(spec)}.")
            return [spec.get(name) for name in self.names]
        if is_leaf(spec):
            return [spec] if self.count == 1 else [spec] * self.count
        entries = list(spec)
        if self.count > 1 and len(entries) != self.count and any(tree.is_nested(e) for e in entries):
            entries = tree.flatten(entries)
        if len(entries) != self.count:
            named = f" {self.names}" if self.names[0] else ""
            raise ValueError(
                f"`{what}` should have one entry for each of the {self.count} outputs{named} of the model. Received "
                f"{len(entries)}: {what}={spec}"
            )
        return entries

    def flat_targets(self, y_true, what: str) -> list:
        """Targets (or weights) as a list with one entry for each output; outputs without a loss may have none."""
        if y_true is None or (not tree.is_nested(y_true) and self.count == 1):
            return [y_true] * self.count
        if isinstance(y_true, dict):
            return self.matched(y_true, what)
        flat = tree.flatten(y_true)
        if len(flat) == sum(self.has_loss):
            rest = iter(flat)
            return [next(rest) if has_loss else None for has_loss in self.has_loss]
        if not tree.is_nested(y_true) or len(flat) != self.count:
            raise ValueError(
                f"y_true and y_pred have different structures: the model has {self.count} outputs, `{what}` has "
                f"{len(flat)} entries."
            )
        return flat


class CompileLoss:
    """The loss of a compiled model: the weighted sum over outputs.

    Args:
        loss: a name, function or `Loss` for all outputs, or a list or dict of them.
        loss_weights: None, or floats in a list or dict.
        output_names: of a functional model.

    Raises:
        ValueError: for unknown names.
    """

    def __init__(self, loss, loss_weights=None, output_names=None):
        self._loss, self._loss_weights, self._output_names = loss, loss_weights, output_names
        for identifier in tree.flatten(loss):
            if not isinstance(identifier, str) or identifier.lower() not in ("crossentropy", "ce"):
                losses.get(identifier)
        if loss_weights is not None and not isinstance(loss_weights, (list, tuple, dict, float, int)):
            raise ValueError(f"`loss_weights` must be a float, or a list or dict of floats. Received: {loss_weights}")
        self.metrics: list[Mean] = []
        self._outputs: Outputs | None = None

    def build(self, y_true, y_pred) -> None:
        """Finds the loss of each output; `y_true` and `y_pred` are looked at for their shapes alone."""
        outputs = Outputs(y_pred, self._output_names)
        identifiers = outputs.matched(self._loss, "loss")
        outputs.has_loss = [identifier is not None for identifier in identifiers]
        weights = self._matched_weights(outputs)
        targets = outputs.flat_targets(y_true, "y")
        functions = [
            _loss_of(identifier, t, p)
            for identifier, t, p in zip(identifiers, targets, tree.flatten(y_pred), strict=True)
        ]
        count = sum(f is not None for f in functions)
        self.metrics = []
        self._trackers: list[Mean | None] = [None] * outputs.count
        if count > 1:
            taken: set[str] = set()
            for k, (function, name) in enumerate(zip(functions, outputs.names, strict=True)):
                if function is not None:
                    tracker = Mean(name=_free_name(f"{name or function.name}_loss", taken))
                    self._trackers[k] = tracker
                    self.metrics.append(tracker)
        self.label_ranges = [
            LabelRange(k, f.name, int(p.shape[f._fn_kwargs.get("axis", -1)]), f._fn_kwargs.get("ignore_class"))
            for k, (f, p) in enumerate(zip(functions, tree.flatten(y_pred), strict=True))
            if isinstance(f, LossFunctionWrapper) and f.fn is losses.sparse_categorical_crossentropy
        ]
        self._functions, self._weights, self._outputs = functions, weights, outputs

    def _matched_weights(self, outputs: Outputs) -> list:
        if isinstance(self._loss_weights, (list, tuple)) and len(self._loss_weights) != outputs.count:
            raise ValueError(
                f"`loss_weights` must match the number of losses, got {outputs.count} outputs and "
                f"{len(self._loss_weights)} weights."
            )
        return outputs.matched(self._loss_weights, "loss_weights")

    def check_labels(self, y) -> None:
        """Raises ValueError when a class label in `y` (host arrays) is out of range; knows nothing before `build`."""
        if self._outputs is None or not self.label_ranges:
            return
        targets = self._outputs.flat_targets(y, "y")
        for labels in self.label_ranges:
            if targets[labels.output] is not None:
                labels.check(targets[labels.output])

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The loss, a scalar; None when no output has one."""
        if self._outputs is None:
            self.build(y_true, y_pred)
        outputs, predictions = self._outputs, tree.flatten(y_pred)
        targets = outputs.flat_targets(y_true, "y")
        weights = [sample_weight] * outputs.count
        if tree.is_nested(sample_weight):
            weights = outputs.flat_targets(sample_weight, "sample_weight")
        total = None
        for k, function in enumerate(self._functions):
            if function is None:
                continue
            if targets[k] is None:
                name = outputs.names[k] or k
                raise ValueError(
                    f"No targets for loss {function.name!r} of output {name!r}: pass `y` (it is None), or compile the "
                    "model without a loss for it."
                )
            value = function(targets[k], predictions[k], weights[k])
            if self._trackers[k] is not None:
                self._trackers[k].update_state(value, sample_weight=float(predictions[k].shape[0]))
            value = value if self._weights[k] is None else value * float(self._weights[k])
            total = value if total is None else total + value
        return total


class CompileMetrics(Metric):
    """The metrics of a compiled model, as one metric whose result is a dict.

    Args:
        metrics: a list (of lists, for several outputs) or a dict by output name: updated without sample weights.
        weighted_metrics: the same, updated with them.
        output_names: of a functional model.

    Raises:
        ValueError: for unknown names, or anything but lists and dicts.
    """

    def __init__(self, metrics, weighted_metrics, output_names=None):
        super().__init__(name="compile_metrics")
        for argument, spec in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if spec is not None and not isinstance(spec, (list, tuple, dict)):
                raise ValueError(
                    f"Expected `{argument}` argument to be a list, tuple, or dict. Received instead: "
                    f"{argument}={spec} of type {type(spec)}"
                )
            for identifier in tree.flatten(spec):
                _check_metric(identifier)
        self._specs = (metrics, weighted_metrics)
        self._output_names = output_names
        self._outputs: Outputs | None = None
        # (metric, name in logs, output, whether it is weighted)
        self._entries: list[tuple[Metric, str, int, bool]] = []

    def build(self, y_true, y_pred) -> None:
        """Makes the metrics of each output; `y_true` and `y_pred` are looked at for their shapes alone."""
        outputs = Outputs(y_pred, self._output_names)
        predictions, targets = tree.flatten(y_pred), outputs.flat_targets(y_true, "y")
        taken: set[str] = set()
        entries = []
        for is_weighted, spec in enumerate(self._specs):
            for k, identifiers in enumerate(_metrics_per_output(spec, outputs)):
                for identifier in identifiers:
                    metric = _metric_of(identifier, targets[k], predictions[k])
                    if metric is None:
                        continue
                    name = metric.name
                    prefix = f"{outputs.names[k]}_" if outputs.names[k] and outputs.count > 1 else ""
                    if prefix + name in taken and is_weighted:
                        name = f"weighted_{name}"
                    entries.append((metric, _free_name(prefix + name, taken), k, bool(is_weighted)))
        self._entries, self._outputs = entries, outputs

    @property
    def variables(self):
        return [v for metric, *_ in self._entries for v in metric.variables]

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, in the order of `compile`."""
        return [metric for metric, *_ in self._entries]

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Updates each metric with its output's targets and predictions."""
        if self._outputs is None:
            self.build(y_true, y_pred)
        predictions, targets = tree.flatten(y_pred), self._outputs.flat_targets(y_true, "y")
        weights = [sample_weight] * self._outputs.count
        if tree.is_nested(sample_weight):
            weights = self._outputs.flat_targets(sample_weight, "sample_weight")
        for metric, _, k, is_weighted in self._entries:
            if targets[k] is not None:
                metric.update_state(targets[k], predictions[k], sample_weight=weights[k] if is_weighted else None)

    def result(self):
        """`{name in logs: result}`; the entries of a metric whose result is a dict come one by one."""
        results = {}
        for metric, name, _, _ in self._entries:
            value = metric.result()
            results |= value if isinstance(value, dict) else {name: value}
        return results

    def reset_state(self):
        for metric, *_ in self._entries:
            metric.reset_state()


def _free_name(name: str, taken: set[str]) -> str:
    """`name`, or `name_1`, `name_2`, ... if it is taken; taken from now on."""
    free, k = name, 0
    while free in taken:
        k += 1
        free = f"{name}_{k}"
    taken.add(free)
    return free


def _loss_of(identifier, y_true, y_pred) -> Loss | None:
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    name = identifier if isinstance(identifier, str) else getattr(identifier, "__name__", "loss")
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        kind = {"binary": "binary_crossentropy", "sparse": "sparse_categorical_crossentropy"}
        identifier = kind.get(_kind_of_labels(y_true, y_pred), "categorical_crossentropy")
    found = losses.get(identifier)
    return found if isinstance(found, Loss) else LossFunctionWrapper(found, name=name)


# For one output, for class numbers, otherwise.
_BY_LABELS = {
    "accuracy": ("BinaryAccuracy", "SparseCategoricalAccuracy", "CategoricalAccuracy"),
    "crossentropy": ("BinaryCrossentropy", "SparseCategoricalCrossentropy", "CategoricalCrossentropy"),
}
_BY_LABELS |= {"acc": _BY_LABELS["accuracy"], "ce": _BY_LABELS["crossentropy"]}


def _classes_by_labels(identifier) -> list[type[Metric]]:
    """What "accuracy" and its like may stand for; nothing for others."""
    names = _BY_LABELS.get(identifier.lower(), ()) if isinstance(identifier, str) else ()
    return [getattr(metrics, name) for name in names]


def _metric_of(identifier, y_true, y_pred) -> Metric | None:
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if classes := _classes_by_labels(identifier):
        kind = ("binary", "sparse", "one-hot").index(_kind_of_labels(y_true, y_pred))
        return classes[kind](name=identifier)
    found = metrics.get(identifier)
    if isinstance(identifier, str):
        found.name = identifier  # logs say "mse" for "mse"
    return found if isinstance(found, Metric) else MeanMetricWrapper(found, name=_function_name(found))


def _function_name(function) -> str:
    name = getattr(function, "__name__", None) or type(function).__name__
    return name.strip("<>")


def _check_metric(identifier) -> None:
    if not _classes_by_labels(identifier):
        metrics.get(identifier)


def _kind_of_labels(y_true, y_pred) -> str:
    """ "binary" for one output, "sparse" for class numbers, "one-hot" otherwise."""
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_pred.shape[-1] == 1:
        return "binary"
    is_sparse = len(y_true.shape) < len(y_pred.shape) or (y_true.shape[-1] == 1 and y_pred.shape[-1] > 1)
    return "sparse" if is_sparse else "one-hot"


def _metrics_per_output(spec, outputs: Outputs) -> list[list]:
    if spec is None or len(spec) == 0:
        return [[] for _ in range(outputs.count)]
    if outputs.count == 1 and not isinstance(spec, dict):
        return [tree.flatten(list(spec))]
    if outputs.count == 1 and not outputs.names[0]:
        return [tree.flatten(spec)]
    entries = outputs.matched(spec, "metrics") if isinstance(spec, dict) else _by_position(spec, outputs)
    return [tree.flatten(entry) if tree.is_nested(entry) else [entry] for entry in entries]


def _by_position(spec, outputs: Outputs) -> list:
    if len(spec) != outputs.count:
        raise ValueError(
            "Invalid `metrics`. `metrics` should contain metrics objects and be a dict or a list that matches the "
            f"{outputs.count} outputs of the model ({outputs.names}). Received: metrics={spec}"
        )
    return list(spec)
